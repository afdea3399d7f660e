"""A bot of managed mode on Slack: the libraries are unmodified and talk to a Slack of ours over sockets.

Ada of ACME and Ada of GLOBEX have one id, and so have their rooms: only the workspace tells them apart.
"""

import asyncio
import io
import itertools
import json
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState

import partywall as pw
from adapters.slack.answering import LIBRARY, Answering, Patience, harmless
from adapters.slack.channel import SlackChannel
from adapters.slack.intake import Intake
from adapters.slack.library import AsyncBoltRequest, BoltResponse
from adapters.wire import Deleted
from firewall.core.arrival import Arrival
from firewall.core.errors import MisuseError, ServiceUnavailable, StoreUnavailable
from firewall.core.identity import SenderKind
from partywall.handle import TurnHandle
from tests.fakes.slack.delivery import SignedHttp
from tests.fakes.slack.managed import Stage, Way, elsewhere, served, serving, settings, shown
from tests.fakes.slack.records import Fault
from tests.fakes.slack.server import FakeSlack

SECRET = "kelp-47-lantern"
both_ways = pytest.mark.parametrize("way", ["socket", "http"])


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with FakeSlack() as slack:
        yield Stage(slack)


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library wait for as long as Slack asks for, and no random time beside it."""
    monkeypatch.setattr(random, "random", lambda: 0.0)


async def repeats(turn: TurnHandle) -> str | None:
    return f"You said: {turn.text}"


class Heard:
    """What a channel hands over when nothing stands behind it."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.deleted: list[Deleted] = []
        self.dropped: list[tuple[str, str]] = []
        self.broken: Exception | None = None

    async def accept(self, arrival: Arrival) -> None:
        if self.broken is not None:
            error, self.broken = self.broken, None
            raise error
        self.arrivals.append(arrival)

    async def forget(self, deleted: Deleted) -> None:
        self.deleted.append(deleted)

    def drop(self, kind: str, problem: str) -> None:
        self.dropped.append((kind, problem))


@asynccontextmanager
async def listening(
    stage: Stage, way: Way = "socket", **more: Any
) -> AsyncGenerator[tuple[SlackChannel, Heard]]:
    channel, heard = stage.channel(way, **more), Heard()
    await channel.open(heard.accept, heard.forget, heard.drop)
    stage.listen(channel, way)
    try:
        yield channel, heard
    finally:
        await channel.close()


# Where an answer goes


@both_ways
async def test_each_is_answered_in_their_own_workspace_by_its_own_token(
    tmp_path: Path, stage: Stage, way: Way
) -> None:
    mine, theirs = stage.dms
    async with serving(stage, tmp_path, repeats, way=way):
        first = await stage.acme.says(stage.ada, mine, f"My code is {SECRET}.")
        second = await stage.globex.says(stage.other, theirs, "Hello!")
        await stage.taken(first, second)
    assert mine.id == theirs.id
    assert shown(mine) == [f"You said: My code is {SECRET}."]
    assert shown(theirs) == ["You said: Hello!"]
    assert {(one.team, one.text) for one in stage.sent()} == {
        ("T0ACME001", f"You said: My code is {SECRET}."),
        ("T0GLOBEX1", "You said: Hello!"),
    }


async def test_a_channel_is_answered_in_the_channel_and_a_thread_in_the_thread(
    tmp_path: Path, stage: Stage
) -> None:
    async with serving(stage, tmp_path, repeats):
        root = await stage.acme.says(stage.ada, stage.kitchen, "root")
        below = await stage.acme.says(stage.ada, stage.kitchen, "below", thread=root.ts)
        other = await stage.globex.says(stage.other, stage.theirs, "other")
        await stage.taken(root, below, other)
    where = {(one.team, one.channel, one.thread, one.text) for one in stage.sent("chat.postMessage")}
    assert where == {
        ("T0ACME001", "C0KITCHEN", None, "You said: root"),
        ("T0ACME001", "C0KITCHEN", root.ts, "You said: below"),
        ("T0GLOBEX1", "C0KITCHEN", None, "You said: other"),
    }


async def test_a_mention_is_answered_once_though_slack_tells_of_it_twice(
    tmp_path: Path, stage: Stage
) -> None:
    async with serving(stage, tmp_path, repeats):
        await stage.taken(*await stage.acme.mentions(stage.ada, stage.kitchen, "hello"))
        await stage.taken(*await stage.globex.mentions(stage.other, stage.theirs, "hello"))
    assert len(shown(stage.kitchen)) == 1
    assert len(shown(stage.theirs)) == 1


@both_ways
async def test_a_delivery_that_comes_again_is_answered_once(tmp_path: Path, stage: Stage, way: Way) -> None:
    mine, theirs = stage.dms
    async with serving(stage, tmp_path, repeats, way=way):
        first = await stage.acme.says(stage.ada, mine, "Hello!")
        second = await stage.globex.says(stage.other, theirs, "Hello!")
        await stage.taken(first, second)
        for one in (first, second):
            await stage.slack.redelivers(one)
        await stage.taken(first, second)
    assert first.attempt == second.attempt == 1
    assert shown(mine) == shown(theirs) == ["You said: Hello!"]


async def test_an_edit_is_answered_and_a_preview_of_a_link_is_not(
    tmp_path: Path, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "partywall")
    mine, theirs = stage.dms
    async with serving(stage, tmp_path, repeats):
        first = await stage.acme.says(stage.ada, mine, "My dog")
        other = await stage.globex.says(stage.other, theirs, "See https://example.com")
        await stage.taken(first, other)
        await stage.taken(await stage.acme.edits(stage.ada, mine, first.ts, "My cat"))
        seen = theirs.messages[other.ts] | {"attachments": [{"text": "Example"}]}
        event = {"type": "message", "subtype": "message_changed", "message": seen, "channel": theirs.id}
        event |= {"channel_type": "im", "ts": stage.globex.ts(), "event_ts": stage.globex.ts()}
        await stage.taken(await stage.globex.event(theirs, event))
    assert shown(mine)[-1] == "You said: My cat"
    assert shown(theirs) == ["You said: See https://example.com"]
    assert "passed over a delivery (message): nobody edited it" in caplog.text


async def test_what_is_taken_back_is_not_answered(tmp_path: Path, stage: Stage) -> None:
    mine, theirs = stage.dms
    held, heard = asyncio.Event(), list[str]()

    async def slow(turn: TurnHandle) -> str | None:
        heard.append(turn.text)
        await held.wait()
        return turn.text

    async with serving(stage, tmp_path, slow):
        first = await stage.acme.says(stage.ada, mine, "first")
        await stage.taken(first)
        second = await stage.acme.says(stage.ada, mine, SECRET)
        other = await stage.globex.says(stage.other, theirs, "other")
        await stage.taken(second, other)
        await stage.taken(await stage.acme.deletes(mine, second.ts))
        held.set()
    assert sorted(heard) == ["first", "other"]
    assert shown(mine) == ["first"]
    assert shown(theirs) == ["other"]


@both_ways
async def test_a_command_is_answered_to_its_sender_alone(tmp_path: Path, stage: Stage, way: Way) -> None:
    async with serving(stage, tmp_path, repeats, way=way):
        first = await stage.acme.commands(stage.ada, stage.kitchen, "/ask", "what else?")
        second = await stage.globex.commands(stage.other, stage.theirs, "/ask", "and here?")
        await stage.taken(first, second)
    assert shown(stage.kitchen) == shown(stage.theirs) == []
    assert {(one.method, one.team, one.user, one.text) for one in stage.sent()} == {
        ("response_url", "T0ACME001", "U0ADA0001", "You said: what else?"),
        ("response_url", "T0GLOBEX1", "U0ADA0001", "You said: and here?"),
    }
    assert all(one.payload["response_type"] == "ephemeral" for one in stage.sent())


async def test_a_response_url_that_is_used_up_is_no_end(tmp_path: Path, stage: Stage) -> None:
    async with serving(stage, tmp_path, repeats):
        stage.slack.records.fail("response_url", Fault(failure="server_error"))
        first = await stage.acme.commands(stage.ada, stage.kitchen, "/ask", "still there?")
        await stage.taken(first)
        other = await stage.globex.commands(stage.other, stage.theirs, "/ask", "and here?")
        await stage.taken(other)
    (told,) = stage.sent("chat.postEphemeral")
    (by_url,) = stage.sent("response_url")
    assert {told.text, by_url.text} == {"You said: still there?", "You said: and here?"}
    assert told.user == "U0ADA0001"
    assert told.channel == "C0KITCHEN"


async def test_a_response_url_that_breaks_off_may_have_shown_it_and_is_not_replaced(
    tmp_path: Path, stage: Stage
) -> None:
    async with serving(stage, tmp_path, repeats):
        stage.slack.records.fail("response_url", Fault(failure="dropped_after"))
        await stage.taken(await stage.acme.commands(stage.ada, stage.kitchen, "/ask", "once"))
        await stage.taken(await stage.globex.commands(stage.other, stage.theirs, "/ask", "too"))
    texts = [one.text for one in stage.sent() if one.team == "T0ACME001"]
    assert texts[0] == "You said: once"
    assert len(texts) == 2
    assert texts[1].startswith("Something went wrong")


async def test_a_press_is_answered_where_the_button_stands(tmp_path: Path, stage: Stage) -> None:
    stage.kitchen.messages["1760000000.000001"] = {"type": "message", "ts": "1760000000.000001", "text": "?"}

    async def answers(turn: TurnHandle) -> str | None:
        return f"{turn.history()[-1]['content']} it is"

    async with serving(stage, tmp_path, answers):
        public = await stage.acme.presses(stage.ada, stage.kitchen, "1760000000.000001", "pick", "tea")
        alone = await stage.globex.presses(stage.other, stage.theirs, "1760000000.000002", "pick", "milk")
        await stage.taken(public, alone)
    assert len(shown(stage.kitchen)) == 1
    assert "it is" in shown(stage.kitchen)[0]
    assert shown(stage.theirs) == []
    (told,) = stage.sent("response_url")
    assert (told.team, told.user) == ("T0GLOBEX1", "U0ADA0001")


async def test_a_shortcut_among_two_people_is_answered_to_whoever_took_it(
    tmp_path: Path, stage: Stage
) -> None:
    between = stage.acme.opens("D0BETWEEN", "", stage.ada, stage.town.ben, room="im")
    said = {"type": "message", "ts": "1760000000.000001", "user": "U0BEN0001", "text": "lunch?"}

    async def answers(turn: TurnHandle) -> str | None:
        return "It is about lunch."

    async with serving(stage, tmp_path, answers):
        await stage.taken(await stage.acme.shortcut(stage.ada, between, "explain", said))
        await stage.taken(await stage.globex.says(stage.other, stage.dms[1], "Hello!"))
    told = [one for one in stage.sent() if one.team == "T0ACME001"]
    assert [(one.method, one.user, one.text) for one in told] == [
        ("response_url", "U0ADA0001", "It is about lunch.")
    ]
    assert shown(between) == []


async def test_a_shortcut_without_a_place_is_answered_in_the_direct_messages(
    tmp_path: Path, stage: Stage
) -> None:
    mine, theirs = stage.dms
    parts = ("One line.\n", "And another one.\n")

    async def streams(turn: TurnHandle) -> None:
        async def pieces() -> AsyncIterator[str]:
            for part in parts:
                yield part

        await turn.reply_stream(pieces())

    channel = stage.channel()
    channel.edits_every_s = 1e-9
    async with pw.open(settings(tmp_path)) as wall, served(wall, streams, channel):
        for at, who in ((stage.acme, stage.ada), (stage.globex, stage.other)):
            payload = {
                "type": "shortcut",
                "callback_id": "ask",
                "trigger_id": at.trigger(who),
                "team": {"id": at.id},
                "user": {"id": who.id, "team_id": at.id},
                "api_app_id": "A0WALL001",
            }
            await stage.taken(await stage.slack.deliver("interactive", at.id, payload))
    assert shown(mine) == shown(theirs) == ["One line.\nAnd another one."]


# How it is shown


async def test_a_long_answer_is_split_to_the_same_thread(tmp_path: Path, stage: Stage) -> None:
    words = " ".join(f"word{number}" for number in range(1_500))

    async def long(turn: TurnHandle) -> str | None:
        return words if turn.text == "long" else turn.text

    async with serving(stage, tmp_path, long):
        root = await stage.globex.says(stage.other, stage.theirs, "root")
        below = await stage.acme.says(stage.ada, stage.kitchen, "long", thread="1760000000.000001")
        await stage.taken(root, below)
    pieces = [one for one in stage.sent("chat.postMessage") if one.team == "T0ACME001"]
    assert len(pieces) > 2
    assert " ".join(one.text for one in pieces) == words
    assert {(one.channel, one.thread) for one in pieces} == {("C0KITCHEN", "1760000000.000001")}
    assert shown(stage.theirs) == ["root"]


async def grows(turn: TurnHandle) -> None:
    async def parts() -> AsyncIterator[str]:
        for number in range(6):
            yield f"Line {number} is about {turn.text}.\n"

    await turn.reply_stream(parts())


async def test_a_stream_grows_in_one_message(tmp_path: Path, stage: Stage) -> None:
    channel = stage.channel()
    channel.edits_every_s = 1e-9
    async with pw.open(settings(tmp_path)) as wall, served(wall, grows, channel):
        await stage.taken(await stage.acme.says(stage.ada, stage.kitchen, "tea"))
        await stage.taken(await stage.globex.says(stage.other, stage.theirs, "milk"))
    for place, word in ((stage.kitchen, "tea"), (stage.theirs, "milk")):
        (told,) = shown(place)
        assert told.count(word) == 6
    texts = [one.text for one in stage.sent() if one.team == "T0ACME001"]
    assert len(texts) > 2
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(texts))


async def test_what_one_person_alone_sees_is_shown_whole_at_the_end(tmp_path: Path, stage: Stage) -> None:
    """Nobody can edit an ephemeral: one that grew would be many, and a response URL takes five."""
    channel = stage.channel()
    channel.edits_every_s = 1e-9
    async with pw.open(settings(tmp_path)) as wall, served(wall, grows, channel):
        await stage.taken(await stage.acme.commands(stage.ada, stage.kitchen, "/ask", "tea"))
        await stage.taken(await stage.globex.commands(stage.other, stage.theirs, "/ask", "milk"))
    assert {one.method for one in stage.sent()} == {"response_url"}
    for team, word in (("T0ACME001", "tea"), ("T0GLOBEX1", "milk")):
        (told,) = [one.text for one in stage.sent() if one.team == team]
        assert told.rstrip("\n").split("\n") == [f"Line {number} is about {word}." for number in range(6)]


async def test_what_one_person_alone_sees_of_a_thread_stands_in_the_thread(stage: Stage) -> None:
    said = {"type": "message", "ts": "1760000000.000002", "thread_ts": "1760000000.000001", "text": "?"}
    async with listening(stage) as (channel, heard):
        for at, who, room in (
            (stage.acme, stage.ada, stage.kitchen),
            (stage.globex, stage.other, stage.theirs),
        ):
            await stage.taken(await at.shortcut(who, room, "explain", said))
        for arrival in heard.arrivals:
            await channel.whisper(arrival.route, "Hi.")
    assert {(one.team, one.method, one.user, one.thread) for one in stage.sent()} == {
        (team, "response_url", "U0ADA0001", "1760000000.000001") for team in ("T0ACME001", "T0GLOBEX1")
    }


async def test_an_edit_of_what_one_person_alone_sees_is_refused_and_shows_nothing(stage: Stage) -> None:
    async with listening(stage) as (channel, heard):
        await stage.taken(await stage.acme.commands(stage.ada, stage.kitchen, "/ask", "tea"))
        await stage.taken(await stage.globex.commands(stage.other, stage.theirs, "/ask", "tea"))
        for arrival in heard.arrivals:
            posted = await channel.post(arrival.route, "Tea")
            with pytest.raises(ServiceUnavailable, match="cannot be edited"):
                await channel.edit(arrival.route, posted, "Tea and more")
    assert [one.text for one in stage.sent()] == ["Tea", "Tea"]


async def test_slack_is_given_the_time_that_it_asks_for(tmp_path: Path, stage: Stage) -> None:
    slow = Fault(failure="rate_limited", retry_after_s=0)
    async with serving(stage, tmp_path, repeats):
        stage.slack.records.fail("chat.postMessage", slow, slow)
        await stage.taken(await stage.acme.says(stage.ada, stage.dms[0], "Hello!"))
        await stage.taken(await stage.globex.says(stage.other, stage.dms[1], "Hello!"))
    assert [shown(place) for place in stage.dms] == [["You said: Hello!"], ["You said: Hello!"]]


async def test_slack_is_not_given_an_hour(tmp_path: Path, stage: Stage) -> None:
    async with serving(stage, tmp_path, repeats):
        stage.slack.records.fail("chat.postMessage", Fault(failure="rate_limited", retry_after_s=3_600))
        await stage.taken(await stage.acme.says(stage.ada, stage.kitchen, "Hello!"))
        await stage.slack.records.said("Something went wrong", method="chat.postEphemeral")
        await stage.taken(await stage.globex.says(stage.other, stage.theirs, "Hello!"))
    assert shown(stage.kitchen) == []
    assert shown(stage.theirs) == ["You said: Hello!"]


async def test_slack_is_given_a_minute_in_all() -> None:
    state, request = RetryState(), HttpRequest(method="POST", url="https://slack.com/api/x", headers={})
    asked = HttpResponse(status_code=429, headers={"retry-after": "25"})
    waits = [await Patience().can_retry_async(state=state, request=request, response=asked) for _ in range(4)]
    assert waits == [True, True, False, False]


@pytest.mark.parametrize("asked", ["-1", "soon", ""])
async def test_a_time_that_is_none_is_not_waited_for(stage: Stage, asked: str) -> None:
    async def limited(request: web.Request) -> web.Response:
        return web.json_response({"ok": False}, status=429, headers={"Retry-After": asked})

    async with elsewhere(limited) as url:
        channel = stage.channel(base_url=url)
        with pytest.raises(ServiceUnavailable, match=r"auth\.test \(HTTP 429\)"):
            await channel.open(Heard().accept, Heard().forget, Heard().drop)


@pytest.mark.parametrize("failure", ["dropped_after", "server_error"])
async def test_what_may_have_been_shown_is_not_shown_again(
    tmp_path: Path, stage: Stage, caplog: pytest.LogCaptureFixture, failure: Any
) -> None:
    async with serving(stage, tmp_path, repeats):
        stage.slack.records.fail("chat.postMessage", Fault(failure=failure))
        await stage.taken(await stage.acme.says(stage.ada, stage.kitchen, SECRET))
        await stage.slack.records.said("Something went wrong", method="chat.postEphemeral")
        await stage.taken(await stage.globex.says(stage.other, stage.theirs, "Hello!"))
    assert len(shown(stage.kitchen)) == (1 if failure == "dropped_after" else 0)
    assert "ServiceUnavailable" in caplog.text
    assert SECRET not in caplog.text
    assert shown(stage.theirs) == ["You said: Hello!"]


async def test_a_refusal_is_told_to_the_sender_alone(tmp_path: Path, stage: Stage) -> None:
    async def forbidden(turn: TurnHandle) -> str | None:
        # In `strict`, what nothing accounts for is not said.
        return "The merger closes on the ninth of March at noon."

    async with serving(stage, tmp_path, forbidden, profile="strict"):
        for place in (stage.kitchen, stage.acme.dm(stage.ada)):
            await stage.taken(await stage.acme.says(stage.ada, place, "Remove it."))
        await stage.taken(await stage.acme.commands(stage.ada, stage.kitchen, "/ask", "Remove it."))
        await stage.taken(await stage.globex.says(stage.other, stage.theirs, "Hello!"))
    told = stage.sent()
    assert {(one.method, one.team, one.channel, one.user) for one in told} == {
        ("chat.postEphemeral", "T0ACME001", "C0KITCHEN", "U0ADA0001"),
        ("chat.postMessage", "T0ACME001", "D0ADA0001", None),
        ("response_url", "T0ACME001", "C0KITCHEN", "U0ADA0001"),
        ("chat.postEphemeral", "T0GLOBEX1", "C0KITCHEN", "U0ADA0001"),
    }
    assert len({one.text for one in told}) == len(told) == 4, "each has a reference of its own"
    assert all(one.text.startswith("This request was stopped") for one in told)


async def test_nobody_is_called_by_what_a_model_wrote(tmp_path: Path, stage: Stage) -> None:
    async def calls(turn: TurnHandle) -> str | None:
        return "<!channel> <!here|all> <!subteam^S1> <@U0BEN0001> <@U0EVE0001|eve> @everyone a@here.org"

    async with serving(stage, tmp_path, calls):
        await stage.taken(await stage.acme.says(stage.ada, stage.kitchen, "Hello!"))
        await stage.taken(await stage.globex.commands(stage.other, stage.theirs, "/ask", "Hello!"))
    for one in stage.sent():
        assert "<" not in one.text
        assert "a@here.org" in one.text
        assert not {"@channel", "@here ", "@everyone", "@U0BEN0001"} & set(one.text.split(" "))
        assert one.payload["unfurl_links"] is one.payload["unfurl_media"] is False
    assert {one.team for one in stage.sent()} == {"T0ACME001", "T0GLOBEX1"}


@pytest.mark.parametrize("text", ["<<!here>@U0BEN0001>", "<@<@U0BEN0001>U0BEN0001>", "<!<@x>here>"])
def test_a_call_inside_a_call_is_none_either(text: str) -> None:
    told = harmless(text)
    assert "<!here" not in told
    assert "<@U0BEN0001>" not in told


async def test_an_assistants_thread_shows_that_an_answer_is_made(tmp_path: Path, stage: Stage) -> None:
    mine, theirs = stage.dms
    async with serving(stage, tmp_path, repeats):
        for at, who, place in ((stage.acme, stage.ada, mine), (stage.globex, stage.other, theirs)):
            await stage.taken(await at.says(who, place, "Hello!", thread="1760000000.000001"))
            await stage.slack.records.said("Hello!", method="chat.postMessage")
        await stage.taken(await stage.acme.says(stage.ada, stage.kitchen, "Hello!", thread=stage.acme.ts()))
    status = stage.sent("assistant.threads.setStatus")
    assert {(one.team, one.channel, one.thread) for one in status} == {
        ("T0ACME001", "D0ADA0001", "1760000000.000001"),
        ("T0GLOBEX1", "D0ADA0001", "1760000000.000001"),
    }


async def test_a_workspace_without_assistants_is_asked_once(stage: Stage) -> None:
    refused = Fault(failure="server_error")
    async with listening(stage) as (channel, heard):
        thread = "1760000000.000001"
        await stage.taken(await stage.acme.says(stage.ada, stage.dms[0], "Hello!", thread=thread))
        await stage.taken(await stage.globex.says(stage.other, stage.dms[1], "Hello!", thread=thread))
        mine, theirs = sorted((one.route for one in heard.arrivals), key=lambda route: route["team"])
        stage.slack.records.fail("assistant.threads.setStatus", refused)
        await channel.typing(mine)
        await channel.typing(mine)
        await channel.typing(theirs)
    assert [one.team for one in stage.sent()] == ["T0GLOBEX1"]


# What is handed over


async def test_what_the_bot_says_is_not_handed_back_to_it(stage: Stage) -> None:
    async with listening(stage) as (channel, heard):
        await stage.taken(await stage.acme.says(stage.ada, stage.kitchen, "Hello!"))
        await stage.taken(await stage.globex.says(stage.other, stage.theirs, "Hello!"))
        for arrival in list(heard.arrivals):
            posted = await channel.post(arrival.route, "Hi.")
            await channel.edit(arrival.route, posted, "Hi there.")
        for at, place in ((stage.acme, stage.kitchen), (stage.globex, stage.theirs)):
            echo = list(place.messages.values())[-1]
            event = {"channel": place.id, "channel_type": "channel", "event_ts": at.ts()}
            await stage.taken(await at.event(place, {**echo, **event}))
            edited = {**echo, "edited": {"user": at.bot.id, "ts": at.ts()}}
            changed = {"type": "message", "subtype": "message_changed", "message": edited, "ts": at.ts()}
            await stage.taken(await at.event(place, {**changed, **event}))
            unsigned = {**edited, "edited": {"ts": at.ts()}, "user": None}
            await stage.taken(await at.event(place, {**changed, "message": unsigned, **event}))
    assert [one.message.text for one in heard.arrivals] == ["Hello!", "Hello!"]
    assert heard.dropped == []


async def test_bots_and_strangers_come_as_what_they_are(stage: Stage) -> None:
    town = stage.town
    async with listening(stage) as (_, heard):
        await stage.taken(await stage.acme.says(town.alarm, stage.kitchen, "Fire!"))
        await stage.taken(await stage.acme.says(town.eve, town.bridge, "From the other side."))
        await stage.taken(await stage.globex.says(town.eve, stage.theirs, "At home."))
    kinds = {one.message.text: (one.message.sender.kind, one.route["team"]) for one in heard.arrivals}
    assert kinds == {
        "Fire!": (SenderKind.BOT, "T0ACME001"),
        "From the other side.": (SenderKind.EXTERNAL, "T0ACME001"),
        "At home.": (SenderKind.HUMAN, "T0GLOBEX1"),
    }


async def test_what_cannot_be_read_or_answered_is_dropped_without_its_content(stage: Stage) -> None:
    mine = stage.dms[0]
    async with listening(stage, tokens={"T0ACME001": "xoxb-acme"}) as (_, heard):
        await stage.taken(await stage.globex.says(stage.other, stage.theirs, SECRET))
        await stage.taken(await stage.globex.commands(stage.other, stage.theirs, "/ask", SECRET))
        first = await stage.acme.says(stage.ada, stage.kitchen, SECRET, subtype="channel_topic")
        await stage.taken(first)
        await stage.taken(await stage.acme.reacts(stage.ada, stage.kitchen, first.ts, "eyes"))
        await stage.taken(await stage.acme.opens_home(stage.ada))
        await stage.taken(await stage.slack.deliver("interactive", "T0ACME001", {"type": 7, "x": SECRET}))
        event = {"type": "message", "user": "U0ADA0001", "text": SECRET, "ts": stage.acme.ts()}
        event |= {"channel": mine.id, "channel_type": "im", "event_ts": event["ts"], "team": "T0ACME001"}
        payload: dict[str, Any] = {"type": "event_callback", "event": event, "team_id": "T0ACME001"}
        payload |= {"is_ext_shared_channel": False, "api_app_id": "A0WALL001", "event_id": "Ev1"}
        payload["authorizations"] = [{"team_id": "T0ACME001", "user_id": "U0BEN0001", "is_bot": False}]
        await stage.taken(await stage.slack.deliver("events_api", "T0ACME001", payload))
    assert heard.arrivals == []
    assert [kind for kind, _ in heard.dropped] == [
        *("message", "command", "message", "reaction_added", "app_home_opened", "unknown", "message")
    ]
    problems = [problem for _, problem in heard.dropped]
    assert problems[:2] == ["there is no token for its workspace"] * 2
    assert problems[3:5] == ["nobody says anything with it"] * 2
    assert problems[6] == "it was told to a person and not to the bot"
    assert SECRET not in str(heard.dropped)


async def test_one_token_is_for_its_own_workspace_only(stage: Stage) -> None:
    async with listening(stage, tokens="xoxb-acme") as (_, heard):
        await stage.taken(await stage.acme.says(stage.ada, stage.kitchen, "Hello!"))
        await stage.taken(await stage.globex.says(stage.other, stage.theirs, "Hello!"))
    assert [one.message.conversation.realm for one in heard.arrivals] == ["T0ACME001"]
    assert heard.dropped == [("message", "there is no token for its workspace")]


@both_ways
async def test_what_could_not_be_committed_is_delivered_again(
    stage: Stage, caplog: pytest.LogCaptureFixture, way: Way
) -> None:
    async with listening(stage, way) as (_, heard):
        heard.broken = StoreUnavailable(f"not {SECRET}")
        lost = await stage.acme.says(stage.ada, stage.kitchen, "Hello!")
        if way == "http":
            assert (await stage.slack.records.ack(lost)).status == 500
        await stage.taken(await stage.globex.says(stage.other, stage.theirs, "Hello!"))
        if way == "socket":
            assert lost.acks == []
            await stage.slack.redelivers(lost)
            await stage.slack.records.until(lambda: len(lost.acks) == 1)
        else:
            await stage.slack.redelivers(lost)
            await stage.taken(lost)
    assert sorted(one.route["team"] for one in heard.arrivals) == ["T0ACME001", "T0GLOBEX1"]
    assert "a delivery was not taken on: StoreUnavailable" in caplog.text
    assert SECRET not in caplog.text


async def test_only_what_slack_signed_is_taken_on(stage: Stage) -> None:
    async with listening(stage, "http") as (channel, heard):
        signed = stage.slack.transport
        assert isinstance(signed, SignedHttp)
        for forged in (replace(signed, secret="guessed"), replace(signed, age_s=600)):
            stage.slack.transport = forged
            refused = await stage.acme.says(stage.ada, stage.kitchen, "Hello!")
            assert (await stage.slack.records.ack(refused)).status == 401
        async with aiohttp.ClientSession() as session:
            for body in (b"[]", b"{", b"\xff", b'{"authorizations": 1}', b"", b'{"a":' * 50_000):
                async with session.post(signed.url, data=body) as answer:
                    assert answer.status in (400, 401)
            async with session.post(signed.url, data=io.BytesIO(bytes(2_000_000))) as answer:
                assert answer.status == 413
        stage.slack.transport = signed
        await stage.taken(await stage.globex.says(stage.other, stage.theirs, "Hello!"))
    assert [one.message.text for one in heard.arrivals] == ["Hello!"]
    assert channel.port != 0


async def test_a_request_that_bolt_may_not_have_verified_is_nobodys(stage: Stage) -> None:
    async with aiohttp.ClientSession() as session:
        answering, heard = Answering(base_url=stage.slack.api, session=session), Heard()
        await answering.join({"T0ACME001": "xoxb-acme", "T0GLOBEX1": "xoxb-globex"})

        async def nothing() -> BoltResponse:
            raise AssertionError("nothing stands behind it")

        intake = Intake(answering, accept=heard.accept, forget=heard.forget, drop=heard.drop)
        for team, more in (("T0ACME001", {"ssl_check": "2"}), ("T0GLOBEX1", {})):
            command = {"command": "/ask", "team_id": team, "channel_id": "C1", "user_id": "U1"}
            request = AsyncBoltRequest(body=urlencode({**command, "trigger_id": "1.2", **more}))
            await intake.async_process(req=request, resp=BoltResponse(status=200), next=nothing)
    verified = {one.route["team"]: one.message.sender.verified for one in heard.arrivals}
    assert verified == {"T0ACME001": False, "T0GLOBEX1": True}


async def test_what_breaks_the_library_breaks_nothing_else_and_says_nothing(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(stage, "http") as (_, heard):
        broken = {"type": "event_callback", "team_id": "T0ACME001", "event": [SECRET]}
        refused = await stage.slack.deliver("events_api", "T0ACME001", broken)
        assert (await stage.slack.records.ack(refused)).status == 500
        await stage.taken(await stage.globex.says(stage.other, stage.theirs, "Hello!"))
    assert [one.route["team"] for one in heard.arrivals] == ["T0GLOBEX1"]
    assert "Slack's library failed: AttributeError" in caplog.text
    assert SECRET not in caplog.text


def test_the_library_warns_of_a_place_and_of_no_words(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError:
        LIBRARY.exception("could not connect to wss://%s", SECRET)
    LIBRARY.warning("a body: %s", SECRET)
    LIBRARY.info("another: %s", SECRET)
    assert [one.getMessage() for one in caplog.records] == [
        f"Slack's library warned in {test_the_library_warns_of_a_place_and_of_no_words.__name__} ({error})"
        for error in ("ValueError", "no error")
    ]
    assert SECRET not in caplog.text


# How it begins and ends


REFUSED: list[Any] = [
    pytest.param({"tokens": "xoxb-nobody"}, "invalid_auth", id="a-bot-token"),
    pytest.param({"app_token": "xapp-nobody"}, "invalid_auth", id="an-app-token"),
    pytest.param(
        {"tokens": {"T0ACME001": "xoxb-globex", "T0GLOBEX1": "xoxb-acme"}},
        "look at the mapping",
        id="swapped",
    ),
]


@pytest.mark.parametrize(("given", "problem"), REFUSED)
async def test_a_bot_that_slack_refuses_does_not_start_and_names_no_token(
    tmp_path: Path, stage: Stage, given: dict[str, Any], problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    channel = stage.channel(**given)
    async with pw.open(settings(tmp_path)) as wall:
        with pytest.raises(ServiceUnavailable, match=problem) as failed:
            async with served(wall, repeats, channel):
                raise AssertionError("it serves")
    told = f"{failed.value!r}{failed.value.__cause__!r}{failed.value.__context__!r}{caplog.text}{channel!r}"
    assert "xoxb-nobody" not in told
    assert "xapp-nobody" not in told
    with pytest.raises(ServiceUnavailable, match="not connected"):
        await channel.post({"team": "T0ACME001", "channel": "C1", "user": "U1", "kind": "room"}, "Hello!")


ANSWERS: list[Any] = [
    pytest.param({"ok": True, "team_id": "T1", "is_enterprise_install": True}, "Enterprise", id="enterprise"),
    pytest.param({"ok": False, "error": f"no {SECRET}"}, "HTTP 200", id="a-code-that-is-none"),
    pytest.param("a page", "auth.test", id="a-page"),
    pytest.param("{", r"HTTP 200", id="broken"),
]


@pytest.mark.parametrize(("said", "problem"), ANSWERS)
async def test_an_answer_that_is_not_slacks_is_no_leave_to_start(
    stage: Stage, said: dict[str, Any] | str, problem: str
) -> None:
    async def answer(request: web.Request) -> web.Response:
        if isinstance(said, Mapping):
            return web.json_response(said)
        return web.Response(text=said, content_type="application/json" if said == "{" else "text/plain")

    async with elsewhere(answer) as url:
        with pytest.raises(ServiceUnavailable, match=problem) as failed:
            await stage.channel(base_url=url).open(Heard().accept, Heard().forget, Heard().drop)
    assert SECRET not in str(failed.value)


async def test_a_socket_that_does_not_open_is_not_waited_for_for_ever(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("adapters.slack.channel._CONNECT_TIMEOUT_S", 0.05)

    async def answer(request: web.Request) -> web.Response:
        said = {"ok": True, "team_id": "T0ACME001", "url": str(request.url.with_path("/link/" + SECRET))}
        return web.json_response(said)

    async with elsewhere(answer) as url:
        with pytest.raises(ServiceUnavailable, match=r"Socket Mode did not open \(TimeoutError\)"):
            await stage.channel(base_url=url, tokens="xoxb-acme").open(
                Heard().accept, Heard().forget, Heard().drop
            )
    assert "Slack's library warned in connect" in caplog.text
    assert SECRET not in caplog.text


async def test_a_port_that_is_taken_is_said(stage: Stage) -> None:
    async with listening(stage, "http") as (first, _):
        second = stage.channel("http", port=first.port)
        with pytest.raises(ServiceUnavailable, match=f"port {first.port}"):
            await second.open(Heard().accept, Heard().forget, Heard().drop)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"tokens": "", "app_token": "xapp-1"}, id="no-token"),
        pytest.param({"tokens": {}, "app_token": "xapp-1"}, id="no-tokens"),
        pytest.param({"tokens": {"T1": ""}, "app_token": "xapp-1"}, id="an-empty-token"),
        pytest.param({"tokens": "xoxb-1"}, id="no-way-in"),
        pytest.param({"tokens": "xoxb-1", "signing_secret": ""}, id="an-empty-secret"),
        pytest.param({"tokens": "xoxb-1", "app_token": "xapp-1", "signing_secret": "s"}, id="two-ways-in"),
    ],
)
def test_a_channel_needs_tokens_and_one_way_in(given: dict[str, Any]) -> None:
    with pytest.raises(MisuseError, match=r"bot token|app_token="):
        SlackChannel(**given)


@both_ways
async def test_a_bot_that_stops_takes_nothing_on_and_still_answers(stage: Stage, way: Way) -> None:
    async with listening(stage, way) as (channel, heard):
        await stage.taken(await stage.acme.says(stage.ada, stage.kitchen, "Hello!"))
        await stage.taken(await stage.globex.says(stage.other, stage.theirs, "Hello!"))
        await channel.hush()
        if way == "http":
            late = await stage.acme.says(stage.ada, stage.kitchen, "Too late.")
            await stage.slack.records.until(lambda: late.lost == 1)
        for arrival in heard.arrivals:
            await channel.post(arrival.route, "Hi.")
    assert [one.message.text for one in heard.arrivals] == ["Hello!", "Hello!"]
    assert shown(stage.kitchen) == shown(stage.theirs) == ["Hi."]


@both_ways
async def test_a_channel_that_is_closed_leaves_nothing_behind(stage: Stage, way: Way) -> None:
    for _ in range(2):
        async with listening(stage, way) as (_, heard):
            await stage.taken(await stage.acme.says(stage.ada, stage.kitchen, "Hello!"))
            await stage.taken(await stage.globex.says(stage.other, stage.theirs, "Hello!"))
        assert len(heard.arrivals) == 2
    left = [one for one in asyncio.all_tasks() if "/slack_" in str(one.get_coro())]
    assert left == []


async def test_what_is_being_taken_on_when_the_bot_stops_is_acknowledged(stage: Stage) -> None:
    begun, go = asyncio.Event(), asyncio.Event()
    heard, channel = Heard(), stage.channel()

    async def slowly(arrival: Arrival) -> None:
        begun.set()
        await go.wait()
        await heard.accept(arrival)

    await channel.open(slowly, heard.forget, heard.drop)
    first = await stage.acme.says(stage.ada, stage.kitchen, "Hello!")
    await begun.wait()
    hushed = asyncio.create_task(channel.hush())
    await asyncio.sleep(0)
    late = await stage.globex.says(stage.other, stage.theirs, "Too late.")
    # It comes by the same connection, so it has been read once the next thing there is.
    await stage.slack.sockets.ask_to_reconnect()
    await stage.slack.records.until(lambda: stage.slack.sockets.greeted == 2)
    assert first.acks == [], "it is not committed yet"
    go.set()
    await hushed
    await channel.close()
    assert [one.message.text for one in heard.arrivals] == ["Hello!"]
    assert len(first.acks) == 1
    assert late.acks == []


async def test_what_was_taken_on_is_answered_by_its_route_after_a_restart(
    tmp_path: Path, stage: Stage
) -> None:
    hung = asyncio.Semaphore(0)
    mine, theirs = stage.dms

    async def hangs(turn: TurnHandle) -> str | None:
        hung.release()
        await asyncio.Event().wait()
        return None

    async with serving(stage, tmp_path, hangs, limits={"drain_s": 0.01}):
        deliveries = [
            await stage.acme.says(stage.ada, mine, "in direct messages"),
            await stage.acme.says(stage.ada, stage.kitchen, "in a thread", thread="1760000000.000001"),
            await stage.acme.commands(stage.ada, stage.kitchen, "/ask", "alone"),
            await stage.globex.says(stage.other, theirs, "elsewhere"),
        ]
        await stage.taken(*deliveries)
        async with asyncio.timeout(10):
            await hung.acquire()
    assert stage.sent() == []
    async with serving(stage, tmp_path, repeats):
        await stage.slack.redelivers(deliveries[0])
        await stage.taken(deliveries[0])
    told = sorted((one.team, one.method, one.channel, one.thread, one.text) for one in stage.sent())
    assert told == [
        ("T0ACME001", "chat.postMessage", "C0KITCHEN", "1760000000.000001", "You said: in a thread"),
        ("T0ACME001", "chat.postMessage", "D0ADA0001", None, "You said: in direct messages"),
        ("T0ACME001", "response_url", "C0KITCHEN", None, "You said: alone"),
        ("T0GLOBEX1", "chat.postMessage", "D0ADA0001", None, "You said: elsewhere"),
    ]


async def test_a_workspace_that_went_away_is_answered_by_nobody_elses_token(stage: Stage) -> None:
    async with listening(stage) as (_, heard):
        await stage.taken(await stage.acme.commands(stage.ada, stage.kitchen, "/ask", "Hello!"))
        await stage.taken(await stage.globex.says(stage.other, stage.theirs, "Hello!"))
    kept = json.loads(json.dumps([dict(one.route) for one in heard.arrivals]))
    async with listening(stage, tokens={"T0ACME001": "xoxb-acme"}) as (channel, _):
        for route in kept:
            if route["team"] == "T0ACME001":
                await channel.whisper(route, "Hi.")
                continue
            with pytest.raises(ServiceUnavailable, match="no token any more"):
                await channel.post(route, "Hi.")
    assert [(one.team, one.text) for one in stage.sent()] == [("T0ACME001", "Hi.")]
