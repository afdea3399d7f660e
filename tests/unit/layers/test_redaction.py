"""The last layer: values and excerpts that nobody who sees the text may read."""

import pytest

from firewall.core.message import Origin, Part, operator_part
from firewall.core.session import Turn
from firewall.core.subject import ArgumentKind, Leaf, ModelCall, ModelReply, Subject, SubjectKind
from firewall.core.verdict import Allow, Deny, Finding, ReasonCode, Redact, Verdict
from firewall.detect.keys import Keys
from firewall.layers.redaction import Redaction
from tests.fakes.clock import at_once
from tests.fakes.stores import KnownTexts, WordDetector
from tests.fakes.tenants import (
    ACME,
    GLOBEX,
    all_members,
    alone,
    case,
    every_kind,
    line,
    mixed,
    outbound,
    part,
    result,
    spec,
    tool_call,
    turn,
)

SECRET = "globexquarterlynumbers"


def layer(*, shadow: bool = False, failing: bool = False) -> Redaction:
    known = KnownTexts([(SECRET, all_members(GLOBEX)), ("acmeplans", all_members(ACME))])
    detector = WordDetector(failing=failing)
    return Redaction(excerpts=known, detector=detector, keys=Keys(detector), shadow=shadow)


def judged(
    subject: Subject, *, of: Turn | None = None, read: tuple[Part, ...] = (), by: Redaction | None = None
) -> Verdict:
    return at_once((by or layer()).judge(case(subject, of, read=read)))


def cuts(verdict: Verdict) -> list[tuple[int, int, int, str, bool]]:
    assert isinstance(verdict, Allow)
    return [
        (each.leaf, each.start, each.stop, each.marker, each.foreign)
        for each in verdict.obligations
        if isinstance(each, Redact)
    ]


@pytest.mark.parametrize("subject", every_kind("nothing special"), ids=lambda each: each.kind.value)
def test_a_text_without_anything_of_anybody_passes(subject: Subject) -> None:
    assert judged(subject) == Allow()


def test_the_senders_own_message_is_not_looked_at() -> None:
    assert layer().watches == frozenset(SubjectKind) - {SubjectKind.INBOUND}


def test_an_excerpt_of_somebody_else_is_cut_out_of_text_that_nobody_accounts_for() -> None:
    reply = ModelReply(leaves=(line("well,"), line(f"so: {SECRET}!")))
    assert cuts(judged(reply)) == [(1, 4, 4 + len(SECRET), "[REDACTED:EXCERPT]", True)]
    verdict = judged(reply)
    assert isinstance(verdict, Allow)
    assert [each.foreign for each in verdict.findings] == [True]


def test_its_owner_reads_it_and_the_other_tenants_likewise() -> None:
    reply = ModelReply(leaves=(line(f"{SECRET} acmeplans"),))
    assert cuts(judged(reply, of=turn(tenant=GLOBEX))) == [
        (0, len(SECRET) + 1, len(SECRET) + 10, "[REDACTED:EXCERPT]", True)
    ]
    assert cuts(judged(reply)) == [(0, 0, len(SECRET), "[REDACTED:EXCERPT]", True)]


def test_who_names_a_value_has_it_and_learns_nothing_about_whose_it_is() -> None:
    reply = ModelReply(leaves=(line(f"you said {SECRET}"),))
    assert judged(reply, read=(part(f"what is {SECRET}?"),)) == Allow()


@pytest.mark.parametrize(
    "subject",
    [
        pytest.param(tool_call(spec(text=ArgumentKind.TEXT), {"text": SECRET}), id="an-argument"),
        pytest.param(tool_call(spec(x=ArgumentKind.UNDECLARED), {"x": {SECRET: 1}}), id="a-key"),
        pytest.param(ModelReply(leaves=(mixed((SECRET, None), fixed=True),)), id="fixed-text"),
        pytest.param(outbound(line(SECRET, operator_part(SECRET))), id="in-the-operators-name"),
    ],
)
def test_where_nothing_may_be_altered_an_excerpt_denies(subject: Subject) -> None:
    verdict = judged(subject)
    assert isinstance(verdict, Deny)
    assert verdict.reason is ReasonCode.FOREIGN_EXCERPT
    assert all(each.foreign for each in verdict.findings)
    assert SECRET not in repr(verdict)


def test_text_of_parts_this_turn_may_read_is_not_asked_about() -> None:
    own = part(f"{SECRET} ORD-1001")
    assert judged(outbound(line(own.text, own))) == Allow()
    assert judged(ModelCall(leaves=(line(own.text, own),))) == Allow()


def test_an_excerpt_across_own_and_unaccounted_text_is_cut() -> None:
    own = part(SECRET[:10], origin=Origin.MODEL)
    leaf = mixed((SECRET[:10], own), (SECRET[10:], None))
    assert cuts(judged(outbound(leaf))) == [(0, 0, len(SECRET), "[REDACTED:EXCERPT]", True)]


TYPED = [
    pytest.param(ModelReply(leaves=(line("order ORD-1001"),)), id="reply"),
    pytest.param(outbound(line("order ORD-1001")), id="outbound"),
]


@pytest.mark.parametrize("subject", TYPED)
def test_a_value_that_stands_nowhere_in_what_was_read_is_cut_whoever_owns_it(subject: Subject) -> None:
    assert cuts(judged(subject)) == [(0, 6, 14, "[REDACTED:ID]", False)]
    assert cuts(judged(subject, of=turn(tenant=GLOBEX))) == [(0, 6, 14, "[REDACTED:ID]", False)]
    assert judged(subject, read=(part("my order is ORD-1001"),)) == Allow()
    assert cuts(judged(subject, read=(part("my order is ORD-2002"),))) == [(0, 6, 14, "[REDACTED:ID]", False)]


def test_a_value_that_a_judged_part_accounts_for_stays() -> None:
    leaf = mixed(("order ", None), ("ORD-1001", part("ORD-1001", origin=Origin.MODEL)))
    assert judged(outbound(leaf)) == Allow()
    half = mixed(("ORD-", part("ORD-", origin=Origin.MODEL)), ("1001", None))
    assert cuts(judged(outbound(half))) == [(0, 0, 8, "[REDACTED:ID]", False)]


@pytest.mark.parametrize(
    "subject",
    [
        pytest.param(ModelCall(leaves=(line("order ORD-1001"),)), id="a-prompt"),
        pytest.param(result("order ORD-1001"), id="a-result"),
        pytest.param(tool_call(spec(text=ArgumentKind.TEXT), {"text": "ORD-1001"}), id="an-argument"),
        pytest.param(ModelReply(leaves=(mixed(("ORD-1001", None), fixed=True),)), id="fixed-text"),
    ],
)
def test_values_are_cut_from_what_is_shown_only(subject: Subject) -> None:
    assert judged(subject) == Allow()


@pytest.mark.parametrize("subject", every_kind(f"{SECRET} ORD-1001")[1:], ids=lambda each: each.kind.value)
def test_in_shadow_everything_is_found_and_nothing_asked_for(subject: Subject) -> None:
    verdict = judged(subject, by=layer(shadow=True))
    assert isinstance(verdict, Allow)
    assert verdict.obligations == ()
    assert verdict.findings
    assert all(each.shadow for each in verdict.findings)


def test_a_shadow_that_fails_says_so_and_lets_pass() -> None:
    verdict = judged(ModelReply(leaves=(line("x"),)), by=layer(shadow=True, failing=True))
    assert verdict == Allow(findings=(Finding(rule="shadow_failed", leaf=0, start=0, stop=0, shadow=True),))


def test_a_detector_that_cannot_look_is_a_refusal() -> None:
    with pytest.raises(RuntimeError, match="CANARY"):
        judged(ModelReply(leaves=(line("x"),)), by=layer(failing=True))


def test_an_empty_text_holds_nothing() -> None:
    empty = Leaf(slot="x", spans=())
    assert judged(ModelReply(leaves=(empty, line("")))) == Allow()


def test_text_of_a_colleague_is_foreign_too() -> None:
    known = KnownTexts([("bobsprivatenote", alone("bob"))])
    detector = WordDetector()
    mine = Redaction(excerpts=known, detector=detector, keys=Keys(detector))
    reply = ModelReply(leaves=(line("bobsprivatenote"),))
    assert len(cuts(judged(reply, by=mine))) == 1
    assert judged(reply, of=turn("bob"), by=mine) == Allow()


HALVES = (SECRET[:9], SECRET[9:])


def _split_over(*texts: str, own: Part | None = None) -> Subject:
    return outbound(*(line(text, own, slot=f"blocks.{number}") for number, text in enumerate(texts)))


@pytest.mark.parametrize(
    "subject",
    [
        pytest.param(_split_over(*HALVES), id="two-blocks"),
        pytest.param(_split_over(*reversed(HALVES)), id="in-the-other-order"),
        pytest.param(_split_over("See:", *SECRET), id="letter-by-letter"),
        pytest.param(tool_call(spec(), {"items": list(HALVES)}), id="a-list"),
        pytest.param(tool_call(spec(), {"body": {"a": HALVES[0], "b": HALVES[1]}}), id="values-between-keys"),
        pytest.param(tool_call(spec(), {"body": {HALVES[0]: HALVES[1]}}), id="a-key-and-its-value"),
        pytest.param(result(f'["{HALVES[0]}", "{HALVES[1]}"]'), id="a-tools-list"),
    ],
)
def test_an_excerpt_that_several_texts_make_up_denies_the_whole(subject: Subject) -> None:
    verdict = judged(subject)
    assert isinstance(verdict, Deny)
    assert verdict.reason is ReasonCode.FOREIGN_EXCERPT
    assert [each.foreign for each in verdict.findings] == [True]
    assert judged(subject, of=turn(tenant=GLOBEX)) == Allow()


def test_half_an_excerpt_says_nothing_and_who_has_both_halves_may_show_them() -> None:
    assert judged(_split_over(HALVES[0], "something else")) == Allow()
    assert judged(_split_over(*HALVES, own=part(SECRET)), read=(part(SECRET),)) == Allow()
    assert judged(_split_over(*HALVES), read=(part(f"I said {SECRET}"),)) == Allow()


def test_what_is_cut_in_one_text_is_not_denied_for_the_texts_beside_it() -> None:
    assert len(cuts(judged(_split_over("See:", f"so: {SECRET}", "and more")))) == 1


def test_in_shadow_a_split_excerpt_is_recorded_and_nothing_more() -> None:
    verdict = judged(_split_over(*HALVES), by=layer(shadow=True))
    assert isinstance(verdict, Allow)
    assert [(each.foreign, each.shadow) for each in verdict.findings] == [(True, True)]
    assert verdict.obligations == ()
