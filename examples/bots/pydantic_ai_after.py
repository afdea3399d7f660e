"""A Telegram bot with pydantic-ai: `pydantic_ai_before.py` as it was, `pydantic_ai_after.py` with the wall.

It tells where an order is, by number, and notes where to leave it. Its environment: `TELEGRAM_TOKEN`,
`OPENAI_API_KEY`, `MODEL`.
"""
# pydantic-ai is not installed with this project, so its types are unknown to those who check this file.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownParameterType=false

import os
from dataclasses import dataclass, field
from typing import Any

from openai import AsyncOpenAI
from pydantic_ai import Agent  # type: ignore[import-not-found]  # as above
from pydantic_ai.models.openai import OpenAIChatModel  # type: ignore[import-not-found]  # as above
from pydantic_ai.providers.openai import OpenAIProvider  # type: ignore[import-not-found]  # as above
from telegram import Update
from telegram.ext import Application, ContextTypes, MessageHandler, filters

import partywall as pw

SYSTEM = "You are the support desk. Be brief."


@dataclass
class Order:
    """Where an order is, and what its shop says of it."""

    shop: str
    state: str
    notes: list[str] = field(default_factory=list[str])


orders: dict[str, Order] = {}
histories: dict[str, list[Any]] = {}
wall = pw.open("partywall.toml")
provider = OpenAIProvider(openai_client=wall.guard_model(AsyncOpenAI(), trusted_system=[SYSTEM]))
agent: Any = Agent(OpenAIChatModel(os.environ["MODEL"], provider=provider), instructions=SYSTEM)


def of(shop: str) -> dict[str, Order]:
    """Give the orders of one shop."""
    return {number: order for number, order in orders.items() if order.shop == shop}


@wall.tool
async def order_state(number: pw.Text, shop: pw.CurrentTenant) -> str:
    """Tell where an order is."""
    found = of(shop).get(number)
    return "There is no such order." if found is None else f"{found.state} {found.notes}"


@wall.tool(effect=True)
async def note(number: pw.Text, text: pw.Text, shop: pw.CurrentTenant) -> str:
    """Note something about an order."""
    of(shop)[number].notes.append(text)
    return "Noted."


agent.tool_plain(order_state)
agent.tool_plain(note)


async def written(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
    """Answer a message."""
    if update.message is not None:
        key = pw.turn().session_id
        result = await agent.run(update.message.text, message_history=histories.get(key))
        histories[key] = result.all_messages()
        await update.message.reply_text(result.output)


def application(builder: Any) -> Any:  # noqa: ANN401  the library's are generic in six ways
    """Give the application."""
    app = builder.build()
    pw.guard(app, wall)
    app.add_handler(MessageHandler(filters.TEXT, written))
    return app


if __name__ == "__main__":
    application(Application.builder().token(os.environ["TELEGRAM_TOKEN"])).run_polling()
