"""The first layer: who speaks is known, the words are theirs, the answer goes where it was asked."""

from dataclasses import replace

import pytest

from firewall.core.identity import Conversation, ConversationKind, SenderKind
from firewall.core.ids import PrincipalId, TenantId
from firewall.core.label import Members, Operator, Owned, audience_of
from firewall.core.session import Turn
from firewall.core.subject import Inbound, ModelCall, ModelReply, Subject, SubjectKind
from firewall.core.verdict import Allow, Deny, ReasonCode, Severity
from firewall.layers.tenant_boundary import TenantBoundary
from tests.fakes.clock import at_once
from tests.fakes.tenants import (
    ACME,
    GLOBEX,
    all_members,
    alone,
    case,
    dm,
    every_kind,
    group,
    in_room,
    line,
    mixed,
    outbound,
    part,
    person,
    result,
    sender,
    turn,
)

KNOWN = frozenset({ACME, GLOBEX})


def judged(
    subject: Subject, of: Turn | None = None, layer: TenantBoundary | None = None
) -> ReasonCode | None:
    verdict = at_once((layer or TenantBoundary(tenants=KNOWN)).judge(case(subject, of)))
    return verdict.reason if isinstance(verdict, Deny) else None


def test_it_looks_at_everything() -> None:
    assert TenantBoundary(tenants=None).watches == frozenset(SubjectKind)


@pytest.mark.parametrize("subject", every_kind(), ids=lambda each: each.kind.value)
def test_what_is_the_turns_own_passes(subject: Subject) -> None:
    assert judged(subject) is None
    assert judged(subject, layer=TenantBoundary(tenants=None)) is None


@pytest.mark.parametrize("subject", every_kind(), ids=lambda each: each.kind.value)
def test_a_tenant_nobody_configured_is_refused_everything(subject: Subject) -> None:
    assert judged(subject, layer=TenantBoundary(tenants=frozenset({GLOBEX}))) is ReasonCode.UNKNOWN_TENANT
    assert judged(subject, layer=TenantBoundary(tenants=frozenset())) is ReasonCode.UNKNOWN_TENANT


@pytest.mark.parametrize("kind", [each for each in SenderKind if each is not SenderKind.HUMAN])
@pytest.mark.parametrize("subject", every_kind(), ids=lambda each: each.kind.value)
def test_a_kind_of_sender_that_is_not_served_is_refused(kind: SenderKind, subject: Subject) -> None:
    assert judged(subject, turn(kind=kind)) is ReasonCode.UNKNOWN_PRINCIPAL


def test_a_kind_that_is_served_still_owns_nothing_in_private() -> None:
    layer = TenantBoundary(tenants=KNOWN, kinds=frozenset({SenderKind.BOT}))
    bot = sender(kind=SenderKind.BOT)
    hello = Inbound(leaves=(line("hello"),), sender=bot)
    assert judged(hello, turn(kind=SenderKind.BOT), layer) is ReasonCode.NO_OWNER
    assert judged(hello, turn(kind=SenderKind.BOT, place=group()), layer) is None


CONTRADICTIONS: dict[str, Turn] = {
    "key-of-another-tenant": replace(turn(), key=replace(turn().key, tenant=GLOBEX)),
    "key-of-another-person": replace(turn(), key=replace(turn().key, principal=person("bob").id)),
    "key-of-another-kind": replace(turn(), key=replace(turn().key, kind=SenderKind.BOT)),
    "key-of-another-place": replace(turn(), key=replace(turn().key, conversation="D-bob")),
    "audience-of-another-tenant": replace(turn(), audience=replace(turn().audience, tenant=GLOBEX)),
    "audience-of-another-person": replace(
        turn(), audience=replace(turn().audience, principal=person("bob").id)
    ),
    "audience-of-another-room": replace(turn(), audience=turn(place=group()).audience),
    "destination-elsewhere": replace(turn(), destination=dm("bob")),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
@pytest.mark.parametrize("subject", every_kind(), ids=lambda each: each.kind.value)
def test_a_turn_that_contradicts_itself_is_refused(name: str, subject: Subject) -> None:
    assert judged(subject, CONTRADICTIONS[name]) is not None


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        pytest.param(Inbound(leaves=(), sender=sender(verified=False)), "unverified_sender", id="unverified"),
        pytest.param(Inbound(leaves=(), sender=sender("bob")), "foreign_subject", id="somebody-else"),
        pytest.param(
            Inbound(leaves=(), sender=sender(tenant=GLOBEX)), "foreign_subject", id="same-id-elsewhere"
        ),
        pytest.param(
            Inbound(leaves=(), sender=sender(kind=SenderKind.BOT)), "foreign_subject", id="as-a-bot"
        ),
        pytest.param(Inbound(leaves=(), sender=sender("ANN")), "foreign_subject", id="another-case"),
        pytest.param(
            Inbound(leaves=(), sender=sender(), stranger=True), "wrong_destination", id="strange-job"
        ),
    ],
)
def test_a_message_is_its_senders_own(said: Inbound, reason: str) -> None:
    assert judged(said) == reason


@pytest.mark.parametrize("label", [alone("bob"), alone(tenant=GLOBEX), in_room(group()), all_members(GLOBEX)])
@pytest.mark.parametrize("index", [0, 2, 5], ids=["inbound", "model-reply", "outbound"])
def test_text_of_somebody_else_never_passes(label: Owned, index: int) -> None:
    subject = every_kind("secret", part("secret", label))[index]
    assert judged(subject) is ReasonCode.OUTSIDE_AUDIENCE


def test_one_foreign_stretch_among_many_is_enough() -> None:
    foreign = part("y", alone("bob"))
    leaves = (line("a"), mixed(("x", part("x")), ("y", foreign)))
    assert judged(ModelReply(leaves=leaves)) is ReasonCode.OUTSIDE_AUDIENCE
    assert judged(outbound(*leaves)) is ReasonCode.OUTSIDE_AUDIENCE


def test_what_a_bot_presents_is_left_to_the_layer_that_can_drop_it() -> None:
    assert judged(ModelCall(leaves=(line("secret", part("secret", alone("bob"))),))) is None


def test_operator_text_is_nobodys_secret() -> None:
    assert judged(outbound(line("hello", part("hello", Operator())))) is None


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        pytest.param(result(), None, id="own"),
        pytest.param(result(label=all_members()), None, id="the-tenants"),
        pytest.param(result(label=alone("bob")), "outside_audience", id="a-colleagues"),
        pytest.param(result(label=all_members(GLOBEX)), "outside_audience", id="another-tenants"),
        pytest.param(result(owners=frozenset({ACME})), None, id="own-rows"),
        pytest.param(result(owners=frozenset({GLOBEX})), "foreign_owner", id="foreign-rows"),
        pytest.param(result(owners=frozenset({ACME, GLOBEX})), "foreign_owner", id="mixed-rows"),
        pytest.param(result(owners=frozenset({TenantId("")})), "foreign_owner", id="rows-of-nobody"),
        pytest.param(result(fits=False), "result_refused", id="not-as-promised"),
    ],
)
def test_a_result_is_for_this_audience_and_of_this_tenant(subject: Subject, reason: str | None) -> None:
    assert judged(subject) == reason


def test_what_all_members_may_read_is_kept_from_a_room_with_guests() -> None:
    assert judged(result(label=all_members()), turn(place=group())) is ReasonCode.OUTSIDE_AUDIENCE
    assert judged(result(label=all_members()), turn(place=group(closed=True))) is None


def elsewhere() -> list[Conversation]:
    here = dm()
    return [
        dm("bob"),
        dm(tenant=GLOBEX),
        group(),
        replace(here, thread="t"),
        replace(here, app="A2"),
        replace(here, channel="telegram"),
        replace(here, id="d-ann"),
    ]


@pytest.mark.parametrize("place", elsewhere(), ids=repr)
def test_an_answer_goes_where_it_was_asked_and_nowhere_else(place: Conversation) -> None:
    assert judged(outbound(line("hello"), to=place)) is ReasonCode.WRONG_DESTINATION


def test_how_a_place_is_reported_now_does_not_move_it() -> None:
    flapped = replace(dm(), kind=ConversationKind.GROUP, closed=True)
    assert judged(outbound(line("hello"), to=flapped)) is None


def test_a_private_answer_is_never_shown_to_the_room() -> None:
    private = turn(place=group(), private=True)
    assert judged(outbound(line("hello"), to=group(), private=False), private) is ReasonCode.WRONG_DESTINATION
    assert judged(outbound(line("hello"), to=group(), private=True), private) is None
    assert judged(outbound(line("hello"), to=group(), private=True), turn(place=group())) is None


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"], ids=ascii)
@pytest.mark.parametrize("index", [0, 2, 3, 4, 5])
def test_what_is_no_text_is_refused(text: str, index: int) -> None:
    assert judged(every_kind(text)[index]) is ReasonCode.MALFORMED


def test_the_size_of_all_text_together_is_bounded_in_bytes() -> None:
    layer = TenantBoundary(tenants=KNOWN, max_text_bytes=10)
    assert judged(ModelReply(leaves=(line("12345"), line("67890"))), layer=layer) is None
    assert judged(ModelReply(leaves=(line("123456"), line("67890"))), layer=layer) is ReasonCode.TOO_LARGE
    assert judged(ModelReply(leaves=(line("ééééé"),)), layer=layer) is None
    assert judged(ModelReply(leaves=(line("éééééé"),)), layer=layer) is ReasonCode.TOO_LARGE


@pytest.mark.parametrize("foreign", ["x" * 11, "\ud800"], ids=["too-much", "malformed"])
def test_what_others_wrote_into_a_shared_list_does_not_stop_this_turn(foreign: str) -> None:
    layer = TenantBoundary(tenants=KNOWN, max_text_bytes=10)
    own = line("hello", part("hello"))
    assert judged(ModelCall(leaves=(line(foreign, group=1), own)), layer=layer) is None
    assert judged(ModelCall(leaves=(line(foreign, part(foreign)), own)), layer=layer) is not None


def test_a_refusal_is_as_grave_as_it_is() -> None:
    layer = TenantBoundary(tenants=KNOWN)
    foreign = at_once(layer.judge(case(outbound(line("x"), to=dm("bob")))))
    bot = at_once(layer.judge(case(every_kind()[0], turn(kind=SenderKind.BOT))))
    assert isinstance(foreign, Deny)
    assert isinstance(bot, Deny)
    assert (foreign.severity, bot.severity) == (Severity.HIGH, Severity.LOW)


def test_the_tenant_is_the_turns_and_never_the_subjects() -> None:
    theirs = turn("ann", GLOBEX)
    assert judged(result(label=Owned(tenant=ACME, readers=Members())), theirs) is ReasonCode.OUTSIDE_AUDIENCE
    assert judged(result(label=all_members(GLOBEX)), theirs) is None


def test_a_principal_without_a_place_in_its_own_tenant_owns_nothing() -> None:
    ghost = replace(person(), id=PrincipalId("ghost"))
    odd = replace(turn(), principal=ghost, audience=audience_of(ghost, dm(), private=False))
    assert judged(every_kind()[2], odd) is ReasonCode.FOREIGN_SUBJECT
    assert isinstance(at_once(TenantBoundary(tenants=KNOWN).judge(case(every_kind()[2]))), Allow)
