"""One case of the kit, and the stage on which it plays a hostile platform."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from unittest import SkipTest

from adapters.testing.specimen import IdKind, Read, Said, Situation, Specimen
from firewall.core.identity import ConversationKind, Principal, Sender, SenderKind
from firewall.core.ids import TenantId
from firewall.core.message import Message
from firewall.core.session import SessionKey

# Stands in all words and names that the kit hands out, so that any of it can be found again.
CANARY = "canary-7Q4x"
_TENANT = TenantId("conformance")
_KINDS = {
    Situation.DIRECT: ConversationKind.DM,
    Situation.GROUP: ConversationKind.GROUP,
    Situation.PUBLIC: ConversationKind.PUBLIC,
}
_PLACES = {
    ConversationKind.DM: IdKind.DIRECT,
    ConversationKind.GROUP: IdKind.GROUP,
    ConversationKind.PUBLIC: IdKind.PUBLIC,
}
_ACTORS = {
    Situation.RELAY: IdKind.BOT,
    Situation.PROXY: IdKind.WEBHOOK,
    Situation.OWN: IdKind.OWN,
}


class NotConformant(AssertionError):
    """The adapter does not keep what the case claims; the message says what was played and what came out."""


class LeftOut(SkipTest):
    """The platform does not have what the case plays; the message is the specimen's reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The adapter refused; whether in the right way, two cases of their own examine."""

    error: Exception


class Stage:
    """Makes deliveries and reads them, and counts how many were hostile.

    Attributes:
        specimen: The platform and its adapter.
        hostile: How many hostile deliveries were read.
    """

    def __init__(self, specimen: Specimen) -> None:
        self.specimen = specimen
        self.hostile = 0

    @property
    def room(self) -> Situation:
        """The plainest room of the platform, or the direct place where it has none."""
        for one in (Situation.PUBLIC, Situation.GROUP):
            if one not in self.specimen.without:
                return one
        return Situation.DIRECT

    def offered(self, *situations: Situation) -> Iterator[Situation]:
        """Yield those of the situations (by default all) that the platform has."""
        return (one for one in situations or Situation if one not in self.specimen.without)

    def said(self, situation: Situation, number: int = 1) -> Said:
        """Give what the first person says first in this situation, or the `number`-th."""
        name = self.specimen.id
        kind = _KINDS.get(situation, _KINDS[self.room])
        realm = name(IdKind.REALM, 2 if situation is Situation.ELSEWHERE else 1)
        home = name(IdKind.REALM, 2) if situation is Situation.STRANGER else realm
        changed = situation in (Situation.EDIT, Situation.FOREIGN_EDIT)
        return Said(
            app=name(IdKind.APP, 1),
            realm=realm,
            home=home,
            who=name(_ACTORS.get(situation, IdKind.PERSON), 1 if situation in _ACTORS else number),
            name=f"Ada {CANARY}",
            place=name(_PLACES[kind], number if kind is ConversationKind.DM else 1),
            kind=kind,
            thread=name(IdKind.THREAD, 1) if situation is Situation.THREAD else None,
            message=name(IdKind.MESSAGE, number),
            delivery=name(IdKind.DELIVERY, number),
            words=f"words {CANARY} {number}",
            other=name(IdKind.PERSON, 9),
            quoted=f"quoted {CANARY}",
            earlier=name(IdKind.MESSAGE, 8),
            version=1 if changed else 0,
        )

    def raw(self, situation: Situation, said: Said) -> bytes:
        """Give the delivery of a situation."""
        return self.specimen.raw(situation, said)

    def read(self, payload: bytes, *, app: str | None = None, verified: bool = True) -> Read | Refused:
        """Read a genuine delivery."""
        try:
            return self.specimen.read(payload, app=app or self.specimen.id(IdKind.APP, 1), verified=verified)
        except Exception as error:  # noqa: BLE001  whatever an adapter raises is examined, not passed on
            return Refused(error=error)

    def attack(self, payload: bytes, *, app: str | None = None) -> Read | Refused:
        """Read a hostile delivery."""
        self.hostile += 1
        return self.read(payload, app=app)

    def message(self, situation: Situation, said: Said | None = None) -> Message:
        """Read a genuine delivery that must be a message."""
        said = said or self.said(situation)
        found = self.read(self.raw(situation, said), app=said.app)
        if isinstance(found, Refused):
            raise NotConformant(
                f"{situation}: a genuine delivery was refused by {type(found.error).__name__}"
            ) from found.error
        if not isinstance(found, Message):
            raise NotConformant(f"{situation}: a message was read as {type(found).__name__}")
        return found

    def message_or_none(self, situation: Situation, said: Said) -> Message | None:
        """Read a genuine delivery that an adapter may refuse as a whole."""
        found = self.read(self.raw(situation, said), app=said.app)
        return found if isinstance(found, Message) else None

    def hostile_message(self, situation: Situation, said: Said) -> Message | None:
        """Read a hostile delivery; None if it was refused, or not read as anybody's words."""
        found = self.attack(self.raw(situation, said), app=said.app)
        return found if isinstance(found, Message) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One promise that every adapter keeps.

    Attributes:
        name: Stable; names the case in reports.
        claim: The promise, in one sentence.
        needs: Situations without which there is nothing to play.
        examine: Plays it and raises `NotConformant`.
    """

    name: str
    claim: str
    needs: frozenset[Situation] = frozenset()
    examine: Callable[[Stage], None]

    def __str__(self) -> str:
        return self.name

    def missing(self, specimen: Specimen) -> tuple[Situation, ...]:
        """Give the situations that this case needs and the platform does not have."""
        return tuple(sorted(self.needs & specimen.without.keys()))

    def check(self, specimen: Specimen) -> int:
        """Play this case against an adapter and give how many hostile deliveries it read.

        Raises:
            NotConformant: The adapter does not keep the promise.
            LeftOut: The platform does not have what is played here; pytest shows it as skipped, with the
                specimen's reason.
        """
        for one in self.missing(specimen):
            raise LeftOut(f"{self.name}: the platform has no {one}: {specimen.without[one]}")
        stage = Stage(specimen)
        self.examine(stage)
        return stage.hostile


def expect(kept: object, said: str) -> None:
    """Raise `NotConformant` with these words unless the promise was kept."""
    if not kept:
        raise NotConformant(said)


def key(message: Message) -> SessionKey:
    """Give the session of a message in one tenant for all, so that only the adapter keeps them apart."""
    sender = message.sender
    return SessionKey.of(
        Principal(tenant=_TENANT, id=sender.principal_id, kind=sender.kind), message.conversation
    )


def is_person(sender: Sender | None) -> bool:
    """True if the sender would be served as somebody with private data of their own."""
    return sender is not None and sender.kind is SenderKind.HUMAN and sender.verified


def apart(stage: Stage, situation: Situation, one: Said, two: Said, why: str) -> None:
    """Expect two hostile deliveries in two sessions; to refuse one is fine too."""
    first, second = stage.hostile_message(situation, one), stage.hostile_message(situation, two)
    if first is None or second is None:
        return
    expect(key(first) != key(second), f"{situation}: {why} share one session")


def changed(said: Said, field: str, value: str | None) -> Said:
    """Give what is said with one field of another value."""
    match field:
        case "realm":
            return replace(said, realm=value, home=value)
        case "who":
            return replace(said, who=value)
        case _:
            return replace(said, place=value)
