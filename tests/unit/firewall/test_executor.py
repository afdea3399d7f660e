"""One tool call: in one fixed order, with the arguments that were judged, for the turn that asked."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from firewall.core.errors import Denied, StoreUnavailable
from firewall.core.ids import TenantId
from firewall.core.session import Turn
from firewall.executor import owner_of
from firewall.kinds import (
    Command,
    CurrentPrincipal,
    CurrentRealm,
    CurrentSession,
    CurrentTenant,
    CurrentTurn,
    PlacedRead,
    ReadFile,
    ReadPath,
    Text,
    Url,
    WritePath,
)
from firewall.layers.tool_denial import Grants
from firewall.ledger import Ledger
from firewall.templates import FAILED
from firewall.tools import declare
from tests.fakes.stores import Confinement, House, LentFiles, house
from tests.fakes.tenants import ACME, GLOBEX, dm, group, message, turn

CANARY = "CANARY-7f3a"


@asynccontextmanager
async def asked(
    home: House, *tools: Callable[..., object], tenant: TenantId = ACME
) -> AsyncGenerator[Ledger]:
    for each in tools:
        home.tools.add(declare(each, reads="own"))
    async with home.turns.open(message("do it", tenant=tenant)) as opened:
        yield opened.ledger


async def echo(text: Text) -> str:
    return f"said {text}"


async def test_the_order_is_judged_intended_run_finished_judged() -> None:
    home = house()
    order: list[str] = []

    async def act(text: Text) -> str:
        order.append("run")
        assert [each.subject for each in home.records.committed][-1] == "tool_call"
        assert home.effects.log == [("intend", "tool:act")]
        return text

    async with asked(home, act) as ledger:
        assert await home.executor.call(ledger, "act", '{"text": "now"}') == "now"
    home.records.flush()
    assert order == ["run"]
    assert home.effects.log == [("intend", "tool:act"), ("done", "tool:act")]
    assert [each.subject for each in home.records.committed] == ["inbound", "tool_call", "tool_result"]
    assert [part.text for part in ledger.produced] == ["now"]


@pytest.mark.parametrize(
    ("name", "raw", "reason"),
    [
        pytest.param("missing", "{}", "unknown_tool", id="unknown"),
        pytest.param("Echo", '{"text": "x"}', "unknown_tool", id="another-case"),
        pytest.param("\u0435cho", '{"text": "x"}', "unknown_tool", id="homoglyph"),
        pytest.param("echo\ud800", '{"text": "x"}', "unknown_tool", id="surrogate-name"),
        pytest.param("bash", "{}", "denied_class", id="shell"),
        pytest.param("echo", "{", "bad_arguments", id="no-json"),
        pytest.param("echo", "[]", "bad_arguments", id="a-list"),
        pytest.param("echo", '{"text": 1}', "bad_arguments", id="another-type"),
        pytest.param("echo", '{"text": "a", "text": "b"}', "bad_arguments", id="doubled-key"),
        pytest.param("echo", '{"text": "a", "x": NaN}', "bad_arguments", id="nan"),
        pytest.param("echo", '{"a":' * 10_000, "bad_arguments", id="deep"),
        pytest.param("echo", '{"text": "\\ud800"}', "malformed", id="surrogate"),
    ],
)
async def test_what_is_not_known_granted_and_well_formed_never_runs(name: str, raw: str, reason: str) -> None:
    home = house()
    async with asked(home, echo) as ledger:
        with pytest.raises(Denied) as caught:
            await home.executor.call(ledger, name, raw)
    assert caught.value.reason == reason
    assert home.effects.log == []
    assert home.records.committed[-1].reason == reason


async def test_a_failing_store_stops_the_tool_before_it_runs() -> None:
    home = house()
    ran: list[str] = []

    async def act(text: Text) -> str:
        ran.append(text)
        return text

    async with asked(home, act) as ledger:
        home.records.failing = True
        with pytest.raises(StoreUnavailable):
            await home.executor.call(ledger, "act", '{"text": "now"}')
    assert ran == []


async def test_what_was_judged_is_what_runs() -> None:
    home = house()
    given: dict[str, Any] = {"path": "//etc/passwd", "items": ["a", {"b": "c"}]}
    seen: list[object] = []

    async def read(path: PlacedRead, items: list[Any]) -> str:
        seen.append((path, items))
        return ""

    async with asked(home, read) as ledger:
        await home.executor.call(ledger, "read", given)
    assert seen == [("etc/passwd", ["a", {"b": "c"}])]
    assert seen[0] != (given["path"], given["items"])


async def test_bound_arguments_are_the_turns_own_whatever_the_model_says() -> None:
    home = house()
    seen: list[tuple[object, ...]] = []

    async def orders(
        text: Text,
        tenant: CurrentTenant,
        realm: CurrentRealm,
        who: CurrentPrincipal,
        session: CurrentSession,
        turn: CurrentTurn,
    ) -> str:
        seen.append((tenant, realm, who, session, turn.id))
        return "none"

    for tenant in (ACME, GLOBEX):
        async with asked(home, orders, tenant=tenant) as ledger:
            await home.executor.call(ledger, "orders", {"text": "all"})
            own = ledger.turn
            assert seen.pop() == (tenant, own.key.realm, own.principal.id, own.session, own.id)
            with pytest.raises(Denied) as caught:
                await home.executor.call(ledger, "orders", {"text": "all", "tenant": str(GLOBEX)})
            assert caught.value.reason == "bound_argument"


async def test_paths_are_lent_from_the_senders_own_compartment_and_given_back(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("own words")
    home = house(files=LentFiles(real={"in": str(tmp_path / "in")}))

    async def copy(source: ReadPath, target: WritePath, opened: ReadFile) -> str:
        assert home.files.returned == []
        return f"{source} {target} {opened.read().decode()}"

    async with asked(home, copy) as ledger:
        text = await home.executor.call(ledger, "copy", {"source": "/a", "target": "b", "opened": "in"})
        assert text == "/lent/a /lent/b own words"
        owner = owner_of(ledger.turn)
    assert home.files.lent == [(owner, "a", False), (owner, "b", True), (owner, "in", False)]
    assert sorted(home.files.returned) == ["a", "b", "in"]


async def test_an_argument_left_out_is_the_functions_own_default() -> None:
    home = house()

    async def repeat(text: Text, times: int = 2) -> str:
        return text * times

    async with asked(home, repeat) as ledger:
        assert await home.executor.call(ledger, "repeat", {"text": "ab"}) == "abab"


async def test_a_path_that_means_nothing_here_never_reaches_the_tool() -> None:
    home = house()

    async def read(path: ReadPath) -> str:
        pytest.fail("it ran")

    async with asked(home, read) as ledger:
        with pytest.raises(Denied) as caught:
            await home.executor.call(ledger, "read", {"path": "../GLOBEX/a"})
    assert caught.value.reason == "path_refused"
    assert home.files.lent == []


async def test_a_missing_file_is_told_in_words_about_the_owners_own_files() -> None:
    home = house(files=LentFiles(missing=frozenset({"a"})))

    async def read(path: ReadPath) -> str:
        pytest.fail("it ran")

    async with asked(home, read) as ledger:
        assert await home.executor.call(ledger, "read", {"path": "a"}) == "error: there is no such file"


def compartments() -> dict[str, Turn]:
    return {
        "dm": turn(),
        "another-tenant": turn(tenant=GLOBEX),
        "another-person": turn("bob"),
        "room": turn(place=group()),
        "another-room": turn(place=group("board")),
        "thread": turn(place=group(thread="t")),
        "private-in-a-room": turn(place=group(), private=True),
    }


def test_each_tenant_person_and_room_has_a_compartment_of_its_own() -> None:
    owners = {name: owner_of(each) for name, each in compartments().items()}
    # What is asked in private is the same private data wherever it is asked.
    assert owners.pop("private-in-a-room") == owners["dm"]
    assert len(set(owners.values())) == len(owners)


def plain(text: Text) -> str:
    return f"said {text} on {threading.current_thread() is threading.main_thread()}"


async def test_a_synchronous_tool_runs_off_the_loop() -> None:
    home = house()
    async with asked(home, plain) as ledger:
        assert await home.executor.call(ledger, "plain", {"text": "x"}) == "said x on False"


async def test_a_synchronous_tool_that_gives_an_awaitable_is_awaited() -> None:
    home = house()

    def later(text: Text) -> Any:
        return echo(text)

    async with asked(home, later) as ledger:
        assert await home.executor.call(ledger, "later", {"text": "x"}) == "said x"


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(RuntimeError(CANARY), id="error"),
        pytest.param(OSError(5, CANARY), id="os-error-with-words-of-its-own"),
        pytest.param(ConnectionRefusedError(111, f"Connect call failed {CANARY}"), id="connection"),
        pytest.param(FileNotFoundError(2, CANARY, f"/home/{CANARY}"), id="file"),
        pytest.param(OSError(CANARY), id="no-errno"),
        pytest.param(TimeoutError(CANARY), id="timeout"),
    ],
)
async def test_what_a_tool_says_in_its_error_goes_nowhere(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    home = house()

    async def act(text: Text) -> str:
        raise error

    async with asked(home, act) as ledger:
        told = await home.executor.call(ledger, "act", {"text": "x"})
    assert CANARY not in told
    assert CANARY not in caplog.text
    assert CANARY not in repr(home.records.all)


@pytest.mark.parametrize("error", [RuntimeError("x"), OSError(5, "x"), TimeoutError()], ids=repr)
async def test_a_tool_that_fails_is_recorded_as_failed(error: Exception) -> None:
    home = house()

    async def act(text: Text) -> str:
        raise error

    async with asked(home, act) as ledger:
        await home.executor.call(ledger, "act", {"text": "x"})
    assert home.effects.log == [("intend", "tool:act"), ("failed", "tool:act")]


async def test_a_tool_that_hangs_ends_at_its_timeout() -> None:
    home = house(timeout_s=0.0)

    async def hang(text: Text) -> str:
        await asyncio.Event().wait()
        return "never"

    async with asked(home, hang) as ledger:
        assert await home.executor.call(ledger, "hang", {"text": "x"}) == FAILED


async def test_a_cancelled_tool_leaves_its_outcome_open() -> None:
    home = house()
    started = asyncio.Event()

    async def hang(text: Text) -> str:
        started.set()
        await asyncio.Event().wait()
        return "never"

    async with asked(home, hang) as ledger:
        task = asyncio.create_task(home.executor.call(ledger, "hang", {"text": "x"}))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert home.effects.log == [("intend", "tool:hang")]


async def test_a_lent_file_stays_lent_until_the_thread_that_uses_it_ends() -> None:
    # A thread cannot be stopped. If its `/proc/self/fd/N` were closed under it, N would soon be another
    # tenant's file, and the thread would write there.
    home = house()
    started, released = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(path: WritePath) -> str:
        loop.call_soon_threadsafe(started.set)
        released.wait(10)
        return path

    async with asked(home, slow) as ledger:
        task = asyncio.create_task(home.executor.call(ledger, "slow", {"path": "a"}))
        await started.wait()
        task.cancel()
        for _ in range(10):
            await asyncio.sleep(0)
        early = list(home.files.returned)
        released.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.gather(*home.executor.orphans, return_exceptions=True)
    assert early == []
    # What the thread wrote after the turn was told that it failed reaches no compartment.
    assert home.files.returned == home.files.spoilt == ["a"]


async def test_a_thread_whose_turn_has_ended_may_fail_as_it_likes() -> None:
    home = house()
    started, released = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(text: Text) -> str:
        loop.call_soon_threadsafe(started.set)
        released.wait(10)
        raise RuntimeError(CANARY)

    async with asked(home, slow) as ledger:
        task = asyncio.create_task(home.executor.call(ledger, "slow", {"text": "x"}))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    released.set()
    (left,) = home.executor.orphans
    with pytest.raises(RuntimeError, match=CANARY):
        await left
    await asyncio.sleep(0)
    assert not home.executor.orphans


async def unwritable_key(text: Text) -> Any:
    return {("a", CANARY): 1}


async def endless(text: Text) -> Any:
    made: dict[str, Any] = {}
    made["self"] = made
    return made


async def deep(text: Text) -> Any:
    made: Any = []
    for _ in range(100_000):
        made = [made]
    return made


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError(CANARY)


async def unwritable_value(text: Text) -> Any:
    return Hostile()


@pytest.mark.parametrize("tool", [unwritable_key, endless, deep, unwritable_value])
async def test_a_result_that_cannot_be_written_is_refused_in_constant_words(
    tool: Callable[..., object],
) -> None:
    home = house()
    async with asked(home, tool) as ledger:
        told, reason = "", ""
        try:
            told = await home.executor.call(ledger, tool.__name__, {"text": "x"})
        except Denied as denied:
            reason = denied.reason
    assert (told, reason) in {(FAILED, ""), ("", "result_refused")}


async def generator(text: Text) -> Any:
    return (each for each in text)


async def test_no_memory_address_is_shown_to_a_model() -> None:
    home = house()
    async with asked(home, generator) as ledger:
        try:
            told = await home.executor.call(ledger, "generator", {"text": "x"})
        except Denied:
            return
    assert "0x" not in told


class Row(BaseModel):
    id: int
    name: str


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("as it is", "as it is", id="text"),
        pytest.param(None, "null", id="nothing"),
        pytest.param({"a": "é"}, '{"a": "é"}', id="mapping"),
        pytest.param([1, True], "[1, true]", id="list"),
        pytest.param(Row(id=1, name="x"), '{"id": 1, "name": "x"}', id="model"),
        pytest.param([Row(id=1, name="x")], '[{"id": 1, "name": "x"}]', id="models"),
    ],
)
async def test_a_result_is_told_as_text(value: object, text: str) -> None:
    home = house()

    async def give(text: Text) -> Any:
        return value

    async with asked(home, give) as ledger:
        assert await home.executor.call(ledger, "give", {"text": "x"}) == text


async def test_a_result_that_is_not_what_was_promised_is_refused() -> None:
    home = house()

    async def count(text: Text) -> int:
        return "42"  # type: ignore[return-value]  # what is tested

    async with asked(home, count) as ledger:
        with pytest.raises(Denied) as caught:
            await home.executor.call(ledger, "count", {"text": "x"})
        assert ledger.produced == []
    assert caught.value.reason == "result_refused"


async def test_a_result_that_is_too_large_is_refused() -> None:
    home = house()

    async def give(text: Text) -> str:
        return "x" * 1_000_001

    async with asked(home, give) as ledger:
        with pytest.raises(Denied) as caught:
            await home.executor.call(ledger, "give", {"text": "x"})
    assert caught.value.reason == "too_large"


@pytest.mark.parametrize(
    ("rows", "passes"),
    [
        pytest.param([], True, id="no-rows"),
        pytest.param([{"owner": "ACME", "id": 1}], True, id="own-rows"),
        pytest.param({"owner": "ACME"}, True, id="one-row"),
        pytest.param([{"owner": "ACME"}, {"owner": "GLOBEX"}], False, id="one-foreign-row"),
        pytest.param([{"owner": "acme"}], False, id="another-case"),
        pytest.param([{"id": 1}], False, id="no-owner"),
        pytest.param([{"owner": None}], False, id="null-owner"),
        pytest.param([{"owner": ["ACME", "GLOBEX"]}], False, id="two-owners"),
        pytest.param(["ACME"], False, id="no-row-at-all"),
        pytest.param({"rows": [{"owner": "GLOBEX"}]}, False, id="wrapped"),
        pytest.param(({"owner": "GLOBEX"},), False, id="tuple"),
    ],
)
async def test_rows_of_another_tenant_never_come_back(rows: object, passes: bool) -> None:
    home = house()

    async def select(text: Text) -> Any:
        return rows

    home.tools.add(declare(select, reads="own", owner="owner"))
    async with home.turns.open(message("all")) as opened:
        if passes:
            assert "GLOBEX" not in await home.executor.call(opened.ledger, "select", {"text": "x"})
            return
        with pytest.raises(Denied) as caught:
            await home.executor.call(opened.ledger, "select", {"text": "x"})
    assert caught.value.reason == "foreign_owner"


async def test_a_failure_has_no_rows_to_own() -> None:
    home = house()

    async def select(text: Text) -> list[dict[str, str]]:
        raise RuntimeError(CANARY)

    home.tools.add(declare(select, reads="own", owner="owner"))
    async with home.turns.open(message("all")) as opened:
        assert await home.executor.call(opened.ledger, "select", {"text": "x"}) == FAILED


async def members(tenant: CurrentTenant) -> str:
    return "all members"


async def mine(who: CurrentPrincipal) -> str:
    return "mine alone"


@pytest.mark.parametrize(
    ("tool", "place", "private", "passes"),
    [
        pytest.param(members, dm(), False, True, id="members-in-a-dm"),
        pytest.param(members, group(closed=True), False, True, id="members-in-a-closed-room"),
        pytest.param(members, group(), False, False, id="members-in-an-open-room"),
        pytest.param(mine, dm(), False, True, id="mine-in-a-dm"),
        pytest.param(mine, group(), True, True, id="mine-in-private"),
        pytest.param(mine, group(closed=True), False, False, id="mine-in-a-room"),
    ],
)
async def test_a_result_is_shown_where_all_who_see_it_may_read_it(
    tool: Callable[..., object], place: Any, private: bool, passes: bool
) -> None:
    home = house()
    home.tools.add(declare(tool))
    async with home.turns.open(message("x", place=place, private=private)) as opened:
        if passes:
            assert await home.executor.call(opened.ledger, tool.__name__, {})
            return
        with pytest.raises(Denied) as caught:
            await home.executor.call(opened.ledger, tool.__name__, {})
    assert caught.value.reason == "outside_audience"


async def get(url: Url) -> str:
    return url


async def do(command: Command) -> str:
    return command


async def test_a_grant_of_one_tenant_lets_no_other_tenant_out() -> None:
    grants = {ACME: Grants(tools=frozenset({"do"}), hosts=("example.org",))}
    home = house(grants=grants)
    for tenant, passes in ((ACME, True), (GLOBEX, False)):
        async with asked(home, get, do, tenant=tenant) as ledger:
            for name, arguments in (("get", {"url": "https://example.org/"}), ("do", {"command": "ls"})):
                if passes:
                    assert await home.executor.call(ledger, name, arguments)
                    continue
                with pytest.raises(Denied):
                    await home.executor.call(ledger, name, arguments)


async def test_a_granted_command_is_denied_where_it_cannot_be_confined() -> None:
    home = house(
        grants={ACME: Grants(tools=frozenset({"do"}))}, runner=Confinement(reason="no bubblewrap here")
    )
    async with asked(home, do) as ledger:
        with pytest.raises(Denied) as caught:
            await home.executor.call(ledger, "do", {"command": "ls"})
    assert caught.value.reason == "exec_unavailable"


async def test_a_tool_whose_layer_let_it_pass_undeclared_still_does_not_run() -> None:
    home = house()

    class Generous:
        async def tool_call(self, *given: object, **options: object) -> object:
            return None

    blind = replace(home.executor, guard=Generous())  # type: ignore[arg-type]  # a broken judge
    async with asked(home) as ledger:
        with pytest.raises(LookupError, match="nobody declared"):
            await blind.call(ledger, "ghost", "{}")


class Blocked:
    """A synchronous tool whose threads hang until they are released."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._released = threading.Event()
        self._loop = asyncio.get_running_loop()
        self.started = asyncio.Event()

    def tool(self) -> Callable[..., object]:
        def hang(text: Text) -> str:
            self.begun.append(text)
            self._loop.call_soon_threadsafe(self.started.set)
            self._released.wait(30)
            return text

        return hang

    def release(self) -> None:
        self._released.set()


async def test_a_tenant_whose_tools_hang_takes_no_thread_of_another_tenant() -> None:
    home, blocked = house(share=2), Blocked()
    home.tools.add(declare(blocked.tool(), reads="own"))

    def quick(text: Text) -> str:
        return "ok"

    async with asked(home, quick, tenant=GLOBEX) as theirs, home.turns.open(message("a")) as opened:
        calls = [
            asyncio.create_task(home.executor.call(opened.ledger, "hang", {"text": str(n)})) for n in range(4)
        ]
        await blocked.started.wait()
        assert await home.executor.call(theirs, "quick", {"text": "x"}) == "ok"
        for each in calls:
            each.cancel()
        await asyncio.wait(calls)
        # Orphaned threads still count against their own tenant, and against no other.
        late = asyncio.create_task(home.executor.call(opened.ledger, "quick", {"text": "x"}))
        assert await home.executor.call(theirs, "quick", {"text": "x"}) == "ok"
        assert not late.done()
        blocked.release()
        assert await late == "ok"
    await asyncio.gather(*home.executor.orphans, return_exceptions=True)
    assert sorted(blocked.begun) == ["0", "1"], "what waited for a thread ran after it was given up"


async def test_what_a_tool_gave_to_be_awaited_ends_with_its_timeout() -> None:
    home = house()
    done: list[str] = []
    started, go_on = asyncio.Event(), asyncio.Event()

    def later(path: WritePath) -> Any:
        async def finish() -> str:
            started.set()
            await go_on.wait()
            done.append("finished")
            return "late"

        return finish()

    async with asked(home, later) as ledger:
        task = asyncio.create_task(home.executor.call(ledger, "later", {"path": "a"}))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # It is over before the turn can end, not some time after.
        assert home.files.spoilt == home.files.returned == ["a"]
        assert not home.executor.orphans
    go_on.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert done == []


async def test_an_awaitable_that_ignores_its_end_keeps_no_draft() -> None:
    home = house()
    started = asyncio.Event()

    def stubborn(path: WritePath) -> Any:
        async def finish() -> str:
            try:
                started.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                pass
            return "late"

        return finish()

    async with asked(home, stubborn) as ledger:
        task = asyncio.create_task(home.executor.call(ledger, "stubborn", {"path": "a"}))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert home.files.spoilt == ["a"]


async def test_an_awaitable_of_an_abandoned_thread_is_never_awaited() -> None:
    home, done = house(), list[str]()
    started, released = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(path: WritePath) -> Any:
        loop.call_soon_threadsafe(started.set)
        released.wait(30)

        async def finish() -> None:
            done.append("finished")

        return finish()

    async with asked(home, slow) as ledger:
        task = asyncio.create_task(home.executor.call(ledger, "slow", {"path": "a"}))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    released.set()
    await asyncio.gather(*home.executor.orphans, return_exceptions=True)
    assert (done, home.files.spoilt) == ([], ["a"])
