"""What the hooks of a chat library ask of the wall, and what they tell about themselves.

A hook turns what its library does into one of these calls and does nothing by itself: it neither judges nor
remembers. The wall stands behind the protocol, so that a channel can be tested without one.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from adapters.wire import Deleted
from firewall.core.identity import Conversation
from firewall.core.message import Message
from firewall.core.session import Turn
from firewall.core.subject import Form

T = TypeVar("T")

Tell = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that a bot is about to show.

    Attributes:
        method: The platform's name of the call, for records; never content.
        destination: Where it will stand.
        private: True if only the sender of the open turn will see it there.
        form: What kind of thing goes out.
        texts: Every text a reader could see, by slot, in reading order; the slots name places, not content.
        opaque: SHA-256 of each file that goes out and is no text, in hexadecimal digits; such a file is shown
            only if the turn took it from its own compartment.
        names: What the bot calls its buttons and blocks, which no client shows but whoever asks the platform
            reads, by slots of their own; they are sent as they are, or nothing is.
    """

    method: str
    destination: Conversation
    private: bool = False
    form: Form = Form.MESSAGE
    texts: Mapping[str, str]
    opaque: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict[str, str])

    def __repr__(self) -> str:
        return f"Act({self.method}, {len(self.texts)} texts)"


class Cutting(Protocol):
    """Redacts one stream; what it gives can no longer be part of a match."""

    def feed(self, chunk: str) -> str:
        """Take more of the stream and give what is decided, which may be nothing."""
        ...

    def finish(self) -> str:
        """Give the rest."""
        ...


class Door(Protocol):
    """The wall, as one application's hooks see it."""

    async def deliver(self, run: Callable[[], Awaitable[T]], *, detached: T | None = None) -> T:
        """Run the handling of one delivery in a context of its own, and give what it gives.

        The turn that `enter` opens inside ends when `run` has ended and every task started inside has.

        Args:
            run: The library's own handling, with the gate in it.
            detached: What the library is told if the turn must wait for an earlier one of its session, so
                that other people's deliveries do not wait too; by default it waits.
        """
        ...

    async def ready(self) -> None:
        """Open the wall if nobody has yet, which takes longer than some deliveries have.

        Raises:
            PartywallError: It cannot be opened.
        """
        ...

    async def enter(self, message: Message, tell: Tell) -> Turn:
        """Open the turn of the delivery that is being handled here.

        Args:
            message: What arrived.
            tell: Shows a constant text to the sender of the message, alone, or to nobody.

        Raises:
            Denied: It is not acceptable; the bot must not see it. It is on record.
            SessionBusy: An earlier turn of this session has not ended in time.
            MisuseError: No delivery is handled here, or it has opened its turn already.
        """
        ...

    async def forget(self, deleted: Deleted) -> None:
        """Purge what was taken back: the words of these messages, and what was made of them.

        Nothing happens if the transport did not prove where this came from.
        """
        ...

    def drop(self, kind: str, problem: str) -> None:
        """Say that a delivery was not passed on, because nobody's words could be read from it.

        Args:
            kind: The platform's name of the kind of delivery.
            problem: Why, without content.
        """
        ...

    def turn(self) -> Turn:
        """Give what was fixed at ingress for the turn that is open here.

        Raises:
            NoTurn: None is.
            TurnClosed: It has ended.
        """
        ...

    async def send(self, act: Act, do: Callable[[Mapping[str, str]], Awaitable[T]]) -> T:
        """Judge an act and do it with the texts that were judged; its intent is on record before.

        An act that the hook could not read well enough to name all its texts has `Form.UNKNOWN`: it is denied
        and recorded like any other.

        Raises:
            Denied: It may not be shown.
            NoTurn: No turn is open here, so it is nobody's answer.
            NotGuarded: Neither a model nor a tool of this bot is guarded, and that was not declared.
        """
        ...

    def cutting(self) -> Cutting:
        """Give what redacts one stream of the turn that is open here."""
        ...


# Runs something in the thread that waits, and gives what it gives.
Errands = Callable[[Callable[[], Any]], Awaitable[Any]]


class SyncDoor(Protocol):
    """The same door, for an application whose handlers run in threads: the wall lives in a loop elsewhere.

    Hooks are written once, with `await`; these methods are called in the threads and wait for them.
    """

    @property
    def door(self) -> Door:
        """The door in the loop."""
        ...

    def deliver(self, run: Callable[[], T], *, detached: T | None = None) -> T:
        """Run the handling of one delivery in a thread and a context of its own, as `Door.deliver` does."""
        ...

    def enter(self, opening: Callable[[], Awaitable[T]]) -> T:
        """Await something that opens the turn of the delivery handled here; its context is this one's then.

        Raises:
            MisuseError: No delivery is handled here, or it has opened its turn already.
        """
        ...

    def wait(self, work: Callable[[Errands], Coroutine[Any, Any, T]]) -> T:
        """Await something in the loop, in the turn that is open here, and run its errands meanwhile."""
        ...

    def aside(self, blocking: Callable[[], T]) -> Awaitable[T]:
        """Run something in a thread of the wall's own; to be called in the loop."""
        ...

    def carrying(self, call: Callable[[], T]) -> Callable[[], T]:
        """Give the same call, to be made in another thread: in this turn, which lasts until it has ended."""
        ...


class State(StrEnum):
    """How far a choke point is covered."""

    COVERED = "covered"
    DETECTION_ONLY = "detection only"
    UNCOVERED = "uncovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One choke point of a guarded application.

    Attributes:
        point: The library's name of it (`client.chat_postMessage`).
        state: How far it is covered, looked at now.
        remedy: What to do where it is not covered; empty where it is.
    """

    point: str
    state: State
    remedy: str = ""


class Hooks(Protocol):
    """The hooks in one application."""

    def report(self) -> Sequence[Row]:
        """Look at every choke point again, in the order in which a delivery meets them."""
        ...

    def uninstall(self) -> None:
        """Take every hook out; the application is as it was before."""
        ...
