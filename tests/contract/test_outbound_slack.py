"""Every method of Slack's Web API: it says something and is judged, it says nothing, or it is not called."""

import inspect
import re
from typing import Any

import pytest
from slack_sdk.models.blocks import SectionBlock
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.methods import QUIET, SAYS, Spot
from firewall.core.errors import Denied, NoTurn
from partywall.wall import Wall
from tests.fakes.slack.stage import Job, corners, stage

METHODS = sorted(
    name
    for name in set(re.findall(r'self\.api_call\(\s*"([^"]+)"', inspect.getsource(AsyncWebClient)))
    if not name.startswith("admin.")
)
VIEW: dict[str, Any] = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": []}
ELSEWHERE = {
    "another-channel": "C0CELLAR1",
    "somebodys-direct-messages": "D0ADA0001",
    "somebody": "U0ADA0001",
    "a-channel-by-name": "#cellar",
    "several-channels": "C0KITCHEN,C0CELLAR1",
}


def calls(job: dict[str, Any], method: str) -> Job:
    async def does(a: Any) -> object:
        await a.ack()
        return await a.client.api_call(method, json=dict(job))

    return does


def arguments(spot: Spot, channel: str) -> dict[str, Any]:
    """Give arguments of a method that points somewhere else."""
    words = {"channel": channel, "text": "hi"}
    shown = {**words, "ts": "1760000000.000001", "markdown_text": "hi"}
    assistant = {"channel_id": channel, "thread_ts": "1760000000.000001", "status": "hi", "title": "hi"}
    found: dict[Spot, dict[str, Any]] = {
        Spot.CHANNEL: words,
        Spot.EPHEMERAL: {**words, "user": "U0ADA0001"},
        Spot.MESSAGE: shown,
        Spot.STREAM: shown,
        Spot.TOUCHED: {"channel": channel, "ts": "1760000000.000001", "name": "eyes"},
        Spot.ASSISTANT: assistant,
        Spot.TRIGGER: {"trigger_id": "1.of-somebody-else", "view": VIEW},
        Spot.VIEW: {"view_id": "V0OFSOMEBODY", "view": VIEW},
        Spot.HOME: {"user_id": "U0ADA0001", "view": {**VIEW, "type": "home"}},
        Spot.UPLOAD: {"filename": "a.txt", "length": 2, "token": "xoxb-globex"},
        Spot.SHARED: {"files": [{"id": "F0OFSOMEBODY", "title": "hi"}], "channel_id": channel},
    }
    return found[spot]


def test_every_method_is_in_one_table_or_in_none() -> None:
    assert not SAYS.keys() & QUIET
    assert len(METHODS) > 100
    assert set(METHODS) >= SAYS.keys()


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
@pytest.mark.parametrize("method", SAYS)
async def test_no_method_says_anything_elsewhere(wall: Wall, method: str, elsewhere: str) -> None:
    async with stage(wall, "searched") as on:
        given = arguments(SAYS[method].spot, ELSEWHERE[elsewhere])
        with pytest.raises(Denied) as refused:
            await on.plays(calls(given, method))
        assert refused.value.reason in ("wrong_destination", "unknown_subject")
        assert [one.method for one in on.slack.records.sent] == ["response_url"]


@pytest.mark.parametrize("method", SAYS)
async def test_no_method_says_anything_in_another_workspace(wall: Wall, method: str) -> None:
    """The other company's channel has the very id of the turn's own, and the bot has its token."""
    async with stage(wall, "searched") as on:
        given = {**arguments(SAYS[method].spot, "C0KITCHEN"), "token": on.slack.globex.token}
        with pytest.raises(Denied):
            await on.plays(calls(given, method))
        assert [one.team for one in on.slack.records.sent] == [on.slack.acme.id]


@pytest.mark.parametrize("method", [one for one in METHODS if one not in SAYS and one not in QUIET])
async def test_a_method_that_is_not_known_is_never_called(wall: Wall, method: str) -> None:
    async with stage(wall, "searched") as on:
        with pytest.raises(Denied) as refused:
            await on.plays(calls({"channel": "C0KITCHEN", "text": "hi"}, method))
        assert refused.value.reason == "unknown_subject"
        with pytest.raises(NoTurn):
            await on.app.client.api_call(method, json={})


@pytest.mark.parametrize("method", SAYS)
async def test_nothing_is_said_outside_of_a_turn(wall: Wall, method: str) -> None:
    async with stage(wall, "searched") as on:
        with pytest.raises(NoTurn):
            await on.app.client.api_call(method, json=arguments(SAYS[method].spot, "C0KITCHEN"))
        assert on.slack.records.sent == []


ODD: dict[str, dict[str, Any]] = {
    "a-file-in-the-form": {"json": {"channel": "C0KITCHEN", "text": "hi"}, "files": {"file": b"x"}},
    "a-login-of-its-own": {"json": {"channel": "C0KITCHEN", "text": "hi"}, "auth": {"client_id": "1"}},
    "a-token-in-a-header": {
        "json": {"channel": "C0KITCHEN", "text": "hi"},
        "headers": {"Authorization": "Bearer xoxb-globex"},
    },
    "a-token-in-a-form": {"data": {"channel": "C0KITCHEN", "text": "hi", "token": "xoxb-globex"}},
    "an-argument-twice": {"json": {"channel": "C0KITCHEN"}, "params": {"channel": "C0CELLAR1"}},
    "arguments-that-are-none": {"data": "channel=C0CELLAR1&text=hi"},
    "a-file-of-slacks": {
        "json": {"channel": "C0KITCHEN", "blocks": [{"type": "image", "slack_file": {"id": "F1"}}]}
    },
    "a-file-block": {"json": {"channel": "C0KITCHEN", "blocks": [{"type": "file", "external_id": "F1"}]}},
    "blocks-that-are-no-json": {"json": {"channel": "C0KITCHEN", "blocks": "[{"}},
    "a-value-of-no-kind": {"json": {"channel": "C0KITCHEN", "text": object()}},
    "nested-without-end": {"json": {"channel": "C0KITCHEN", "blocks": [[[[]]]] * 0 or "[" * 40 + "]" * 40}},
    "a-broadcast-thread": {
        "json": {"channel": "C0CELLAR1", "text": "hi", "thread_ts": "1.1", "reply_broadcast": True}
    },
    "no-channel": {"json": {"text": "hi"}},
    "two-channels": {"json": {"channel": "C0KITCHEN", "channel_id": "C0CELLAR1", "text": "hi"}},
    "a-thread-that-is-a-number": {"json": {"channel": "C0KITCHEN", "text": "hi", "thread_ts": 1760000000.01}},
}


@pytest.mark.parametrize("odd", ODD)
async def test_what_cannot_be_read_well_enough_is_denied(wall: Wall, odd: str) -> None:
    async def does(a: Any) -> object:
        await a.ack()
        return await a.client.api_call("chat.postMessage", **ODD[odd])

    async with stage(wall, "searched") as on:
        with pytest.raises(Denied):
            await on.plays(does)
        assert [one.method for one in on.slack.records.sent] == ["response_url"]


async def test_a_crowd_is_called_by_nothing_that_a_bot_says(wall: Wall) -> None:
    crowd = "<!channel> <!here|x> <!everyone> <!subteam^S1|@ops> @channel @here me@channel.example"
    element = [{"type": "broadcast", "range": "here"}, {"type": "usergroup", "usergroup_id": "S1"}]
    rich = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": element}]}
    section = SectionBlock(text={"type": "mrkdwn", "text": crowd})

    async def does(a: Any) -> None:
        await a.ack()
        await a.say(text=crowd, blocks=[section, rich], parse="full", link_names=True, unfurl_links=True)
        stream = await a.client.chat_stream(
            channel=a.body["channel"]["id"],
            thread_ts=a.body["message"]["ts"],
            recipient_team_id="T0ACME001",
            recipient_user_id="U0BEN0001",
            buffer_size=1,
        )
        for piece in ("One <!chan", "nel> and <!subteam", "^S1> ", "@he", "re, all."):
            await stream.append(markdown_text=piece)
        await stream.stop()

    async with stage(wall, "searched") as on:
        await on.plays(does)
        said = next(one for one in on.slack.records.sent if one.method == "chat.postMessage")
        for one in on.slack.records.sent:
            shown = str(one.payload)
            assert not re.search(r"<!|(?<![\w])@(channel|here|everyone)|broadcast|usergroup", shown), shown
        assert "me@channel.example" in said.text
        off = {name: said.payload[name] for name in ("parse", "link_names", "unfurl_links", "unfurl_media")}
        assert off == {"parse": "none", "link_names": False, "unfurl_links": False, "unfurl_media": False}
        streamed = "".join(one.text for one in on.slack.records.sent if "Stream" in one.method)
        assert streamed == "One @\u200bchannel and @\u200bgroup @\u200bhere, all."


async def test_what_the_sender_alone_may_see_is_shown_to_them_in_every_private_way(wall: Wall) -> None:
    async def does(a: Any) -> None:
        await a.ack()
        user, channel = a.body["user"]["id"], a.body["channel"]["id"]
        await a.client.chat_postEphemeral(channel=channel, user=user, text="one")
        await a.client.chat_postMessage(channel=user, text="two")
        direct = await a.client.conversations_open(users=user)
        posted = await a.client.chat_postMessage(channel=direct["channel"]["id"], text="three")
        await a.client.chat_update(channel=direct["channel"]["id"], ts=posted["ts"], text="four")
        await a.respond("five", response_type="ephemeral")
        opened = await a.client.views_open(trigger_id=a.body["trigger_id"], view=VIEW)
        await a.client.views_update(view_id=opened["view"]["id"], view=VIEW)
        with pytest.raises(Denied):
            await a.client.views_update(view_id=opened["view"]["id"], external_id="of-another", view=VIEW)
        await a.client.views_publish(user_id=user, view={**VIEW, "type": "home"})

    async with stage(wall, "searched") as on:
        await on.plays(does)
        texts = [one.text for one in on.slack.records.sent if one.text]
        assert texts == ["one", "two", "three", "four", "five"]


@pytest.mark.parametrize(
    "named",
    [{"users": ["U0ADA0001"]}, {"users": "U0BEN0001", "channel": "D0ADA0001"}],
    ids=["person", "channel"],
)
async def test_direct_messages_that_were_opened_for_somebody_else_are_not_the_senders(
    wall: Wall, named: dict[str, Any]
) -> None:
    async def does(a: Any) -> None:
        await a.ack()
        direct = await a.client.conversations_open(**named)
        await a.client.chat_postMessage(channel=direct["channel"]["id"], text="three")

    async with stage(wall, "searched") as on:
        on.slack.acme.dm(on.town.ada)
        with pytest.raises(Denied):
            await on.plays(does)


async def test_what_was_kept_of_one_turn_says_nothing_in_another(wall: Wall) -> None:
    """A `respond`, a trigger, a file and a stream of one person, used by the bot for the next one."""
    kept: dict[str, Any] = {}

    async def keeps(a: Any) -> None:
        await a.ack()
        kept["respond"], kept["trigger"] = a.respond, a.body["trigger_id"]
        given = await a.client.files_getUploadURLExternal(filename="a.txt", length=2)
        kept["file"], kept["url"] = given["file_id"], given["upload_url"]
        started = await a.client.chat_startStream(
            channel="C0KITCHEN",
            thread_ts=a.body["message"]["ts"],
            recipient_team_id="T0ACME001",
            recipient_user_id="U0BEN0001",
        )
        kept["stream"] = started["ts"]

    async def one_of(a: Any, name: str) -> None:
        client = a.client
        match name:
            case "respond":
                await kept["respond"]("hi")
            case "trigger":
                await client.views_open(trigger_id=kept["trigger"], view=VIEW)
            case "file":
                await client.files_completeUploadExternal(
                    files=[{"id": kept["file"]}], channel_id="C0KITCHEN"
                )
            case "url":
                options = {"logger": client._logger, "timeout": 1, "proxy": None, "ssl": None}
                await client._upload_file(url=kept["url"], data=b"hi", **options)
            case _:
                await client.chat_appendStream(channel="C0KITCHEN", ts=kept["stream"], markdown_text="hi")

    async with stage(wall, "searched") as on:
        await on.plays(keeps)
        for name in ("respond", "trigger", "file", "url", "stream"):

            async def does(a: Any, name: str = name) -> None:
                await a.ack()
                await one_of(a, name)

            with pytest.raises(Denied):
                await on.plays(does)


async def test_bytes_that_are_no_text_are_not_sent(wall: Wall) -> None:
    async def does(a: Any) -> None:
        await a.ack()
        await a.client.files_upload_v2(channel="C0KITCHEN", filename="a.png", content=b"\x89PNG\x00")

    async with stage(wall, "searched") as on:
        with pytest.raises(Denied) as refused:
            await on.plays(does)
        assert refused.value.reason == "unknown_subject"


async def test_a_command_in_a_room_is_answered_to_its_sender_alone(wall: Wall) -> None:
    async with stage(wall, "searched") as on:
        corner, failures = corners(on.slack, on.town)["colleague"], list[Exception]()

        async def command(args: Any) -> None:
            await args.ack({"response_type": "in_channel", "text": "loud"})
            for say in (args.say("loud"), args.respond("loud", response_type="in_channel")):
                try:
                    await say
                except Denied as denied:
                    failures.append(denied)
            await args.respond("quiet")

        on.app.command("/loud")(command)
        await corner.at.commands(corner.who, corner.room, "/loud")
        await on.slack.records.said("quiet")
        await on.quiet()
        assert not any(one.holds("loud") for one in on.slack.records.sent)
        assert len(failures) == 2


async def test_an_update_of_a_message_that_is_not_known_is_denied_and_of_the_pressed_one_is_not(
    wall: Wall,
) -> None:
    async def does(a: Any) -> None:
        await a.ack()
        channel, ts = a.body["channel"]["id"], a.body["message"]["ts"]
        own = await a.client.chat_postMessage(channel=channel, text="one")
        await a.client.chat_update(channel=channel, ts=own["ts"], text="two")
        await a.client.chat_delete(channel=channel, ts=own["ts"])
        await a.client.chat_update(channel=channel, ts="1760000000.000001", text="three")
        raise AssertionError(ts)

    async with stage(wall, "searched") as on:
        with pytest.raises(Denied):
            await on.plays(does)
        assert [one.method for one in on.slack.records.sent][:3] == [
            "chat.postMessage",
            "chat.update",
            "chat.delete",
        ]
