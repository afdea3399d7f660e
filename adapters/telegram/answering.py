"""What a bot of our own shows on Telegram: each thing where its way leads, and nowhere else."""

from collections.abc import Awaitable, Mapping
from typing import Any, Final, TypeVar

from adapters.telegram.calm import harmless
from adapters.telegram.library import (
    BadRequest,
    Bot,
    Forbidden,
    LinkPreviewOptions,
    ReplyParameters,
    TelegramError,
)
from adapters.telegram.moving import Moves, Spot, keep, named
from adapters.telegram.ways import room
from firewall.core.errors import ServiceUnavailable

T = TypeVar("T")
Way = Mapping[str, str]
MAX_UNITS: Final = 4096
# What an answer to a pressed button may hold, by the Bot API.
_MOST_IN_AN_ALERT: Final = 200
# Telegram lets no bot write to somebody who has not written to it first.
_CLOSED: Final = (
    "I may not write to you first. Open https://t.me/{}?start=private, press Start, then ask here again."
)


class Answering:
    """Shows the answers of one bot.

    Args:
        bot: Telegram's client.
        moves: Where its groups went.
    """

    def __init__(self, bot: Bot, moves: Moves) -> None:
        self._bot, self._moves = bot, moves
        # Pressed buttons, oldest first: True for those whose client was told to wait no more.
        self._presses: dict[str, bool] = {}
        # Ways that end at somebody who has no chat with the bot; their rooms were told.
        self._closed: dict[frozenset[tuple[str, str]], None] = {}

    async def post(self, way: Way, text: str) -> str:
        """Show a text, as it is: no markup, nobody called, no preview of what it links to.

        Raises:
            ServiceUnavailable: Telegram did not take it.
        """
        await self._release(way)
        return await self._taken(way, self._post(way, text))

    async def edit(self, way: Way, posted: str, text: str) -> None:
        """Show another text in the place of one that was posted.

        Raises:
            ServiceUnavailable: Telegram did not take it.
        """

        async def edit(chat: int, message: int) -> None:
            await self._bot.edit_message_text(
                harmless(text, MAX_UNITS),
                chat_id=chat,
                message_id=message,
                business_connection_id=way.get("business"),
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            )

        await self._taken(way, self._moves.edited(posted, edit, lambda: self._post(way, text)))

    async def attach(self, way: Way, name: str, content: bytes) -> None:
        """Show a file, as a document that Telegram makes nothing else of.

        Raises:
            ServiceUnavailable: Telegram did not take it.
        """

        async def send(at: Spot) -> None:
            await self._bot.send_document(
                chat_id=at.chat,
                document=content,
                filename=name,
                disable_content_type_detection=True,
                message_thread_id=at.thread,
                business_connection_id=at.business,
                reply_parameters=_reply(at),
                api_kwargs=_topic(at),
            )

        await self._release(way)
        await self._taken(way, self._moves.led(way, send))

    async def typing(self, way: Way) -> None:
        """Show that the bot is typing; whoever pressed a button waits no more from the second time on.

        Until then the button shows by itself that something is being made, and can still be answered.

        Raises:
            ServiceUnavailable: Telegram did not take it.
        """

        async def sign(at: Spot) -> None:
            await self._bot.send_chat_action(
                chat_id=at.chat,
                action="typing",
                message_thread_id=at.thread,
                business_connection_id=at.business,
            )

        press = way.get("press")
        if press in self._presses:
            await self._release(way)
        elif press is not None:
            self._know(press, released=False)
        if "topic" not in way:
            # In a channel's direct messages the sign has no topic, and would be shown to nobody or to all.
            await _done(self._moves.led(way, sign))

    async def whisper(self, way: Way, text: str) -> None:
        """Show a constant text to the sender alone: in their own chat, or over the button they pressed.

        For what was asked in a group for all of it there is no other way, and nobody is shown anything.

        Raises:
            ServiceUnavailable: Telegram did not take it.
        """
        if "alone" in way:
            await self.post(way, text)
        else:
            await self._release(way, text[:_MOST_IN_AN_ALERT])

    async def over(self, way: Way) -> None:
        """Tell the client of whoever pressed a button to wait no more, where nothing was said to it."""
        await self._release(way)

    async def _post(self, way: Way, text: str) -> str:
        async def send(at: Spot) -> str:
            posted = await self._bot.send_message(
                chat_id=at.chat,
                text=harmless(text, MAX_UNITS),
                message_thread_id=at.thread,
                business_connection_id=at.business,
                reply_parameters=_reply(at),
                link_preview_options=LinkPreviewOptions(is_disabled=True),
                api_kwargs=_topic(at),
            )
            return named(at.chat, posted.message_id)

        return await self._moves.led(way, send)

    async def _taken(self, way: Way, call: Awaitable[T]) -> T:
        """Give what a call gives that shows somebody something.

        Where somebody asked in a room for what they alone see, and Telegram does not let the bot write to
        them, the room is told how they let it: once, and in words that do not depend on the answer.

        Raises:
            ServiceUnavailable: Telegram did not do it.
        """
        try:
            return await call
        except TelegramError as error:
            name, closed = _named(error), _is_closed(error)
        asked, known = room(way), frozenset(way.items())
        if closed and asked and known not in self._closed:
            keep(self._closed, known, None)
            await _done(self._post(asked, _CLOSED.format(self._bot.username)))
        raise _not_taken(name)

    async def _release(self, way: Way, alert: str | None = None) -> None:
        """Tell the client of whoever pressed a button, once, to wait no more, and show them an alert."""
        press = way.get("press")
        if press is None or self._presses.get(press):
            return
        self._know(press, released=True)
        try:
            await self._bot.answer_callback_query(press, text=alert, show_alert=alert is not None)
        except TelegramError:
            # It is too old by now: its client waits no more.
            pass

    def _know(self, press: str, *, released: bool) -> None:
        keep(self._presses, press, released)


def _reply(at: Spot) -> ReplyParameters | None:
    # Whoever takes the question back meanwhile is answered without it.
    return None if at.reply is None else ReplyParameters(at.reply, allow_sending_without_reply=True)


def _topic(at: Spot) -> dict[str, Any] | None:
    return None if at.topic is None else {"direct_messages_topic_id": at.topic}


def _is_closed(error: TelegramError) -> bool:
    """True if a person has no chat with the bot: never began one, or blocked it."""
    unknown = isinstance(error, BadRequest) and error.message.lower() == "chat not found"
    return unknown or isinstance(error, Forbidden)


def _named(error: TelegramError) -> str:
    return type(error).__name__


async def _done(call: Awaitable[T]) -> T:
    """Give what a call gives.

    Raises:
        ServiceUnavailable: Telegram did not do it.
    """
    try:
        return await call
    except TelegramError as error:
        name = _named(error)
    raise _not_taken(name)


def _not_taken(name: str) -> ServiceUnavailable:
    """Make the error; Telegram's words may quote what was sent, so its error's name is all that is told."""
    return ServiceUnavailable(f"Telegram did not take it: {name}")
