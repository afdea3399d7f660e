"""Whether direct messages are those with the bot, or those of two people who used a command there.

A command, a shortcut and a button work in the direct messages of two people as well, an application that one
of them authorized hears what they write, and their ids begin with `D` like the bot's own. Taken for the bot's
own, what one of them told it alone would be shown to both.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from adapters.slack.seen import Kept
from firewall.core.identity import ConversationKind, SenderKind
from firewall.core.message import Message

# Asks `conversations.info` of a channel, unjudged, and gives what Slack says; empty where it refuses.
Look = Callable[[str], Awaitable[Mapping[str, Any]]]


class Directs:
    """Remembers whose direct messages with the bot a channel is."""

    def __init__(self) -> None:
        self._people: Kept[str] = Kept()

    async def placed(self, message: Message, *, own: bool, look: Look) -> Message:
        """Give the message in a place that is a direct message only if nobody but its sender reads there.

        Args:
            message: What arrived.
            own: True if it is an event of the bot's own, which hears of no direct messages but those with it.
            look: Says what Slack knows of a channel in which the bot is.
        """
        place = message.conversation
        if place.kind is not ConversationKind.DM or not place.id.startswith("D"):
            return message
        if own:
            if message.sender.verified and message.sender.kind is SenderKind.HUMAN:
                self._people.put(message.sender.id, place.realm, place.id)
            return message
        if await self._person(place.realm, place.id, look) == message.sender.id:
            return message
        return replace(message, conversation=replace(place, kind=ConversationKind.GROUP))

    async def _person(self, realm: str, channel: str, look: Look) -> str | None:
        known = self._people.get(realm, channel)
        if known is not None:
            return known
        found = (await look(channel)).get("channel")
        if not isinstance(found, Mapping):
            return None
        said = cast("Mapping[str, object]", found)
        person = said.get("user")
        if said.get("is_im") is not True or said.get("id") != channel or not isinstance(person, str):
            return None
        self._people.put(person, realm, channel)
        return person
