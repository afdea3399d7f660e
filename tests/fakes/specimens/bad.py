"""Adapters that break one promise each, by the name of the case that must notice."""

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import msgspec
from msgspec.structs import replace as fields

from adapters.errors import Unreadable
from adapters.testing import Read, Situation
from adapters.testing.variants import DEEP
from adapters.wire import Deleted, decode
from firewall.core.identity import Conversation, ConversationKind, Sender, SenderKind
from firewall.core.ids import MessageId
from firewall.core.message import Message
from tests.fakes.specimens.toy import Shown, Toy, ToySpecimen


def as_tree(payload: bytes) -> dict[str, Any]:
    """Give a delivery as it is before anything of it was examined; what is no object has nothing in it."""
    found: object
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        found = None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {"agent": "", "kind": ""}


def first(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Give an object in which the first of two equal names holds."""
    return dict(reversed(pairs))


class LeavesOutWithoutReason(ToySpecimen):
    without: Mapping[Situation, str] = {Situation.MENTION: " "}


class LosesWords(ToySpecimen):
    def form(self, payload: bytes) -> Toy:
        toy = super().form(payload)
        return fields(toy, text="") if toy.direct else toy


class TrustsNoCommand(ToySpecimen):
    def sender(self, toy: Toy, app: str, verified: bool) -> Sender:
        return super().sender(toy, app, verified and toy.type != "command")


class CallsTheNamelessAnonymous(ToySpecimen):
    """Everybody without an id shares one."""

    def form(self, payload: bytes) -> Toy:
        toy = super().form(payload)
        return toy if toy.who.strip() else fields(toy, who="anonymous")


class IgnoresTheRealm(ToySpecimen):
    """The second workspace is taken for the first."""

    def form(self, payload: bytes) -> Toy:
        toy = super().form(payload)
        plain = (toy.type, toy.realm, toy.place, toy.who) == ("message", "realm-2", "public-1", "person-1")
        return fields(toy, realm="realm-1", home="realm-1") if plain else toy


class IgnoresTheBot(ToySpecimen):
    def made(self, toy: Toy, app: str, verified: bool) -> Read:
        return super().made(toy, "app-1" if toy.type == "edit" else app, verified)


class SharesGroups(ToySpecimen):
    """A group has one session for everybody, as far as the second person is concerned."""

    def form(self, payload: bytes) -> Toy:
        toy = super().form(payload)
        return fields(toy, who="person-1") if toy.kind == "group" and toy.who == "person-2" else toy


class FoldsSenders(ToySpecimen):
    def sender(self, toy: Toy, app: str, verified: bool) -> Sender:
        return super().sender(fields(toy, who=toy.who.lower()), app, verified)


class NormalisesSenders(ToySpecimen):
    def sender(self, toy: Toy, app: str, verified: bool) -> Sender:
        return super().sender(fields(toy, who=unicodedata.normalize("NFC", toy.who)), app, verified)


class KeysByName(ToySpecimen):
    def place(self, toy: Toy, app: str) -> Conversation:
        named = toy.shown is not None and toy.type == "message"
        return super().place(fields(toy, thread=toy.name) if named else toy, app)


class KnowsNotItself(ToySpecimen):
    def sender(self, toy: Toy, app: str, verified: bool) -> Sender:
        return super().sender(fields(toy, own=""), app, verified)


class BelievesRelays(ToySpecimen):
    def sender(self, toy: Toy, app: str, verified: bool) -> Sender:
        relayed = toy.agent == "bot" and toy.claims is not None
        return super().sender(fields(toy, agent="person") if relayed else toy, app, verified)


class BelievesWebhooks(ToySpecimen):
    def sender(self, toy: Toy, app: str, verified: bool) -> Sender:
        return super().sender(fields(toy, agent="person") if toy.agent == "webhook" else toy, app, verified)


class PoolsTheAnonymous(ToySpecimen):
    """All anonymous administrators of all groups are one."""

    def sender(self, toy: Toy, app: str, verified: bool) -> Sender:
        found = super().sender(toy, app, verified)
        shared = found.kind is SenderKind.ANONYMOUS
        return replace(found, id="the-anonymous-bot") if shared else found


class WelcomesStrangers(ToySpecimen):
    def sender(self, toy: Toy, app: str, verified: bool) -> Sender:
        found = super().sender(toy, app, verified)
        return replace(found, kind=SenderKind.HUMAN) if found.kind is SenderKind.EXTERNAL else found


class TrustsDeletions(ToySpecimen):
    def gone(self, toy: Toy, app: str, verified: bool) -> Deleted:
        return super().gone(toy, app, True)


class FallsBackToTheClaim(ToySpecimen):
    """Where the sort of sender is missing, whoever is claimed has spoken."""

    def form(self, payload: bytes) -> Toy:
        loose = as_tree(payload)
        if "agent" not in loose and "claims" in loose:
            return super().form(json.dumps({**loose, "agent": "person", "who": loose["claims"]}).encode())
        return super().form(payload)


class RenamesPlaces(ToySpecimen):
    def place(self, toy: Toy, app: str) -> Conversation:
        found = super().place(toy, app)
        return replace(found, id=f"{found.id}!") if toy.type == "button" else found


class MergesThreads(ToySpecimen):
    def place(self, toy: Toy, app: str) -> Conversation:
        return super().place(fields(toy, thread="thread-1") if toy.thread == "thread-2" else toy, app)


class InventsPlaces(ToySpecimen):
    def place(self, toy: Toy, app: str) -> Conversation:
        return super().place(toy if toy.place.strip() else fields(toy, place="lobby"), app)

    def kind(self, toy: Toy) -> ConversationKind:
        return ConversationKind.PUBLIC if toy.place == "lobby" else super().kind(toy)


class InventsRealms(ToySpecimen):
    def form(self, payload: bytes) -> Toy:
        toy = super().form(payload)
        return toy if toy.realm.strip() else fields(toy, realm="home", home="home")


class LetsRoomsStandInDirectPlaces(ToySpecimen):
    def kind(self, toy: Toy) -> ConversationKind:
        named = toy.place.startswith("d-") and not toy.direct
        return super().kind(fields(toy, place="a-room") if named else toy)


class FoldsPlaces(ToySpecimen):
    def place(self, toy: Toy, app: str) -> Conversation:
        return super().place(fields(toy, place=toy.place.lower(), realm=toy.realm.lower()), app)


class NormalisesPlaces(ToySpecimen):
    def place(self, toy: Toy, app: str) -> Conversation:
        return super().place(fields(toy, place=unicodedata.normalize("NFC", toy.place)), app)


class JoinsByColons(ToySpecimen):
    """The ids are one text for a moment, and are taken apart at the first colon."""

    def form(self, payload: bytes) -> Toy:
        toy = super().form(payload)
        if toy.type == "deletion" or not toy.who.strip() or not toy.place.strip():
            return toy
        place, who = f"{toy.place}:{toy.who}".split(":", 1)
        return fields(toy, place=place, who=who)


class BelievesTheFlag(ToySpecimen):
    def kind(self, toy: Toy) -> ConversationKind:
        if toy.direct and toy.kind in ("group", "public"):
            return ConversationKind.DM
        return super().kind(toy)


class TakesSilenceForDirect(ToySpecimen):
    def form(self, payload: bytes) -> Toy:
        loose = as_tree(payload)
        return super().form(payload if "kind" in loose else json.dumps({**loose, "kind": ""}).encode())

    def kind(self, toy: Toy) -> ConversationKind:
        return ConversationKind.DM if not toy.kind else super().kind(toy)


class PutsCommandsElsewhere(ToySpecimen):
    def place(self, toy: Toy, app: str) -> Conversation:
        return super().place(fields(toy, thread="commands") if toy.type == "command" else toy, app)


class ForgetsWhatItRead(ToySpecimen):
    """What is delivered again is refused instead of read as the same."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def read(self, payload: bytes, *, app: str, verified: bool) -> Read:
        if payload in self._seen and b'"deletion"' in payload:
            raise Unreadable("seen before")
        self._seen.add(payload)
        return super().read(payload, app=app, verified=verified)


class CountsCommandsAsOne(ToySpecimen):
    def delivery(self, toy: Toy) -> str:
        return "command" if toy.type == "command" and toy.delivery.strip() else super().delivery(toy)


class AcceptsPlaceholders(ToySpecimen):
    def checked(self, found: Read) -> Read:
        return found if found.delivery == "undefined" else super().checked(found)


class RenamesMentions(ToySpecimen):
    def made(self, toy: Toy, app: str, verified: bool) -> Read:
        found = super().made(toy, app, verified)
        if toy.type == "mention" and isinstance(found, Message):
            return replace(found, id=MessageId(f"{found.id}m"))
        return found


class CountsOneEdit(ToySpecimen):
    def made(self, toy: Toy, app: str, verified: bool) -> Read:
        found = super().made(toy, app, verified)
        return replace(found, edit=1) if isinstance(found, Message) and found.edit else found


class KeepsTheFirstAuthor(ToySpecimen):
    def form(self, payload: bytes) -> Toy:
        toy = super().form(payload)
        return fields(toy, editor=toy.who) if toy.type == "edit" else toy


class DeletesAnother(ToySpecimen):
    def gone(self, toy: Toy, app: str, verified: bool) -> Deleted:
        return replace(super().gone(toy, app, verified), ids=(MessageId("another"),))


class HearsReactions(ToySpecimen):
    def made(self, toy: Toy, app: str, verified: bool) -> Read:
        found = super().made(toy, app, verified)
        if toy.type == "reaction" and isinstance(found, Message):
            return replace(found, text=toy.text)
        return found


class HearsButtons(ToySpecimen):
    def made(self, toy: Toy, app: str, verified: bool) -> Read:
        found = super().made(toy, app, verified)
        if toy.type == "button" and isinstance(found, Message):
            return replace(found, text=toy.text)
        return found


class HearsForwards(ToySpecimen):
    def made(self, toy: Toy, app: str, verified: bool) -> Read:
        found = super().made(toy, app, verified)
        if toy.type == "forward" and isinstance(found, Message) and toy.shown is not None:
            return replace(found, text=toy.shown.text)
        return found


class CreditsTheSender(ToySpecimen):
    def author(self, toy: Toy, shown: Shown, app: str, verified: bool) -> Sender | None:
        own = toy.type == "message"
        return super().author(toy, fields(shown, author=toy.who) if own else shown, app, verified)


class ReadsTheUnknown(ToySpecimen):
    def refused(self, toy: Toy) -> Read:
        return super().made(fields(toy, type="message", text=""), "app-1", False)


class IgnoresTrailingBytes(ToySpecimen):
    def form(self, payload: bytes) -> Toy:
        return super().form(payload.rstrip(b"\xff"))


class ReadsLoneSurrogates(ToySpecimen):
    def form(self, payload: bytes) -> Toy:
        if b'"text":"\\ud800"' in payload:
            return fields(super().form(payload.replace(b"\\ud800", b"?")), text="\ud800")
        return super().form(payload)


class FlattensBrackets(ToySpecimen):
    """Deep structures are cut away before anybody looks where they stood."""

    def form(self, payload: bytes) -> Toy:
        return super().form(payload.replace(b"[" * DEEP + b"]" * DEEP, b'"cut"'))


class TakesTheFirstOfTwo(ToySpecimen):
    def form(self, payload: bytes) -> Toy:
        toy = super().form(payload)
        return msgspec.convert(json.loads(payload, object_pairs_hook=first), Toy) if toy.text else toy


class ReadsAnySize(ToySpecimen):
    def form(self, payload: bytes) -> Toy:
        return decode(payload, Toy)


class ChecksNoQuotedId(ToySpecimen):
    def checked(self, found: Read) -> Read:
        plain = replace(found, quotes=()) if isinstance(found, Message) else found
        super().checked(plain)
        return found


class BreaksOnTheUnknown(ToySpecimen):
    def refused(self, toy: Toy) -> Read:
        raise KeyError(len(toy.type))


class ChainsTheContent(ToySpecimen):
    def refused(self, toy: Toy) -> Read:
        raise Unreadable("this is nobody's words") from ValueError(toy.text)


class CutsLongIds(ToySpecimen):
    def sender(self, toy: Toy, app: str, verified: bool) -> Sender:
        return super().sender(fields(toy, who=toy.who[:100]), app, verified)


BAD: Mapping[str, type[ToySpecimen]] = {
    "specimen-is-complete": LeavesOutWithoutReason,
    "words-arrive": LosesWords,
    "sender-genuine": TrustsNoCommand,
    "sender-missing": CallsTheNamelessAnonymous,
    "two-realms": IgnoresTheRealm,
    "two-bots": IgnoresTheBot,
    "two-people": SharesGroups,
    "sender-twins-by-case": FoldsSenders,
    "sender-twins-by-unicode-form": NormalisesSenders,
    "display-names": KeysByName,
    "own-id": KnowsNotItself,
    "acts-as-itself-relay": BelievesRelays,
    "acts-as-itself-proxy": BelievesWebhooks,
    "anonymous-accounts": PoolsTheAnonymous,
    "strangers": WelcomesStrangers,
    "unproved-transport": TrustsDeletions,
    "lost-field-makes-no-person": FallsBackToTheClaim,
    "place-genuine": RenamesPlaces,
    "threads": MergesThreads,
    "place-missing": InventsPlaces,
    "realm-missing": InventsRealms,
    "realm-claimed": LetsRoomsStandInDirectPlaces,
    "place-twins-by-case": FoldsPlaces,
    "place-twins-by-unicode-form": NormalisesPlaces,
    "separators": JoinsByColons,
    "flapping-kinds": BelievesTheFlag,
    "lost-field-makes-nothing-direct": TakesSilenceForDirect,
    "command-in-a-room": PutsCommandsElsewhere,
    "delivered-twice": ForgetsWhatItRead,
    "delivered-apart": CountsCommandsAsOne,
    "message-id-missing": AcceptsPlaceholders,
    "told-twice": RenamesMentions,
    "edits": CountsOneEdit,
    "edited-by-another": KeepsTheFirstAuthor,
    "deletions": DeletesAnother,
    "reactions": HearsReactions,
    "buttons": HearsButtons,
    "forwards": HearsForwards,
    "quotes": CreditsTheSender,
    "unknown-kinds": ReadsTheUnknown,
    "malformed-bytes": IgnoresTrailingBytes,
    "lone-surrogates": ReadsLoneSurrogates,
    "deep-nesting": FlattensBrackets,
    "doubled-fields": TakesTheFirstOfTwo,
    "oversize": ReadsAnySize,
    "wrong-types": ChecksNoQuotedId,
    "refusals-are-typed": BreaksOnTheUnknown,
    "refusals-hold-no-content": ChainsTheContent,
    "keys-are-injective": CutsLongIds,
}
