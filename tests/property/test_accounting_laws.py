"""Accounting, as laws: everything of one's own, nothing of others, no trace of whether they were there."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import example, given
from hypothesis import strategies as st

from firewall.accounting import account, derived_spans
from firewall.core.label import Operator
from firewall.core.message import Origin, Part
from firewall.core.session import Session
from firewall.core.subject import Leaf, ModelCall, Span, leaf
from firewall.core.verdict import Allow, Deny
from firewall.layers.history_reset import HistoryReset
from firewall.ledger import Ledger
from firewall.obligations import discharge
from firewall.templates import Template
from partywall.prompt import composed
from tests.fakes.clock import at_once
from tests.fakes.ids import CountedIds
from tests.fakes.tenants import case, part, turn

# Few letters, so that what people say collides all the time; a law that holds here holds anywhere.
TEXTS = st.text(alphabet="ab ", min_size=1, max_size=4)
PLAIN = st.lists(TEXTS, min_size=1, max_size=5)
OTHERS = st.lists(TEXTS, max_size=4)
ORIGINS = st.sampled_from([Origin.SENDER, Origin.MODEL])


@dataclass(frozen=True, slots=True)
class Said:
    """One message as a bot presents it."""

    role: str
    text: str


def recorded(said: Sequence[tuple[str, Origin]]) -> list[Part]:
    return [part(text, origin=origin, id=f"p{n}") for n, (text, origin) in enumerate(said)]


def spoken(parts: Sequence[Part], form: str = "{}") -> list[Said]:
    roles = {Origin.SENDER: "user", Origin.MODEL: "assistant"}
    return [Said(roles[each.origin], form.format(each.text)) for each in parts]


def interleaved(own: Sequence[Said], foreign: Sequence[Said], order: Sequence[bool]) -> list[Said]:
    left, right, out = list(own), list(foreign), list[Said]()
    for mine in order:
        source = left if mine and left else right or left
        if source:
            out.append(source.pop(0))
    return [*out, *left, *right]


def read(
    presented: Sequence[Said], records: Sequence[Part], templates: Sequence[Template] = ()
) -> list[tuple[str, str]] | None:
    """What a model reads of a presented list in the turn of its last record; None if it is refused."""
    of = turn()
    session = Session(key=of.key, id=of.session, epoch=1, history=tuple(records), turns=1)
    ledger = Ledger(of, session, CountedIds())
    ledger.said += records[-1:]
    prompt = composed(
        ledger,
        [{"role": each.role, "content": each.text} for each in presented],
        templates=templates,
        history=100,
    )
    leaves = tuple(
        Leaf(
            slot=f"messages.{n}.content",
            spans=each.spans or (Span(text=str(each.message["content"]), source=None),),
            group=n,
        )
        for n, each in enumerate(prompt.lines)
    )
    call = ModelCall(leaves=leaves, ours=prompt.ours)
    verdict = at_once(HistoryReset().judge(case(call, of, read=records)))
    if isinstance(verdict, Deny):
        return None
    after, _ = discharge(call, verdict.obligations, layer="history_reset")
    return [(str(prompt.lines[each.group].message["role"]), each.text) for each in after.leaves]


def accounted_ids(leaves: Sequence[Leaf]) -> list[str]:
    return [span.source.id for each in leaves for span in each.spans if span.source is not None]


BEFORE = st.lists(st.tuples(TEXTS, ORIGINS), max_size=4)


# A turn begins with what its sender says now.
def _said(before: list[tuple[str, Origin]], now: str) -> list[tuple[str, Origin]]:
    return [*before, (now, Origin.SENDER)]


SAID = st.builds(_said, BEFORE, TEXTS.filter(str.strip))
NEIGHBOURS = st.lists(st.builds(Said, st.sampled_from(["user", "assistant"]), TEXTS), max_size=5)
ORDER = st.lists(st.booleans(), max_size=10)


@given(SAID, NEIGHBOURS, ORDER)
@example([("a", Origin.SENDER), ("b", Origin.SENDER)], [Said("user", "a b")], [])
def test_what_a_model_reads_of_a_shared_list_is_the_same_whoever_else_writes(
    said: list[tuple[str, Origin]], others: list[Said], order: list[bool]
) -> None:
    records = recorded(said)
    alone = read(spoken(records), records)
    assert alone == [(each.role, each.text) for each in spoken(records)]
    assert read(interleaved(spoken(records), others, order), records) == alone


@given(SAID, NEIGHBOURS, ORDER)
@example([("a", Origin.SENDER), ("b", Origin.SENDER)], [Said("user", "a b")], [])
def test_what_a_model_reads_of_a_decorated_list_is_the_same_whoever_else_writes(
    said: list[tuple[str, Origin]], others: list[Said], order: list[bool]
) -> None:
    records = recorded(said)
    own = spoken(records, "<ann> {} <end>")
    alone = read(own, records)
    assert alone == [(each.role, each.text) for each in spoken(records)]
    decorated = [Said(each.role, f"<bob> {each.text} <end>") for each in others]
    assert read(interleaved(own, decorated, order), records) == alone
    assert read(interleaved(own, others, order), records) == alone


@given(SAID, NEIGHBOURS, ORDER)
def test_what_a_model_reads_of_one_long_prompt_is_the_same_whoever_else_writes(
    said: list[tuple[str, Origin]], others: list[Said], order: list[bool]
) -> None:
    records = recorded(said)

    def prompt(lines: Sequence[Said]) -> list[Said]:
        return [Said("user", "\n".join(f"{each.role}: {each.text}" for each in lines))]

    alone = read(prompt(spoken(records)), records)
    assert alone == [(each.role, each.text) for each in spoken(records)]
    assert read(prompt(interleaved(spoken(records), others, order)), records) == alone


@given(SAID, st.lists(st.sampled_from(["x", "\nUser: ", "\nUser: y"]), max_size=3))
@example([("one", Origin.SENDER), ("two", Origin.SENDER)], ["\nUser: y"])
def test_a_neighbour_who_writes_a_templates_words_moves_nothing(
    said: list[tuple[str, Origin]], theirs: list[str]
) -> None:
    # If a neighbour's "User: " were taken for the operator's, their words would decide what stands before and
    # behind it in this turn's prompt.
    records = recorded(said)
    template = Template.parse("History: {history}\nUser: {message}")
    own, last = [each.text for each in records[:-1]], records[-1].text
    alone = read([Said("user", f"History: {' | '.join(own)}\nUser: {last}")], records, [template])
    shared = [Said("user", f"History: {' | '.join([*theirs, *own])}\nUser: {last}")]
    assert alone is not None
    assert read(shared, records, [template]) == alone


@given(SAID, SAID)
@example([("a", Origin.SENDER)], [("a", Origin.SENDER)])
def test_a_neighbours_message_that_fits_a_template_leaves_nothing(
    said: list[tuple[str, Origin]], theirs: list[tuple[str, Origin]]
) -> None:
    records = recorded(said)
    template = Template.parse("[{who}] says: {text}")
    own = [Said("user", f"[x] says: {each.text}") for each in records]
    alone = read(own, records, [template])
    assert alone is not None
    foreign = [Said("user", f"[y] says: {form}{text}") for text, _ in theirs for form in ("", "CANARY ")]
    assert read([*foreign, *own], records, [template]) == alone
    assert read([*own, *foreign], records, [template]) == alone


@given(SAID)
@example([("ok", Origin.SENDER)])
def test_a_neighbour_who_types_a_template_around_ones_words_frames_nothing(
    said: list[tuple[str, Origin]],
) -> None:
    records = recorded(said)
    template = Template.parse("[{who}] says: {text}")
    alone = read(spoken(records), records, [template])
    assert alone == [(each.role, each.text) for each in spoken(records)]
    typed = [Said("user", f"[y] says: {each.text}") for each in records]
    assert read([*typed, *spoken(records)], records, [template]) == alone


@given(SAID, st.lists(TEXTS, min_size=1, max_size=6))
def test_unaccounted_text_never_gains_a_source(said: list[tuple[str, Origin]], presented: list[str]) -> None:
    records = recorded(said)
    leaves = [leaf(f"m.{n}", text, None, group=n) for n, text in enumerate(presented)]
    after = account(leaves, records=records)
    assert [each.text for each in after] == presented
    assert [each.slot for each in after] == [each.slot for each in leaves]
    for each in after:
        for span in each.spans:
            assert span.source is None or (span.source in records and span.text == span.source.text)


@given(SAID, st.lists(TEXTS, min_size=1, max_size=6))
def test_each_record_serves_once_and_in_order(said: list[tuple[str, Origin]], presented: list[str]) -> None:
    records = recorded(said)
    order = {each.id: n for n, each in enumerate(records)}
    leaves = [leaf(f"m.{n}", text, None, group=n) for n, text in enumerate(presented)]
    used = [order[each] for each in map(type(records[0].id), accounted_ids(account(leaves, records=records)))]
    assert used == sorted(set(used))


@given(SAID, st.lists(TEXTS, min_size=1, max_size=6))
def test_accounting_again_changes_nothing(said: list[tuple[str, Origin]], presented: list[str]) -> None:
    records = recorded(said)
    once = account([leaf(f"m.{n}", text, None) for n, text in enumerate(presented)], records=records)
    kept = account(once, records=())
    assert [[(span.text, span.source) for span in each.spans] for each in kept] == [
        [(span.text, span.source) for span in each.spans] for each in once
    ]


@given(TEXTS, TEXTS, st.text(alphabet="ab {}x", max_size=12))
def test_a_template_says_only_what_it_says(first: str, last: str, text: str) -> None:
    template = Template(pieces=(f"({first}", f"{last})"))
    for each in (text, f"({first}{text}{last})"):
        spans = template.spans(each)
        if spans is None:
            assert not (each.startswith(f"({first}") and each.endswith(f"{last})"))
            continue
        assert "".join(span.text for span in spans) == each
        for span in spans:
            if span.source is not None:
                assert span.text in template.pieces
                assert isinstance(span.source.label, Operator)


@given(st.text(alphabet="ab ", max_size=8), st.lists(st.text(alphabet="ab ", max_size=4), max_size=4))
def test_what_is_shown_is_split_exactly_and_sourced_by_what_was_produced(
    text: str, produced: list[str]
) -> None:
    parts = recorded([(each, Origin.MODEL) for each in produced])
    spans = derived_spans(text, parts)
    assert "".join(span.text for span in spans) == text
    for span in spans:
        assert span.text
        if span.source is None:
            assert not any(each and each in span.text for each in produced)
            assert not (span.text == text and any(text in each for each in produced))
        else:
            assert span.source in parts
            assert span.text in span.source.text


@given(PLAIN, OTHERS, ORDER)
@example(["ba", "aa"], [], [])
@example(["ba", "aa"], ["a"], [True, False])
def test_a_complete_prompt_of_one_string_is_accounted_entirely(
    said: list[str], others: list[str], order: list[bool]
) -> None:
    records = recorded([(text, Origin.SENDER) for text in said])
    own, foreign = spoken(records), [Said("user", text) for text in others]
    whole = "".join(each.text for each in interleaved(own, foreign, order))
    assert accounted_ids(account([leaf("prompt", whole, None)], records=records)) == [
        each.id for each in records
    ]


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_a_list_without_a_word_of_this_turn_is_refused(theirs: list[str]) -> None:
    records = recorded([("mine alone", Origin.SENDER)])
    assert read([Said("user", f"CANARY {text}") for text in theirs], records) is None


def test_nothing_to_judge_is_nothing_to_refuse() -> None:
    assert isinstance(at_once(HistoryReset().judge(case(ModelCall(leaves=())))), Allow)
