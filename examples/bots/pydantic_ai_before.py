"""A Telegram bot with pydantic-ai: `pydantic_ai_before.py` as it was, `pydantic_ai_after.py` with the wall.

It tells where an order is, by number, and notes where to leave it. Its environment: `TELEGRAM_TOKEN`,
`OPENAI_API_KEY`, `MODEL`.
"""
# pydantic-ai is not installed with this project, so its types are unknown to those who check this file.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownParameterType=false

import os
from dataclasses import dataclass, field
from typing import Any

from pydantic_ai import Agent, RunContext  # type: ignore[import-not-found]  # as above
from pydantic_ai.models.openai import OpenAIChatModel  # type: ignore[import-not-found]  # as above
from telegram import Update
from telegram.ext import Application, ContextTypes, MessageHandler, filters

SYSTEM = "You are the support desk. Be brief."


@dataclass
class Order:
    """Where an order is, and what its shop says of it."""

    shop: str
    state: str
    notes: list[str] = field(default_factory=list[str])


orders: dict[str, Order] = {}
histories: dict[str, list[Any]] = {}
agent: Any = Agent(OpenAIChatModel(os.environ["MODEL"]), deps_type=dict, instructions=SYSTEM)


async def order_state(ctx: RunContext[dict[str, Order]], number: str) -> str:
    """Tell where an order is."""
    found = ctx.deps.get(number)
    return "There is no such order." if found is None else f"{found.state} {found.notes}"


async def note(ctx: RunContext[dict[str, Order]], number: str, text: str) -> str:
    """Note something about an order."""
    ctx.deps[number].notes.append(text)
    return "Noted."


agent.tool(order_state)
agent.tool(note)


async def written(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
    """Answer a message."""
    if update.message is not None:
        key = str(update.message.chat_id)
        result = await agent.run(update.message.text, deps=orders, message_history=histories.get(key))
        histories[key] = result.all_messages()
        await update.message.reply_text(result.output)


def application(builder: Any) -> Any:  # noqa: ANN401  the library's are generic in six ways
    """Give the application."""
    app = builder.build()
    app.add_handler(MessageHandler(filters.TEXT, written))
    return app


if __name__ == "__main__":
    application(Application.builder().token(os.environ["TELEGRAM_TOKEN"])).run_polling()
