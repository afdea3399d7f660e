"""What reached a bot that answers everybody with their own words, however it was built."""

import asyncio
from typing import Any

import partywall as pw
from adapters.testing import Reached
from partywall.bot import Bot
from partywall.handle import TurnHandle


class Heard:
    """What a bot was called with, in order."""

    def __init__(self) -> None:
        self.reached: list[Reached] = []

    def note(self, words: str) -> None:
        """Note a message, in the turn in which it is handled."""
        self.reached.append(Reached(words=words, key=pw.turn().session_id))

    async def answer(self, turn: TurnHandle) -> str:
        """Answer as the agent of a bot that the wall runs."""
        self.note(turn.text)
        return turn.text


async def repeats(**request: Any) -> dict[str, Any]:
    """Say what was said last, as a model."""
    return repeated(**request)


def repeated(**request: Any) -> dict[str, Any]:
    """Do the same in a thread."""
    message = {"role": "assistant", "content": request["messages"][-1]["content"]}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}


def asked(words: str) -> dict[str, Any]:
    """Give what a bot without memory asks its model."""
    return {"model": "m", "messages": [{"role": "user", "content": words}]}


def said(answer: Any) -> str:
    return str(answer["choices"][0]["message"]["content"])


async def idle(bot: Bot) -> None:
    """Wait until nothing that the bot has taken on is waiting or being answered."""
    inside: Any = bot
    while inside._answering or len(inside._lanes):
        await asyncio.wait({*inside._answering.values()} or {asyncio.create_task(asyncio.sleep(0))})
