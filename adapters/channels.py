"""What a bot that runs on our own adapters asks of a channel, and what it is told by one."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Protocol, runtime_checkable

from adapters.wire import Deleted
from firewall.core.arrival import Arrival
from firewall.core.message import Attachment

# Takes a delivery on: when it returns, the delivery is committed and may be acknowledged. It raises where it
# could not be, and the platform must deliver again.
Accept = Callable[[Arrival], Awaitable[None]]
# Purges what was taken back; when it returns, that is committed.
Forget = Callable[[Deleted], Awaitable[None]]
# Says that a delivery was not passed on: the platform's name of its kind, and why, without content.
Drop = Callable[[str, str], None]


class Channel(Protocol):
    """One bot on one chat platform.

    A route is what the channel itself put into an arrival; it is kept with the message and comes back after
    a restart, so it holds text only.

    Attributes:
        name: The platform's name, for logs.
        max_units: Longest text of one message, in UTF-16 units; longer ones are split.
        edits_every_s: Shortest time between two edits of a growing answer, in seconds; None where a message
            cannot be edited.
    """

    name: str
    max_units: int
    edits_every_s: float | None

    async def open(self, accept: Accept, forget: Forget, drop: Drop) -> None:
        """Connect and begin to hand over what arrives; returns once it does.

        Raises:
            ServiceUnavailable: The platform did not let the bot in; the message says what to look at.
        """
        ...

    async def hush(self) -> None:
        """Take nothing on any more; what was taken on can still be answered."""
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...

    async def post(self, route: Mapping[str, str], text: str) -> str:
        """Show a text where the route leads, and nowhere else; give an id by which `edit` finds it.

        It waits as long as the platform asks for (`Retry-After`), within reason.
        """
        ...

    async def edit(self, route: Mapping[str, str], posted: str, text: str) -> None:
        """Show another text in the place of one that was posted."""
        ...

    def fetch(self, route: Mapping[str, str], attachment: Attachment) -> AsyncIterator[bytes]:
        """Give the bytes of a file that came with a delivery of this route, in order and in pieces.

        It is fetched from the platform alone, whatever address the delivery names, and with the credentials
        of this bot only there.

        Raises:
            ServiceUnavailable: The platform did not give it, or it lies elsewhere.
        """
        ...

    async def attach(self, route: Mapping[str, str], name: str, content: bytes) -> None:
        """Show a file where the route leads, and nowhere else.

        Raises:
            ServiceUnavailable: The platform did not take it.
        """
        ...

    async def typing(self, route: Mapping[str, str]) -> None:
        """Show that an answer is being made; a platform without such a sign does nothing."""
        ...

    async def whisper(self, route: Mapping[str, str], text: str) -> None:
        """Show a constant text to the sender alone, or to nobody where the platform has no way."""
        ...

    async def over(self, route: Mapping[str, str]) -> None:
        """Nothing was shown for this delivery and nothing will be: take away what says that it is made."""
        ...


@runtime_checkable
class Varied(Protocol):
    """A channel some of whose routes lead to messages that cannot be edited, though others do not."""

    def edits_on(self, route: Mapping[str, str]) -> float | None:
        """Give `edits_every_s` of one route; None where an answer is shown whole at the end."""
        ...
