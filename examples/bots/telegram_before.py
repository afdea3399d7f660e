"""A Telegram bot with LangGraph: `telegram_before.py` as it was, `telegram_after.py` with the wall.

It serves many shops, answers from their orders by SQL and from the files that people send, and its graph
remembers each chat. Its environment: `TELEGRAM_TOKEN`, `OPENAI_API_KEY`, `MODEL`.
"""
# LangGraph is not installed with this project, so its types are unknown to those who check this file.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from langchain_openai import ChatOpenAI  # type: ignore[import-not-found]  # as above
from langgraph.checkpoint.memory import InMemorySaver  # type: ignore[import-not-found]  # as above
from langgraph.graph import START, MessagesState, StateGraph  # type: ignore[import-not-found]  # as above
from langgraph.prebuilt import ToolNode, tools_condition  # type: ignore[import-not-found]  # as above
from telegram import Update
from telegram.ext import Application, ContextTypes, MessageHandler, filters

MODEL, FILES = os.environ["MODEL"], Path("files")
SYSTEM = "You answer the people of this shop. Look things up before you answer."


def read_file(path: str) -> str:
    """Read a file that was sent to the bot."""
    return (FILES / path).read_text(encoding="utf-8")


def run_sql(query: str) -> str:
    """Query the table orders (shop, number, item)."""
    with closing(sqlite3.connect("file:orders.db?mode=ro", uri=True)) as db:
        return str(db.execute(query).fetchmany(50))


llm: Any = ChatOpenAI(model=MODEL).bind_tools([read_file, run_sql])


async def think(state: Any) -> dict[str, Any]:  # noqa: ANN401  the graph's own
    """Ask the model with all that its graph remembers."""
    return {"messages": await llm.ainvoke([("system", SYSTEM), *state["messages"]])}


graph: Any = StateGraph(MessagesState)
graph.add_node("think", think)
graph.add_node("tools", ToolNode([read_file, run_sql]))
graph.add_edge(START, "think")
graph.add_conditional_edges("think", tools_condition)
graph.add_edge("tools", "think")
agent: Any = graph.compile(checkpointer=InMemorySaver())


async def written(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
    """Answer a message."""
    if update.message is not None:
        said = {"messages": [("user", update.message.text)]}
        state = await agent.ainvoke(said, {"configurable": {"thread_id": str(update.message.chat_id)}})
        await update.message.reply_text(state["messages"][-1].content)


async def sent(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
    """Keep a file."""
    if update.message is not None and update.message.document is not None:
        name = update.message.document.file_name or "file.txt"
        file = await update.message.document.get_file()
        await file.download_to_drive(FILES / name)
        await update.message.reply_text(f"I can read {name} now.")


def application(builder: Any) -> Any:  # noqa: ANN401  the library's are generic in six ways
    """Give the application."""
    app = builder.build()
    app.add_handler(MessageHandler(filters.Document.ALL, sent))
    app.add_handler(MessageHandler(filters.TEXT & ~filters.COMMAND, written))
    return app


if __name__ == "__main__":
    application(Application.builder().token(os.environ["TELEGRAM_TOKEN"])).run_polling()
