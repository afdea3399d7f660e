"""A Slack bot that was there before: `python examples/slack_guarded.py MODEL`, by Socket Mode.

It remembers what was said by channel, which is the mistake: what one person asks with `/ask`, in private,
stands in the same list as what the channel says. With the wall an answer holds what its readers may read.

It wants `SLACK_BOT_TOKEN` and `SLACK_APP_TOKEN` in the environment.
"""

import asyncio
import os
import sys
from collections import defaultdict
from typing import Any

import litellm
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

import partywall as pw

SYSTEM = "You are Otto, the helper of this office."


def bot(client: AsyncWebClient, wall: pw.Wall, *, model: str) -> AsyncApp:
    """Give the bot; all that the wall needs of it are the two lines that say `wall`."""
    made = AsyncApp(client=client)
    app: Any = made  # Bolt's decorators and slack_sdk's calls are typed in part only
    pw.guard(app, wall)
    complete: Any = wall.guard_model(litellm.acompletion, trusted_system=[SYSTEM])
    memory: defaultdict[str, list[dict[str, str]]] = defaultdict(list)

    async def asked(channel: str, text: str) -> str:
        said = memory[channel]
        said.append({"role": "user", "content": text})
        reply = await complete(model=model, messages=[{"role": "system", "content": SYSTEM}, *said])
        answer = str(reply.choices[0].message.content)
        said.append({"role": "assistant", "content": answer})
        return answer

    async def mentioned(event: dict[str, Any], client: Any) -> None:  # noqa: ANN401  Bolt gives it by name
        thread = str(event.get("thread_ts") or event["ts"])
        shown = await client.chat_postMessage(channel=event["channel"], thread_ts=thread, text="…")
        answer = await asked(event["channel"], event["text"])
        await client.chat_update(channel=event["channel"], ts=str(shown["ts"]), text=answer)

    async def written(event: dict[str, Any], say: Any) -> None:  # noqa: ANN401  as above
        if event["channel_type"] == "im":
            await say(await asked(event["channel"], event["text"]))

    async def commanded(ack: Any, command: dict[str, Any], respond: Any) -> None:  # noqa: ANN401  as above
        await ack()
        await respond(await asked(command["channel_id"], command["text"]))

    app.event("app_mention")(mentioned)
    app.event("message")(written)
    app.command("/ask")(commanded)
    return made


async def main(model: str) -> None:
    """Run it until it is stopped."""
    async with pw.open() as wall:
        app = bot(AsyncWebClient(token=os.environ["SLACK_BOT_TOKEN"]), wall, model=model)
        handler: Any = AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"])
        await handler.start_async()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
