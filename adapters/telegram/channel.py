"""Telegram, for a bot that runs on our own adapters.

It stands on `telegram.Bot` alone: the library's updater hands updates to a queue that nobody has read from
when Telegram is told that they arrived.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Final

from adapters.channels import Accept, Drop, Forget
from adapters.privately import PRIVATELY
from adapters.telegram.answering import MAX_UNITS, Answering
from adapters.telegram.filing import fetched
from adapters.telegram.intake import KINDS, Intake
from adapters.telegram.library import Bot, InvalidToken, TelegramError
from adapters.telegram.moving import Moves
from adapters.telegram.polling import Polling
from adapters.telegram.requests import Hidden, Patient, Raw, Sleep
from adapters.telegram.webhook import Webhook
from firewall.core.errors import MisuseError, ServiceUnavailable
from firewall.core.message import Attachment

_TOKEN: Final = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,128}")
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
# For 20 MB, which is the most that Telegram gives a bot.
_FETCH_TIMEOUT_S: Final = 60.0


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
        privately: What a message in a room begins with whose answer its sender alone sees, in their own chat
            with the bot; none for no such words.
        base_url: The Bot API.
        base_file_url: Where the Bot API keeps the files that people sent; the token is told there, too.
        poll_s: How long one poll may last, in seconds.
        sleep: Waits; for tests.

    Raises:
        MisuseError: The token is none, or a webhook has no secret.
    """

    name: str = "telegram"
    max_units: int = MAX_UNITS
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
        privately: Collection[str] = PRIVATELY,
        base_url: str = "https://api.telegram.org/bot",
        base_file_url: str = "https://api.telegram.org/file/bot",
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
        self._privately = tuple(privately)
        self._poll_s, self._sleep = poll_s, sleep
        self._hidden = Hidden(token)
        # Polls have a connection of their own: one that lasts must not keep an answer waiting.
        self._bot = Bot(
            token,
            base_url=base_url,
            base_file_url=base_file_url,
            request=Patient(sleep, connections=256),
            get_updates_request=Raw(sleep, connections=2),
        )
        self._moves = Moves()
        self._answering = Answering(self._bot, self._moves)
        self._intake: Polling | Webhook | None = None

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
            problem = type(error).__name__
            remedy = f"Telegram did not let the bot in ({problem}); see whether its Bot API is reached"
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
        """Show a text where the route leads; see `adapters.telegram.answering`."""
        return await self._answering.post(route, text)

    async def edit(self, route: Mapping[str, str], posted: str, text: str) -> None:
        """Show another text in the place of one that was posted."""
        await self._answering.edit(route, posted, text)

    def fetch(self, route: Mapping[str, str], attachment: Attachment) -> AsyncIterator[bytes]:
        """Give the bytes of a file that came with a delivery; see `adapters.telegram.filing`."""
        del route
        return fetched(self._bot, attachment.id, timeout_s=_FETCH_TIMEOUT_S)

    async def attach(self, route: Mapping[str, str], name: str, content: bytes) -> None:
        """Show a file where the route leads."""
        await self._answering.attach(route, name, content)

    async def typing(self, route: Mapping[str, str]) -> None:
        """Show that the bot is typing."""
        await self._answering.typing(route)

    async def whisper(self, route: Mapping[str, str], text: str) -> None:
        """Show a constant text to the sender alone, or to nobody."""
        await self._answering.whisper(route, text)

    async def over(self, route: Mapping[str, str]) -> None:
        """Nothing was shown for this delivery and nothing will be."""
        await self._answering.over(route)

    async def _connect(self, accept: Accept, forget: Forget, drop: Drop) -> None:
        await self._bot.initialize()
        take = Intake(
            str(self._bot.id),
            self._bot.username,
            self._privately,
            accept=accept,
            forget=forget,
            drop=drop,
            moved=self._moves.learn,
        ).take
        if self._webhook_url is None:
            # With a webhook set, Telegram refuses polls.
            await self._bot.delete_webhook()
            self._intake = Polling(self._bot, take, kinds=self._kinds, wait_s=self._poll_s, sleep=self._sleep)
            return
        webhook = self._intake = Webhook(take, secret=self._secret, host=self._host, port=self._port)
        await webhook.start()
        await self._bot.set_webhook(self._webhook_url, secret_token=self._secret, allowed_updates=self._kinds)
