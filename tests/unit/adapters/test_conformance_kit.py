"""The kit itself: each case notices the adapter that breaks its promise, and no other case does."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn
from unittest import SkipTest

import pytest

from adapters.testing import (
    Case,
    LeftOut,
    LiveCase,
    NotCarried,
    NotConformant,
    Situation,
    Tamper,
    cases,
    left_out,
    live_cases,
)
from adapters.testing.variants import doubled, losses, replaced
from tests.fakes.specimens import bad, toy_transport
from tests.fakes.specimens.toy import ToySpecimen
from tests.fakes.specimens.toy_transport import ToyTransport

ROOT = Path(__file__).resolve().parents[3]
CASES = {case.name: case for case in cases()}
LIVE = {case.name: case for case in live_cases()}
# These read thousands of deliveries; each is played against the adapter that it must notice, and a good one.
SLOW = frozenset({"refusals-are-typed", "refusals-hold-no-content", "keys-are-injective"})


@pytest.mark.parametrize("case", cases(), ids=str)
def test_an_adapter_that_keeps_every_promise_passes(case: Case) -> None:
    case.check(ToySpecimen())


@pytest.mark.parametrize("name", CASES)
def test_an_adapter_that_breaks_one_promise_is_caught_by_exactly_that_case(name: str) -> None:
    caught = {each for each in CASES if (each not in SLOW or each == name) and fails(CASES[each], name)}
    assert caught == {name}


def fails(case: Case, name: str) -> bool:
    try:
        case.check(bad.BAD[name]())
    except NotConformant:
        return True
    except LeftOut:
        return False
    return False


def test_every_case_has_a_bad_adapter() -> None:
    assert list(bad.BAD) == list(CASES)
    assert list(toy_transport.BAD) == list(LIVE)
    assert len(CASES) == len(cases())
    assert len(LIVE) == len(live_cases())


@pytest.mark.parametrize("case", [*cases(), *live_cases()], ids=str)
def test_a_case_has_a_plain_name_and_a_claim_of_one_sentence(case: Case | LiveCase) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", case.name)
    assert re.fullmatch(r"[A-Z][^.]*\.", case.claim)


@pytest.mark.parametrize("case", live_cases(), ids=str)
async def test_a_bot_that_keeps_every_promise_passes(case: LiveCase) -> None:
    await case.check(ToySpecimen(), ToyTransport())


@pytest.mark.parametrize("name", LIVE)
async def test_a_bot_that_breaks_one_promise_is_caught_by_exactly_that_case(name: str) -> None:
    caught: set[str] = set()
    for each in LIVE.values():
        try:
            await each.check(ToySpecimen(), toy_transport.BAD[name]())
        except NotConformant:
            caught.add(each.name)
    assert caught == {name}


async def test_a_bot_that_answers_in_another_place_is_caught() -> None:
    with pytest.raises(NotConformant, match="another place"):
        await LIVE["live-answers-in-place"].check(ToySpecimen(), toy_transport.AnswersWhereItAnsweredLast())


class Few(ToySpecimen):
    without: Mapping[Situation, str] = {
        Situation.COMMAND: "it has none",
        Situation.OWN: "it tells no bot of itself",
    }


class Bare(ToySpecimen):
    without: Mapping[Situation, str] = {
        one: "it has direct messages only" for one in Situation if one is not Situation.DIRECT
    }


class Plain(ToyTransport):
    without: Mapping[Tamper, str] = {Tamper.STALE: "nothing is signed"}


class OfText(ToyTransport):
    """Its frames are text, so some bytes cannot be in one."""

    reason = "a frame is text"

    async def deliver(self, payload: bytes, **how: Any) -> None:
        try:
            payload.decode()
        except UnicodeDecodeError:
            raise NotCarried(self.reason) from None
        await super().deliver(payload, **how)


class OfNothing(OfText):
    async def deliver(self, payload: bytes, **how: Any) -> None:
        raise NotCarried(self.reason)


class OfNoReason(OfText):
    reason = " "


class Deaf(ToySpecimen):
    def form(self, payload: bytes) -> NoReturn:
        raise OSError(len(payload))


def test_what_a_platform_lacks_is_skipped_with_its_reason() -> None:
    with pytest.raises(SkipTest, match="it has none"):
        CASES["command-in-a-room"].check(Few())
    lines = left_out(Few())
    assert lines[0] == "command: it has none (not played: command-in-a-room)"
    assert lines[1].startswith("own: it tells no bot of itself")
    assert left_out(ToySpecimen()) == ()


async def test_what_a_transport_or_its_platform_lacks_is_skipped_with_its_reason() -> None:
    with pytest.raises(LeftOut, match="nothing is signed"):
        await LIVE["live-stale-timestamp"].check(ToySpecimen(), Plain())
    with pytest.raises(LeftOut, match="tells no bot of itself"):
        await LIVE["live-own-message"].check(Few(), ToyTransport())


async def test_what_no_delivery_can_look_like_is_counted_with_its_reason() -> None:
    every = await LIVE["live-garbage"].check(ToySpecimen(), ToyTransport())
    some = await LIVE["live-garbage"].check(ToySpecimen(), OfText())
    assert every.not_carried == {}
    assert some.not_carried == {"a frame is text": 4}
    assert some.deliveries == every.deliveries - 4


async def test_a_transport_that_carries_nothing_hostile_or_gives_no_reason_does_not_pass() -> None:
    with pytest.raises(NotConformant, match="carries nothing"):
        await LIVE["live-garbage"].check(ToySpecimen(), OfNothing())
    with pytest.raises(NotConformant, match="does not say why"):
        await LIVE["live-garbage"].check(ToySpecimen(), OfNoReason())


def test_why_a_live_case_is_left_out_is_known_before_anything_is_started() -> None:
    assert LIVE["live-stale-timestamp"].missing(ToySpecimen(), Plain.without) == "nothing is signed"
    assert LIVE["live-own-message"].missing(Few(), {}) == "it tells no bot of itself"
    assert LIVE["live-own-message"].missing(ToySpecimen(), Plain.without) is None


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_platform_of_direct_messages_only_can_be_examined(case: Case) -> None:
    if not case.missing(Bare()):
        case.check(Bare())


def test_an_adapter_that_refuses_everything_does_not_pass() -> None:
    with pytest.raises(NotConformant, match="a genuine delivery was refused by OSError"):
        CASES["sender-genuine"].check(Deaf())


def test_a_failure_says_what_was_played() -> None:
    with pytest.raises(NotConformant, match="direct: a message was read though its sender is ''"):
        CASES["sender-missing"].check(bad.BAD["sender-missing"]())


def test_a_form_is_damaged_field_by_field() -> None:
    form = b"a=1&b=2"
    assert [one for _, one in losses(form)] == [b"b=2", b"a=1"]
    assert [one for _, one in replaced(form, "x")] == [b"a=x&b=2", b"a=1&b=x"]
    assert [one for _, one in doubled(form, "x")] == [b"a=x&a=1&b=2", b"b=x&a=1&b=2"]


def test_json_is_damaged_field_by_field() -> None:
    body = b'{"a":[1,{"b":2}]}'
    assert [where for where, _ in losses(body)] == ["a", "a.0", "a.1", "a.1.b"]
    assert [one for _, one in losses(body)][-1] == b'{"a":[1,{}]}'
    assert next(one for _, one in replaced(body, "null")) == b'{"a":null}'
    assert [one for _, one in doubled(body, "0")] == [b'{"a":0,"a":[1,{"b":2}]}', b'{"a":[1,{"b":0,"b":2}]}']


def test_bytes_of_another_format_are_damaged_as_bytes_only() -> None:
    assert [*losses(b"\xff"), *replaced(b"\xff", "x"), *doubled(b"\xff", "x")] == []


@pytest.mark.parametrize("case", [*cases(), *live_cases()], ids=str)
def test_the_page_lists_each_case_with_its_claim(case: Case | LiveCase) -> None:
    page = (ROOT / "docs" / "channels" / "conformance.md").read_text(encoding="utf-8")
    assert f"| `{case.name}` | {case.claim} |" in page


def test_the_page_lists_no_other_case() -> None:
    page = (ROOT / "docs" / "channels" / "conformance.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `([a-z-]+)` \| [A-Z].*\.(?: \|)$", page, re.MULTILINE)
    assert set(named) == {*CASES, *LIVE}
