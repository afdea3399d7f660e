"""A bot that answers by every way there is, written as the documentation of Bolt teaches, twice."""

from typing import Any

from slack_bolt import App
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.client import WebClient

from tests.fakes.slack.delivery import SECRET
from tests.fakes.slack.records import Json
from tests.fakes.slack.server import FakeSlack

VIEW: Json = {
    "type": "modal",
    "callback_id": "form",
    "title": {"type": "plain_text", "text": "Form"},
    "blocks": [],
}


def echo(slack: FakeSlack) -> Any:
    """Give the bot of ACME with asyncio; its listeners use every utility that Bolt hands them."""
    client = AsyncWebClient(token=slack.acme.token, base_url=slack.api)
    app: Any = AsyncApp(client=client, signing_secret=SECRET)

    async def message(event: Any, say: Any, client: Any, say_stream: Any) -> None:
        text, channel = event.get("text", ""), event["channel"]
        if text == "stream":
            stream = await say_stream(buffer_size=1)
            await stream.append(markdown_text="echo by ")
            await stream.stop(markdown_text="stream")
        elif text == "whisper":
            await client.chat_postEphemeral(channel=channel, user=event["user"], text="echo whisper")
        elif text == "file":
            await client.files_upload_v2(channel=channel, filename="echo.txt", content="echo file")
        else:
            await say(f"echo {event.get('subtype', 'said')}: {text}")

    async def mention(event: Any, client: Any) -> None:
        await client.chat_postMessage(channel=event["channel"], text="echo mention", thread_ts=event["ts"])

    async def reaction(event: Any) -> None:
        item = event["item"]
        await app.client.reactions_add(channel=item["channel"], timestamp=item["ts"], name=event["reaction"])

    async def command(ack: Any, respond: Any, command: Any) -> None:
        await ack(f"echo ack: {command['text']}")
        await respond("echo respond", response_type="in_channel")

    async def press(ack: Any, body: Any, client: Any, respond: Any) -> None:
        await ack()
        await respond("echo pressed", replace_original=True)
        await client.views_open(trigger_id=body["trigger_id"], view=VIEW)

    async def form(ack: Any, view: Any) -> None:
        typed = view["state"]["values"]["b"]["a"]["value"]
        await ack(response_action="errors", errors={"b": f"echo {typed}"})

    app.event("message")(message)
    app.event("app_mention")(mention)
    app.event("reaction_added")(reaction)
    app.command("/echo")(command)
    app.action("go")(press)
    app.view("form")(form)
    return app


def echo_in_threads(slack: FakeSlack) -> Any:
    """Give the same bot without asyncio; it asks auth.test as it is built, so build it in a thread."""
    client = WebClient(token=slack.acme.token, base_url=slack.api)
    app: Any = App(client=client, signing_secret=SECRET)

    def message(event: Any, say: Any, client: Any, say_stream: Any) -> None:
        text, channel = event.get("text", ""), event["channel"]
        if text == "stream":
            stream = say_stream(buffer_size=1)
            stream.append(markdown_text="echo by ")
            stream.stop(markdown_text="stream")
        elif text == "whisper":
            client.chat_postEphemeral(channel=channel, user=event["user"], text="echo whisper")
        elif text == "file":
            client.files_upload_v2(channel=channel, filename="echo.txt", content="echo file")
        else:
            say(f"echo {event.get('subtype', 'said')}: {text}")

    def mention(event: Any, client: Any) -> None:
        client.chat_postMessage(channel=event["channel"], text="echo mention", thread_ts=event["ts"])

    def reaction(event: Any) -> None:
        item = event["item"]
        app.client.reactions_add(channel=item["channel"], timestamp=item["ts"], name=event["reaction"])

    def command(ack: Any, respond: Any, command: Any) -> None:
        ack(f"echo ack: {command['text']}")
        respond("echo respond", response_type="in_channel")

    def press(ack: Any, body: Any, client: Any, respond: Any) -> None:
        ack()
        respond("echo pressed", replace_original=True)
        client.views_open(trigger_id=body["trigger_id"], view=VIEW)

    def form(ack: Any, view: Any) -> None:
        typed = view["state"]["values"]["b"]["a"]["value"]
        ack(response_action="errors", errors={"b": f"echo {typed}"})

    app.event("message")(message)
    app.event("app_mention")(mention)
    app.event("reaction_added")(reaction)
    app.command("/echo")(command)
    app.action("go")(press)
    app.view("form")(form)
    return app
