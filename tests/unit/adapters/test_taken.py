"""What opened a turn is known when it is delivered again, and nothing else is."""

from dataclasses import replace

import pytest

import partywall as pw
from adapters import taken
from adapters.taken import Taken
from firewall.core.errors import SessionBusy
from firewall.core.message import Message


def said(realm: str = "T-ACME", who: str = "ada", room: str = "kitchen", delivery: str = "d-1") -> Message:
    made = pw.message("hello", channel="own", realm=realm, sender=who, conversation=room)
    return replace(made, delivery=delivery)


def new(known: Taken, message: Message) -> bool:
    with known.once(message) as first:
        return first


def test_what_comes_again_is_known() -> None:
    known = Taken()
    assert [new(known, said()) for _ in range(3)] == [True, False, False]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(said(realm="T-GLOBEX"), id="in-another-realm"),
        pytest.param(said(who="ben"), id="by-another-sender"),
        pytest.param(said(room="cellar"), id="in-another-room"),
        pytest.param(said(delivery="d-2"), id="with-another-id"),
    ],
)
def test_nobody_can_take_up_the_delivery_of_somebody_else(other: Message) -> None:
    known = Taken()
    assert new(known, other)
    assert new(known, said())


def test_a_forged_delivery_does_not_make_the_true_one_a_second_one() -> None:
    known = Taken()
    forged = replace(said(), sender=replace(said().sender, verified=False))
    assert new(known, forged)
    assert new(known, said())
    assert not new(known, forged), "nor does it pass as the true one"


def test_what_did_not_open_a_turn_may_come_again() -> None:
    known = Taken()
    with pytest.raises(SessionBusy), known.once(said()):
        raise SessionBusy("busy")
    assert new(known, said())


def test_what_comes_meanwhile_is_known_too() -> None:
    known = Taken()
    with known.once(said()) as first:
        assert (first, new(known, said())) == (True, False)


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taken, "_MOST", 2)
    known = Taken()
    first, second, third = (said(delivery=f"d-{number}") for number in range(3))
    assert all(new(known, one) for one in (first, second, third))
    assert not new(known, third)
    assert new(known, first)
