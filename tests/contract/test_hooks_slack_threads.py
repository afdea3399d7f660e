"""Where an `App` of Bolt is hooked, whose handlers run in threads; as `test_hooks_slack`."""

import asyncio
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from slack_bolt import App
from slack_sdk import WebClient

from adapters.doors import State
from adapters.slack.sync_clients import SyncGuardedClient, SyncGuardedRespond
from firewall.core.errors import Denied, MisuseError, NoTurn, UnsupportedApp
from firewall.turns import current
from partywall.guarding import Guarded, guard
from partywall.testing import memory_wall
from partywall.wall import Wall
from tests.fakes.slack.delivery import SECRET as SIGNING_SECRET
from tests.fakes.slack.hosts import running
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.stage import PLANTED, SECRET, Stage, stage
from tests.fakes.slack.town import settle

POINTS = [
    "app.dispatch",
    "app._init_context",
    "app._middleware_list",
    "app.client.api_call",
    "app.client._upload_file",
    "listener_runner.listener_executor",
    "lazy_listener_runner.executor",
    "context.client",
    "context.respond",
]
Job = Callable[[Any], object]


@pytest.fixture
def app() -> Any:
    return App(
        client=WebClient(token="xoxb-acme"), signing_secret=SIGNING_SECRET, token_verification_enabled=False
    )


def states(handle: Guarded) -> dict[str, State]:
    return {row.point: row.state for row in handle.report() if row.point != "model"}


def test_every_choke_point_is_covered_and_named(app: Any, wall: Wall) -> None:
    assert list(states(guard(app, wall))) == POINTS
    assert set(states(guard(app, wall)).values()) == {State.COVERED}


def test_an_application_is_as_it_was_once_the_hooks_are_out(app: Any, wall: Wall) -> None:
    def parts() -> list[object]:
        runner, middleware = app.listener_runner, app._middleware_list
        executors = [runner.listener_executor, runner.lazy_listener_runner.executor]
        return [{**app.__dict__}, {**app.client.__dict__}, middleware, [*middleware], *executors]

    before = parts()
    handle = guard(app, wall)
    assert parts() != before
    handle.uninstall()
    assert parts() == before
    assert parts()[2] is before[2]
    assert set(states(handle).values()) == {State.UNCOVERED}


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        pytest.param(App, "dispatch", id="dispatch"),
        pytest.param(App, "_init_context", id="context"),
        pytest.param(WebClient.__mro__[1], "api_call", id="api-call"),
        pytest.param(WebClient.__mro__[1], "_upload_file", id="upload"),
    ],
)
def test_an_application_without_a_choke_point_is_refused_and_left_alone(
    app: Any, wall: Wall, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    monkeypatch.delattr(owner, name)

    def parts() -> list[object]:
        return [{**app.__dict__}, [*app._middleware_list]]

    before = parts()
    with pytest.raises(UnsupportedApp, match=name):
        guard(app, wall)
    assert parts() == before


@pytest.mark.parametrize("name", ["_middleware_list", "_client"])
def test_an_application_of_an_unknown_build_is_refused(app: Any, wall: Wall, name: str) -> None:
    delattr(app, name)
    with pytest.raises(UnsupportedApp, match="gone"):
        guard(app, wall)


def test_an_application_without_executors_is_refused(app: Any, wall: Wall) -> None:
    app.listener_runner.listener_executor = None
    with pytest.raises(UnsupportedApp, match="executors"):
        guard(app, wall)


def test_an_application_whose_requests_get_another_client_is_refused(
    app: Any, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other(WebClient):
        pass

    monkeypatch.setattr("slack_bolt.app.app.WebClient", Other)
    with pytest.raises(UnsupportedApp, match="class"):
        guard(app, wall)
    assert "dispatch" not in vars(app)


# What each hook is for


def answers(a: Any) -> None:
    a.ack(PLANTED)


def speaks(a: Any) -> None:
    a.ack()
    a.client.chat_postMessage(channel=a.body["channel"]["id"], text=PLANTED)


def speaks_by_the_app(a: Any) -> None:
    a.ack()
    token = a.context.bot_token
    a.app.client.chat_postMessage(channel=a.body["channel"]["id"], text=PLANTED, token=token)


def uploads(a: Any) -> None:
    a.ack()
    a.client.files_upload_v2(channel=a.body["channel"]["id"], filename="a.txt", content=PLANTED)


def uploads_by_the_app(a: Any) -> None:
    a.ack()
    where = {"channel": a.body["channel"]["id"], "token": a.context.bot_token}
    a.app.client.files_upload_v2(**where, filename="a.txt", content=PLANTED)


def responds(a: Any) -> None:
    a.ack()
    a.respond(PLANTED)


def unchanged(found: object, *_: object) -> object:
    return found


@contextmanager
def without(on: Stage, point: str) -> Generator[None]:
    """Take one hook out and leave the others in."""
    assert on.handle is not None
    handle: Any = on.handle
    hooks = handle._hooks
    with pytest.MonkeyPatch.context() as patch:
        if point == "app.dispatch":
            # The delivery itself stays; what goes is the judgement of its answer.
            def dispatch(req: Any) -> Any:
                return hooks._door.deliver(lambda: App.dispatch(on.app, req))

            patch.setitem(on.app.__dict__, "dispatch", dispatch)
        elif point == "app._init_context":
            patch.delitem(on.app.__dict__, "_init_context")
        elif point in ("app.client.api_call", "app.client._upload_file"):
            patch.delitem(on.app.client.__dict__, point.rsplit(".", 1)[1])
        elif point == "context.client":
            patch.setattr(SyncGuardedClient, "of", unchanged)
        else:
            patch.setattr(SyncGuardedRespond, "of", unchanged)
        yield


NEEDED: list[tuple[str, Job, str]] = [
    ("app.dispatch", answers, "ack"),
    ("app._init_context", speaks, "chat.postMessage"),
    ("context.client", speaks, "chat.postMessage"),
    ("context.client", uploads, "upload"),
    ("context.respond", responds, "response_url"),
    ("app.client.api_call", speaks_by_the_app, "chat.postMessage"),
    ("app.client._upload_file", uploads_by_the_app, "upload"),
]


@pytest.mark.parametrize(("point", "job", "method"), NEEDED)
async def test_without_one_hook_the_leak_happens_again_and_is_reported(
    wall: Wall, point: str, job: Job, method: str
) -> None:
    async with stage(wall, "searched", "sync-http") as on:
        await on.plant()
        on.app.client.token = on.slack.acme.token
        try:
            assert await on.plays_in_threads(job) == []
        except Denied:
            assert "upload" in method
        with without(on, point):
            assert method in await on.plays_in_threads(job)
            assert on.handle is not None
            assert states(on.handle)[point] is State.UNCOVERED
        assert states(on.handle)[point] is State.COVERED


@pytest.mark.parametrize("point", ["_middleware_list", "listener_executor", "executor"])
async def test_without_the_gate_or_the_executors_nothing_is_said_at_all(wall: Wall, point: str) -> None:
    async with stage(wall, "searched", "sync-http") as on:
        await on.plant()
        runner = on.app.listener_runner
        if point == "_middleware_list":
            on.app._middleware_list[:] = [
                one for one in on.app._middleware_list if "Gate" not in type(one).__name__
            ]
        elif point == "listener_executor":
            runner.listener_executor = runner.listener_executor._executor
        else:
            runner.lazy_listener_runner.executor = runner.lazy_listener_runner.executor._executor
        with pytest.raises(NoTurn):
            await on.plays_in_threads(speaks, lazy=point == "executor")
        assert on.handle is not None
        assert [name for name, state in states(on.handle).items() if state is State.UNCOVERED] == [
            name for name in POINTS if name.endswith("." + point)
        ]


# Threads


async def test_a_thread_that_a_bot_starts_by_itself_says_nothing(wall: Wall) -> None:
    def starts(a: Any) -> None:
        a.ack()
        with ThreadPoolExecutor(1) as own:
            own.submit(a.client.chat_postMessage, channel=a.body["channel"]["id"], text="hi").result()

    async with stage(wall, "searched", "sync-http") as on:
        with pytest.raises(NoTurn):
            await on.plays_in_threads(starts)


async def test_a_turn_is_left_in_no_thread_of_the_library(wall: Wall) -> None:
    async with stage(wall, "searched", "sync-http") as on:
        await on.plays_in_threads(speaks)
        pool = on.app.listener_runner.listener_executor._executor
        client = on.app.client

        def late() -> None:
            client.chat_postMessage(channel="C0KITCHEN", text="hi", token=on.slack.acme.token)

        for _ in range(8):
            with pytest.raises(NoTurn):
                await asyncio.wrap_future(pool.submit(late))


async def test_a_turn_lasts_as_long_as_its_listener_and_its_lazy_ones(wall: Wall) -> None:
    async with stage(wall, "searched", "sync-http") as on:
        go, said = threading.Event(), threading.Event()

        def late(a: Any) -> None:
            go.wait(5)
            a.respond("late")
            said.set()

        corner = on.slack.acme
        on.app.command("/late")(ack=acknowledges, lazy=[late_of(late)])
        delivery = await corner.commands(on.town.ben, on.town.kitchen, "/late")
        assert (await on.slack.records.ack(delivery)).status == 200
        go.set()
        await on.slack.records.said("late")
        await on.quiet()
        assert said.is_set()


def acknowledges(ack: Any) -> None:
    ack()


def late_of(job: Job) -> Callable[..., object]:
    def lazy(args: Any) -> object:
        return job(args)

    return lazy


async def test_an_event_that_waits_for_an_earlier_turn_is_acknowledged_meanwhile(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partywall.passages.DETACH_S", 0.01)
    async with stage(wall, "guarded", "sync-http") as on:
        go, bot = threading.Event(), on.bot
        original: Any = bot.asks

        def slow(text: str) -> str:
            go.wait(5)
            return str(original(text))

        monkeypatch.setattr(bot, "asks", slow)
        first = await on.slack.acme.says(on.town.ada, on.town.kitchen, "one")
        second = await on.slack.acme.says(on.town.ada, on.town.kitchen, "two")
        assert (await on.slack.records.ack(first)).status == 200
        assert (await on.slack.records.ack(second)).status == 200
        assert on.slack.records.sent == []
        go.set()
        for _ in range(2):
            await asyncio.wait_for(bot.handled.acquire(), 5)
        await on.quiet()
        assert len(on.slack.records.sent) == 2


async def test_a_command_between_two_people_is_not_in_the_bots_own_direct_messages(wall: Wall) -> None:
    async with stage(wall, "searched", "sync-http") as on:
        rooms: list[bool] = []

        def where(ack: Any) -> None:
            ack()
            rooms.append(current().turn.audience.room is not None)

        on.app.command("/where")(where)
        at, town = on.slack.acme, on.town
        between = at.opens("D0ADABEN1", "", town.ada, town.ben, room="im")
        for place in (between, at.dm(town.ada), between):
            await on.slack.records.ack(await at.commands(town.ada, place, "/where"))
            await on.quiet()
        assert rooms == [True, False, True]


async def test_a_synchronous_app_on_the_event_loop_is_refused(wall: Wall) -> None:
    async with stage(wall, "searched", "sync-http") as on:
        with pytest.raises(MisuseError, match="event loop"):
            on.app.client.chat_postMessage(channel="C0KITCHEN", text="hi")


async def test_the_wall_of_a_bot_without_a_loop_lives_in_one_of_its_own(tmp_path: Path) -> None:
    """Nobody opens it: it opens at the first delivery, in a thread beside."""
    wall = memory_wall(tmp_path)
    async with FakeSlack() as slack:
        town = settle(slack.acme, slack.globex)
        client = WebClient(token=slack.acme.token, base_url=slack.api)
        app: Any = await asyncio.to_thread(App, client=client, signing_secret=SIGNING_SECRET)
        heard: list[str] = []

        def message(event: Any, say: Any) -> None:
            heard.append(event["text"])
            say(f"echo {event['text']}")

        app.event("message")(message)
        handle = guard(app, wall, unguarded_model=True)
        async with running(slack, app, "sync-socket"):
            await slack.acme.says(town.ada, slack.acme.dm(town.ada), SECRET)
            await slack.records.said(f"echo {SECRET}")
            await slack.acme.says(town.eve, town.bridge, "let me in")
            await slack.records.settled()
            await handle.drain(60)
        assert heard == [SECRET]
        loop = wall.loop
        assert loop is not None
        assert loop is not asyncio.get_running_loop()
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(wall.close(), loop))
        loop.call_soon_threadsafe(loop.stop)
