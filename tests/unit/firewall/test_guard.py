"""Every edge of a turn: judged, on record, and given back exactly as judged or not at all."""

import asyncio
import logging
from dataclasses import replace

import pytest

from firewall.core.errors import Denied, IntegrityError, StoreUnavailable
from firewall.core.identity import SenderKind
from firewall.core.label import Owned
from firewall.core.message import Message, Origin
from firewall.core.session import Session, Turn
from firewall.core.subject import ArgumentKind, Form, Json, ModelCall, Reads, ToolSpec
from firewall.guard import argument_leaves
from firewall.ledger import Ledger
from firewall.templates import Template
from tests.fakes.ids import CountedIds
from tests.fakes.stores import House, house
from tests.fakes.tenants import (
    ACME,
    GLOBEX,
    all_members,
    dm,
    every_kind,
    group,
    line,
    message,
    part,
    spec,
    tool_call,
    turn,
)

CANARY = "CANARY-7f3a-secret"


@pytest.fixture
def home() -> House:
    return house()


async def opened(home: House, of: Turn | None = None) -> Ledger:
    who = of or turn()
    async with home.sessions.hold(who.key, wait_s=0) as held:
        return Ledger(replace(who, session=held.id), held, CountedIds())


async def test_a_message_becomes_its_senders_own_words(home: House) -> None:
    ledger = await opened(home)
    await home.guard.inbound(ledger, message("hello", quotes=["quoted"]))
    kept = [(each.text, each.origin, each.label) for each in ledger.session.history]
    own = turn().writes
    assert kept == [("quoted", Origin.QUOTED, own), ("hello", Origin.SENDER, own)]
    assert home.excerpts.known == [("quoted", own), ("hello", own)]


async def test_a_job_says_nothing_and_keeps_nothing(home: House) -> None:
    ledger = await opened(home)
    await home.guard.inbound(ledger, message(""))
    assert ledger.session.history == ()


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(message(CANARY, verified=False), id="forged"),
        pytest.param(message(CANARY, "bob"), id="somebody-elses"),
        pytest.param(message(CANARY, "ann", GLOBEX), id="another-tenants"),
        pytest.param(message("", quotes=[CANARY + "\ud800"]), id="malformed-quote"),
    ],
)
async def test_a_refused_message_is_neither_kept_nor_learnt_nor_told(
    home: House, refused: Message, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = await opened(home)
    with pytest.raises(Denied) as caught, caplog.at_level(logging.DEBUG):
        await home.guard.inbound(ledger, refused)
    assert ledger.session.history == ()
    assert ledger.said == []
    assert home.excerpts.known == []
    assert CANARY not in caplog.text + str(caught.value)
    assert [(each.levelname, each.name) for each in caplog.records] == [("WARNING", "partywall")]
    assert ledger.turn.ref in caplog.text


async def test_somebody_who_owns_nothing_is_refused_before_anything_is_drawn(home: House) -> None:
    ledger = await opened(home, turn(kind=SenderKind.BOT))
    with pytest.raises(Denied):
        await home.guard.inbound(ledger, message("x", kind=SenderKind.BOT, quotes=["y"]))
    assert ledger.session.history == ()


async def test_a_model_is_sent_what_this_turn_may_read_and_nothing_else(home: House) -> None:
    ledger = await opened(home)
    own = part("mine")
    call = ModelCall(leaves=(line(CANARY, group=0), line("mine", own, group=1)))
    judged = await home.guard.model_call(ledger, call)
    assert [each.text for each in judged.leaves] == ["mine"]
    assert home.records.committed[-1].records[0].violation


async def test_what_a_model_says_of_others_is_cut_before_anybody_sees_it(home: House) -> None:
    home.excerpts.learn(CANARY, all_members(GLOBEX))
    ledger = await opened(home)
    (judged,) = await home.guard.model_reply(ledger, (line(f"it is {CANARY}"),))
    assert judged.text == "it is [REDACTED:EXCERPT]"
    theirs = await opened(home, turn(tenant=GLOBEX))
    (owner,) = await home.guard.model_reply(theirs, (line(f"it is {CANARY}"),))
    assert owner.text == f"it is {CANARY}"


async def test_what_was_produced_is_remembered_under_the_turns_label_and_not_learnt(home: House) -> None:
    ledger = await opened(home, turn(place=group()))
    parts = await home.guard.produced(
        ledger, [("one", Origin.MODEL), ("", Origin.MODEL), ("two", Origin.TOOL)]
    )
    assert [each.text for each in ledger.session.history] == ["one", "two"]
    assert {each.label for each in parts} == {turn(place=group()).writes}
    assert home.excerpts.known == []


@pytest.mark.parametrize(
    ("declared", "place", "passes"),
    [
        pytest.param(spec(reads=Reads.PUBLIC), group(), True, id="public-in-a-room"),
        pytest.param(spec(reads=Reads.TENANT), group(), False, id="the-tenants-in-an-open-room"),
        pytest.param(spec(reads=Reads.TENANT), group(closed=True), True, id="the-tenants-in-a-closed-room"),
        pytest.param(spec(reads=Reads.OWN), group(closed=True), False, id="own-in-a-room"),
        pytest.param(spec(reads=Reads.OWN), dm(), True, id="own-in-a-dm"),
        pytest.param(
            spec(reads=Reads.OWN, path=ArgumentKind.READ_PATH), group(), True, id="the-rooms-own-files"
        ),
        pytest.param(
            spec(reads=Reads.OWN, session=ArgumentKind.BOUND_SESSION), group(), True, id="the-session"
        ),
        pytest.param(
            spec(reads=Reads.PUBLIC, who=ArgumentKind.BOUND_PRINCIPAL), group(), False, id="no-loosening"
        ),
        pytest.param(
            spec(reads=Reads.PUBLIC, tenant=ArgumentKind.BOUND_TENANT), group(), False, id="nor-of-rows"
        ),
        pytest.param(
            spec(reads=Reads.PUBLIC, realm=ArgumentKind.BOUND_REALM), group(), False, id="nor-of-a-realm"
        ),
    ],
)
async def test_whose_a_result_is_follows_from_the_declaration(
    home: House, declared: ToolSpec, place: object, passes: bool
) -> None:
    ledger = await opened(home, turn(place=place))  # type: ignore[arg-type]  # a conversation
    call = tool_call(declared, {})
    if passes:
        assert await home.guard.tool_result(ledger, call, declared, "row") == "row"
        assert [each.text for each in ledger.session.history] == ["row"]
        return
    with pytest.raises(Denied) as caught:
        await home.guard.tool_result(ledger, call, declared, "row")
    assert caught.value.reason == "outside_audience"
    assert ledger.produced == []


async def test_a_result_that_nobody_could_own_never_gets_that_far(home: House) -> None:
    ledger = await opened(home, turn(kind=SenderKind.BOT))
    declared = spec(reads=Reads.PUBLIC)
    with pytest.raises(IntegrityError):
        await home.guard.tool_result(ledger, tool_call(declared, {}), declared, "row")


async def test_an_empty_result_is_no_part(home: House) -> None:
    ledger = await opened(home)
    declared = spec()
    assert await home.guard.tool_result(ledger, tool_call(declared, {}), declared, "") == ""
    assert ledger.session.history == ()


async def sent(home: House, ledger: Ledger, text: str, *templates: Template) -> str:
    judged = await home.guard.outbound(
        ledger,
        {"text": text},
        destination=ledger.turn.destination,
        private=ledger.turn.audience.private,
        form=Form.MESSAGE,
        templates=templates,
    )
    return judged["text"]


async def test_only_what_was_judged_may_be_sent(home: House) -> None:
    home.excerpts.learn(CANARY, all_members(GLOBEX))
    ledger = await opened(home)
    await home.guard.produced(ledger, [("an answer", Origin.MODEL)])
    assert await sent(home, ledger, "an answer") == "an answer"
    assert await sent(home, ledger, f"unasked: {CANARY}") == "unasked: [REDACTED:EXCERPT]"
    greeting = Template.parse("Hello {name}!")
    assert await sent(home, ledger, "Hello an answer!", greeting) == "Hello an answer!"
    assert await sent(home, ledger, f"Hello {CANARY}!", greeting) == "Hello [REDACTED:EXCERPT]!"


async def test_in_strict_only_what_was_produced_may_be_sent() -> None:
    home = house(strict=True)
    ledger = await opened(home)
    await home.guard.produced(ledger, [("an answer", Origin.MODEL)])
    assert await sent(home, ledger, "an answer") == "an answer"
    assert await sent(home, ledger, "Welcome.", Template.parse("Welcome.")) == "Welcome."
    with pytest.raises(Denied) as caught:
        await sent(home, ledger, "out of the blue")
    assert caught.value.reason == "unaccounted_outbound"


async def named(home: House, ledger: Ledger, *names: str) -> dict[str, str]:
    return await home.guard.outbound(
        ledger,
        {"text": "an answer"},
        destination=ledger.turn.destination,
        private=ledger.turn.audience.private,
        form=Form.MESSAGE,
        templates=(),
        names={f"names.{number}": name for number, name in enumerate(names)},
    )


@pytest.mark.parametrize("strict", [True, False])
async def test_a_name_that_no_client_shows_may_be_anything_but_somebody_elses_text(strict: bool) -> None:
    home = house(strict=strict)
    home.excerpts.learn(CANARY, all_members(GLOBEX))
    ledger = await opened(home)
    await home.guard.produced(ledger, [("an answer", Origin.MODEL)])
    # A typed value, and an address: neither is looked for in what a program calls its parts.
    assert await named(home, ledger, "ORD-1001", "https://evil.example/x") == {"text": "an answer"}
    assert not any(each.records for each in home.records.committed)
    for names in ((CANARY,), (CANARY[:9], CANARY[9:])):
        with pytest.raises(Denied) as caught:
            await named(home, ledger, *names)
        assert caught.value.reason == "foreign_excerpt"
    theirs = await opened(home, turn(tenant=GLOBEX))
    await home.guard.produced(theirs, [("an answer", Origin.MODEL)])
    assert await named(home, theirs, CANARY) == {"text": "an answer"}


async def test_our_own_words_in_the_place_of_a_result_are_kept_and_not_learnt(home: House) -> None:
    ledger = await opened(home)
    call = tool_call(spec(), {})
    assert await home.guard.tool_result(ledger, call, spec(), "It failed.", learn=False) == "It failed."
    assert [each.text for each in ledger.session.history] == ["It failed."]
    assert home.excerpts.known == []


async def test_an_effect_is_on_record_before_it_happens_and_after(home: House) -> None:
    ledger = await opened(home)

    async def act() -> str:
        assert home.effects.log == [("intend", "send")]
        return "done"

    assert await home.guard.effect(ledger, "send", [CANARY], act) == "done"
    assert home.effects.log == [("intend", "send"), ("done", "send")]
    assert CANARY not in home.effects.digests[0]


async def test_an_effect_that_fails_is_recorded_as_failed(home: House) -> None:
    ledger = await opened(home)

    async def act() -> str:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await home.guard.effect(ledger, "send", ["x"], act)
    assert home.effects.log == [("intend", "send"), ("failed", "send")]


async def test_whether_a_cancelled_effect_happened_is_left_open(home: House) -> None:
    ledger = await opened(home)

    async def act() -> str:
        await asyncio.Event().wait()
        return "never"

    task = asyncio.create_task(home.guard.effect(ledger, "send", ["x"], act))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert home.effects.log == [("intend", "send")]


async def test_nothing_is_done_that_could_not_be_recorded(home: House) -> None:
    ledger = await opened(home)
    home.records.failing = True

    async def act() -> str:
        pytest.fail("it happened")

    with pytest.raises(StoreUnavailable):
        await home.guard.effect(ledger, "send", ["x"], act)


def test_every_string_of_the_arguments_is_a_leaf_that_may_not_be_altered() -> None:
    arguments: dict[str, Json] = {
        "a": "one",
        "b": ["two", {"key": "three", "n": 4}],
        "c": {"x": {"y": ["four"]}},
        "d": None,
        "e": 1.5,
    }
    leaves = argument_leaves(arguments)
    assert [(each.slot, each.text) for each in leaves] == [
        ("a", "one"),
        ("b.0", "two"),
        ("b.1.0.key", "key"),
        ("b.1.0", "three"),
        ("b.1.1.key", "n"),
        ("c.0.key", "x"),
        ("c.0.0.key", "y"),
        ("c.0.0.0", "four"),
    ]
    assert all(each.fixed for each in leaves)
    assert argument_leaves({}) == []


def test_arguments_nested_beyond_reason_are_still_read() -> None:
    deep: Json = "end"
    for _ in range(50_000):
        deep = [deep]
    assert argument_leaves({"a": deep})[0].text == "end"


async def test_the_two_tenants_do_not_see_each_others_session(home: House) -> None:
    ours, theirs = await opened(home), await opened(home, turn(tenant=GLOBEX))
    await home.guard.inbound(ours, message("ours"))
    await home.guard.inbound(theirs, message("theirs", "ann", GLOBEX))
    kept: list[Session] = list(home.sessions.stored.values())
    assert sorted([each.text for one in kept for each in one.history]) == ["ours", "theirs"]
    for one in kept:
        for each in one.history:
            assert isinstance(each.label, Owned)
            assert each.label.tenant == one.key.tenant
    assert {one.key.tenant for one in kept} == {ACME, GLOBEX}
    assert every_kind()
