"""Labels, as laws: whose a text is never widens, whatever it is joined with and wherever it is shown."""

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firewall.core.identity import Conversation, ConversationKind, Principal, SenderKind
from firewall.core.ids import PrincipalId
from firewall.core.label import (
    Audience,
    Label,
    Members,
    Operator,
    Owned,
    Principals,
    Readers,
    Room,
    admits,
    audience_of,
    join,
)
from tests.fakes.tenants import ACME, GLOBEX, principals

PLACES = [
    Conversation(channel="slack", app="A", realm="T", id=place, thread=thread, kind=kind, closed=closed)
    for place in ("C1", "C2")
    for thread in (None, "t")
    for kind in ConversationKind
    for closed in (True, False)
]
PEOPLE = [
    Principal(tenant=tenant, id=PrincipalId(name), kind=kind, guest=guest)
    for tenant in (ACME, GLOBEX)
    for name in ("ann", "bob")
    for kind in (SenderKind.HUMAN, SenderKind.BOT, SenderKind.ANONYMOUS, SenderKind.UNKNOWN)
    for guest in (False, True)
]
ROOMS = sorted({Room.of(place) for place in PLACES}, key=repr)
READERS: list[Readers] = [Members(), *ROOMS, principals("ann"), principals("bob"), principals("ann", "bob")]

audiences = st.builds(audience_of, st.sampled_from(PEOPLE), st.sampled_from(PLACES), private=st.booleans())
labels: st.SearchStrategy[Label] = st.one_of(
    st.just(Operator()),
    st.builds(Owned, tenant=st.sampled_from([ACME, GLOBEX]), readers=st.sampled_from(READERS)),
)
many = st.lists(labels, max_size=5)


@given(many, st.randoms())
def test_neither_order_nor_repetition_changes_a_join(given_: list[Label], shuffler: object) -> None:
    shuffled = [*given_, *given_[:2]]
    shuffler.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis hands over a random.Random
    assert join(shuffled) == join(given_)


@given(labels)
def test_a_label_joined_with_itself_is_itself(label: Label) -> None:
    assert join([label]) == label
    assert join([label, label]) == label


@given(many)
def test_operator_text_is_neutral(given_: list[Label]) -> None:
    assert join([*given_, Operator()]) == join(given_)


def test_nothing_joins_to_what_everybody_may_read() -> None:
    assert join([]) == Operator()


@given(many, labels)
def test_what_has_no_join_has_none_with_more(given_: list[Label], another: Label) -> None:
    if join(given_) is None:
        assert join([*given_, another]) is None


@given(many, many)
def test_a_join_of_joins_is_the_join_of_all(one: list[Label], two: list[Label]) -> None:
    first, second = join(one), join(two)
    if first is None or second is None:
        assert join([*one, *two]) is None
    else:
        assert join([first, second]) == join([*one, *two])


OPEN = next(place for place in PLACES if place.kind is ConversationKind.GROUP and not place.closed)
IN_ROOM = Owned(tenant=ACME, readers=Room.of(OPEN))
MEMBERS = Owned(tenant=ACME, readers=Members())
ANN = Owned(tenant=ACME, readers=principals("ann"))


@given(many, audiences)
@example([MEMBERS, IN_ROOM], audience_of(PEOPLE[0], OPEN, private=False))
@example([ANN, IN_ROOM], audience_of(PEOPLE[0], replace(OPEN, kind=ConversationKind.DM), private=False))
def test_a_join_never_widens(given_: list[Label], audience: Audience) -> None:
    joined = join(given_)
    if joined is not None and admits(joined, audience):
        assert all(admits(label, audience) for label in given_)


@pytest.mark.parametrize(
    "pair",
    [
        pytest.param(
            (Owned(tenant=ACME, readers=Members()), Owned(tenant=GLOBEX, readers=Members())), id="tenants"
        ),
        pytest.param(tuple(Owned(tenant=ACME, readers=room) for room in ROOMS[:2]), id="rooms"),
        pytest.param(
            tuple(Owned(tenant=ACME, readers=principals(name)) for name in ("ann", "bob")), id="principals"
        ),
    ],
)
def test_what_cannot_meet_has_no_join(pair: tuple[Label, Label]) -> None:
    assert join(pair) is None


def test_the_common_readers_of_two_lists_remain() -> None:
    both, one = (Owned(tenant=ACME, readers=principals(*names)) for names in (("ann", "bob"), ("bob",)))
    assert join([both, one]) == one


@given(st.sampled_from(READERS), audiences)
def test_another_tenants_text_is_never_admitted(readers: Readers, audience: Audience) -> None:
    other = GLOBEX if audience.tenant == ACME else ACME
    assert not admits(Owned(tenant=other, readers=readers), audience)


@given(audiences)
def test_operator_text_is_for_everybody(audience: Audience) -> None:
    assert admits(Operator(), audience)


@given(st.frozensets(st.sampled_from([each.id for each in PEOPLE]), min_size=1), audiences)
def test_a_list_never_admits_a_room_however_long_it_is(
    ids: frozenset[PrincipalId], audience: Audience
) -> None:
    admitted = admits(Owned(tenant=audience.tenant, readers=Principals(ids=ids)), audience)
    assert admitted == (audience.private and audience.person and audience.principal in ids)


@given(st.sampled_from(ROOMS), audiences)
def test_a_room_admits_those_who_are_in_it_and_nobody_else(room: Room, audience: Audience) -> None:
    assert admits(Owned(tenant=audience.tenant, readers=room), audience) == (room == audience.room)


@given(audiences)
def test_members_are_people_and_read_only_where_nobody_else_can(audience: Audience) -> None:
    admitted = admits(Owned(tenant=audience.tenant, readers=Members()), audience)
    assert admitted == (audience.person and not audience.guest if audience.private else audience.members_only)


@given(st.sampled_from(PEOPLE), st.sampled_from(PLACES))
def test_a_guest_reads_by_asking_privately_what_members_read_only_where_nobody_else_is(
    who: Principal, where: Conversation
) -> None:
    members = Owned(tenant=who.tenant, readers=Members())
    alone, aloud = (audience_of(who, where, private=private) for private in (True, False))
    dm = where.kind is ConversationKind.DM
    if who.kind is SenderKind.HUMAN:
        assert admits(members, alone) == (dm or where.closed or not who.guest)
    if who.guest and not dm:
        assert admits(members, alone) <= admits(members, aloud)


@given(audiences)
def test_what_a_turn_writes_it_may_read_again(audience: Audience) -> None:
    label = audience.writes
    if label is None:
        assert audience.private
        assert not audience.person
        return
    assert admits(label, audience)
    assert label.tenant == audience.tenant


@given(audiences, audiences)
def test_what_is_written_in_private_is_read_by_its_writer_alone(one: Audience, two: Audience) -> None:
    label = one.writes
    if label is None or not one.private or not admits(label, two):
        return
    assert two.private
    assert (two.tenant, two.principal) == (one.tenant, one.principal)


@given(st.sampled_from(PEOPLE), st.sampled_from(PLACES), st.booleans())
def test_an_audience_is_the_room_unless_it_is_asked_for_or_is_a_direct_message(
    who: Principal, where: Conversation, private: bool
) -> None:
    audience = audience_of(who, where, private=private)
    dm = where.kind is ConversationKind.DM
    assert audience.private == (dm or private)
    assert (audience.room is None) == dm
    assert audience.tenant == who.tenant
    assert audience.members_only == where.closed
    assert audience.person == (who.kind is SenderKind.HUMAN)


def test_nobody_is_no_reader() -> None:
    with pytest.raises(ValueError, match="never empty"):
        Principals(ids=frozenset())


@given(audiences)
def test_non_persons_own_nothing(audience: Audience) -> None:
    if not audience.person:
        assert not isinstance(getattr(audience.writes, "readers", None), Principals)
        ids = frozenset({audience.principal})
        assert not admits(Owned(tenant=audience.tenant, readers=Principals(ids=ids)), audience)
