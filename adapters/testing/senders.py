"""Cases about who wrote: nobody is taken for somebody else, and nothing for a person."""

from collections.abc import Iterator
from dataclasses import replace

from adapters.testing.case import Case, Refused, Stage, apart, expect, is_person, key
from adapters.testing.specimen import IdKind, Said, Situation
from adapters.testing.variants import losses
from firewall.core.identity import SenderKind
from firewall.core.message import Message

# What platforms and libraries leave where an id is missing, and what no id may hold.
NAMELESS = (None, "", " ", "\t\n", "\u00a0", "null", "None", "undefined", "u\x00", "u\n")
# One letter in two cases, in two Unicode forms, and beside a letter that looks the same.
TWINS_BY_CASE = (("a", "A"), ("ß", "SS"), ("İ", "i\u0307"))
TWINS_BY_FORM = (("\u00e9", "e\u0301"), ("a", "\u0430"), ("1", "\uff11"), ("a", "a\u200b"), ("a", "a "))
_ASKED = (Situation.BUTTON, Situation.COMMAND)
_PROGRAMS = (Situation.RELAY, Situation.PROXY, Situation.OWN)
SPOKEN = (
    Situation.DIRECT,
    Situation.GROUP,
    Situation.PUBLIC,
    Situation.THREAD,
    Situation.MENTION,
    Situation.EDIT,
    Situation.BUTTON,
    Situation.COMMAND,
    Situation.FORWARD,
    Situation.QUOTE,
)


def _genuine(stage: Stage) -> None:
    for situation in stage.offered(*SPOKEN):
        said = stage.said(situation)
        found = stage.message(situation, said).sender
        expect(found.id == said.who, f"{situation}: the sender's id is not the platform's")
        expect(found.kind is SenderKind.HUMAN, f"{situation}: a person was read as {found.kind}")
        expect(found.verified, f"{situation}: a sender over a proved transport is not verified")
        expect(found.app == said.app, f"{situation}: the sender does not name the bot")


def _nameless(stage: Stage) -> None:
    for situation in stage.offered(*SPOKEN, Situation.RELAY, Situation.PROXY):
        for name in NAMELESS:
            found = stage.hostile_message(situation, replace(stage.said(situation), who=name))
            expect(found is None, f"{situation}: a message was read though its sender is {_shown(name)}")


def _shown(name: str | None) -> str:
    return "missing" if name is None else ascii(name)


def _two_realms(stage: Stage) -> None:
    there = stage.said(Situation.ELSEWHERE)
    here = replace(there, realm=stage.specimen.id(IdKind.REALM, 1), home=stage.specimen.id(IdKind.REALM, 1))
    one, two = stage.message(stage.room, here), stage.message(Situation.ELSEWHERE, there)
    stage.hostile += 1
    expect(one.sender.principal_id != two.sender.principal_id, "equal ids in two realms are one sender")
    expect(one.conversation.place != two.conversation.place, "equal ids in two realms are one place")
    expect(key(one) != key(two), "equal ids in two realms share one session")


def _two_bots(stage: Stage) -> None:
    for situation in stage.offered(*SPOKEN):
        said = stage.said(situation)
        other = replace(said, app=stage.specimen.id(IdKind.APP, 2))
        one, two = stage.message(situation, said), stage.hostile_message(situation, other)
        expect(two is not None, f"{situation}: the second bot cannot be spoken to")
        expect(two is not None and key(one) != key(two), f"{situation}: two bots share one session")


def _two_people(stage: Stage) -> None:
    for situation in stage.offered(*(one for one in SPOKEN if one is not Situation.DIRECT)):
        said = stage.said(situation)
        two = stage.message(situation, replace(said, who=stage.specimen.id(IdKind.PERSON, 2)))
        stage.hostile += 1
        expect(key(stage.message(situation, said)) != key(two), f"{situation}: two people share one session")


def _twins(pairs: tuple[tuple[str, str], ...], why: str) -> Case:
    def examine(stage: Stage) -> None:
        for situation in stage.offered(*SPOKEN):
            said = stage.said(situation)
            for one, two in pairs:
                first, second = (replace(said, who=f"{said.who}{end}") for end in (one, two))
                apart(stage, situation, first, second, f"senders that differ by {why} only")

    name = f"sender-twins-by-{why.lower().replace(' ', '-')}"
    claim = f"Two sender ids that differ by {why} only are two senders."
    return Case(name=name, claim=claim, examine=examine)


def _names(stage: Stage) -> None:
    mark = "name-9K2v"
    for situation in stage.offered():
        said = stage.said(situation)
        found = stage.attack(stage.raw(situation, replace(said, name=f"{said.other} {mark}")))
        if isinstance(found, Message):
            quotes = [text for one in found.quotes for text in (one.message, one.author and one.author.id)]
            ids = (*key(found).fields, found.sender.realm, found.id, found.delivery, *quotes)
            expect(
                not any(mark in text for text in ids if text), f"{situation}: a display name stands in an id"
            )
            plain = stage.read(stage.raw(situation, said))
            same = isinstance(plain, Message) and key(plain) == key(found)
            expect(same, f"{situation}: another display name makes another session")


def _own(stage: Stage) -> None:
    own = stage.specimen.id(IdKind.OWN, 1)
    if Situation.OWN not in stage.specimen.without:
        _no_person(stage, Situation.OWN, stage.said(Situation.OWN))
    # Who presses and commands is named without the bot, so only what is written can be compared with it.
    for situation in stage.offered(*(one for one in SPOKEN if one not in _ASKED)):
        _no_person(stage, situation, replace(stage.said(situation), who=own))


def _no_person(stage: Stage, situation: Situation, said: Said) -> None:
    found = stage.hostile_message(situation, said)
    expect(found is None or not is_person(found.sender), f"{situation}: the bot itself is taken for a person")


def _program(situation: Situation) -> Case:
    def examine(stage: Stage) -> None:
        said = stage.said(situation)
        claims = {"its name": said, "an id as its name": replace(said, name=said.other)}
        for what, one in claims.items():
            found = stage.hostile_message(situation, one)
            if found is None:
                continue
            expect(not is_person(found.sender), f"{situation}: a program is taken for a person by {what}")
            expect(
                found.sender.id != said.other, f"{situation}: a program has the id of the person it claims"
            )
            expect(found.sender.id == said.who, f"{situation}: a program does not act under its own id")

    claims = {Situation.RELAY: "A bot that relays", Situation.PROXY: "A webhook that proxies"}
    claim = f"{claims[situation]} a person's words acts as itself, never as that person."
    return Case(
        name=f"acts-as-itself-{situation}", claim=claim, needs=frozenset({situation}), examine=examine
    )


def _anonymous(stage: Stage) -> None:
    said = stage.said(Situation.ANONYMOUS)
    kind = IdKind.PUBLIC if stage.room is Situation.PUBLIC else IdKind.GROUP
    two = replace(said, place=stage.specimen.id(kind, 2))
    found = [stage.hostile_message(Situation.ANONYMOUS, one) for one in (said, two)]
    here, there = found
    for one in found:
        expect(one is None or not is_person(one.sender), "a shared account is taken for a person")
    if here is not None and there is not None:
        expect(
            here.sender.principal_id != there.sender.principal_id, "the shared accounts of two rooms are one"
        )
        expect(key(here) != key(there), "the shared accounts of two rooms share one session")


def _stranger(stage: Stage) -> None:
    said = stage.said(Situation.STRANGER)
    found = stage.hostile_message(Situation.STRANGER, said)
    if found is None:
        return
    expect(not is_person(found.sender), "a stranger from another realm is taken for a member")
    expect(found.sender.realm != said.realm, "a stranger stands in the realm of the bot")
    member = stage.message(stage.room, replace(said, home=said.realm))
    expect(key(member) != key(found), "a stranger and a member of equal id share one session")
    expect(not found.conversation.closed, "a room with a stranger in it is said to be closed to strangers")


def _unproved(stage: Stage) -> None:
    for situation in stage.offered():
        stage.hostile += 1
        found = stage.read(stage.raw(situation, stage.said(situation)), verified=False)
        if isinstance(found, Message):
            authors = [one.author for one in found.quotes if one.author is not None]
            for sender in (found.sender, *authors):
                expect(not sender.verified, f"{situation}: verified without a proof by the transport")
        elif not isinstance(found, Refused):
            expect(not found.verified, f"{situation}: verified without a proof by the transport")


def _lost(stage: Stage) -> None:
    for situation, said, where, payload in _damaged(stage):
        found = stage.attack(payload)
        if isinstance(found, Message):
            claimed = situation is Situation.OWN or found.sender.id == said.other
            expect(
                not (claimed and is_person(found.sender)),
                f"{situation}: without {where} a program is a person",
            )


def _damaged(stage: Stage) -> Iterator[tuple[Situation, Said, str, bytes]]:
    for situation in stage.offered(*_PROGRAMS):
        said = stage.said(situation)
        # The name is an id too: an adapter that falls back on names would find a person there.
        said = replace(said, name=said.other)
        for where, payload in losses(stage.raw(situation, said)):
            yield situation, said, where, payload


CASES = (
    Case(
        name="sender-genuine",
        claim="A person who writes is a verified person under the platform's own id.",
        examine=_genuine,
    ),
    Case(
        name="sender-missing",
        claim="A missing, empty, blank, placeholder or malformed sender is refused, never replaced.",
        examine=_nameless,
    ),
    Case(
        name="two-realms",
        claim="Equal ids in two realms are two senders, two places and two sessions.",
        needs=frozenset({Situation.ELSEWHERE}),
        examine=_two_realms,
    ),
    Case(name="two-bots", claim="One person who talks to two bots has two sessions.", examine=_two_bots),
    Case(
        name="two-people", claim="Two people in one place never share a session there.", examine=_two_people
    ),
    _twins(TWINS_BY_CASE, "case"),
    _twins(TWINS_BY_FORM, "Unicode form"),
    Case(
        name="display-names",
        claim="What a sender calls itself stands in no id and changes no session.",
        examine=_names,
    ),
    Case(
        name="own-id",
        claim="A sender under the bot's own id is never a person.",
        examine=_own,
    ),
    _program(Situation.RELAY),
    _program(Situation.PROXY),
    Case(
        name="anonymous-accounts",
        claim="An account that many people share is no person, and is another in each room.",
        needs=frozenset({Situation.ANONYMOUS}),
        examine=_anonymous,
    ),
    Case(
        name="strangers",
        claim="A sender from another realm is no member, has a realm of their own and opens nothing.",
        needs=frozenset({Situation.STRANGER}),
        examine=_stranger,
    ),
    Case(
        name="unproved-transport",
        claim="Nothing is verified that the transport did not prove.",
        examine=_unproved,
    ),
    Case(
        name="lost-field-makes-no-person",
        claim="No single lost field turns a program into the person it claims to be.",
        examine=_lost,
    ),
)
