"""A Slack bot that runs in threads: `slack_sync_before.py` as it was, `slack_sync_after.py` with the wall.

It asks LiteLLM, answers mentions, and `/catchup` tells one person alone what a channel has been about. Its
environment: `SLACK_BOT_TOKENS` (JSON: a token by workspace), `SLACK_APP_TOKEN`, `MODEL`.
"""

import json
import os
from collections import defaultdict
from typing import Any

import litellm
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.authorization import AuthorizeResult

SYSTEM = "You are Otto. Answer in one short paragraph."
CATCH_UP = "What has this conversation been about?"
MODEL, TOKENS = os.environ["MODEL"], json.loads(os.environ["SLACK_BOT_TOKENS"])
history: defaultdict[str, list[dict[str, str]]] = defaultdict(list)  # by channel


def authorize(team_id: str) -> AuthorizeResult:
    """Give the token of the workspace that a delivery comes from."""
    return AuthorizeResult(enterprise_id=None, team_id=team_id, bot_token=TOKENS[team_id])


app: Any = App(authorize=authorize)  # Bolt and LiteLLM are typed in part only
completion: Any = litellm.completion


def think(said: list[dict[str, str]], *more: dict[str, str]) -> str:
    """Ask the model about what was said in a channel."""
    reply = completion(model=MODEL, messages=[{"role": "system", "content": SYSTEM}, *said, *more])
    return str(reply.choices[0].message.content)


def mentioned(event: dict[str, Any], say: Any) -> None:  # noqa: ANN401  Bolt gives it by name
    """Answer a mention, in its thread if it stands in one."""
    said = history[event["channel"]]
    said.append({"role": "user", "content": event["text"]})
    said.append({"role": "assistant", "content": think(said)})
    say(text=said[-1]["content"], thread_ts=event.get("thread_ts"))


def catches_up(ack: Any, command: dict[str, Any], respond: Any) -> None:  # noqa: ANN401  as above
    """Answer `/catchup` to whoever typed it."""
    ack()
    respond(think(history[command["channel_id"]], {"role": "user", "content": CATCH_UP}))


app.event("app_mention")(mentioned)
app.command("/catchup")(catches_up)

if __name__ == "__main__":
    handler: Any = SocketModeHandler(app, os.environ["SLACK_APP_TOKEN"])
    handler.start()
