"""What a guarded or managed bot's author tells the kit: how deliveries come in, and what came of them."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Tamper(StrEnum):
    """What can be wrong with a transport; what it does not have is said in `Transport.without`."""

    FORGED = "forged"
    STALE = "stale"
    TOKEN = "token"  # noqa: S105  the name of a kind, no secret
    LOOKUP = "lookup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """One message that the bot's own code was called with.

    Attributes:
        words: Its text.
        key: What names the session that it was handled in: equal for one session, and for one only. The
            wall's own is `partywall.turn().session_id`.
    """

    words: str
    key: Hashable


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One text that the bot showed, where the platform received it.

    Attributes:
        words: The text.
        place: The platform's id of the conversation.
        thread: The thread's id, or None.
    """

    words: str
    place: str
    thread: str | None = None


class NotCarried(Exception):
    """This way cannot carry these bytes at all; the message says why, in one sentence without content.

    Raised by `Transport.deliver` before anything is delivered. Bytes that the library or the bot could refuse
    are delivered, and it is the library or the bot that refuses them.
    """


class Transport(Protocol):
    """A bot that answers every message with the same words, behind the platform's real transport.

    It is served as application `id(IdKind.APP, 1)` of the specimen. Each case gets one that has seen nothing.
    """

    @property
    def without(self) -> Mapping[Tamper, str]:
        """What cannot be wrong with this transport, each with the reason in one sentence."""
        ...

    async def deliver(
        self, payload: bytes, *, forged: bool = False, stale: bool = False, secret: str | None = None
    ) -> None:
        """Deliver as the platform does, and return when all that it started has ended, however it ended.

        Args:
            payload: The body.
            forged: Signed by somebody who does not know the secret.
            stale: Signed rightly, but an hour ago.
            secret: The secret token that comes with it; None is the right one.

        Raises:
            NotCarried: No delivery can look so, such as bytes that are no UTF-8 in a frame of text. What is
                genuine is always carried.
        """
        ...

    def failing(self, *, lookups: bool) -> None:
        """Let every question about people or places that the adapter asks fail, or answer again."""
        ...

    def reached(self) -> Sequence[Reached]:
        """Give what reached the bot so far, in order."""
        ...

    def shown(self) -> Sequence[Shown]:
        """Give what the bot showed so far, in order."""
        ...
