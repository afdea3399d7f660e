"""Otto without asyncio: the same bot and the same mistake, in Bolt's threads."""

import asyncio
from collections.abc import Callable
from typing import Any

from slack_bolt import App, Assistant
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient

from tests.fakes.slack.delivery import SECRET
from tests.fakes.slack.otto import SYSTEM, modal
from tests.fakes.slack.server import FakeSlack

Model = Callable[..., Any]


def otto_in_threads(slack: FakeSlack, model: Model, loop: asyncio.AbstractEventLoop) -> Any:
    """Give an application of two workspaces; build it in a thread."""
    tokens = {at.id: at.token for at in (slack.acme, slack.globex)}

    def authorize(team_id: str, **_: Any) -> AuthorizeResult:
        return AuthorizeResult(
            team_id=team_id,
            enterprise_id=None,
            bot_token=tokens[team_id],
            bot_id="B0",
            bot_user_id="U0BOT0001",
        )

    app: Any = App(authorize=authorize, client=WebClient(base_url=slack.api), signing_secret=SECRET)
    app.otto = OttoInThreads(model, loop)
    app.otto.listens(app)
    return app


class OttoInThreads:
    """What the bot remembers, and how it answers; as `Otto`."""

    def __init__(self, model: Model, loop: asyncio.AbstractEventLoop) -> None:
        self._model = model
        self._loop = loop
        self.messages: list[dict[str, str]] = [{"role": "system", "content": SYSTEM}]
        self.style = "say"
        self._styles: dict[str, Callable[[Any, str, str, Any], None]] = {
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

    def asks(self, text: str) -> str:
        self.messages.append({"role": "user", "content": text or "(somebody did something)"})
        reply = self._model(model="m", messages=self.messages)
        said = str(reply["choices"][0]["message"]["content"])
        self.messages.append({"role": "assistant", "content": said})
        return said

    def listens(self, app: Any) -> None:
        """Register everything; each handler is counted when it has ended, whatever happened in it."""
        assistant: Any = Assistant()
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

    def _counted(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        def counted(args: Any) -> Any:
            try:
                return handler(args)
            except Exception as error:
                self.failures.append(error)
                raise
            finally:
                self._loop.call_soon_threadsafe(self.handled.release)

        counted.__name__ = handler.__name__
        return counted

    def _heard(self, a: Any) -> None:
        event = a.event.get("message", a.event)
        shared = "".join(one.get("text", "") for one in event.get("attachments", []))
        said, channel = self.asks(event.get("text", "") + shared), a.event["channel"]
        self._styles[self.style](a, said, channel, event)

    def _by_say(self, a: Any, said: str, channel: str, event: Any) -> None:
        a.say(text=said, thread_ts=event.get("thread_ts"))

    def _by_update(self, a: Any, said: str, channel: str, event: Any) -> None:
        first = a.client.chat_postMessage(channel=channel, text="...", thread_ts=event.get("thread_ts"))
        for end in (60, 120, len(said)):
            a.client.chat_update(channel=channel, ts=first["ts"], text=said[:end])

    def _by_stream(self, a: Any, said: str, channel: str, event: Any) -> None:
        stream = a.client.chat_stream(
            channel=channel,
            thread_ts=event.get("thread_ts") or event["ts"],
            recipient_team_id=a.context.team_id,
            recipient_user_id=event["user"],
            buffer_size=40,
        )
        for at in range(0, len(said), 7):
            stream.append(markdown_text=said[at : at + 7])
        stream.stop()

    def _by_ephemeral(self, a: Any, said: str, channel: str, event: Any) -> None:
        a.client.chat_postEphemeral(channel=channel, user=event["user"], text=said)

    def _by_blocks(self, a: Any, said: str, channel: str, event: Any) -> None:
        words = {"type": "mrkdwn", "text": said[:2900]}
        a.client.chat_postMessage(
            channel=channel, text="An answer", blocks=[{"type": "section", "text": words}]
        )

    def _by_attachments(self, a: Any, said: str, channel: str, event: Any) -> None:
        a.client.chat_postMessage(
            channel=channel, text="An answer", attachments=[{"fallback": "x", "text": said}]
        )

    def _by_file(self, a: Any, said: str, channel: str, event: Any) -> None:
        a.client.files_upload_v2(channel=channel, filename="answer.txt", content=said)

    def _by_direct(self, a: Any, said: str, channel: str, event: Any) -> None:
        a.client.chat_postMessage(channel=event["user"], text=said)

    def _mentioned(self, a: Any) -> None:
        a.client.chat_postMessage(
            channel=a.event["channel"],
            text=self.asks(a.event["text"]),
            thread_ts=a.event.get("thread_ts") or a.event["ts"],
        )

    def _reacted(self, a: Any) -> None:
        item = a.event["item"]
        a.client.chat_postMessage(channel=item["channel"], thread_ts=item["ts"], text=self.asks(""))

    def _at_home(self, a: Any) -> None:
        words = {"type": "plain_text", "text": self.asks("")}
        view = {"type": "home", "blocks": [{"type": "section", "text": words}]}
        a.client.views_publish(user_id=a.event["user"], view=view)

    def _commanded(self, a: Any) -> None:
        a.ack()
        a.respond(self.asks(a.command["text"]))

    def _quick(self, a: Any) -> None:
        a.ack(self.asks(a.command["text"]))

    def _acknowledges(self, ack: Any) -> None:
        ack()

    def _lazy(self, a: Any) -> None:
        a.respond(text="Here", blocks=[{"type": "markdown", "text": self.asks(a.command["text"])}])

    def _pressed(self, a: Any) -> None:
        a.ack()
        said = self.asks(a.action.get("value", ""))
        a.respond(said, replace_original=False, response_type="in_channel")
        a.client.views_open(trigger_id=a.body["trigger_id"], view=modal(said))

    def _shortcut(self, a: Any) -> None:
        a.ack()
        a.respond(self.asks(a.shortcut["message"]["text"]))

    def _submitted(self, a: Any) -> None:
        typed = a.view["state"]["values"]["b"]["a"]["value"]
        a.ack(response_action="update", view=modal(self.asks(typed)))

    def _assists(self, a: Any) -> None:
        a.set_status("is thinking")
        a.say(self.asks(a.payload["text"]))
