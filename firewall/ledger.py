"""What one open turn has read and produced so far."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from firewall.core.errors import Denied, IntegrityError, LabelConflict
from firewall.core.ids import PartId
from firewall.core.label import Label, admits, join
from firewall.core.message import Origin, Part
from firewall.core.ports import IdSource
from firewall.core.session import Session, Turn
from firewall.detect.own import OwnValues
from firewall.placeholders import Placeholders


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A reply of this turn that called tools, as it was released.

    Attributes:
        message: The assistant's message, with the ids the wall drew for its calls.
        part: The part that accounts for its text and its arguments.
    """

    message: Mapping[str, object]
    part: Part


class Ledger:
    """The only state of a turn: its session as last committed, and its parts in order.

    `said` is the message that opened the turn, `produced` what its models and tools gave, `extra` what it was
    shown from notes and the vault, `calls` its replies that called tools, by the id of each call, `told`
    what led to each of its replies that has a name to continue by, that reply included, `attached` the
    SHA-256 of each file of its own that it took to be shown, `placeholders` what stands for the sender's own
    values at a provider, `noted` ends once this turn is on record as the answer to its delivery, and
    `refused` is the last refusal that the sender has seen no answer after.

    It belongs to one turn and is never shared. Everything in `read` admits the turn's whole audience.
    """

    def __init__(self, turn: Turn, session: Session, ids: IdSource) -> None:
        self.turn = turn
        self.session = session
        self.said: list[Part] = []
        self.produced: list[Part] = []
        self.calls: dict[str, Asked] = {}
        self.told: dict[str, tuple[Mapping[str, object], ...]] = {}
        self.extra: list[Part] = []
        self.attached: set[str] = set()
        self.placeholders = self._placeholders(None)
        self.noted: asyncio.Future[None] | None = None
        self.refused: Denied | None = None
        self._readable: tuple[Part, ...] = ()
        self._readable_of: Session | None = None
        self._ids = ids
        self._drawn = 0

    def substitute(self, values: OwnValues | None) -> None:
        """Have these values replaced wherever a provider would see them; none, if there are none."""
        self.placeholders = self._placeholders(values)

    def resolved(self, texts: Mapping[str, str]) -> Mapping[str, str]:
        """Give texts that came past a guarded model with the values in the place of their placeholders."""
        return {slot: self.placeholders.resolved(text) for slot, text in texts.items()}

    def _placeholders(self, values: OwnValues | None) -> Placeholders:
        return Placeholders(values, self._stand_in, lambda: [part.text for part in self.read])

    def _stand_in(self, *fields: str) -> str:
        """Name something in this session and for this audience: unlinkable with every other."""
        audience = "private" if self.turn.audience.private else "room"
        return self._ids.derived("placeholder", self.turn.session, audience, *fields)

    @property
    def present(self) -> tuple[Part, ...]:
        """What belongs to this very turn, oldest first."""
        return (*self.said, *self.produced, *self.extra)

    @property
    def past(self) -> tuple[Part, ...]:
        """What was said in this session before this turn and may be read in it, oldest first."""
        now = {part.id for part in (*self.said, *self.produced)}
        return tuple(part for part in self.read if part.id not in now and part not in self.extra)

    @property
    def read(self) -> tuple[Part, ...]:
        """What the turn may rely on: its session's readable history, then notes and entries it was shown."""
        if self._readable_of is not self.session:
            audience = self.turn.audience
            self._readable = tuple(part for part in self.session.history if admits(part.label, audience))
            self._readable_of = self.session
        return (*self._readable, *self.extra) if self.extra else self._readable

    def part(self, text: str, origin: Origin, *, derived_from: Sequence[Part] = ()) -> Part:
        """Draw a part under the label of what this turn writes.

        Raises:
            IntegrityError: Nobody could own what this turn writes; it should have been refused before.
            LabelConflict: It was made of parts that cannot meet in one text.
        """
        written = self.turn.writes
        if written is None:
            raise IntegrityError("a turn without an owner tried to write")
        label = join([written, *(part.label for part in derived_from)])
        if label is None:
            raise LabelConflict("a text was made of parts whose labels have no join")
        return self.labelled(text, origin, label, derived_from=derived_from)

    def labelled(self, text: str, origin: Origin, label: Label, *, derived_from: Sequence[Part] = ()) -> Part:
        """Draw a part under a given label; ids depend on this session alone."""
        self._drawn += 1
        drawn = self._ids.derived("part", self.turn.id, str(self._drawn))[:24]
        return Part(
            id=PartId(drawn),
            text=text,
            label=label,
            origin=origin,
            derived_from=tuple(part.id for part in derived_from),
        )

    def grown(self, said: Part | None, text: str) -> Part:
        """Count what a reply has shown so far as produced, and give the part that stands for it.

        Until the reply is whole nothing of it is kept; yet a bot that shows it as it grows says its
        own words.
        """
        now = self.part(text, Origin.MODEL) if said is None else replace(said, text=text)
        self.produced = [*self._without(said), now]
        return now

    def dropped(self, said: Part | None) -> None:
        """Forget a part that grew: the whole reply stands in its place."""
        self.produced = self._without(said)

    def _without(self, said: Part | None) -> list[Part]:
        return [part for part in self.produced if said is None or part.id != said.id]

    def show(self, text: str) -> None:
        """Count a text as read by this turn: the caller has found that its whole audience may read it."""
        if text:
            self.extra.append(self.part(text, Origin.TOOL))

    def attach(self, digest: str, text: str | None) -> None:
        """Count a file of this turn's own as its own to show, by its SHA-256; and its text, if it is text."""
        self.attached.add(digest)
        if text:
            self.produced.append(self.part(text, Origin.FILE))

    def name(self, purpose: str) -> str:
        """Draw an id for something of this turn; it depends on this session alone."""
        self._drawn += 1
        return self._ids.derived(purpose, self.turn.id, str(self._drawn))[:24]

    def digest(self, texts: Sequence[str]) -> str:
        """Stand for some texts without telling them: keyed, so that short ones cannot be tried."""
        return self._ids.derived("content", *texts)
