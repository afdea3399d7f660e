"""What the firewall needs from the outside, as small protocols.

`vault`, `adapters` and `sandbox` implement them and `partywall` wires them. A port takes its owner as an
argument in every call: no implementation is ever built for one principal and then shared.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Protocol

from firewall.core.entry import Entry as Entry
from firewall.core.label import Audience, Label
from firewall.core.match import Match as Match
from firewall.core.session import Turn
from firewall.core.steps import Steps
from firewall.core.stores import BudgetStore as BudgetStore
from firewall.core.stores import EffectStore as EffectStore
from firewall.core.stores import NoteStore as NoteStore
from firewall.core.stores import RecordStore as RecordStore
from firewall.core.stores import SessionStore as SessionStore
from firewall.core.stores import VaultStore as VaultStore
from firewall.core.subject import Json, SubjectKind
from firewall.core.verdict import Case, Verdict


class Clock(Protocol):
    """Time, so that nothing reads it by itself."""

    def now_ms(self) -> int:
        """Milliseconds since 1970; may step back."""
        ...

    def monotonic_s(self) -> float:
        """Seconds since some start; never steps back."""
        ...

    def cpu_s(self) -> float:
        """Seconds of processor time that this thread has used."""
        ...


class IdSource(Protocol):
    """Ids and randomness, so that two worlds of a proof can draw the same."""

    def derived(self, purpose: str, *fields: str | None) -> str:
        """Give 64 hex digits that stand for these fields in this deployment only."""
        ...

    def random(self, count: int) -> bytes:
        """Give `count` unpredictable bytes, 1 to 64."""
        ...


class Tracing(Protocol):
    """Whoever follows turns through the operator's systems."""

    def span(self, turn: Turn) -> AbstractContextManager[str | None]:
        """Follow a turn for as long as this is open, and give the id of the trace, if there is one.

        What the turn says, and what goes wrong in it, is not told.
        """
        ...


class Layer(Protocol):
    """One judge in the stack; it decides and never acts."""

    @property
    def name(self) -> str:
        """What records call it."""
        ...

    @property
    def watches(self) -> frozenset[SubjectKind]:
        """The kinds it looks at; it is not asked about others."""
        ...

    async def judge(self, case: Case) -> Verdict:
        """Say yes or no, and what must happen for a yes to stand."""
        ...


class Lexicon(Protocol):
    """What is kept of everybody; only the excerpt index may be given what it reads."""

    def news(self) -> AsyncIterator[tuple[str, Label, bool]]:
        """Give what was kept since the last time, by whatever process; at first everything.

        What is committed when a session is taken is among it from then on. The truth value says that the text
        is one value. What was not read to its end is given again; nothing new costs nothing.

        Raises:
            StoreUnavailable: The database did not answer; nothing may be judged by what is known.
            IntegrityError: Something that is kept was altered.
        """
        ...


class Detector(Protocol):
    """Finds typed values in text, whoever owns them."""

    @property
    def rules(self) -> Sequence[str]:
        """The rules that are live, for `doctor` and receipts."""
        ...

    def scan(self, text: str) -> Sequence[Match]:
        """Find every typed value, in order of start; may overlap.

        A detector that cannot look raises; it never returns an empty list instead.
        """
        ...


class ExcerptIndex(Protocol):
    """Finds text that belongs to somebody who did not admit this audience."""

    def finding(self, text: str, audience: Audience) -> Steps[Sequence[Match]]:
        """Find stretches known to be foreign to the audience, in order of start; may overlap.

        Text that any owner lets the whole audience read is never reported.
        """
        ...

    def learning(self, text: str, label: Label, *, whole: bool = False) -> Steps[None]:
        """Remember text under its label; operator text and text too short to tell is not kept.

        All the steps must be taken.

        Args:
            text: What was said or stored.
            label: Whose it is.
            whole: It is one value, to be found by itself however short.
        """
        ...


class ExcerptLearner(Protocol):
    """An excerpt index to which much can be taught at once."""

    def learn_many(self, learned: Sequence[tuple[str, Label, bool]]) -> None:
        """Do as `ExcerptIndex.learning` for each text, label and whether it is one value, in their order."""
        ...

    def settle(self) -> bool:
        """Take a short step of work that was put off while much was learned; False if none is left."""
        ...


class PathRules(Protocol):
    """What a path given by a model means; no file is touched."""

    def place(self, path: str, *, write: bool) -> str:
        """Give the one canonical path beneath the owner's compartment that this text means.

        Raises:
            ValueError: The text cannot name a file there, or names a shared one for writing.
        """
        ...

    def suspicious(self, text: str) -> bool:
        """True if text that was not declared as a path, url or command looks like one."""
        ...


class FileStore(Protocol):
    """Files, apart per owner."""

    def lend(self, owner: str, path: str, *, write: bool) -> AbstractAsyncContextManager[str]:
        """Lend a placed path of this owner's compartment, already opened.

        What is lent names the opened object itself (`/proc/self/fd/N`), so what was checked is what is used.
        What is written there reaches the compartment when the block ends without an error, whole or not at
        all.

        Raises:
            OSError: As for any file: missing, a directory, too large, over the quota.
        """
        ...

    async def verb(self, owner: str, name: str, arguments: Mapping[str, str]) -> Json:
        """Do one of the built-in file verbs inside this owner's compartment.

        Args:
            owner: Canonical owner of the compartment.
            name: `read write append edit delete move list glob grep`.
            arguments: Placed paths and texts, by parameter name.
        """
        ...


class Runner(Protocol):
    """Runs a granted command in the owner's compartment, without network."""

    def unavailable(self) -> str | None:
        """Say why nothing can be run on this machine, or None."""
        ...

    async def run(self, owner: str, command: str) -> str:
        """Run it and give what it printed, bounded."""
        ...


class Fetcher(Protocol):
    """Fetches a granted URL without reaching anything private."""

    def allows(self, url: str, hosts: Sequence[str]) -> bool:
        """True if the URL is well-formed and its host is one of these grants."""
        ...

    async def fetch(self, url: str, hosts: Sequence[str]) -> str:
        """Give the body as text, bounded."""
        ...


class Completion(Protocol):
    """A model, called the way LiteLLM's `acompletion` is called."""

    async def complete(self, request: Mapping[str, object]) -> Mapping[str, object]:
        """Give the whole answer as one chat-completion object."""
        ...

    def stream(self, request: Mapping[str, object]) -> AsyncIterator[Mapping[str, object]]:
        """Give the answer as chat-completion chunks, in order."""
        ...
