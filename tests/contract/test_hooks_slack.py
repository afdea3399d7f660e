"""Where an application of Bolt is hooked: each choke point is looked at, needed, and given back."""

import asyncio
import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp, AsyncAssistant
from slack_bolt.middleware import RequestVerification
from slack_sdk.web.async_client import AsyncWebClient

from adapters.doors import State
from adapters.slack.clients import GuardedClient, GuardedRespond
from firewall.core.errors import Denied, NoTurn, UnsupportedApp
from partywall.guarding import Guarded, guard
from partywall.wall import Wall
from tests.fakes.slack.delivery import SECRET as SIGNING_SECRET
from tests.fakes.slack.delivery import SignedHttp
from tests.fakes.slack.hosts import Way, running
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.shapes import command
from tests.fakes.slack.stage import PLANTED, SECRET, Job, Stage, stage
from tests.fakes.slack.town import settle

POINTS = [
    "app.async_dispatch",
    "app._init_context",
    "app._async_middleware_list",
    "app.client.api_call",
    "app.client._upload_file",
    "context.client",
    "context.respond",
]


@pytest.fixture
def app() -> Any:
    return AsyncApp(client=AsyncWebClient(token="xoxb-acme"), signing_secret=SIGNING_SECRET)


def states(handle: Guarded) -> dict[str, State]:
    return {row.point: row.state for row in handle.report() if row.point != "model"}


# What is covered


def test_every_choke_point_is_covered_and_named(app: Any, wall: Wall) -> None:
    assert list(states(guard(app, wall))) == POINTS
    assert set(states(guard(app, wall)).values()) == {State.COVERED}


def test_an_application_is_as_it_was_once_the_hooks_are_out(app: Any, wall: Wall) -> None:
    def parts() -> list[object]:
        middleware = app._async_middleware_list
        return [{**app.__dict__}, {**app.client.__dict__}, middleware, [*middleware], type(app.client)]

    before = parts()
    handle = guard(app, wall)
    assert parts() != before
    handle.uninstall()
    assert parts() == before
    assert parts()[2] is before[2]
    assert set(states(handle).values()) == {State.UNCOVERED}
    assert guard(app, wall) is not handle


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        pytest.param(AsyncApp, "async_dispatch", id="dispatch"),
        pytest.param(AsyncApp, "_init_context", id="context"),
        pytest.param(AsyncWebClient.__mro__[1], "api_call", id="api-call"),
        pytest.param(AsyncWebClient.__mro__[1], "_upload_file", id="upload"),
    ],
)
def test_an_application_without_a_choke_point_is_refused_and_left_alone(
    app: Any, wall: Wall, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    monkeypatch.delattr(owner, name)

    def parts() -> list[object]:
        return [{**app.__dict__}, [*app._async_middleware_list]]

    before = parts()
    with pytest.raises(UnsupportedApp, match=name):
        guard(app, wall)
    assert parts() == before


@pytest.mark.parametrize("name", ["_async_middleware_list", "_async_client"])
def test_an_application_of_an_unknown_build_is_refused(app: Any, wall: Wall, name: str) -> None:
    delattr(app, name)
    with pytest.raises(UnsupportedApp, match="gone"):
        guard(app, wall)


def test_an_application_whose_requests_get_another_client_is_refused(
    app: Any, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other(AsyncWebClient):
        pass

    monkeypatch.setattr("slack_bolt.app.async_app.AsyncWebClient", Other)
    with pytest.raises(UnsupportedApp, match="class"):
        guard(app, wall)
    assert "async_dispatch" not in vars(app)


def test_code_that_runs_before_the_gate_is_refused(wall: Wall) -> None:
    async def early(next: Any) -> None:
        await next()

    app: Any = AsyncApp(
        client=AsyncWebClient(token="xoxb-acme"), signing_secret=SIGNING_SECRET, before_authorize=early
    )
    with pytest.raises(UnsupportedApp, match="before_authorize"):
        guard(app, wall)


def test_what_is_put_before_the_gate_or_in_the_place_of_a_hook_is_reported(app: Any, wall: Wall) -> None:
    handle = guard(app, wall)
    app._async_middleware_list.insert(0, object())
    app.client.api_call = app.client.api_call.__func__
    wrong = {point for point, state in states(handle).items() if state is State.UNCOVERED}
    assert wrong == {"app._async_middleware_list", "app.client.api_call"}
    assert all(row.remedy for row in handle.report() if row.state is State.UNCOVERED)


# What each hook is for


async def answers(a: Any) -> None:
    await a.ack(PLANTED)


async def speaks(a: Any) -> None:
    await a.ack()
    await a.client.chat_postMessage(channel=a.body["channel"]["id"], text=PLANTED)


async def speaks_by_the_app(a: Any) -> None:
    await a.ack()
    token = a.context.bot_token
    await a.app.client.chat_postMessage(channel=a.body["channel"]["id"], text=PLANTED, token=token)


async def uploads(a: Any) -> None:
    await a.ack()
    await a.client.files_upload_v2(channel=a.body["channel"]["id"], filename="a.txt", content=PLANTED)


async def uploads_by_the_app(a: Any) -> None:
    await a.ack()
    where = {"channel": a.body["channel"]["id"], "token": a.context.bot_token}
    await a.app.client.files_upload_v2(**where, filename="a.txt", content=PLANTED)


async def responds(a: Any) -> None:
    await a.ack()
    await a.respond(PLANTED)


def unchanged(found: object, *_: object) -> object:
    return found


@contextmanager
def without(on: Stage, point: str) -> Generator[None]:
    """Take one hook out and leave the others in."""
    assert on.handle is not None
    handle: Any = on.handle
    hooks = handle._hooks
    with pytest.MonkeyPatch.context() as patch:
        if point == "app.async_dispatch":
            # The delivery itself stays; what goes is the judgement of its answer.
            original: Any = AsyncApp.async_dispatch

            async def dispatch(req: Any) -> Any:
                return await hooks._door.deliver(lambda: original(on.app, req))

            patch.setitem(on.app.__dict__, "async_dispatch", dispatch)
        elif point == "app._init_context":
            patch.delitem(on.app.__dict__, "_init_context")
        elif point == "app._async_middleware_list":
            gate = next(one for one in on.app._async_middleware_list if "Gate" in type(one).__name__)
            on.app._async_middleware_list.remove(gate)
        elif point in ("app.client.api_call", "app.client._upload_file"):
            patch.delitem(on.app.client.__dict__, point.rsplit(".", 1)[1])
        elif point == "context.client":
            patch.setattr(GuardedClient, "of", unchanged)
        else:
            patch.setattr(GuardedRespond, "of", unchanged)
        yield


NEEDED: list[tuple[str, Job, str]] = [
    ("app.async_dispatch", answers, "ack"),
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
    async with stage(wall, "searched") as on:
        await on.plant()
        on.app.client.token = on.slack.acme.token
        try:
            assert await on.plays(job) == []
        except Denied:
            assert "upload" in method
        with without(on, point):
            assert method in await on.plays(job)
            assert on.handle is not None
            assert states(on.handle)[point] is State.UNCOVERED
        assert states(on.handle)[point] is State.COVERED


async def test_without_the_gate_nothing_is_said_at_all(wall: Wall) -> None:
    async with stage(wall, "searched") as on:
        await on.plant()
        with without(on, "app._async_middleware_list"), pytest.raises(NoTurn):
            await on.plays(speaks)
        assert on.handle is not None
        assert states(on.handle)["app._async_middleware_list"] is State.UNCOVERED


# What comes in


@pytest.mark.parametrize("way", ["async-socket", "async-http"])
async def test_what_stands_before_a_listener_comes_behind_the_gate(wall: Wall, way: Way) -> None:
    """An Assistant or a middleware that was registered before the guard answers nobody it should not."""
    async with FakeSlack() as slack, wall:
        town, seen = settle(slack.acme, slack.globex), list[str]()
        app: Any = AsyncApp(
            client=AsyncWebClient(token=slack.acme.token, base_url=slack.api), signing_secret=SIGNING_SECRET
        )
        assistant: Any = AsyncAssistant()

        async def helps(payload: Any, say: Any) -> None:
            seen.append(payload["text"])
            await say("helped")

        async def looks(body: Any, next: Any) -> None:
            seen.append(body["event"]["text"])
            await next()

        assistant.user_message(helps)
        app.assistant(assistant)
        app.use(looks)
        handle = guard(app, wall, unguarded_model=True)
        async with running(slack, app, way):
            stranger = await slack.acme.says(town.eve, town.bridge, SECRET)
            assert (await slack.records.ack(stranger)).payload in (None, "")
            bot = await slack.acme.says(town.alarm, town.kitchen, SECRET)
            await slack.records.ack(bot)
            assert seen == []
            root = slack.acme.ts()
            slack.acme.dm(town.ada).messages[root] = {"ts": root, "text": "hi"}
            await slack.acme.says(town.ada, slack.acme.dm(town.ada), "hello", thread=root)
            await slack.records.said("helped")
            await handle.drain(60)
        assert seen == ["hello"]


@pytest.mark.parametrize("way", ["async-socket", "async-http"])
async def test_what_one_company_wrote_is_not_answered_with_another_ones_token(wall: Wall, way: Way) -> None:
    """Bolt itself does: it hands a GLOBEX event to the listener with ACME's client."""
    for guarded in (False, True):
        async with FakeSlack() as slack:
            settle(slack.acme, slack.globex)
            app: Any = AsyncApp(
                client=AsyncWebClient(token=slack.acme.token, base_url=slack.api),
                signing_secret=SIGNING_SECRET,
            )

            async def heard(event: Any, say: Any) -> None:
                await say(f"echo {event['text']}")

            app.event("message")(heard)
            if guarded:
                guard(app, wall, unguarded_model=True)
            async with running(slack, app, way):
                other = slack.globex.people["U0ADA0001"]
                said = await slack.globex.says(other, slack.globex.places["C0KITCHEN"], SECRET)
                await slack.records.ack(said)
                if not guarded:
                    assert (await slack.records.said(SECRET)).team == slack.acme.id
                await slack.records.settled()
            assert bool(slack.records.sent) is not guarded
    await wall.close()


@pytest.mark.parametrize(
    ("options", "secret"),
    [
        pytest.param({"request_verification_enabled": False}, "anything", id="verification-switched-off"),
        pytest.param({"signing_secret": ""}, "", id="an-empty-secret"),
        pytest.param({}, "another secret", id="a-forged-signature"),
    ],
)
async def test_what_slack_is_not_known_to_have_sent_never_reaches_a_handler(
    wall: Wall, options: dict[str, Any], secret: str
) -> None:
    async with FakeSlack() as slack, wall:
        town, seen = settle(slack.acme, slack.globex), list[str]()
        client = AsyncWebClient(token=slack.acme.token, base_url=slack.api)
        given: dict[str, Any] = {"signing_secret": SIGNING_SECRET, **options}
        app: Any = AsyncApp(client=client, **given)

        async def heard(event: Any) -> None:
            seen.append(event["text"])

        app.event("message")(heard)
        guard(app, wall, unguarded_model=True)
        async with running(slack, app, "async-http"):
            assert isinstance(slack.transport, SignedHttp)
            slack.transport = SignedHttp(url=slack.transport.url, secret=secret)
            said = await slack.acme.says(town.ada, town.kitchen, SECRET)
            assert (await slack.records.ack(said)).status in (200, 401, 500)
            await slack.records.settled()
        assert seen == []


async def test_a_forged_command_that_calls_itself_a_check_of_the_certificate_is_refused(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older versions of Bolt let these pass where `ssl_check_enabled` is off (bolt-python issue 1494)."""
    seen: list[str] = []

    async def heard(ack: Any, command: Any) -> None:
        await ack()
        seen.append(command["text"])

    def can_skip(mode: str, body: dict[str, Any]) -> bool:
        return mode == "socket_mode" or body.get("ssl_check") == "1"

    monkeypatch.setattr(RequestVerification, "_can_skip", staticmethod(can_skip))
    for guarded in (False, True):
        async with FakeSlack() as slack:
            seen.clear()
            town = settle(slack.acme, slack.globex)
            client = AsyncWebClient(token=slack.acme.token, base_url=slack.api)
            app: Any = AsyncApp(client=client, signing_secret=SIGNING_SECRET, ssl_check_enabled=False)
            app.command("/otto")(heard)
            if guarded:
                guard(app, wall, unguarded_model=True)
            async with running(slack, app, "async-http"):
                assert isinstance(slack.transport, SignedHttp)
                slack.transport = SignedHttp(url=slack.transport.url, secret="another secret")
                urls = {"response_url": "http://127.0.0.1:9/", "trigger_id": "1.2.3", "ssl_check": "1"}
                forged = command(
                    town.ada, town.kitchen, "/otto", SECRET, team="T0ACME001", domain="x", urls=urls
                )
                delivery = await slack.deliver("slash_commands", slack.acme.id, forged)
                assert (await slack.records.ack(delivery)).status == 200
                await slack.records.settled()
            assert bool(seen) is not guarded
    await wall.close()


@pytest.mark.parametrize("genuine", [True, False])
async def test_an_installation_that_ended_is_told_to_the_bot_if_slack_said_so(
    wall: Wall, genuine: bool
) -> None:
    """A handler of it forgets a company's tokens; a forged one would take the bot from that company."""
    async with FakeSlack() as slack, wall:
        town, seen = settle(slack.acme, slack.globex), list[str]()
        client = AsyncWebClient(token=slack.acme.token, base_url=slack.api)
        app: Any = AsyncApp(
            client=client, signing_secret=SIGNING_SECRET, request_verification_enabled=genuine
        )

        async def ended(event: Any) -> None:
            seen.append(event["type"])

        app.event("app_uninstalled")(ended)
        handle = guard(app, wall, unguarded_model=True)
        async with running(slack, app, "async-http"):
            said = await slack.acme.event(town.kitchen, {"type": "app_uninstalled"})
            assert (await slack.records.ack(said)).status == 200
            await handle.drain(60)
        assert seen == (["app_uninstalled"] if genuine else [])


@pytest.mark.parametrize(
    "event",
    [
        pytest.param({"type": "channel_rename", "channel": {"id": "C1", "name": SECRET}}, id="unknown-kind"),
        pytest.param({"type": "message", "channel": "C0KITCHEN", "text": SECRET}, id="no-sender"),
        pytest.param({"type": "message", "subtype": "channel_topic", "text": SECRET}, id="nobodys-words"),
    ],
)
async def test_what_cannot_be_read_is_dropped_without_a_word_of_it(
    wall: Wall, caplog: pytest.LogCaptureFixture, event: dict[str, Any]
) -> None:
    with caplog.at_level(logging.INFO):
        async with stage(wall, "guarded") as on:
            said = await on.slack.acme.event(on.town.kitchen, {"ts": "1760000000.000009", **event})
            assert (await on.slack.records.ack(said)).status == 200
            await on.quiet()
    assert on.slack.records.sent == []
    assert SECRET not in caplog.text
    assert "passed over a delivery" in caplog.text


async def test_slack_s_own_check_of_the_address_is_answered(wall: Wall) -> None:
    async with stage(wall, "guarded", "async-http") as on:
        asked = {"type": "url_verification", "challenge": "abc", "token": "x"}
        delivery = await on.slack.deliver("events_api", on.slack.acme.id, asked)
        answer = await on.slack.records.ack(delivery)
        assert (answer.status, answer.payload) == (200, {"challenge": "abc"})


async def test_an_event_that_waits_for_an_earlier_turn_is_acknowledged_meanwhile(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partywall.passages.DETACH_S", 0.01)
    async with stage(wall, "guarded") as on:
        go = asyncio.Event()
        original: Any = on.bot.asks

        async def slow(text: str) -> str:
            await go.wait()
            return str(await original(text))

        monkeypatch.setattr(on.bot, "asks", slow)
        first = await on.slack.acme.says(on.town.ada, on.town.kitchen, "one")
        second = await on.slack.acme.says(on.town.ada, on.town.kitchen, "two")
        assert (await on.slack.records.ack(first)).status == 200
        assert (await on.slack.records.ack(second)).status == 200
        assert on.slack.records.sent == []
        go.set()
        for _ in range(2):
            await asyncio.wait_for(on.bot.handled.acquire(), 5)
        await on.quiet()
        assert len(on.slack.records.sent) == 2


async def test_nothing_that_was_said_stands_in_a_log(wall: Wall, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        async with stage(wall, "searched") as on:
            await on.plant()
            for job in (answers, speaks, responds):
                await on.plays(job)
            with pytest.raises(Denied):
                await on.plays(uploads)
            with pytest.raises(Denied):
                await on.plays(elsewhere)
    assert SECRET not in caplog.text


async def elsewhere(a: Any) -> None:
    await a.ack()
    await a.client.chat_postMessage(channel="C0CELLAR1", text=SECRET)
