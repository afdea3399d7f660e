"""A bot that was there before: `python examples/guarded_bot.py MODEL`.

It keeps one list of messages for everybody who writes to it, which is the mistake. Its completion function is
guarded, so the model sees of that list only what the present sender may read.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import litellm

import partywall as pw

SYSTEM = "You are the assistant of this office."

wall = pw.open()
acompletion: Callable[..., Awaitable[Any]] = wall.guard_model(litellm.acompletion, trusted_system=[SYSTEM])
messages: list[dict[str, str]] = [{"role": "system", "content": SYSTEM}]


async def handle(text: str, *, model: str) -> str:
    """Answer as the bot always did."""
    messages.append({"role": "user", "content": text})
    reply = await acompletion(model=model, messages=messages)
    said = str(reply.choices[0].message.content)
    messages.append({"role": "assistant", "content": said})
    return said


async def delivered(text: str, *, team: str, who: str, model: str) -> str:
    """Stand for the place where your bot takes a message from Slack."""
    message = pw.message(text, channel="slack", realm=team, sender=who, conversation=f"D-{who}")
    async with wall.turn(message) as turn:
        return await turn.reply(await handle(text, model=model))


async def main(model: str) -> list[str]:
    """Let two companies write to the bot and give what they were told."""
    async with wall:
        return [
            await delivered("Our order is ORD-48213.", team="T-ACME", who="U-ADA", model=model),
            await delivered("Which orders do you know?", team="T-GLOBEX", who="U-MALLORY", model=model),
        ]


if __name__ == "__main__":
    print("\n".join(asyncio.run(main(sys.argv[1]))))
