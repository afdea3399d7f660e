"""Bad input and a broken world, through a whole wall: a typed error or a refusal, and no word of content.

Everything private in these tests holds `CANARY`. After each test no log record, at any level, and no byte of
the state on disk may hold it; what a refusal says is looked at where it is raised.
"""

import asyncio
import logging
import os
import sys
import traceback
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import partywall
from firewall.core.errors import StoreUnavailable
from firewall.core.ids import PrincipalId, TenantId
from firewall.core.label import Owned, Principals
from firewall.core.message import Message
from firewall.core.verdict import ReasonCode
from firewall.templates import FAILED
from partywall.config import load
from partywall.wall import Wall
from sandbox import jail, process
from sandbox.resolve import walk
from tests.fakes.models import Call, Scripted
from tests.fakes.tenants import ACME, GLOBEX, REALMS, message, person, sender
from tests.fakes.vaults import SteppedClock
from vault.job import Job
from vault.ledger import Filter

CANARY = "ORCHID-4417-0093-xylophone-under-the-stairs"
LARGE = 10_000_000
PLAIN_FORMAT = logging.Formatter("%(name)s %(message)s %(args)s")


@pytest.fixture(autouse=True)
def nothing_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    told = [PLAIN_FORMAT.format(record) for record in caplog.get_records("call")]
    assert not any(CANARY in line for line in told), "the log holds content"
    kept = [file for file in (tmp_path / "state").rglob("*") if file.is_file()]
    assert not any(CANARY.encode() in file.read_bytes() for file in kept), "the database holds plain content"


def quiet(error: BaseException) -> None:
    """Check that neither an error nor what caused it holds the canary."""
    assert CANARY not in "".join(traceback.format_exception(error)), "an error holds content"


@contextmanager
def refused(kind: type[BaseException], reason: ReasonCode | None = None) -> Generator[None]:
    """Expect this refusal, and nothing of the canary in it or in what caused it."""
    with pytest.raises(kind) as caught:
        yield
    quiet(caught.value)
    if reason is not None:
        assert isinstance(caught.value, partywall.Denied)
        assert caught.value.reason == reason.value


def configured(folder: Path, **more: object) -> dict[str, object]:
    tenants: list[object] = [
        {
            "id": tenant,
            "realms": [{"channel": "slack", "realm": realm}],
            "tools": {"grants": ["exec"] if tenant == ACME else []},
        }
        for tenant, realm in REALMS.items()
    ]
    return {
        "profile": "light",
        "store": {"path": str(folder / "state" / "partywall.db"), "synchronous": "NORMAL"},
        "files": {"path": str(folder / "files")},
        "tenant": tenants,
        **more,
    }


@pytest.fixture
async def wall(tmp_path: Path) -> AsyncIterator[Wall]:
    async with partywall.open(configured(tmp_path)) as opened:
        yield opened


async def said(wall: Wall, text: str, *, tenant: TenantId = ACME) -> list[str]:
    """Do an ordinary turn and give what the model was told."""
    model = Scripted(["noted"])
    ask = wall.guard_model(model.__call__)
    async with wall.turn(message(text, tenant=tenant)) as turn:
        answer = await ask(model="m", messages=[{"role": "user", "content": text}])
        await turn.reply(answer["choices"][0]["message"]["content"])
    return [each["content"] for each in model.requests[0]["messages"]]


async def verified(wall: Wall, *, violations: int, tenant: TenantId = ACME) -> None:
    """Check that the chain holds, and that so many violations stand in it."""
    records = (await wall.runtime()).vault.records
    await records.verify(tenant)
    assert len([one async for one in records.export(Filter(tenant=tenant))]) == violations


# --- who is speaking


@pytest.mark.parametrize("field", ["sender", "realm", "conversation", "channel"])
@pytest.mark.parametrize(
    "bad",
    [
        pytest.param("", id="empty"),
        pytest.param(" \t", id="whitespace"),
        pytest.param("\u2003", id="unicode-space"),
        pytest.param(None, id="missing"),
        pytest.param("undefined", id="placeholder"),
        pytest.param("U\ud800", id="lone-surrogate"),
        pytest.param("U\0", id="nul"),
    ],
)
def test_an_id_that_names_nobody_opens_nothing(field: str, bad: str | None) -> None:
    ids: dict[str, Any] = {"channel": "slack", "realm": "T1", "sender": "U1", "conversation": "D1"}
    ids[field] = bad
    with refused(partywall.BadIdentifier):
        partywall.message(CANARY, **ids)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        pytest.param(("u1", "D"), ("U1", "D"), id="case"),
        pytest.param(("caf\u00e9", "D"), ("cafe\u0301", "D"), id="unicode-form"),
        pytest.param(("\uff21nn", "D"), ("Ann", "D"), id="width"),
        pytest.param(("a:b", "D"), ("a-b", "D"), id="separator"),
        pytest.param(("a:b", "c"), ("a", "b:c"), id="joined"),
        pytest.param(('a","b', "c"), ("a", 'b","c'), id="quoted"),
        pytest.param(("u1", "D"), ("u1 ", "D"), id="trailing-space"),
    ],
)
async def test_ids_that_only_look_alike_share_no_session(
    wall: Wall, one: tuple[str, str], two: tuple[str, str]
) -> None:
    def arrived(who: tuple[str, str], text: str) -> Message:
        return partywall.message(text, channel="slack", realm="T1", sender=who[0], conversation=who[1])

    model = Scripted(["noted"])
    ask = wall.guard_model(model.__call__)
    async with wall.turn(arrived(one, CANARY)) as turn:
        await ask(model="m", messages=[{"role": "user", "content": CANARY}])
        first = turn.session_id
    async with wall.turn(arrived(two, "What did I say?")) as turn:
        presented = [{"role": "user", "content": text} for text in (CANARY, "What did I say?")]
        await ask(model="m", messages=presented)
        assert turn.session_id != first
        assert CANARY not in str(turn.history())
    assert CANARY in str(model.requests[0])
    assert CANARY not in str(model.requests[1])


# --- too much, or no text


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(CANARY + "x" * LARGE, ReasonCode.TOO_LARGE, id="10-MB"),
        pytest.param(CANARY + "\ud800", ReasonCode.MALFORMED, id="lone-surrogate"),
    ],
)
async def test_a_message_that_is_no_message_is_refused_and_leaves_nothing(
    wall: Wall, body: str, reason: ReasonCode
) -> None:
    with refused(partywall.Denied, reason):
        await said(wall, body)
    assert await said(wall, "hello") == ["hello"]
    assert await said(wall, "hello", tenant=GLOBEX) == ["hello"]
    await verified(wall, violations=1)


@pytest.mark.parametrize("body", [CANARY + "x" * LARGE, CANARY + "\ud800"], ids=["10-MB", "lone-surrogate"])
async def test_what_a_shared_list_holds_does_not_stop_its_reader(wall: Wall, body: str) -> None:
    model = Scripted(["noted"])
    ask = wall.guard_model(model.__call__)
    async with wall.turn(message("hello")):
        presented = [{"role": "user", "content": body}, {"role": "user", "content": "hello"}]
        await ask(model="m", messages=presented)
    assert [each["content"] for each in model.requests[0]["messages"]] == ["hello"]


@pytest.mark.parametrize("body", [CANARY + "x" * LARGE, CANARY + "\ud800"], ids=["10-MB", "lone-surrogate"])
async def test_an_answer_that_is_no_text_is_neither_shown_nor_kept(wall: Wall, body: str) -> None:
    ask = wall.guard_model(Scripted([body]).__call__)
    async with wall.turn(message("hello")) as turn:
        with refused(partywall.PartywallError):
            await ask(model="m", messages=[{"role": "user", "content": "hello"}])
        with refused(partywall.Denied):
            await turn.reply(body)
        assert turn.sent == []
        assert CANARY not in str(turn.history())
    # Its own question is there; the answer is not.
    assert await said(wall, "again") == ["hello", "again"]


# --- tools


def test_two_tools_of_one_name_stop_the_start(tmp_path: Path) -> None:
    made = partywall.open(configured(tmp_path))

    async def lookup(text: partywall.Text) -> str:
        return text

    async def other(text: partywall.Text) -> str:
        return text + text

    made.tool(reads="own")(lookup)
    other.__name__ = "lookup"
    with refused(partywall.ToolUndeclared):
        made.tool(reads="tenant")(other)


async def test_a_tool_that_raises_hangs_or_floods_harms_nobody_else(tmp_path: Path) -> None:
    wall = partywall.open(configured(tmp_path, limits={"tool_timeout_s": 0.05}))

    @wall.tool(reads="own")
    async def raising(text: partywall.Text) -> str:
        raise OSError(5, f"{CANARY} {text}")

    @wall.tool(reads="own")
    async def hanging() -> str:
        await asyncio.Event().wait()
        return CANARY

    @wall.tool(reads="own")
    async def flooding() -> str:
        return CANARY + "x" * 50_000_000

    del raising, hanging, flooding
    async with (
        wall,
        wall.turn(message("hello")) as turn,
        wall.turn(message("hello", tenant=GLOBEX)) as theirs,
    ):
        assert await turn.call_tool("raising", {"text": CANARY}) == FAILED
        assert await turn.call_tool("hanging", {}) == FAILED
        with refused(partywall.Denied, ReasonCode.TOO_LARGE):
            await turn.call_tool("flooding", {})
        assert await theirs.call_tool("list", {}) == await turn.call_tool("list", {}) == "[]"
        await verified(wall, violations=1)
        await verified(wall, violations=0, tenant=GLOBEX)


MALFORMED = {
    "deep-list": '{"text": ' + "[" * 10_000 + f'"{CANARY}"' + "]" * 10_000 + "}",
    "deep-object": '{"text":' * 10_000 + f'"{CANARY}"' + "}" * 10_000,
    "never-closed": '{"text":' * 10_000 + f'"{CANARY}',
    "nan": f'{{"text": "{CANARY}", "count": NaN}}',
    "infinity": f'{{"text": "{CANARY}", "count": 1e999}}',
    "doubled-key": f'{{"text": "{CANARY}", "text": "x"}}',
    "no-json": f"{{'text': '{CANARY}'}}",
    "no-object": f'["{CANARY}"]',
    "surrogate": f'{{"text": "{CANARY}\\ud800"}}',
    "unknown-name": f'{{"text": "x", "{CANARY}": 1}}',
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED.keys())
async def test_arguments_that_two_parsers_would_read_differently_never_run(tmp_path: Path, raw: str) -> None:
    ran: list[str] = []
    wall = partywall.open(configured(tmp_path))

    @wall.tool(reads="own")
    async def echo(text: partywall.Text, count: float = 1) -> str:
        ran.append(f"{text}{count}")
        return "ran"

    del echo
    async with wall, wall.turn(message("hello")) as turn:
        with refused(partywall.Denied):
            await turn.call_tool("echo", raw)
        assert await turn.call_tool("echo", {"text": "x"}) == "ran"
        assert ran == ["x1"]
        await verified(wall, violations=1)


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_model_that_writes_such_arguments_ends_in_no_other_error(wall: Wall, raw: str) -> None:
    ask = wall.guard_model(Scripted([[Call(name="read", arguments=raw)]]).__call__)
    async with wall.turn(message("hello")) as turn:
        try:
            answer = await ask(
                model="m",
                messages=[{"role": "user", "content": "hello"}],
                tools=[{"type": "function", "function": {"name": "read"}}],
            )
        except partywall.PartywallError as error:
            quiet(error)
            return
        (call,) = answer["choices"][0]["message"]["tool_calls"]
        with refused(partywall.Denied):
            await turn.call_tool(call["function"]["name"], call["function"]["arguments"])


NAMES = {"long": CANARY + "n" * 256, "nul": CANARY + "\0.txt", "deep": "/".join([CANARY] * 300)}
VERBS: dict[str, dict[str, str]] = {
    "read": {"path": "?"},
    "write": {"path": "?", "text": "x"},
    "append": {"path": "?", "text": "x"},
    "edit": {"path": "?", "old": "x", "new": "y"},
    "delete": {"path": "?"},
    "move": {"source": "mine.txt", "target": "?"},
    "list": {"path": "?"},
    "glob": {"pattern": "?"},
    "grep": {"text": "x", "path": "?"},
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
@pytest.mark.parametrize("verb", VERBS)
async def test_a_name_no_file_can_have_reaches_no_file(
    wall: Wall, tmp_path: Path, verb: str, name: str
) -> None:
    def files() -> list[str]:
        return sorted(str(each) for each in (tmp_path / "files").rglob("*") if each.is_file())

    async with wall.turn(message("hello")) as turn:
        await turn.call_tool("write", {"path": "mine.txt", "text": "mine"})
        before = files()
        arguments = {key: name if value == "?" else value for key, value in VERBS[verb].items()}
        try:
            answer = await turn.call_tool(verb, arguments)
        except partywall.Denied as denied:
            quiet(denied)
        else:
            assert answer.startswith("error: ") or (verb == "glob" and answer == "[]")
            assert CANARY not in answer
        assert files() == before
        assert await turn.call_tool("read", {"path": "mine.txt"}) == "mine"


# --- a broken world


def _pragma(text: str) -> Job[None]:
    yield (f"PRAGMA {text}", ())


async def set_pragma(wall: Wall, text: str) -> None:
    await (await wall.runtime()).vault.engine.database.write([partial(_pragma, text)])


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param("max_page_count = 1", id="full-disk"),
        pytest.param("query_only = ON", id="read-only-database"),
    ],
)
async def test_a_store_that_cannot_write_stops_the_turn_and_nothing_acknowledged_is_lost(
    tmp_path: Path, broken: str
) -> None:
    wall = partywall.open(configured(tmp_path))
    kept = [f"first {CANARY}", "noted", "bad"]
    await said(wall, kept[0])
    await stealing(wall, partywall.Denied)
    await set_pragma(wall, broken)
    failed = 0
    for number in range(40):
        try:
            await said(wall, f"{number} {CANARY}" * 200)
        except StoreUnavailable as error:
            quiet(error)
            failed += 1
        else:
            assert not failed, "it went on although a turn before it could not be written"
            kept += [f"{number} {CANARY}" * 200, "noted"]
    assert failed
    await stealing(wall, StoreUnavailable, tenant=GLOBEX)
    with suppress(StoreUnavailable):
        await wall.close()
    async with partywall.open(configured(tmp_path)) as again:
        told = await said(again, "last")
        # What a failed turn had committed before it failed may stand there too, but nothing of these is gone.
        assert [text for text in told if text in kept] == kept
        assert told[-1] == "last"
        await verified(again, violations=1)
        await verified(again, violations=0, tenant=GLOBEX)


async def stealing(wall: Wall, kind: type[BaseException], *, tenant: TenantId = ACME) -> None:
    with refused(kind):
        async with wall.turn(message("bad", tenant=tenant)) as turn:
            await turn.call_tool("steal", {"what": CANARY})


async def test_a_clock_that_steps_back_takes_nothing_with_it(tmp_path: Path) -> None:
    clock = SteppedClock()
    async with Wall(load(configured(tmp_path)), clock=clock) as wall:
        assert await said(wall, f"first {CANARY}") == [f"first {CANARY}"]
        async with wall.turn(message("during")) as turn:
            clock.at_ms -= 365 * 86_400_000
            with refused(partywall.Denied):
                await turn.call_tool("steal", {"what": CANARY})
            await turn.reply(await turn.release("still here"))
        told = await said(wall, "after")
        assert told == [f"first {CANARY}", "noted", "during", "still here", "after"]
        await verified(wall, violations=1)


# --- whose value, and a machine without its guards


async def test_a_value_of_two_tenants_is_both_of_theirs_and_nobody_elses(tmp_path: Path) -> None:
    realms = {"ACME": "T1", "GLOBEX": "T2", "INITECH": "T3"}
    tenants = [
        {"id": name, "realms": [{"channel": "slack", "realm": realm}]} for name, realm in realms.items()
    ]
    async with partywall.open(configured(tmp_path, tenant=tenants)) as wall:
        excerpts = (await wall.runtime()).excerpts
        labels = {tenant: _members(tenant) for tenant in (ACME, GLOBEX)}
        for label in labels.values():
            excerpts.learn(CANARY, label, whole=True)

        async def shown(realm: str) -> str:
            asked = partywall.message(
                "tell", channel="slack", realm=realm, sender="ann", conversation="D-ann"
            )
            async with wall.turn(asked) as turn:
                return await turn.release(f"It is {CANARY}.")

        assert CANARY in await shown("T1")
        assert CANARY in await shown("T2")
        assert CANARY not in await shown("T3")
        excerpts.forget(labels[ACME])
        assert CANARY in await shown("T2")
        assert CANARY not in await shown("T3")


def _members(tenant: TenantId) -> Owned:
    who = person(tenant=tenant).id
    talking = replace(sender(tenant=tenant), app="bot").principal_id
    return Owned(tenant=tenant, readers=Principals(ids=frozenset({who, talking, PrincipalId("other")})))


async def test_without_bubblewrap_a_granted_command_is_denied_and_files_still_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def missing() -> str | None:
        return "bubblewrap is not installed"

    monkeypatch.setattr(process, "unavailable", missing)
    async with partywall.open(configured(tmp_path)) as wall:
        async with wall.turn(message("hello")) as turn:
            with refused(partywall.Denied, ReasonCode.EXEC_UNAVAILABLE):
                await turn.call_tool("exec", {"command": f"echo {CANARY} > /tmp/{CANARY}"})
            assert '"bytes": 1' in await turn.call_tool("write", {"path": "a.txt", "text": "x"})
        async with wall.turn(message("hello", tenant=GLOBEX)) as turn:
            # Who has no grant is not told what the machine lacks.
            with refused(partywall.Denied, ReasonCode.DENIED_CLASS):
                await turn.call_tool("exec", {"command": "true"})
        await verified(wall, violations=1)
        await verified(wall, violations=1, tenant=GLOBEX)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there never was an openat2")
async def test_without_openat2_the_files_are_as_closed_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jail, "best_resolver", lambda: walk)
    outside = tmp_path / "outside.txt"
    outside.write_text(CANARY)
    async with partywall.open(configured(tmp_path)) as wall, wall.turn(message("hello")) as turn:
        await turn.call_tool("write", {"path": "mine.txt", "text": "mine"})
        (mine,) = (tmp_path / "files").rglob("mine.txt")
        os.symlink(outside, mine.with_name("link.txt"))
        os.symlink(tmp_path, mine.with_name("up"))
        for path in ("link.txt", "up/outside.txt"):
            answer = await turn.call_tool("read", {"path": path})
            assert answer.startswith("error: ")
            assert CANARY not in answer
        assert await turn.call_tool("read", {"path": "mine.txt"}) == "mine"
        async with wall.turn(message("hello", tenant=GLOBEX)) as theirs:
            assert (await theirs.call_tool("read", {"path": "mine.txt"})).startswith("error: ")
