"""What one turn has read and produced: its own, under its own label, with ids of its own session."""

import pytest

from firewall.core.errors import IntegrityError
from firewall.core.identity import SenderKind
from firewall.core.message import Origin, Part
from firewall.core.session import Session, Turn
from firewall.ledger import Ledger
from tests.fakes.ids import CountedIds
from tests.fakes.tenants import ACME, GLOBEX, all_members, alone, group, in_room, part, turn


def ledger(of: Turn | None = None, *history: Part) -> Ledger:
    opened = of or turn()
    session = Session(key=opened.key, id=opened.session, epoch=1, history=history, turns=1)
    return Ledger(opened, session, CountedIds())


def test_a_turn_reads_what_its_whole_audience_may_read() -> None:
    mine, room = part("mine", id="1"), part("room", in_room(group()), id="2")
    theirs, colleagues = part("theirs", alone("ann", GLOBEX), id="3"), part("bob's", alone("bob"), id="4")
    members = part("members", all_members(), id="5")
    history = (mine, room, theirs, colleagues, members)
    read = {
        "dm": ledger(turn(), *history).read,
        "room": ledger(turn(place=group()), *history).read,
        "private-in-room": ledger(turn(place=group(), private=True), *history).read,
        "other-tenant": ledger(turn(tenant=GLOBEX), *history).read,
    }
    assert {name: [each.text for each in parts] for name, parts in read.items()} == {
        "dm": ["mine", "members"],
        "room": ["room"],
        "private-in-room": ["mine", "room", "members"],
        "other-tenant": ["theirs"],
    }


def test_what_a_turn_writes_carries_its_label() -> None:
    assert ledger().part("x", Origin.MODEL).label == alone()
    assert ledger(turn(place=group())).part("x", Origin.MODEL).label == in_room(group())
    assert ledger(turn(tenant=GLOBEX)).part("x", Origin.MODEL).label == alone(tenant=GLOBEX)


def test_a_turn_that_nobody_could_own_writes_nothing() -> None:
    with pytest.raises(IntegrityError):
        ledger(turn(kind=SenderKind.BOT)).part("x", Origin.MODEL)


def test_a_part_names_what_it_was_made_of() -> None:
    book = ledger()
    first = book.part("a", Origin.MODEL)
    second = book.part("b", Origin.MODEL, derived_from=[first])
    assert second.derived_from == (first.id,)


def test_what_was_made_of_a_stricter_text_is_as_strict() -> None:
    book = ledger(turn(place=group(), private=True))
    with pytest.raises(IntegrityError):
        book.part("x", Origin.MODEL, derived_from=[part("theirs", alone("bob"))])


def test_ids_are_drawn_from_the_turn_alone_and_never_twice() -> None:
    def drawn(of: Turn) -> list[str]:
        book = ledger(of)
        return [
            book.part("a", Origin.MODEL).id,
            book.part("a", Origin.MODEL).id,
            book.name("call"),
            book.name("x"),
        ]

    assert drawn(turn()) == drawn(turn())
    assert len(set(drawn(turn()) + drawn(turn(tenant=GLOBEX)))) == 8


def test_what_was_shown_to_a_turn_counts_as_read() -> None:
    book = ledger()
    book.show("a note")
    book.show("")
    assert [each.text for each in book.read] == ["a note"]
    assert book.turn.principal.tenant == ACME


def test_a_digest_is_of_these_texts_in_this_order() -> None:
    book = ledger()
    assert book.digest(["a", "b"]) == book.digest(["a", "b"])
    assert len({book.digest(each) for each in (["a", "b"], ["ab"], ["b", "a"], ["a", "b", ""], [])}) == 5


def test_the_present_turn_and_the_past_are_told_apart() -> None:
    old = part("before", id="1")
    book = ledger(turn(), old)
    said = book.part("now", Origin.SENDER)
    book.said.append(said)
    book.session = Session(key=book.turn.key, id=book.turn.session, epoch=1, history=(old, said), turns=1)
    book.show("a note")
    assert [each.text for each in book.past] == ["before"]
    assert [each.text for each in book.present] == ["now", "a note"]
