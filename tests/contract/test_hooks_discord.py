"""The hooks in a discord.py client: all there, each needed, gone without a trace, none to be missing."""

import asyncio
import inspect
import logging
import re
from collections.abc import AsyncIterator, Callable, Mapping
from types import SimpleNamespace
from typing import Any, Final

import discord
import pytest
from discord import abc, http
from discord.ext import commands
from discord.http import HTTPClient, Route
from discord.webhook import async_, sync

from adapters.discord import routes
from adapters.discord.gate import DELETIONS, PASSED, STATE, TURNS
from adapters.doors import State
from firewall.core.errors import Denied, NotGuarded, UnsupportedApp
from partywall.guarding import Guarded, guard
from partywall.testing import EchoModel
from partywall.wall import Wall
from tests.fakes.discord.office import SECRET, Office
from tests.fakes.discord.plays import PLAYS, Stage
from tests.fakes.discord.server import Discord, served

INTENTS: Final = discord.Intents(guilds=True, messages=True, message_content=True)
CLIENTS: Final[Mapping[str, Callable[[], discord.Client]]] = {
    "client": lambda: discord.Client(intents=INTENTS),
    "bot": lambda: commands.Bot("!", intents=INTENTS),
    "sharded-client": lambda: discord.AutoShardedClient(intents=INTENTS),
    "sharded-bot": lambda: commands.AutoShardedBot("!", intents=INTENTS),
}


def connection(client: discord.Client) -> Any:
    """Give the client's state, which the library keeps to itself."""
    return vars(client)["_connection"]


PARSERS: Final = sorted(connection(CLIENTS["client"]()).parsers)
HOOKED: Final = [name for name in PARSERS if name not in PASSED]


@pytest.fixture
async def platform() -> AsyncIterator[Discord]:
    async with served() as platform:
        yield platform


def points(client: discord.Client) -> dict[str, object]:
    """Give everything that the guard replaces, by where it stands."""
    state: object = connection(client)
    parsers: dict[str, object] = connection(client).parsers
    return {
        **parsers,
        "http": vars(client.http).get("request"),
        "presence": vars(client).get("change_presence"),
        "dispatch": vars(state).get("dispatch"),
        "adapter": vars(async_.AsyncWebhookAdapter)["request"],
        "sync": vars(sync.WebhookAdapter)["request"],
        "voice": vars(abc.Connectable)["connect"],
    }


def uncovered(handle: Guarded) -> list[str]:
    return [row.point for row in handle.report() if row.state is State.UNCOVERED]


# All there, and gone again.


@pytest.mark.parametrize("kind", CLIENTS)
async def test_every_point_is_covered_and_taking_the_hooks_out_leaves_the_client_as_it_was(
    wall: Wall, kind: str
) -> None:
    client = CLIENTS[kind]()
    before = points(client)
    wall.guard_model(EchoModel())
    handle = guard(client, wall)
    rows = handle.report()
    assert [row.point for row in rows if row.state is not State.COVERED] == []
    assert len(rows) == 1 + len(HOOKED) + 2 + 3 + 1
    assert guard(client, wall) is handle
    handle.uninstall()
    assert {name: one for name, one in points(client).items() if one is not before[name]} == {}
    assert guard(client, wall) is not handle
    guard(client, wall).uninstall()


async def test_what_two_clients_share_is_hooked_until_the_last_one_leaves(wall: Wall) -> None:
    before = points(CLIENTS["client"]())["adapter"]
    first, second = guard(CLIENTS["client"](), wall), guard(CLIENTS["bot"](), wall)
    first.uninstall()
    assert "AsyncWebhookAdapter.request" in uncovered(first)
    assert uncovered(second) == ["model"]
    second.uninstall()
    second.uninstall()
    assert vars(async_.AsyncWebhookAdapter)["request"] is before


async def test_who_hooked_in_behind_keeps_their_hook_and_it_goes_on_working(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    async def recorded(_: object, route: Route, session: object, **how: Any) -> None:
        calls.append(route.path)

    monkeypatch.setattr(async_.AsyncWebhookAdapter, "request", recorded)
    client = CLIENTS["client"]()
    handle = guard(client, wall)
    ours = vars(async_.AsyncWebhookAdapter)["request"]

    async def theirs(*args: Any, **how: Any) -> Any:
        return await ours(*args, **how)

    monkeypatch.setattr(async_.AsyncWebhookAdapter, "request", theirs)
    client.http.request = theirs  # type: ignore[method-assign]
    connection(client).parsers["TYPING_START"] = print
    assert set(uncovered(handle)) == {
        "AsyncWebhookAdapter.request",
        "client.http.request",
        "gateway TYPING_START",
        "model",
    }
    handle.uninstall()
    assert vars(async_.AsyncWebhookAdapter)["request"] is theirs
    assert (vars(client.http)["request"], connection(client).parsers["TYPING_START"]) == (theirs, print)
    route = Route("POST", "/webhooks/{webhook_id}/{webhook_token}", webhook_id=1, webhook_token="t")
    await async_.AsyncWebhookAdapter().request(route, object())  # type: ignore[arg-type,no-untyped-call]
    assert calls == ["/webhooks/{webhook_id}/{webhook_token}"]


async def test_a_hook_that_was_there_before_is_put_back(wall: Wall) -> None:
    client = CLIENTS["client"]()

    async def theirs(*_: Any, **__: Any) -> None:
        return None

    client.http.request = theirs  # type: ignore[method-assign]
    guard(client, wall).uninstall()
    assert vars(client.http)["request"] is theirs


# None that can be missing.


def _without(holder: Callable[[discord.Client], object], name: str) -> Callable[[Any, discord.Client], None]:
    return lambda patch, client: patch.delattr(holder(client), name)


GONE: Final[Mapping[str, Callable[[Any, discord.Client], None]]] = {
    "http.request": _without(lambda _: HTTPClient, "request"),
    "http._HTTPClient__session": _without(lambda client: client.http, "_HTTPClient__session"),
    "change_presence": _without(lambda _: discord.Client, "change_presence"),
    "_connection.dispatch": _without(connection, "dispatch"),
    "_connection": _without(lambda client: client, "_connection"),
    "_enable_debug_events": _without(lambda client: client, "_enable_debug_events"),
    "parsers": _without(connection, "parsers"),
    "request": _without(lambda _: async_.AsyncWebhookAdapter, "request"),
    "connect": _without(lambda _: abc.Connectable, "connect"),
    "MESSAGE_CREATE": lambda patch, client: patch.delitem(connection(client).parsers, "MESSAGE_CREATE"),
}


@pytest.mark.parametrize("name", GONE)
async def test_a_point_that_is_gone_stops_the_guard_and_changes_nothing(
    wall: Wall, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    client = CLIENTS["client"]()
    before = vars(sync.WebhookAdapter)["request"], dict(connection(client).parsers)
    parsers = connection(client).parsers
    GONE[name](monkeypatch, client)
    with pytest.raises(UnsupportedApp, match=re.escape(name)):
        guard(client, wall)
    monkeypatch.undo()
    assert (vars(sync.WebhookAdapter)["request"], parsers) == before
    assert "request" not in vars(client.http)


async def test_a_client_that_shows_raw_frames_first_is_refused(wall: Wall) -> None:
    with pytest.raises(UnsupportedApp, match="enable_debug_events"):
        guard(discord.Client(intents=INTENTS, enable_debug_events=True), wall)


async def test_what_is_no_client_is_refused(wall: Wall) -> None:
    with pytest.raises(UnsupportedApp, match="guard the client"):
        guard(discord.ui.View(), wall)


async def test_a_missing_intent_is_said_at_the_start(wall: Wall, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="partywall"):
        guard(discord.Client(intents=discord.Intents(guilds=True, messages=True)), wall).uninstall()
        assert "message content intent" in caplog.text
        caplog.clear()
        guard(CLIENTS["client"](), wall).uninstall()
    assert caplog.text == ""


# Each of them is needed: without it, what it holds back gets through.


@pytest.mark.parametrize("name", HOOKED)
async def test_without_its_hook_an_event_reaches_the_library_unjudged(wall: Wall, name: str) -> None:
    client, heard = CLIENTS["bot"](), list[object]()
    connection(client).parsers[name] = heard.append
    hostile = {"content": SECRET, "author": {"username": "ada"}, "guild_id": 7}
    async with wall:
        handle = guard(client, wall)
        hook = connection(client).parsers[name]
        hook(hostile)
        await handle.drain(60)
        await asyncio.sleep(0)
        assert heard == ([hostile] if name in STATE else [])
        heard.clear()
        connection(client).parsers[name] = heard.append
        assert f"gateway {name}" in uncovered(handle)
        connection(client).parsers[name](hostile)
        handle.uninstall()
    assert heard == [hostile]


OUT: Final[Mapping[str, tuple[Callable[[discord.Client], object], str]]] = {
    "client.http.request": (lambda client: client.http, "request"),
    "AsyncWebhookAdapter.request": (lambda _: async_.AsyncWebhookAdapter, "request"),
}


@pytest.mark.parametrize(
    ("point", "name"),
    [("client.http.request", "channel"), ("AsyncWebhookAdapter.request", "slash-command")],
)
async def test_without_its_hook_the_way_out_leaks(
    wall: Wall, platform: Discord, monkeypatch: pytest.MonkeyPatch, point: str, name: str
) -> None:
    world, office = platform.world, Office(EchoModel())
    find, attribute = OUT[point]
    bare = getattr(find(office), attribute)
    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        stage = Stage(platform=platform, office=office)
        async with platform.online(office):
            await PLAYS[name](stage, world.kitchen, world.ada, SECRET)
            hooked = len(platform.sent)
            await PLAYS[name](stage, world.lab, world.cy, "and?")
            assert SECRET not in str([one.payload for one in platform.sent if one.order >= hooked])
            with monkeypatch.context() as patch:
                patch.setattr(find(office), attribute, bare)
                assert point in uncovered(handle)
                unhooked = len(platform.sent)
                await PLAYS[name](stage, world.lab, world.cy, "and?")
            assert SECRET in str([one.payload for one in platform.sent if one.order >= unhooked])
        await handle.drain(60)
        handle.uninstall()


async def test_without_their_hooks_presence_voice_and_synchronous_webhooks_pass_unjudged(
    wall: Wall, platform: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed: list[str] = []

    async def presence(*_: object, **__: object) -> None:
        passed.append("client.change_presence")

    async def connect(*_: object, **__: object) -> None:
        passed.append("Connectable.connect")

    def request(*_: object, **__: object) -> None:
        passed.append("SyncWebhook request")

    office = Office(EchoModel())
    monkeypatch.setattr(office, "change_presence", presence)
    monkeypatch.setattr(abc.Connectable, "connect", connect)
    monkeypatch.setattr(sync.WebhookAdapter, "request", request)
    own: Any = SimpleNamespace(_state=connection(office), id=7)
    route = Route("POST", "/webhooks/{webhook_id}/{webhook_token}", webhook_id=1, webhook_token="t")

    async def tries(*_: object) -> None:
        for attempt in (
            lambda: office.change_presence(activity=discord.Game(SECRET)),
            lambda: abc.Connectable.connect(own),
            lambda: asyncio.to_thread(sync.WebhookAdapter().request, route, object()),  # type: ignore[arg-type,no-untyped-call]
        ):
            try:
                await attempt()
            except (Denied, NotGuarded):
                continue

    monkeypatch.setattr(office, "answer", tries)
    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        async with platform.online(office):
            stage = Stage(platform=platform, office=office)
            await PLAYS["channel"](stage, platform.world.kitchen, platform.world.ada, "hello")
            assert (office.errors, passed) == ([], [])
            with monkeypatch.context() as patch:
                patch.setattr(office, "change_presence", presence)
                patch.setattr(abc.Connectable, "connect", connect)
                patch.setattr(sync.WebhookAdapter, "request", request)
                assert set(uncovered(handle)) == {
                    "client.change_presence",
                    "Connectable.connect",
                    "SyncWebhook request",
                }
                await PLAYS["channel"](stage, platform.world.kitchen, platform.world.ada, "hello")
        await handle.drain(60)
        handle.uninstall()
    assert (office.errors, len(passed)) == ([], 3)


@pytest.mark.parametrize("name", sorted(TURNS))
async def test_without_its_hook_a_stranger_s_words_reach_the_handlers(
    wall: Wall, platform: Discord, name: str
) -> None:
    world, office = platform.world, Office(EchoModel())
    heard, ends = list[str](), asyncio.Queue[str]()

    async def ended(message: discord.Message) -> None:
        ends.put_nowait(message.content)

    office.add_listener(ended, "on_message")
    for event in ("message", "raw_message_edit", "raw_reaction_add", "interaction"):
        office.add_listener(_hears(event, heard), f"on_{event}")

    async def strange() -> None:
        """Let another bot, which nobody serves, do everything."""
        said = world.kitchen.says(world.relay, SECRET)
        world.kitchen.edits(said, SECRET)
        world.kitchen.reacts(world.relay, said, "👍")
        world.kitchen.slash("ask", {"question": SECRET}, world.relay)
        world.lab.says(world.cy, "end")
        while await ends.get() != "end":
            pass

    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        async with platform.online(office):
            await office.wait_until_ready()
            bare = connection(office)
            await strange()
            assert set(heard) == {"message"}
            heard.clear()
            hook = bare.parsers[name]
            bare.parsers[name] = getattr(bare, f"parse_{name.lower()}")
            assert f"gateway {name}" in uncovered(handle)
            await strange()
            bare.parsers[name] = hook
        await handle.drain(60)
        handle.uninstall()
    wanted = {
        "MESSAGE_CREATE": "message",
        "MESSAGE_UPDATE": "raw_message_edit",
        "MESSAGE_REACTION_ADD": "raw_reaction_add",
        "INTERACTION_CREATE": "interaction",
    }
    assert heard.count(wanted[name]) == (2 if name == "MESSAGE_CREATE" else 1)


def _hears(event: str, heard: list[str]) -> Callable[..., Any]:
    async def listener(*_: object) -> None:
        heard.append(event)

    return listener


# Every call that the library can make.


def calls() -> set[str]:
    """Give every call in the library's source, as the method and the path."""
    text = inspect.getsource(http) + inspect.getsource(async_) + inspect.getsource(sync)
    return {" ".join(found) for found in re.findall(r"Route\(\s*f?'([A-Z]+)',\s*f?'([^']+)'", text)}


def test_every_call_of_the_library_is_in_one_class_and_every_class_holds_calls_of_the_library() -> None:
    known = calls()
    assert len(known) > 150
    named = routes.QUIET | routes.OPERATES | routes.TAKES_BACK | routes.ACTS | routes.SAYS
    answers = routes.ANSWERS | routes.ANSWERS_TAKEN_BACK
    # Discord moved the pins; the library had them in the one place, and has them in the other. It joined
    # threads with the one verb, and joins them with the other.
    pins = {name for name in named if "/pins/" in name}
    joins = {f"{verb} /channels/{{channel_id}}/thread-members/@me" for verb in ("POST", "PUT")}
    assert (named | answers) - pins - joins <= known
    assert len(pins & known) == 2
    assert len(joins & known) == 1
    assert {routes.kind_of(name) for name in joins} == {routes.Kind.QUIET}
    assert {routes.kind_of(name) for name in known} == set(routes.Kind)


def test_every_event_of_the_library_is_in_one_class_or_dropped() -> None:
    sets = (TURNS, DELETIONS, STATE, PASSED)
    assert sum(map(len, sets)) == len(frozenset[str]().union(*sets))
    assert set(PARSERS) >= TURNS | DELETIONS | STATE
    dropped = set(HOOKED) - TURNS - DELETIONS - STATE
    assert {"TYPING_START", "AUTO_MODERATION_ACTION_EXECUTION", "GUILD_AUDIT_LOG_ENTRY_CREATE"} <= dropped
    assert "INVITE_CREATE" in dropped
