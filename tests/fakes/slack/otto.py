"""Otto, a bot as people have them: one list of messages for everybody who writes to it, which is the mistake.

It hears in every way that Slack has and answers in every way that Bolt teaches. It knows nothing of a wall.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncApp, AsyncAssistant
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack.delivery import SECRET
from tests.fakes.slack.server import FakeSlack

SYSTEM = "You are Otto, the helper of this office."

Model = Callable[..., Awaitable[Any]]


def otto(slack: FakeSlack, model: Model, **options: Any) -> Any:
    """Give an application of two workspaces, as documented: it finds each one's token by its id."""
    tokens = {at.id: at.token for at in (slack.acme, slack.globex)}

    async def authorize(team_id: str, **_: Any) -> AuthorizeResult:
        return AuthorizeResult(
            team_id=team_id,
            enterprise_id=None,
            bot_token=tokens[team_id],
            bot_id="B0",
            bot_user_id="U0BOT0001",
        )

    app: Any = AsyncApp(
        authorize=authorize, client=AsyncWebClient(base_url=slack.api), signing_secret=SECRET, **options
    )
    app.otto = Otto(model)
    app.otto.listens(app)
    return app


class Otto:
    """What the bot remembers, and how it answers.

    Attributes:
        messages: Everything that everybody said, in one list.
        style: How it answers a message.
        handled: How many deliveries its handlers have finished.
        failures: What its handlers raised.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self.messages: list[dict[str, str]] = [{"role": "system", "content": SYSTEM}]
        self.style = "say"
        self._styles: dict[str, Callable[[Any, str, str, Any], Awaitable[None]]] = {
            "say": self._by_say,
            "update": self._by_update,
            "stream": self._by_stream,
            "ephemeral": self._by_ephemeral,
            "blocks": self._by_blocks,
            "attachments": self._by_attachments,
            "file": self._by_file,
            "direct": self._by_direct,
        }
        self.handled = asyncio.Semaphore(0)
        self.failures: list[Exception] = []
        self.later: list[asyncio.Task[None]] = []

    async def asks(self, text: str) -> str:
        self.messages.append({"role": "user", "content": text or "(somebody did something)"})
        reply = await self._model(model="m", messages=self.messages)
        said = str(reply["choices"][0]["message"]["content"])
        self.messages.append({"role": "assistant", "content": said})
        return said

    async def streams(self, text: str, show: Callable[[str], Awaitable[object]]) -> str:
        self.messages.append({"role": "user", "content": text})
        said = ""
        async for chunk in await self._model(model="m", messages=self.messages, stream=True):
            piece = chunk["choices"][0]["delta"].get("content") or ""
            said += piece
            if piece:
                await show(piece)
        self.messages.append({"role": "assistant", "content": said})
        return said

    def listens(self, app: Any) -> None:
        """Register everything; each handler is counted when it has ended, whatever happened in it."""
        assistant: Any = AsyncAssistant()
        assistant.user_message(self._counted(self._assists))
        app.assistant(assistant)
        app.event("app_mention")(self._counted(self._mentioned))
        app.event("message")(self._counted(self._heard))
        app.event("reaction_added")(self._counted(self._reacted))
        app.event("app_home_opened")(self._counted(self._at_home))
        app.command("/otto")(self._counted(self._commanded))
        app.command("/quick")(self._counted(self._quick))
        app.command("/lazy")(ack=self._acknowledges, lazy=[self._counted(self._lazy)])
        app.action("more")(self._counted(self._pressed))
        app.shortcut("about")(self._counted(self._shortcut))
        app.view("form")(self._counted(self._submitted))

    def _counted(self, handler: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def counted(args: Any) -> Any:
            try:
                return await handler(args)
            except Exception as error:
                self.failures.append(error)
                raise
            finally:
                if not (self.later and handler == self._mentioned):
                    self.handled.release()

        counted.__name__ = handler.__name__
        return counted

    async def _heard(self, a: Any) -> None:
        event = a.event.get("message", a.event)
        await self._styles[self.style](a, event.get("text", ""), a.event["channel"], event)

    async def _by_say(self, a: Any, text: str, channel: str, event: Any) -> None:
        shared = "".join(one.get("text", "") for one in event.get("attachments", []))
        await a.say(text=await self.asks(text + shared), thread_ts=event.get("thread_ts"))

    async def _by_update(self, a: Any, text: str, channel: str, event: Any) -> None:
        first = await a.client.chat_postMessage(channel=channel, text="...", thread_ts=event.get("thread_ts"))
        shown = ""

        async def show(piece: str) -> None:
            nonlocal shown
            shown += piece
            if len(shown) % 5 == 0:
                await a.client.chat_update(channel=channel, ts=first["ts"], text=shown)

        await a.client.chat_update(channel=channel, ts=first["ts"], text=await self.streams(text, show))

    async def _by_stream(self, a: Any, text: str, channel: str, event: Any) -> None:
        stream = await a.client.chat_stream(
            channel=channel,
            thread_ts=event.get("thread_ts") or event["ts"],
            recipient_team_id=a.context.team_id,
            recipient_user_id=event["user"],
            buffer_size=40,
        )

        async def show(piece: str) -> None:
            await stream.append(markdown_text=piece)

        await self.streams(text, show)
        await stream.stop()

    async def _by_ephemeral(self, a: Any, text: str, channel: str, event: Any) -> None:
        said = await self.asks(text)
        await a.client.chat_postEphemeral(channel=channel, user=event["user"], text=said)

    async def _by_blocks(self, a: Any, text: str, channel: str, event: Any) -> None:
        said = await self.asks(text)
        words = {"type": "mrkdwn", "text": said[:2900]}
        button = {"type": "button", "action_id": "more", "text": {"type": "plain_text", "text": "More"}}
        await a.client.chat_postMessage(
            channel=channel,
            text="An answer",
            blocks=[
                {"type": "section", "text": words},
                {"type": "actions", "elements": [{**button, "value": said[:1900]}]},
            ],
        )

    async def _by_attachments(self, a: Any, text: str, channel: str, event: Any) -> None:
        said = await self.asks(text)
        await a.client.chat_postMessage(
            channel=channel,
            text="An answer",
            attachments=[{"fallback": "An answer", "title": "It", "text": said}],
        )

    async def _by_file(self, a: Any, text: str, channel: str, event: Any) -> None:
        said = await self.asks(text)
        await a.client.files_upload_v2(channel=channel, filename="answer.txt", content=said)

    async def _by_direct(self, a: Any, text: str, channel: str, event: Any) -> None:
        await a.client.chat_postMessage(channel=event["user"], text=await self.asks(text))

    async def _mentioned(self, a: Any) -> None:
        async def answer() -> None:
            try:
                said = await self.asks(a.event["text"])
                await a.client.chat_postMessage(
                    channel=a.event["channel"], text=said, thread_ts=a.event.get("thread_ts") or a.event["ts"]
                )
            finally:
                self.handled.release()

        # Three seconds to acknowledge: everybody does this.
        self.later.append(asyncio.create_task(answer()))

    async def _reacted(self, a: Any) -> None:
        item = a.event["item"]
        await a.client.chat_postMessage(
            channel=item["channel"], thread_ts=item["ts"], text=await self.asks("")
        )
        await a.client.reactions_add(channel=item["channel"], timestamp=item["ts"], name="eyes")

    async def _at_home(self, a: Any) -> None:
        words = {"type": "plain_text", "text": await self.asks("")}
        view = {"type": "home", "blocks": [{"type": "section", "text": words}]}
        await a.client.views_publish(user_id=a.event["user"], view=view)

    async def _commanded(self, a: Any) -> None:
        await a.ack()
        await a.respond(await self.asks(a.command["text"]))

    async def _quick(self, a: Any) -> None:
        await a.ack(await self.asks(a.command["text"]))

    async def _acknowledges(self, ack: Any) -> None:
        await ack()

    async def _lazy(self, a: Any) -> None:
        await a.respond(
            blocks=[{"type": "markdown", "text": await self.asks(a.command["text"])}], text="Here"
        )

    async def _pressed(self, a: Any) -> None:
        await a.ack()
        said = await self.asks(a.action.get("value", ""))
        await a.respond(said, replace_original=False, response_type="in_channel")
        await a.client.views_open(trigger_id=a.body["trigger_id"], view=modal(said))

    async def _shortcut(self, a: Any) -> None:
        await a.ack()
        said = await self.asks(a.shortcut["message"]["text"])
        await a.respond(said)

    async def _submitted(self, a: Any) -> BoltResponse | None:
        typed = a.view["state"]["values"]["b"]["a"]["value"]
        await a.ack(response_action="update", view=modal(await self.asks(typed)))
        return None

    async def _assists(self, a: Any) -> None:
        await a.set_status("is thinking")
        said = await self.asks(a.payload["text"])
        await a.set_suggested_prompts(prompts=[{"title": "More", "message": said[:100]}])
        await a.say(said)


def modal(said: str) -> dict[str, Any]:
    words = {"type": "mrkdwn", "text": said}
    title = {"type": "plain_text", "text": "Otto"}
    return {
        "type": "modal",
        "callback_id": "form",
        "title": title,
        "blocks": [{"type": "section", "text": words}],
    }
