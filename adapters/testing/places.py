"""Cases about where it was said: no room is taken for a direct place, and no two places for one."""

from dataclasses import replace

from adapters.testing.case import Case, Stage, apart, changed, expect, key
from adapters.testing.senders import NAMELESS, SPOKEN, TWINS_BY_CASE, TWINS_BY_FORM
from adapters.testing.specimen import IdKind, Situation
from adapters.testing.variants import losses
from firewall.core.identity import Conversation, ConversationKind
from firewall.core.message import Message

_DM = ConversationKind.DM
_ROOMS = (
    Situation.GROUP,
    Situation.PUBLIC,
    Situation.THREAD,
    Situation.MENTION,
    Situation.EDIT,
    Situation.BUTTON,
    Situation.COMMAND,
    Situation.RELAY,
    Situation.PROXY,
    Situation.ANONYMOUS,
    Situation.STRANGER,
)
# What adapters write where a platform names no realm; somebody may name their realm so.
_CLAIMED = ("dm", "DM", "direct", "private", "unknown", "@me", "0", "*", "default", "global", "main")
_SEPARATORS = (":", "|", "/", "\\", "-", "_", ".", ",", '"', '","', "%3A", "\u2028")


def _genuine(stage: Stage) -> None:
    for situation in stage.offered(*SPOKEN):
        said = stage.said(situation)
        found = stage.message(situation, said).conversation
        direct = said.kind is _DM
        expect((found.kind is _DM) == direct, f"{situation}: {said.kind} was read as {found.kind}")
        expect(found.app == said.app, f"{situation}: the place does not name the bot")
        if situation is not Situation.THREAD:
            expect(found.id == said.place, f"{situation}: the place's id is not the platform's")


def _threads(stage: Stage) -> None:
    said = stage.said(Situation.THREAD)
    one = stage.message(Situation.THREAD, said)
    two = stage.message(Situation.THREAD, replace(said, thread=stage.specimen.id(IdKind.THREAD, 2)))
    room = stage.message(stage.room, replace(said, thread=None))
    stage.hostile += 2
    expect(key(one) != key(two), "two threads share one session")
    expect(key(one) != key(room), "a thread and its room share one session")


def _nameless(stage: Stage) -> None:
    for situation in stage.offered(*SPOKEN, *_ROOMS):
        for name in NAMELESS:
            found = stage.hostile_message(situation, changed(stage.said(situation), "place", name))
            expect(found is None, f"{situation}: read though its place is {_shown(name)}")


def _realmless(stage: Stage) -> None:
    for situation in stage.offered(*_ROOMS):
        said = stage.said(situation)
        for name in NAMELESS:
            found = stage.hostile_message(situation, changed(said, "realm", name))
            expect(found is None, f"{situation}: read though its realm is {_shown(name)}")


def _shown(name: str | None) -> str:
    return "missing" if name is None else ascii(name)


def _claimed(stage: Stage) -> None:
    direct = stage.said(Situation.DIRECT)
    there = stage.message(Situation.DIRECT, direct)
    for situation in stage.offered(*_ROOMS):
        for realm in (there.conversation.realm, *_CLAIMED):
            for place in (stage.said(situation).place, direct.place):
                said = replace(changed(stage.said(situation), "realm", realm), place=place)
                found = stage.hostile_message(situation, said)
                if found is not None and found.conversation.kind is not _DM:
                    expect(
                        found.conversation.place != there.conversation.place,
                        f"{situation}: a realm called {realm!a} is the place of a direct message",
                    )


def _twins(pairs: tuple[tuple[str, str], ...], why: str) -> Case:
    def examine(stage: Stage) -> None:
        for situation in stage.offered(*SPOKEN):
            said = stage.said(situation)
            for one, two in pairs:
                for field in ("place", "realm"):
                    base = said.place if field == "place" else said.realm
                    # Where the realm is the bot itself, a delivery does not name it, so nothing would differ.
                    if field == "realm" and Situation.ELSEWHERE in stage.specimen.without:
                        continue
                    if field == "realm" and situation is Situation.DIRECT:
                        continue
                    first, second = (changed(said, field, f"{base}{end}") for end in (one, two))
                    apart(stage, situation, first, second, f"{field}s that differ by {why} only")

    name = f"place-twins-by-{why.lower().replace(' ', '-')}"
    claim = f"Two ids of places or realms that differ by {why} only are two."
    return Case(name=name, claim=claim, examine=examine)


def _separators(stage: Stage) -> None:
    for situation in stage.offered(*SPOKEN):
        said = stage.said(situation)
        for mark in _SEPARATORS:
            one = replace(said, place=f"{said.place}{mark}x", who=f"y{said.who}")
            two = replace(said, place=said.place, who=f"x{mark}y{said.who}")
            apart(stage, situation, one, two, f"ids joined by {mark!a} in another way")
            apart(
                stage,
                situation,
                replace(said, place=f"{said.place}{mark}{said.who}", who="z"),
                replace(said, who=f"{said.who}{mark}z"),
                f"ids joined by {mark!a} in another way",
            )


def _flapping(stage: Stage) -> None:
    for situation in stage.offered(Situation.DIRECT, Situation.GROUP, Situation.PUBLIC):
        said = stage.said(situation)
        honest = stage.message(situation, said)
        for number, payload in enumerate(stage.specimen.contradictions(said), 1):
            found = stage.attack(payload)
            if isinstance(found, Message):
                _steady(honest.conversation, found.conversation, f"{situation}, contradiction {number}")


def _steady(honest: Conversation, found: Conversation, what: str) -> None:
    """Expect that a place is never direct once and a room another time.

    To read it as another place is fine, since nothing of the one is then read in the other. To take a direct
    place for a room that is not closed is the stricter reading: what one person may read is not shown there.
    """
    if found.place == honest.place:
        expect(
            not (found.kind is _DM and honest.kind is not _DM), f"{what}: a room is read as a direct place"
        )
        opened = honest.kind is _DM and found.kind is not _DM and found.closed
        expect(not opened, f"{what}: a direct place is read as a closed room")


def _lost(stage: Stage) -> None:
    for situation in stage.offered(*_ROOMS):
        said = stage.said(situation)
        if said.kind is _DM:
            continue
        honest = stage.message_or_none(situation, said)
        for where, payload in losses(stage.raw(situation, said)):
            found = stage.attack(payload)
            if isinstance(found, Message) and honest is not None:
                _steady(honest.conversation, found.conversation, f"{situation} without {where}")


def _command(stage: Stage) -> None:
    said = stage.said(Situation.COMMAND)
    two = replace(said, who=stage.specimen.id(IdKind.PERSON, 2))
    ada, ben = stage.message(Situation.COMMAND, said), stage.message(Situation.COMMAND, two)
    stage.hostile += 2
    expect(ada.conversation.kind is not _DM, "a command in a room is taken for a direct message")
    expect(key(ada) != key(ben), "two people's commands in one room share one session")
    here = stage.message(stage.room, stage.said(stage.room))
    expect(
        ada.conversation.place == here.conversation.place, "a command stands in another place than its room"
    )


CASES = (
    Case(
        name="place-genuine",
        claim="A place has the platform's own id, and is direct if and only if the platform says so.",
        examine=_genuine,
    ),
    Case(
        name="threads",
        claim="Two threads of a room, and the room itself, are three sessions.",
        needs=frozenset({Situation.THREAD}),
        examine=_threads,
    ),
    Case(
        name="place-missing",
        claim="A missing, empty, blank, placeholder or malformed place is refused.",
        examine=_nameless,
    ),
    Case(
        name="realm-missing",
        claim="What is said in a room whose realm is missing or malformed is refused.",
        needs=frozenset({Situation.ELSEWHERE}),
        examine=_realmless,
    ),
    Case(
        name="realm-claimed",
        claim="No realm can be named so that its rooms are the place of a direct message.",
        needs=frozenset({Situation.DIRECT}),
        examine=_claimed,
    ),
    _twins(TWINS_BY_CASE, "case"),
    _twins(TWINS_BY_FORM, "Unicode form"),
    Case(
        name="separators",
        claim="Ids that hold the characters by which ids are joined elsewhere stay apart.",
        examine=_separators,
    ),
    Case(
        name="flapping-kinds",
        claim="A room is never read as a direct place, nor a direct place as a closed room.",
        examine=_flapping,
    ),
    Case(
        name="lost-field-makes-nothing-direct",
        claim="No single lost field turns a room into a direct place.",
        examine=_lost,
    ),
    Case(
        name="command-in-a-room",
        claim="A command in a room stands in that room, one session for each person.",
        needs=frozenset({Situation.COMMAND}),
        examine=_command,
    ),
)
