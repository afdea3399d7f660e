"""Answers that one person alone sees, to what they asked in a room: in direct messages with them.

Discord lets nobody read a message of a channel alone, so such an answer stands in the bot's own chat with its
sender. Where they take no direct messages it is shown nowhere, and the room is told once how to get it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from adapters.discord.deferring import Calls, Unanswered, spoken
from adapters.discord.routes import CREATE

T = TypeVar("T")

CLOSED: Final = (
    "I answer this to you alone, and you take no direct messages from members of this server. "
    "Allow them in the privacy settings of the server, then ask again."
)
_OPEN: Final = "POST /users/@me/channels"
# Cannot send messages to this user, at all or for want of a server in common.
_CLOSED: Final = frozenset({50007, 50278})
_MOST: Final = 20_000


def answering(body: dict[str, object], route: Mapping[str, str]) -> dict[str, object]:
    """Have a message say whom it answers, in a room; a question that is gone by now is no hindrance."""
    if "message" in route and "guild" in route:
        body["message_reference"] = {"message_id": route["message"], "fail_if_not_exists": False}
    return body


@dataclass(slots=True, eq=False)
class _Chat:
    """The chat with one person; `id` is empty until it is open, and `opening` is held meanwhile."""

    id: str = ""
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)


class Directs:
    """The bot's own chats with people.

    Args:
        calls: The way out.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._chats: OrderedDict[str, _Chat] = OrderedDict()
        self._told: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def do(self, route: Mapping[str, str], call: Callable[[str], Awaitable[T]]) -> T:
        """Do one call in the chat with the sender of a route.

        Args:
            route: The delivery's way back, which names its sender.
            call: Takes the channel's id.

        Raises:
            Unanswered: Discord did not do it. Where its sender takes no direct messages, the room was told.
        """
        try:
            return await call(await self._channel(route["to"]))
        except Unanswered as error:
            if error.code in _CLOSED:
                await self._tell(route)
            raise

    async def _channel(self, person: str) -> str:
        chat = self._chats.setdefault(person, _Chat())
        while len(self._chats) > _MOST:
            self._chats.popitem(last=False)
        async with chat.opening:
            if not chat.id:
                chat.id = await self._calls.do(_OPEN, {"recipient_id": person})
        return chat.id

    async def _tell(self, route: Mapping[str, str]) -> None:
        asked = (route["channel"], route["message"])
        if asked in self._told:
            return
        self._told[asked] = None
        while len(self._told) > _MOST:
            self._told.popitem(last=False)
        await self._calls.do(CREATE, answering(spoken(CLOSED), route), channel_id=route["channel"])
