"""A platform that has all that the conformance kit can play, and an adapter that keeps every promise."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from adapters.errors import Unreadable
from adapters.testing import IdKind, Read, Said, Situation
from adapters.wire import Deleted, body, decode, identified
from firewall.core.identity import Conversation, ConversationKind, Sender, SenderKind
from firewall.core.ids import MessageId, canonical, checked
from firewall.core.message import Message, Quote
from tests.fakes.specimens.fields import put, wire

_KINDS = {
    "person": SenderKind.HUMAN,
    "bot": SenderKind.BOT,
    "webhook": SenderKind.WEBHOOK,
    "shared": SenderKind.ANONYMOUS,
}
_AGENTS = {
    Situation.RELAY: "bot",
    Situation.PROXY: "webhook",
    Situation.ANONYMOUS: "shared",
    Situation.OWN: "bot",
}
_TYPES = {
    Situation.MENTION: "mention",
    Situation.EDIT: "edit",
    Situation.FOREIGN_EDIT: "edit",
    Situation.DELETION: "deletion",
    Situation.REACTION: "reaction",
    Situation.BUTTON: "button",
    Situation.COMMAND: "command",
    Situation.FORWARD: "forward",
}
TYPES = frozenset({"message", *_TYPES.values()})


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody else's words inside a message."""

    text: str
    author: str | None = None
    id: str


class Toy(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform delivers."""

    type: str
    own: str
    agent: str
    who: str
    home: str
    realm: str
    place: str
    kind: str
    direct: bool
    id: str
    delivery: str
    text: str
    thread: str | None = None
    name: str = ""
    claims: str | None = None
    editor: str | None = None
    edit: int = 0
    shown: Shown | None = None


class ToySpecimen:
    """The platform's deliveries, and the adapter's steps, each of which a bad adapter can take wrongly."""

    without: Mapping[Situation, str] = {}

    def id(self, kind: IdKind, number: int) -> str:
        return f"{'d' if kind is IdKind.DIRECT else kind.value}-{number}"

    def raw(self, situation: Situation, said: Said) -> bytes:
        return wire(toy_body(situation, said))

    def contradictions(self, said: Said) -> Sequence[bytes]:
        direct = toy_body(Situation.DIRECT, said)
        return [wire(direct | {"direct": not direct["direct"]})]

    def unknown(self, said: Said) -> Sequence[bytes]:
        toy = toy_body(Situation.DIRECT, said)
        return [wire(toy | {"type": name}) for name in ("typing", "joined")]

    def read(self, payload: bytes, *, app: str, verified: bool) -> Read:
        return self.made(self.form(payload), app, verified)

    def form(self, payload: bytes) -> Toy:
        return decode(body(payload), Toy)

    def made(self, toy: Toy, app: str, verified: bool) -> Read:
        if toy.type not in TYPES:
            return self.refused(toy)
        if toy.type == "deletion":
            return self.checked(self.gone(toy, app, verified))
        if toy.type == "edit" and toy.editor != toy.who:
            raise Unreadable("changed by somebody else", where="editor")
        silent = toy.type in ("reaction", "button", "forward")
        return self.checked(
            Message(
                id=MessageId(toy.delivery if toy.type == "reaction" else toy.id),
                delivery=self.delivery(toy),
                sender=self.sender(toy, app, verified),
                conversation=self.place(toy, app),
                text="" if silent else toy.text,
                quotes=self.quotes(toy, app, verified),
                edit=toy.edit,
            )
        )

    def refused(self, toy: Toy) -> Read:
        raise Unreadable("this is nobody's words", where="type")

    def gone(self, toy: Toy, app: str, verified: bool) -> Deleted:
        where = self.place(toy, app)
        return Deleted(
            ids=(MessageId(toy.id),), conversation=where, delivery=self.delivery(toy), verified=verified
        )

    def checked(self, found: Read) -> Read:
        return identified(found)

    def delivery(self, toy: Toy) -> str:
        # An empty id in a structure is no longer empty, so it is examined before.
        return canonical(checked(toy.delivery, what="delivery"), str(toy.edit)) if toy.edit else toy.delivery

    def sender(self, toy: Toy, app: str, verified: bool) -> Sender:
        if toy.agent not in _KINDS:
            raise Unreadable("an unknown sort of sender", where="agent")
        kind, name = _KINDS[toy.agent], toy.who
        if kind is SenderKind.ANONYMOUS:
            name = toy.place
        elif kind is SenderKind.HUMAN and toy.who == toy.own:
            kind = SenderKind.BOT
        elif kind is SenderKind.HUMAN and toy.home != toy.realm:
            kind = SenderKind.EXTERNAL
        return Sender(channel="toy", app=app, realm=toy.home, id=name, kind=kind, verified=verified)

    def place(self, toy: Toy, app: str) -> Conversation:
        kind = self.kind(toy)
        return Conversation(
            channel="toy",
            app=app,
            realm=toy.realm,
            id=toy.place,
            thread=toy.thread,
            kind=kind,
            closed=kind is not ConversationKind.DM and toy.home == toy.realm,
        )

    def kind(self, toy: Toy) -> ConversationKind:
        if toy.kind not in list(ConversationKind) or (toy.kind == "dm") != toy.direct:
            raise Unreadable("the kinds do not agree", where="kind")
        if toy.direct != toy.place.startswith("d-") and toy.place.strip():
            raise Unreadable("the kind and the id do not agree", where="place")
        return ConversationKind(toy.kind)

    def quotes(self, toy: Toy, app: str, verified: bool) -> tuple[Quote, ...]:
        if toy.type == "button":
            return (Quote(text=toy.text, message=MessageId(toy.id)),)
        if toy.shown is None:
            return ()
        author = self.author(toy, toy.shown, app, verified)
        return (Quote(text=toy.shown.text, message=MessageId(toy.shown.id), author=author),)

    def author(self, toy: Toy, shown: Shown, app: str, verified: bool) -> Sender | None:
        if shown.author is None:
            return None
        kind = SenderKind.HUMAN
        return Sender(channel="toy", app=app, realm=toy.realm, id=shown.author, kind=kind, verified=verified)


def toy_body(situation: Situation, said: Said) -> dict[str, Any]:
    """Give what the platform delivers."""
    toy: dict[str, Any] = {
        "type": _TYPES.get(situation, "message"),
        "own": "own-1",
        "agent": _AGENTS.get(situation, "person"),
        "kind": said.kind.value,
        "direct": said.kind is ConversationKind.DM,
        "id": said.message,
        "delivery": said.delivery,
        "text": said.words,
        "name": said.name,
        "edit": said.version,
    }
    for name in ("who", "home", "realm", "place", "thread"):
        put(toy, name, getattr(said, name))
    if situation in (Situation.EDIT, Situation.FOREIGN_EDIT):
        put(toy, "editor", said.who if situation is Situation.EDIT else said.other)
    if situation in (Situation.RELAY, Situation.PROXY):
        toy["claims"] = said.other
    if situation in (Situation.FORWARD, Situation.QUOTE):
        toy["shown"] = {"text": said.quoted, "author": said.other, "id": said.earlier}
    return toy
