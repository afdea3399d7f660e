"""A Slack bot of many workspaces, with LiteLLM: `slack_before.py` as it was, `slack_after.py` with the wall.

It answers mentions and direct messages, keeps notes and finds customers. Answers grow by edits, in a task of
their own. Its environment: `SLACK_BOT_TOKENS` (JSON: a token by workspace), `SLACK_APP_TOKEN`, `MODEL`.
"""

import asyncio
import json
import os
from collections import defaultdict
from inspect import isawaitable, signature
from pathlib import Path
from typing import Any

import litellm
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

SYSTEM = {"role": "system", "content": "You are Otto, who helps the people of this company."}
MODEL, TOKENS = os.environ["MODEL"], json.loads(os.environ["SLACK_BOT_TOKENS"])
NOTES = Path("notes")
CUSTOMERS: list[dict[str, str]] = json.loads(Path("customers.json").read_text(encoding="utf-8"))
history: defaultdict[str, list[Any]] = defaultdict(lambda: [SYSTEM])  # by channel
answering: set[asyncio.Task[None]] = set()


async def authorize(team_id: str) -> AuthorizeResult:
    """Give the token of the workspace that a delivery comes from."""
    return AuthorizeResult(enterprise_id=None, team_id=team_id, bot_token=TOKENS[team_id])


app: Any = AsyncApp(authorize=authorize)  # Bolt and LiteLLM are typed in part only
complete: Any = litellm.acompletion


def write_note(path: str, text: str) -> str:
    """Write a note down."""
    (NOTES / path).write_text(text, encoding="utf-8")
    return "Written."


def read_note(path: str) -> str:
    """Read a note."""
    return (NOTES / path).read_text(encoding="utf-8")


async def find_customer(name: str) -> str:
    """Find customers by a piece of their name."""
    return json.dumps([c for c in CUSTOMERS if name.lower() in c["name"].lower()])


TOOLS: dict[str, Any] = {each.__name__: each for each in (write_note, read_note, find_customer)}


def described(tool: Any) -> dict[str, Any]:  # noqa: ANN401  any function
    """Describe a tool as the model wants it."""
    schema = {"type": "object", "properties": {key: {"type": "string"} for key in signature(tool).parameters}}
    return {"name": tool.__name__, "description": tool.__doc__, "parameters": schema}


async def think(said: list[Any], show: Any) -> str:  # noqa: ANN401  a function that shows a text as it grows
    """Let the model speak and call tools until it has answered."""
    catalogue = [{"type": "function", "function": described(tool)} for tool in TOOLS.values()]
    while True:
        text, calls = "", dict[int, dict[str, Any]]()
        async for chunk in await complete(model=MODEL, messages=said, tools=catalogue, stream=True):
            delta = chunk.choices[0].delta
            if delta.content:
                text += delta.content
                await show(text)
            for piece in delta.tool_calls or ():
                call = calls.setdefault(piece.index, {"id": piece.id, "name": "", "arguments": ""})
                call["name"] += piece.function.name or ""
                call["arguments"] += piece.function.arguments or ""
        if not calls:
            return text
        shown: list[Any] = [{"id": c.pop("id"), "type": "function", "function": c} for c in calls.values()]
        said.append({"role": "assistant", "content": text or None, "tool_calls": shown})
        for one in shown:
            result = TOOLS[one["function"]["name"]](**json.loads(one["function"]["arguments"]))
            text = await result if isawaitable(result) else result
            said.append({"role": "tool", "tool_call_id": one["id"], "content": text})


async def answer(event: dict[str, Any], client: Any) -> None:  # noqa: ANN401  Bolt gives it by name
    """Answer in one message that grows."""
    channel, said = event["channel"], history[event["channel"]]
    said.append({"role": "user", "content": f"<@{event['user']}> says: {event['text']}"})
    posted = await client.chat_postMessage(channel=channel, thread_ts=event.get("thread_ts"), text="…")

    async def show(text: str) -> None:
        if len(text) % 60 < 7:  # now and then: Slack takes about one edit in a second
            await client.chat_update(channel=channel, ts=posted["ts"], text=text)

    text = await think(said, show)
    said.append({"role": "assistant", "content": text})
    await client.chat_update(channel=channel, ts=posted["ts"], text=text)


async def heard(event: dict[str, Any], client: Any) -> None:  # noqa: ANN401  as above
    """Take a mention or a direct message on, and answer it later."""
    if event["type"] == "app_mention" or event.get("channel_type") == "im":
        task = asyncio.create_task(answer(event, client))
        answering.add(task)
        task.add_done_callback(answering.discard)


app.event("app_mention")(heard)
app.event("message")(heard)

if __name__ == "__main__":
    handler: Any = AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"])
    asyncio.run(handler.start_async())
