"""A Telegram bot that was there before: `TELEGRAM_TOKEN=... python examples/telegram_guarded.py MODEL`.

It answers what people write to it, alone or in a group, puts a button beneath each answer, and keeps one list
of messages for everybody, which is the mistake. The wall is put around it in `build`; the bot itself stays as
it was.
"""

import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import litellm
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message, Update
from telegram.constants import ChatAction, MessageLimit
from telegram.ext import (
    Application,
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    MessageHandler,
    filters,
)

import partywall as pw

AnyApplication: TypeAlias = Application[Any, Any, Any, Any, Any, Any]
Context: TypeAlias = ContextTypes.DEFAULT_TYPE

SYSTEM = "You are the assistant of this shop."
SHORTER = "Give your last answer again, in fewer words."


class Assistant:
    """The bot: one list, one model."""

    def __init__(self, acompletion: Callable[..., Awaitable[Any]], model: str) -> None:
        self.acompletion, self.model = acompletion, model
        self.messages = [{"role": "system", "content": SYSTEM}]

    def joins(self, app: AnyApplication) -> None:
        """Add the handlers to an application."""
        app.add_handler(CommandHandler("start", self.greet))
        app.add_handler(MessageHandler(filters.TEXT & ~filters.COMMAND, self.answer))
        app.add_handler(CallbackQueryHandler(self.shorten))

    async def think(self, role: str, text: str) -> str:
        """Ask the model with all that anybody ever said."""
        self.messages.append({"role": role, "content": text})
        reply = await self.acompletion(model=self.model, messages=self.messages)
        said = str(reply.choices[0].message.content)
        self.messages.append({"role": "assistant", "content": said})
        return said[: MessageLimit.MAX_TEXT_LENGTH]

    async def greet(self, update: Update, _: Context) -> None:
        """Answer `/start`."""
        if update.message is not None:
            await update.message.reply_text("Hello! What can I do for you?")

    async def answer(self, update: Update, context: Context) -> None:
        """Answer a message."""
        if update.message is None or update.message.text is None:
            return
        await context.bot.send_chat_action(update.message.chat_id, ChatAction.TYPING)
        button = InlineKeyboardButton("Shorter", callback_data="shorter")
        said = await self.think("user", update.message.text)
        await update.message.reply_text(said, reply_markup=InlineKeyboardMarkup([[button]]))

    async def shorten(self, update: Update, _: Context) -> None:
        """Write an answer again, where its button was pressed."""
        press = update.callback_query
        if press is not None and isinstance(press.message, Message):
            await press.answer()
            await press.message.edit_text(await self.think("system", SHORTER))


def build(wall: pw.Wall, model: str, building: Any) -> tuple[AnyApplication, pw.Guarded, Assistant]:  # noqa: ANN401
    """Make the bot from the library's builder, and put the wall around its model and around itself."""

    async def stopped(_: object) -> None:
        await handle.drain()
        await wall.close()

    bot = Assistant(wall.guard_model(litellm.acompletion, trusted_system=[SYSTEM, SHORTER]), model)
    app: AnyApplication = building.post_stop(stopped).build()
    handle = pw.guard(app, wall)
    bot.joins(app)
    return app, handle, bot


def main(model: str) -> None:
    """Run until it is stopped, with a wall as `partywall.toml` describes it."""
    building = Application.builder().token(os.environ["TELEGRAM_TOKEN"])
    app, handle, _ = build(pw.open("partywall.toml"), model, building)
    for row in handle.report():
        print(row.point, row.state)
    app.run_polling()


if __name__ == "__main__":
    main(sys.argv[1])
