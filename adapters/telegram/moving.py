"""Groups that go on under another id, and how what waits for the old one is answered in the new one.

Telegram gives a group that becomes a supergroup a new id, refuses the old one from then on, and says the new
one with each refusal. So this need not be kept: a process that knows of no move is told of it in time.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from adapters.telegram.library import ChatMigrated
from adapters.telegram.ways import number

T = TypeVar("T")
K = TypeVar("K")
_KEPT: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where something is shown now.

    Attributes:
        chat: The chat.
        thread: A topic of a group.
        topic: A topic of a channel's direct messages.
        business: The connection to a business in whose name the bot writes.
        reply: The message that is answered.
    """

    chat: int
    thread: int | None
    topic: str | None
    business: str | None
    reply: int | None


# Shows something at a spot.
Show = Callable[[Spot], Awaitable[T]]
# Posts a message and gives its name.
Post = Callable[[], Awaitable[str]]


class Moves:
    """The moves of one bot's groups that this process was told of, oldest first."""

    def __init__(self) -> None:
        self._chats: dict[str, str] = {}
        self._posts: dict[str, str] = {}

    def learn(self, before: str, after: str) -> None:
        """Note that a chat goes on under another id; it is Telegram that said so."""
        keep(self._chats, before, after)

    async def led(self, way: Mapping[str, str], show: Show[T]) -> T:
        """Show something where a way leads now: in the new chat, if Telegram says that it moved.

        Raises:
            TelegramError: Telegram did not take it.
        """
        try:
            return await show(self._spot(way))
        except ChatMigrated as error:
            after = str(error.new_chat_id)
        self.learn(way["chat"], after)
        return await show(self._spot(way))

    async def edited(self, posted: str, edit: Callable[[int, int], Awaitable[object]], post: Post) -> None:
        """Edit a message, or post it anew where its chat has moved since; the old one stands as it is.

        Args:
            posted: Names the message, as `named` does.
            edit: Edits the message of a chat with a number.
            post: Posts it anew, and gives the new name.

        Raises:
            TelegramError: Telegram did not take it.
        """
        chat, _, message = self._posts.get(posted, posted).rpartition("/")
        try:
            await edit(int(chat), int(message))
        except ChatMigrated as error:
            after = str(error.new_chat_id)
        else:
            return
        self.learn(chat, after)
        keep(self._posts, posted, await post())

    def _spot(self, way: Mapping[str, str]) -> Spot:
        chat = self._chats.get(way["chat"])
        return Spot(
            chat=int(chat or way["chat"]),
            thread=number(way, "thread"),
            topic=way.get("topic"),
            business=way.get("business"),
            # The new chat counts its messages anew: the same number there is somebody else's message.
            reply=number(way, "reply") if chat is None else None,
        )


def named(chat: int, message: int) -> str:
    """Name a message that was posted, wherever its chat moves."""
    return f"{chat}/{message}"


def keep(known: dict[K, T], name: K, value: T) -> None:
    """Put something behind what is known; only the youngest thousand are kept."""
    known[name] = value
    while len(known) > _KEPT:
        del known[next(iter(known))]
