"""Where a message stands: a thread stands in the channel that it was opened in.

A tenant may be named by its channel. A thread is a channel of its own to Discord, and whoever opens one must
not leave their tenant by that.
"""

from dataclasses import replace

from adapters.discord.library import Client, Thread
from firewall.core.identity import Conversation


def here(place: Conversation) -> str:
    """Give Discord's own id of a place."""
    return place.thread or place.id


def cached(client: Client, place: Conversation) -> Conversation | None:
    """Give a place of a guild as the client knows it, or None if it does not know it."""
    channel = client.get_channel(int(place.id)) if place.id.isdecimal() else None
    return _within(place, channel) if channel is not None else None


async def located(client: Client, place: Conversation) -> Conversation | None:
    """Give a place as the client knows it, or None if nobody can say where it is.

    Direct messages are no threads. A client that was not told of its guilds knows no channel either; there a
    place is what the event calls it.
    """
    if not place.realm.isdecimal() or client.get_guild(int(place.realm)) is None:
        return place
    found = cached(client, place)
    if found is not None:
        return found
    try:
        # An archived thread leaves the library's cache, and its messages can still be deleted.
        return _within(place, await client.fetch_channel(int(place.id)))
    except Exception:  # noqa: BLE001  whatever the platform said: nobody can say where it is
        return None


def _within(place: Conversation, channel: object) -> Conversation:
    if not isinstance(channel, Thread):
        return place
    return replace(place, id=str(channel.parent_id), thread=place.id)
