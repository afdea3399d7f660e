"""Telegram, for a bot that runs on our own adapters.

It stands on `telegram.Bot` alone: the library's updater hands updates to a queue that nobody has read from
when Telegram is told that they arrived.
"""

import asyncio
import re
from collections.abc import Awaitable, Mapping
from typing import Final, TypeVar

from adapters.channels import Accept, Drop, Forget
from adapters.telegram.intake import KINDS, Intake
from adapters.telegram.library import Bot, InvalidToken, LinkPreviewOptions, ReplyParameters, TelegramError
from adapters.telegram.polling import Polling
from adapters.telegram.requests import Hidden, Patient, Raw, Sleep
from adapters.telegram.webhook import Webhook
from firewall.core.errors import MisuseError, ServiceUnavailable

T = TypeVar("T")
_TOKEN: Final = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,128}")
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
# What an answer to a pressed button may hold, by the Bot API.
_MOST_IN_AN_ALERT: Final = 200
_KEPT_PRESSES: Final = 1_000


class TelegramChannel:
    """One bot on Telegram, which asks for its updates or, with a webhook, is brought them.

    Args:
        token: The bot's token, as @BotFather gives it.
        webhook_url: Where Telegram reaches this process, through a proxy that speaks HTTPS; None to poll.
        secret_token: Telegram names it with each update of the webhook, which needs it: 1 to 256 letters,
            digits, `_` and `-`.
        host: Address that the webhook listens on.
        port: Port that the webhook listens on.
        reactions: True to take on reactions; they have no words.
        base_url: The Bot API.
        poll_s: How long one poll may last, in seconds.
        sleep: Waits; for tests.

    Raises:
        MisuseError: The token is none, or a webhook has no secret.
    """

    name: str = "telegram"
    max_units: int = 4096
    edits_every_s: float | None = 1.5

    def __init__(
        self,
        *,
        token: str,
        webhook_url: str | None = None,
        secret_token: str | None = None,
        host: str = "127.0.0.1",
        port: int = 8443,
        reactions: bool = False,
        base_url: str = "https://api.telegram.org/bot",
        poll_s: int = 30,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        if not _TOKEN.fullmatch(token):
            raise MisuseError("that is no bot's token; @BotFather gives one, like 123456:ABC-DEF")
        if webhook_url is not None and not _SECRET.fullmatch(secret_token or ""):
            raise MisuseError(
                "a webhook needs a secret_token of 1 to 256 letters, digits, _ and -: "
                "without one, anybody who finds the address speaks as anybody"
            )
        self._webhook_url, self._secret = webhook_url, secret_token or ""
        self._host, self._port = host, port
        self._kinds = [each for each in KINDS if reactions or each != "message_reaction"]
        self._poll_s, self._sleep = poll_s, sleep
        self._hidden = Hidden(token)
        # Polls have a connection of their own: one that lasts must not keep an answer waiting.
        self._bot = Bot(
            token,
            base_url=base_url,
            request=Patient(sleep, connections=256),
            get_updates_request=Raw(sleep, connections=2),
        )
        self._intake: Polling | Webhook | None = None
        # Pressed buttons, oldest first: True for those whose client was told to wait no more.
        self._presses: dict[str, bool] = {}

    async def open(self, accept: Accept, forget: Forget, drop: Drop) -> None:
        """Connect and begin to hand over what arrives; see `adapters.channels`.

        Raises:
            ServiceUnavailable: Telegram does not know the token or is not reached, or the webhook's port is
                taken.
        """
        self._hidden.put()
        # Remedies are raised below: the library's errors hold the token and are left behind here.
        try:
            await self._connect(accept, forget, drop)
        except InvalidToken:
            remedy = "Telegram does not know the bot's token; compare it with what @BotFather shows"
        except TelegramError as error:
            remedy = f"Telegram did not let the bot in ({_named(error)}); see whether its Bot API is reached"
        except OSError:
            remedy = f"{self._host}:{self._port} cannot be listened on; choose a free port for the webhook"
        else:
            return
        await self.close()
        raise ServiceUnavailable(remedy)

    async def hush(self) -> None:
        """Take nothing on any more; what Telegram still has, it keeps for the next process."""
        intake, self._intake = self._intake, None
        if intake is not None:
            await intake.stop()

    async def close(self) -> None:
        """Disconnect."""
        await self.hush()
        await self._bot.shutdown()
        self._hidden.take()

    async def post(self, route: Mapping[str, str], text: str) -> str:
        """Show a text where the route leads, as it is: no markup, no preview of what it links to.

        Raises:
            ServiceUnavailable: Telegram did not take it.
        """
        await self._release(route)
        reply, topic = _number(route, "reply"), route.get("topic")
        # Whoever takes the question back meanwhile is answered without it.
        to = None if reply is None else ReplyParameters(reply, allow_sending_without_reply=True)
        posted = await _done(
            self._bot.send_message(
                chat_id=int(route["chat"]),
                text=text,
                message_thread_id=_number(route, "thread"),
                business_connection_id=route.get("business"),
                reply_parameters=to,
                link_preview_options=LinkPreviewOptions(is_disabled=True),
                api_kwargs=None if topic is None else {"direct_messages_topic_id": topic},
            )
        )
        return str(posted.message_id)

    async def edit(self, route: Mapping[str, str], posted: str, text: str) -> None:
        """Show another text in the place of one that was posted.

        Raises:
            ServiceUnavailable: Telegram did not take it.
        """
        await _done(
            self._bot.edit_message_text(
                text,
                chat_id=int(route["chat"]),
                message_id=int(posted),
                business_connection_id=route.get("business"),
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            )
        )

    async def typing(self, route: Mapping[str, str]) -> None:
        """Show that the bot is typing; whoever pressed a button waits no more from the second time on.

        Until then the button shows by itself that something is being made, and can still be answered.

        Raises:
            ServiceUnavailable: Telegram did not take it.
        """
        press = route.get("press")
        if press in self._presses:
            await self._release(route)
        elif press is not None:
            self._know(press, released=False)
        if "topic" not in route:
            # In a channel's direct messages the sign has no topic, and would be shown to nobody or to all.
            await _done(
                self._bot.send_chat_action(
                    chat_id=int(route["chat"]),
                    action="typing",
                    message_thread_id=_number(route, "thread"),
                    business_connection_id=route.get("business"),
                )
            )

    async def whisper(self, route: Mapping[str, str], text: str) -> None:
        """Show a constant text to the sender alone: in their own chat, or over the button they pressed.

        In a group there is no other way, and nobody is shown anything.

        Raises:
            ServiceUnavailable: Telegram did not take it.
        """
        if "alone" in route:
            await self.post(route, text)
        else:
            await self._release(route, text[:_MOST_IN_AN_ALERT])

    async def over(self, route: Mapping[str, str]) -> None:
        """Tell the client of whoever pressed a button to wait no more, where nothing was said to it."""
        await self._release(route)

    async def _release(self, route: Mapping[str, str], alert: str | None = None) -> None:
        """Tell the client of whoever pressed a button, once, to wait no more, and show them an alert."""
        press = route.get("press")
        if press is None or self._presses.get(press):
            return
        self._know(press, released=True)
        try:
            await self._bot.answer_callback_query(press, text=alert, show_alert=alert is not None)
        except TelegramError:
            # It is too old by now: its client waits no more.
            pass

    def _know(self, press: str, *, released: bool) -> None:
        self._presses[press] = released
        while len(self._presses) > _KEPT_PRESSES:
            del self._presses[next(iter(self._presses))]

    async def _connect(self, accept: Accept, forget: Forget, drop: Drop) -> None:
        await self._bot.initialize()
        take = Intake(str(self._bot.id), accept, forget, drop).take
        if self._webhook_url is None:
            # With a webhook set, Telegram refuses polls.
            await self._bot.delete_webhook()
            self._intake = Polling(self._bot, take, kinds=self._kinds, wait_s=self._poll_s, sleep=self._sleep)
            return
        webhook = self._intake = Webhook(take, secret=self._secret, host=self._host, port=self._port)
        await webhook.start()
        await self._bot.set_webhook(self._webhook_url, secret_token=self._secret, allowed_updates=self._kinds)


def _number(route: Mapping[str, str], name: str) -> int | None:
    found = route.get(name)
    return None if found is None else int(found)


def _named(error: TelegramError) -> str:
    return type(error).__name__


async def _done(call: Awaitable[T]) -> T:
    """Give what a call gives.

    Raises:
        ServiceUnavailable: Telegram did not do it. Its words may quote what was sent, so its error's name is
            all that is told.
    """
    try:
        return await call
    except TelegramError as error:
        name = _named(error)
    raise ServiceUnavailable(f"Telegram did not take it: {name}")
