"""The fake Slack keeps Slack's protocol: unmodified clients and apps talk to it over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.client import WebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from tests.fakes.slack.delivery import SECRET, SignedHttp
from tests.fakes.slack.echo import VIEW, echo, echo_in_threads
from tests.fakes.slack.hosts import Way, running
from tests.fakes.slack.records import Delivery, Failure, Fault
from tests.fakes.slack.server import APP_TOKEN, FakeSlack
from tests.fakes.slack.town import Town, settle

WAYS: list[Way] = ["async-socket", "async-http", "sync-socket", "sync-http"]


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as slack:
        yield slack


@pytest.fixture
def town(slack: FakeSlack) -> Town:
    return settle(slack.acme, slack.globex)


@pytest.fixture
async def acme(slack: FakeSlack) -> Any:
    return AsyncWebClient(token=slack.acme.token, base_url=slack.api)


@pytest.fixture
async def globex(slack: FakeSlack) -> Any:
    return AsyncWebClient(token=slack.globex.token, base_url=slack.api)


# The Web API


@pytest.mark.parametrize(
    ("token", "method", "error"),
    [
        pytest.param("xoxb-nobody", "auth.test", "invalid_auth", id="unknown"),
        pytest.param(None, "auth.test", "not_authed", id="missing"),
        pytest.param(APP_TOKEN, "auth.test", "not_allowed_token_type", id="the-apps-token-is-no-bots-token"),
        pytest.param("xoxb-acme", "apps.connections.open", "not_allowed_token_type", id="nor-the-reverse"),
        pytest.param("xoxb-acme", "admin.nothing", "unknown_method", id="unknown-method"),
    ],
)
async def test_a_call_is_refused_with_slacks_word_for_it(
    slack: FakeSlack, token: str | None, method: str, error: str
) -> None:
    client: Any = AsyncWebClient(token=token, base_url=slack.api)
    with pytest.raises(SlackApiError) as refused:
        await client.api_call(method)
    failure: Any = refused.value
    assert failure.response["error"] == error
    assert slack.records.sent == []


async def test_a_token_is_of_one_workspace(slack: FakeSlack, acme: Any, globex: Any) -> None:
    assert [(await one.auth_test())["team_id"] for one in (acme, globex)] == ["T0ACME001", "T0GLOBEX1"]


async def test_equal_ids_in_two_workspaces_are_two_channels(acme: Any, globex: Any, town: Town) -> None:
    posted = await acme.chat_postMessage(channel=town.kitchen.id, text="only at acme")
    assert (await globex.conversations_history(channel=town.kitchen.id))["messages"] == []
    with pytest.raises(SlackApiError, match="message_not_found"):
        await globex.chat_update(channel=town.kitchen.id, ts=posted["ts"], text="changed")
    with pytest.raises(SlackApiError, match="channel_not_found"):
        await globex.conversations_info(channel=town.cellar.id)


async def test_a_token_in_a_field_and_blocks_in_a_form_are_read(slack: FakeSlack, town: Town) -> None:
    form = {"token": slack.acme.token, "channel": town.kitchen.id, "blocks": '[{"type": "divider"}]'}
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{slack.api}chat.postMessage", data=form) as answer,
    ):
        assert (await answer.json())["ok"]
    (sent,) = slack.records.sent
    assert sent.payload == {"channel": town.kitchen.id, "blocks": [{"type": "divider"}]}


async def test_what_is_said_is_kept_in_order_with_its_place(slack: FakeSlack, acme: Any, town: Town) -> None:
    posted = await acme.chat_postMessage(channel=town.ada.id, text="one", thread_ts="1760000000.000001")
    where = posted["channel"]
    await acme.chat_update(channel=where, ts=posted["ts"], text="two")
    await acme.chat_postEphemeral(channel=town.kitchen.id, user=town.ben.id, text="three")
    await acme.chat_delete(channel=where, ts=posted["ts"])
    assert where == slack.acme.dm(town.ada).id
    assert [(one.method, one.text, one.channel, one.user, one.edit_of) for one in slack.records.sent] == [
        ("chat.postMessage", "one", where, None, None),
        ("chat.update", "two", where, None, posted["ts"]),
        ("chat.postEphemeral", "three", town.kitchen.id, town.ben.id, None),
        ("chat.delete", "", where, None, posted["ts"]),
    ]
    assert slack.records.sent[0].thread == "1760000000.000001"
    assert (await acme.conversations_history(channel=where))["messages"] == []


async def test_a_bot_changes_its_own_messages_only(slack: FakeSlack, acme: Any, town: Town) -> None:
    said = await _unheard(slack, slack.acme.says(town.ada, town.kitchen, "mine"))
    with pytest.raises(SlackApiError, match="cant_delete_message"):
        await acme.chat_delete(channel=town.kitchen.id, ts=said.ts)
    with pytest.raises(SlackApiError, match="cant_update_message"):
        await acme.chat_update(channel=town.kitchen.id, ts=said.ts, text="yours")
    with pytest.raises(SlackApiError, match="no_text"):
        await acme.api_call("chat.postMessage", params={"channel": town.kitchen.id})


async def _unheard(slack: FakeSlack, happens: Awaitable[Delivery]) -> Delivery:
    """Let something happen at a URL where no bot is."""
    slack.transport = SignedHttp(url=f"{slack.url}/nobody")
    delivery = await happens
    assert (await slack.records.ack(delivery)).status == 404
    return delivery


async def test_people_and_places_are_described_as_seen_from_the_workspace(
    acme: Any, globex: Any, town: Town
) -> None:
    eve = (await acme.users_info(user=town.eve.id))["user"]
    guest = (await acme.users_info(user=town.guest.id))["user"]
    alarm = (await acme.users_info(user=town.alarm.id))["user"]
    assert (eve["is_stranger"], eve["team_id"]) == (True, "T0GLOBEX1")
    assert not (await globex.users_info(user=town.eve.id))["user"]["is_stranger"]
    assert (guest["is_restricted"], guest["is_ultra_restricted"], guest["is_stranger"]) == (True, True, False)
    assert alarm["is_bot"]
    with pytest.raises(SlackApiError, match="user_not_found"):
        await globex.users_info(user=town.guest.id)
    bridge = (await acme.conversations_info(channel=town.bridge.id))["channel"]
    cellar = (await acme.conversations_info(channel=town.cellar.id))["channel"]
    assert (bridge["is_ext_shared"], bridge["connected_team_ids"]) == (True, ["T0GLOBEX1"])
    assert (cellar["is_private"], cellar["is_ext_shared"]) == (True, False)


async def test_conversations_are_opened_and_read(acme: Any, town: Town) -> None:
    alone = (await acme.conversations_open(users=town.ada.id))["channel"]["id"]
    both = (await acme.conversations_open(users=f"{town.ada.id},{town.ben.id}"))["channel"]["id"]
    assert (await acme.conversations_info(channel=alone))["channel"]["is_im"]
    assert (await acme.conversations_info(channel=both))["channel"]["is_mpim"]
    root = await acme.chat_postMessage(channel=alone, text="root")
    await acme.chat_postMessage(channel=alone, text="reply", thread_ts=root["ts"])
    history = await acme.conversations_history(channel=alone)
    thread = await acme.conversations_replies(channel=alone, ts=root["ts"])
    assert [one["text"] for one in history["messages"]] == ["root"]
    assert [one["text"] for one in thread["messages"]] == ["root", "reply"]
    with pytest.raises(SlackApiError, match="thread_not_found"):
        await acme.conversations_replies(channel=alone, ts="1.000001")


async def test_a_stream_is_kept_piece_by_piece(slack: FakeSlack, acme: Any, town: Town) -> None:
    who = {"recipient_team_id": slack.acme.id, "recipient_user_id": town.ada.id}
    root = await acme.chat_postMessage(channel=town.kitchen.id, text="root")
    stream = await acme.chat_stream(channel=town.kitchen.id, thread_ts=root["ts"], buffer_size=1, **who)
    await stream.append(markdown_text="one ")
    await stream.append(markdown_text="two ")
    await stream.stop(markdown_text="three")
    assert [(one.method, one.text) for one in slack.records.sent[1:]] == [
        ("chat.startStream", "one "),
        ("chat.appendStream", "two "),
        ("chat.stopStream", "three"),
    ]
    assert town.kitchen.messages[stream.ts]["text"] == "one two three"
    with pytest.raises(SlackApiError, match="message_not_in_streaming_state"):
        await acme.chat_appendStream(channel=town.kitchen.id, ts=stream.ts, markdown_text="four")
    for wrong, error in ({"thread_ts": root["ts"]}, "missing_recipient"), (who, "invalid_thread_ts"):
        with pytest.raises(SlackApiError, match=error):
            await acme.api_call("chat.startStream", json={"channel": town.kitchen.id, **wrong})


async def test_a_file_is_uploaded_shown_and_fetched_by_its_own_workspace(
    slack: FakeSlack, acme: Any, town: Town
) -> None:
    done = await acme.files_upload_v2(
        channel=town.kitchen.id, filename="ledger.txt", content="the ledger", initial_comment="here"
    )
    assert [one.method for one in slack.records.sent] == [
        "files.getUploadURLExternal",
        "upload",
        "files.completeUploadExternal",
    ]
    assert slack.records.sent[1].holds("the ledger")
    assert slack.records.sent[2].channel == town.kitchen.id
    url = done["file"]["url_private"]
    async with aiohttp.ClientSession() as client:
        for token, found in ((slack.acme.token, "the ledger"), (slack.globex.token, "Sign in")):
            async with client.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
                assert found in await answer.text()
    with pytest.raises(SlackApiError, match="file_not_found"):
        await acme.files_completeUploadExternal(files=[{"id": "F1", "title": "x"}])
    await acme.files_upload_v2(filename="kept.txt", content="for nobody yet")
    assert slack.records.sent[-1].channel is None


async def test_views_and_assistant_threads_are_kept(slack: FakeSlack, acme: Any, town: Town) -> None:
    trigger = slack.acme.trigger(town.ada)
    opened = await acme.views_open(trigger_id=trigger, view=VIEW)
    id = opened["view"]["id"]
    await acme.views_update(view_id=id, view={**VIEW, "private_metadata": "changed"})
    await acme.views_push(trigger_id=trigger, view=VIEW)
    await acme.views_publish(user_id=town.ben.id, view={**VIEW, "type": "home"})
    root = await acme.chat_postMessage(channel=town.ada.id, text="root")
    thread = {"channel_id": root["channel"], "thread_ts": root["ts"]}
    await acme.assistant_threads_setStatus(**thread, status="thinking")
    await acme.assistant_threads_setTitle(**thread, title="a title")
    prompts = [{"title": "ask", "message": "what"}]
    await acme.assistant_threads_setSuggestedPrompts(**thread, prompts=prompts)
    await acme.reactions_add(channel=root["channel"], timestamp=root["ts"], name="eyes")
    kept = [(one.method, one.user, one.edit_of) for one in slack.records.sent]
    assert kept == [
        ("views.open", town.ada.id, None),
        ("views.update", None, id),
        ("views.push", town.ada.id, None),
        ("views.publish", town.ben.id, None),
        ("chat.postMessage", None, None),
        ("assistant.threads.setStatus", None, None),
        ("assistant.threads.setTitle", None, None),
        ("assistant.threads.setSuggestedPrompts", None, None),
        ("reactions.add", None, None),
    ]
    for call, error in (
        (acme.views_open(trigger_id="1.2.x", view=VIEW), "invalid_trigger_id"),
        (acme.views_update(view_id="V9", view=VIEW), "not_found"),
        (acme.reactions_add(channel=root["channel"], timestamp="1.1", name="x"), "message_not_found"),
    ):
        with pytest.raises(SlackApiError, match=error):
            await call


async def test_an_incoming_webhook_speaks_in_its_own_channel(slack: FakeSlack, town: Town) -> None:
    told = await AsyncWebhookClient(slack.webhook(slack.acme, town.kitchen.id)).send(text="alarm")
    lost = await AsyncWebhookClient(slack.webhook(slack.globex, town.cellar.id)).send(text="alarm")
    assert (told.status_code, told.body) == (200, "ok")
    assert (lost.status_code, lost.body) == (404, "channel_not_found")
    (sent,) = slack.records.sent
    assert (sent.method, sent.team, sent.channel) == ("webhook", "T0ACME001", town.kitchen.id)


async def test_an_installation_gives_the_token_of_its_workspace(slack: FakeSlack) -> None:
    client: Any = WebClient(base_url=slack.api)
    named = {"client_id": "1.2", "client_secret": "s"}
    given = await asyncio.to_thread(client.oauth_v2_access, **named, code="code-globex")
    assert (given["access_token"], given["team"]["id"]) == (slack.globex.token, "T0GLOBEX1")
    with pytest.raises(SlackApiError, match="invalid_code"):
        await asyncio.to_thread(client.oauth_v2_access, **named, code="guessed")


async def test_a_rate_limit_says_when_to_come_back(slack: FakeSlack, acme: Any, town: Town) -> None:
    slack.records.fail("chat.postMessage", Fault(failure="rate_limited", retry_after_s=30))
    with pytest.raises(SlackApiError, match="ratelimited") as refused:
        await acme.chat_postMessage(channel=town.kitchen.id, text="one")
    failure: Any = refused.value
    assert (failure.response.status_code, failure.response.headers["Retry-After"]) == (429, "30")
    await acme.chat_postMessage(channel=town.kitchen.id, text="two")
    assert [one.text for one in slack.records.sent] == ["two"]


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        pytest.param("server_error", 0, id="an-error-of-the-server"),
        pytest.param("dropped_before", 0, id="dropped-before-it-was-said"),
        pytest.param("dropped_after", 1, id="dropped-after-it-was-said"),
    ],
)
async def test_a_call_that_fails_may_have_had_its_effect(
    slack: FakeSlack, town: Town, failure: Failure, said: int
) -> None:
    client: Any = AsyncWebClient(token=slack.acme.token, base_url=slack.api, retry_handlers=[])
    slack.records.fail("chat.postMessage", Fault(failure=failure))
    with pytest.raises((SlackApiError, aiohttp.ClientError)):
        await client.chat_postMessage(channel=town.kitchen.id, text="one")
    assert len(slack.records.sent) == said


async def test_a_client_as_it_comes_says_it_twice_when_the_answer_is_lost(
    slack: FakeSlack, acme: Any, town: Town
) -> None:
    slack.records.fail("chat.postMessage", Fault(failure="dropped_after"))
    await acme.chat_postMessage(channel=town.kitchen.id, text="one")
    assert [one.text for one in slack.records.sent] == ["one", "one"]


# Bots


@pytest.fixture(params=WAYS)
async def bot(request: pytest.FixtureRequest, slack: FakeSlack) -> AsyncIterator[None]:
    """The echo bot, run in each of the four ways. A threaded app asks auth.test as it is built."""
    way: Way = request.param
    app = echo(slack) if way.startswith("async") else await asyncio.to_thread(echo_in_threads, slack)
    async with running(slack, app, way):
        yield


async def test_a_bot_hears_and_answers(slack: FakeSlack, bot: None, town: Town) -> None:
    at, records = slack.acme, slack.records
    said = await at.says(town.ada, at.dm(town.ada), "hello")
    assert (await records.ack(said)).status == 200
    answer = await records.said("echo said: hello")
    assert (answer.method, answer.channel, answer.team) == ("chat.postMessage", "D0ADA0001", at.id)
    await at.edits(town.ada, at.dm(town.ada), said.ts, "changed")
    await records.said("echo message_changed")
    await at.deletes(at.dm(town.ada), said.ts)
    await records.said("echo message_deleted")
    await at.uploads(town.ben, town.three, "notes.txt", b"words", comment="my notes")
    await records.said("echo file_share: my notes")
    mention, _ = await at.mentions(town.ada, town.kitchen, "you there")
    assert (await records.said("echo mention")).thread == mention.ts
    await records.said("echo said: <@U0BOT0001> you there")
    await at.reacts(town.ben, town.kitchen, mention.ts, "eyes")
    assert (await records.said("eyes")).method == "reactions.add"
    await records.settled()


async def test_a_bot_answers_in_every_way(slack: FakeSlack, bot: None, town: Town) -> None:
    at, records = slack.acme, slack.records
    await at.says(town.ada, town.cellar, "whisper", thread="1760000000.000001")
    assert (await records.said("echo whisper")).user == town.ada.id
    await at.says(town.ada, town.cellar, "stream")
    assert (await records.said("echo by ")).method == "chat.startStream"
    assert (await records.said("stream", method="chat.stopStream")).edit_of in town.cellar.messages
    await at.says(town.ada, town.cellar, "file")
    await records.said("echo file", method="upload")
    await records.said("", method="files.completeUploadExternal")
    command = await at.commands(town.ada, town.kitchen, "/echo", "quietly")
    assert "echo ack: quietly" in str((await records.ack(command)).payload)
    private, public = await records.said("echo ack: quietly"), await records.said("echo respond")
    assert (private.method, private.user, private.channel) == ("ack", town.ada.id, town.kitchen.id)
    assert (public.method, public.user, public.channel) == ("response_url", None, town.kitchen.id)
    question = await at.says(town.ada, town.kitchen, "question")
    await at.presses(town.ben, town.kitchen, question.ts, "go", "yes")
    pressed = await records.said("echo pressed")
    assert (pressed.user, pressed.payload["replace_original"]) == (town.ben.id, True)
    opened = await records.said("form", method="views.open")
    assert opened.user == town.ben.id
    form = await at.submits_view(town.ben, "V000000001", {"b": {"a": {"type": "x", "value": "typed"}}})
    assert (await records.ack(form)).payload["errors"] == {"b": "echo typed"}
    await records.settled()


@pytest.mark.parametrize("way", ["async-socket", "async-http"])
async def test_what_is_delivered_again_has_its_number_and_the_same_id(
    slack: FakeSlack, town: Town, way: Way
) -> None:
    app, ids, numbers = echo(slack), list[str](), list[Any]()

    async def note(req: Any, next: Any) -> None:
        ids.append(req.body["event_id"])
        numbers.append(req.headers.get("x-slack-retry-num"))
        await next()

    app.use(note)
    async with running(slack, app, way):
        said = await slack.acme.says(town.ada, town.kitchen, "hello")
        await slack.records.ack(said)
        await slack.redelivers(said)
        await slack.records.ack(said)
    assert ids == [said.payload["event_id"]] * 2
    assert numbers[1] == ["1"]


async def test_a_bot_that_is_asked_to_reconnect_hears_on(slack: FakeSlack, town: Town) -> None:
    async with running(slack, echo(slack), "async-socket"):
        await slack.records.until(lambda: slack.sockets.greeted == 1)
        await slack.sockets.ask_to_reconnect()
        await slack.records.until(lambda: slack.sockets.greeted == 2)
        await slack.acme.says(town.ada, town.kitchen, "again")
        await slack.records.said("echo said: again")


@pytest.mark.parametrize(
    ("secret", "age_s"),
    [
        pytest.param("another secret", 0.0, id="a-forged-signature"),
        pytest.param(SECRET, 600.0, id="a-signature-of-ten-minutes-ago"),
    ],
)
async def test_a_request_that_is_not_slacks_is_refused(
    slack: FakeSlack, town: Town, secret: str, age_s: float
) -> None:
    async with running(slack, echo(slack), "async-http"):
        assert isinstance(slack.transport, SignedHttp)
        slack.transport = SignedHttp(url=slack.transport.url, secret=secret, age_s=age_s)
        said = await slack.acme.says(town.ada, town.kitchen, "hello")
        assert (await slack.records.ack(said)).status == 401
        await slack.records.settled()
    assert [one.method for one in slack.records.sent] == ["ack"]


async def test_one_app_serves_two_workspaces_each_with_its_own_token(slack: FakeSlack, town: Town) -> None:
    tokens = {slack.acme.id: slack.acme.token, slack.globex.id: slack.globex.token}
    actors: list[tuple[str | None, str | None]] = []

    async def authorize(team_id: str | None, enterprise_id: str | None, **_: Any) -> AuthorizeResult:
        team = str(team_id)
        return AuthorizeResult(
            team_id=team, enterprise_id=None, bot_token=tokens[team], bot_id="B", bot_user_id="U0BOT0001"
        )

    app: Any = AsyncApp(authorize=authorize, client=AsyncWebClient(base_url=slack.api), signing_secret=SECRET)

    async def answer(context: Any, say: Any) -> None:
        actors.append((context.team_id, context.actor_team_id))
        await say(f"to {context.team_id}")

    app.event("message")(answer)

    async with running(slack, app, "async-http"):
        for at, who in ((slack.acme, town.ada), (slack.globex, slack.globex.people["U0ADA0001"])):
            await slack.records.ack(await at.says(who, at.places["C0KITCHEN"], "hello"))
            assert (await slack.records.said(f"to {at.id}")).team == at.id
        await slack.records.ack(await slack.acme.says(town.eve, town.bridge, "from outside"))
        await slack.records.ack(await slack.acme.says(town.alarm, town.kitchen, "disk is full"))
    assert actors[:3] == [
        (slack.acme.id, slack.acme.id),
        (slack.globex.id, slack.globex.id),
        (slack.acme.id, slack.globex.id),
    ]


async def test_an_attempt_that_nobody_answers_is_counted_as_lost(slack: FakeSlack, town: Town) -> None:
    slack.transport = SignedHttp(url=f"{slack.url}/api/auth.test", timeout_s=1e-9)
    said = await slack.acme.says(town.ada, town.kitchen, "hello")
    await slack.records.until(lambda: said.lost == 1)
    await slack.records.settled()
    with pytest.raises(TimeoutError):
        await slack.records.until(lambda: bool(said.acks), timeout_s=0.01)
