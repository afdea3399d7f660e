"""Cases about what was said: whose words are whose, what was said before, and what is nobody's words."""

from collections.abc import Callable
from dataclasses import replace

from adapters.testing.case import Case, Refused, Stage, expect, is_person, key
from adapters.testing.senders import NAMELESS, SPOKEN
from adapters.testing.specimen import IdKind, Said, Situation
from adapters.wire import Deleted
from firewall.core.message import Message


def _repeated(stage: Stage) -> None:
    for situation in stage.offered():
        payload = stage.raw(situation, stage.said(situation))
        one, two = stage.read(payload), stage.attack(payload)
        if isinstance(one, Refused) or isinstance(two, Refused):
            expect(type(one) is type(two), f"{situation}: read once and refused when delivered again")
            continue
        expect(one == two, f"{situation}: the same delivery is read in two ways")
        expect(one.delivery == two.delivery, f"{situation}: the same delivery has two delivery ids")


def _different(stage: Stage) -> None:
    for situation in stage.offered(*SPOKEN):
        base = stage.said(situation)
        for number in (2, 3):
            next_id = stage.specimen.id
            other = replace(
                base,
                message=next_id(IdKind.MESSAGE, number),
                delivery=next_id(IdKind.DELIVERY, number),
                version=base.version + 1 if base.version else 0,
            )
            one, two = stage.message(situation, base), stage.message(situation, other)
            stage.hostile += 1
            expect(one.delivery != two.delivery, f"{situation}: two messages have one delivery id")
            expect(one.id != two.id, f"{situation}: two messages have one id")


def _idless(stage: Stage) -> None:
    for situation in stage.offered(*SPOKEN):
        for name in (one for one in NAMELESS if one is not None):
            said = stage.said(situation)
            for bad in (replace(said, message=name), replace(said, delivery=name)):
                found = stage.hostile_message(situation, bad)
                if found is not None:
                    ids = (found.id, found.delivery)
                    expect(all(one and one != name for one in ids), f"{situation}: an id is {name!a}")


def _mention(stage: Stage) -> None:
    said = stage.said(Situation.MENTION)
    again = stage.message(Situation.MENTION, replace(said, delivery=stage.specimen.id(IdKind.DELIVERY, 2)))
    told = stage.message(stage.room, said)
    stage.hostile += 1
    same = (again.id, again.conversation.place, key(again)) == (told.id, told.conversation.place, key(told))
    expect(same, "two events for one message have two ids or two places")


def _edits(stage: Stage) -> None:
    said = stage.said(Situation.EDIT)
    original = stage.message(stage.room, replace(said, version=0))
    expect(original.edit == 0, "a message that nobody changed is an edit")
    seen = [original]
    for version in (1, 2, 3):
        delivery = stage.specimen.id(IdKind.DELIVERY, version + 1)
        now = stage.message(Situation.EDIT, replace(said, version=version, delivery=delivery))
        stage.hostile += 1
        expect(now.id == original.id, "an edit has another id than its message")
        expect(now.edit > seen[-1].edit, "a later edit does not count for more than an earlier one")
        expect(now.delivery not in {one.delivery for one in seen}, "an edit has the delivery id of another")
        expect(key(now) == key(original), "an edit stands in another session than its message")
        expect(now.text == said.words, "an edit does not hold the new words")
        seen.append(now)


def _foreign_edit(stage: Stage) -> None:
    found = stage.hostile_message(Situation.FOREIGN_EDIT, stage.said(Situation.FOREIGN_EDIT))
    if found is not None:
        who = stage.said(Situation.FOREIGN_EDIT).who
        expect(found.sender.id != who, "what somebody else wrote stands under the name of the first author")


def _deletion(stage: Stage) -> None:
    said = stage.said(Situation.DELETION)
    found = stage.read(stage.raw(Situation.DELETION, said))
    stage.hostile += 1
    if not isinstance(found, Deleted):
        expect(kept=False, said="a deletion is not read as one")
        return
    expect(said.message in found.ids, "a deletion does not name the message")
    expect(found.conversation.id == said.place, "a deletion names another place")


def _reaction(stage: Stage) -> None:
    said = stage.said(Situation.REACTION)
    found = stage.hostile_message(Situation.REACTION, said)
    if found is not None:
        expect(found.sender.id == said.who, "a reaction is not the act of who gave it")
        expect(not found.text, "a reaction has words of its giver")
        expect(found.id != said.earlier, "a reaction has the id of the message it is given to")


def _button(stage: Stage) -> None:
    said = stage.said(Situation.BUTTON)
    found = stage.message(Situation.BUTTON, said)
    stage.hostile += 1
    expect(found.sender.id == said.who, "a press is not the act of who pressed")
    expect(
        said.words not in found.text, "the value that the bot gave a button is read as the presser's words"
    )
    expect(any(said.words in one.text for one in found.quotes), "the value of the button is lost")
    expect(not _owned(found, said), "the value of a button has a person for its author")


def _owned(found: Message, said: Said) -> bool:
    """True if one of the quotes is a person's, or the sender's own."""
    authors = [one.author for one in found.quotes if one.author is not None]
    return any(one.id == said.who or is_person(one) for one in authors)


def _forward(stage: Stage) -> None:
    said = stage.said(Situation.FORWARD)
    found = stage.message(Situation.FORWARD, said)
    stage.hostile += 1
    expect(found.sender.id == said.who, "a forward is not the act of who forwards")
    _quoted(found, said, "a forward")


def _quote(stage: Stage) -> None:
    said = stage.said(Situation.QUOTE)
    found = stage.message(Situation.QUOTE, said)
    stage.hostile += 1
    expect(said.words in found.text, "an answer has lost its own words")
    if any(said.quoted in one.text for one in found.quotes):
        _quoted(found, said, "an answer")
    expect(said.quoted not in found.text, "an answer says the words that it answers as its sender's own")


def _quoted(found: Message, said: Said, what: str) -> None:
    expect(said.quoted not in found.text, f"{what} says the quoted words as its sender's own")
    quotes = [one for one in found.quotes if said.quoted in one.text]
    expect(quotes, f"{what} has lost the words that it quotes")
    for one in quotes:
        author = one.author.id if one.author is not None else said.other
        expect(author == said.other, f"{what} names somebody else as the author of what it quotes")


def _unknown(stage: Stage) -> None:
    for situation in stage.offered(Situation.DIRECT, stage.room):
        payloads = stage.specimen.unknown(stage.said(situation))
        expect(len(payloads) >= 2, "the specimen gives fewer than two kinds of delivery that are no words")
        for number, payload in enumerate(payloads, 1):
            found = stage.attack(payload)
            expect(isinstance(found, Refused), f"{situation}: unknown delivery {number} is read as a message")


def _case(name: str, claim: str, situation: Situation, examine: Callable[[Stage], None]) -> Case:
    return Case(name=name, claim=claim, needs=frozenset({situation}), examine=examine)


CASES = (
    Case(
        name="delivered-twice",
        claim="The same delivery is read in the same way again, with the same delivery id.",
        examine=_repeated,
    ),
    Case(
        name="delivered-apart",
        claim="Two messages have two ids and two delivery ids.",
        examine=_different,
    ),
    Case(
        name="message-id-missing",
        claim="An empty, blank or malformed id never becomes the id of a message or of a delivery.",
        examine=_idless,
    ),
    _case("told-twice", "Two events for one message have one id in one place.", Situation.MENTION, _mention),
    _case(
        "edits",
        "An edit keeps its message's id and session, and counts for more each time.",
        Situation.EDIT,
        _edits,
    ),
    _case(
        "edited-by-another",
        "A change by somebody else is refused or is that person's, never the first author's.",
        Situation.FOREIGN_EDIT,
        _foreign_edit,
    ),
    _case("deletions", "A deletion names the message and its place.", Situation.DELETION, _deletion),
    _case(
        "reactions",
        "A reaction is refused or is its giver's own act without words.",
        Situation.REACTION,
        _reaction,
    ),
    _case(
        "buttons", "A press is the presser's act; the button's value is a quote.", Situation.BUTTON, _button
    ),
    _case(
        "forwards", "A forward is the forwarder's act; its words are a quote.", Situation.FORWARD, _forward
    ),
    _case(
        "quotes",
        "What is answered is a quote of its own author, if it is read at all.",
        Situation.QUOTE,
        _quote,
    ),
    Case(
        name="unknown-kinds",
        claim="A delivery of a kind that the adapter does not know is refused.",
        examine=_unknown,
    ),
)
