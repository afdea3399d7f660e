"""A bot as people have them, on unmodified python-telegram-bot: one list of messages for everybody."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.ext import (
    BusinessMessagesDeletedHandler,
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    MessageHandler,
    MessageReactionHandler,
    TypeHandler,
    filters,
)

from tests.fakes.telegram.applications import AnyApplication

Complete = Callable[..., Awaitable[Any]]
Context = ContextTypes.DEFAULT_TYPE


class OneList:
    """Keeps what everybody said in one list, and asks its model with the whole of it.

    Attributes:
        heard: What everybody said, oldest first.
        deleted: Numbers of messages that it was told are gone.
        handled: Released once for each update whose handlers have ended.
    """

    def __init__(self, complete: Complete) -> None:
        self.heard: list[dict[str, str]] = []
        self.deleted: list[int] = []
        self.handled = asyncio.Semaphore(0)
        self._complete = complete

    def joins(self, app: AnyApplication) -> None:
        """Add the handlers to an application."""
        app.add_handler(CommandHandler("stream", self.streams))
        app.add_handler(CommandHandler("draft", self.drafts))
        app.add_handler(CommandHandler("export", self.exports))
        app.add_handler(CommandHandler("menu", self.offers))
        app.add_handler(CommandHandler("ask", self.answers))
        app.add_handler(CallbackQueryHandler(self.pressed))
        app.add_handler(MessageReactionHandler(self.reacted))
        app.add_handler(BusinessMessagesDeletedHandler(self.forgets))
        app.add_handler(MessageHandler(filters.Document.ALL, self.reads))
        app.add_handler(MessageHandler(filters.ALL, self.answers))
        app.add_handler(TypeHandler(object, self.counts), group=1)

    async def ask(self, text: str) -> str:
        self.heard.append({"role": "user", "content": text})
        reply = await self._complete(model="echo", messages=self.heard)
        said: str = reply["choices"][0]["message"]["content"]
        return said

    async def pieces(self, text: str) -> list[str]:
        """Give the answer as it grows."""
        self.heard.append({"role": "user", "content": text})
        grown = [""]
        async for chunk in await self._complete(model="echo", messages=self.heard, stream=True):
            grown.append(grown[-1] + (chunk["choices"][0]["delta"].get("content") or ""))
        return list(dict.fromkeys(grown[1:]))

    async def answers(self, update: Update, context: Context) -> None:
        post = update.effective_message
        assert post is not None
        answer = await self.ask(post.text or post.caption or "")
        await context.bot.send_message(
            post.chat_id,
            answer,
            message_thread_id=post.message_thread_id if post.is_topic_message else None,
            business_connection_id=post.business_connection_id,
        )

    async def offers(self, update: Update, context: Context) -> None:
        assert update.message is not None
        button = InlineKeyboardButton("Tell me", callback_data="tell")
        await update.message.reply_text("What now?", reply_markup=InlineKeyboardMarkup([[button]]))

    async def pressed(self, update: Update, context: Context) -> None:
        press = update.callback_query
        assert press is not None
        answer = await self.ask(str(press.data))
        await press.answer(answer[:200])
        await press.edit_message_text(answer)

    async def reacted(self, update: Update, context: Context) -> None:
        assert update.message_reaction is not None
        answer = await self.ask("Somebody reacted.")
        await context.bot.send_message(update.message_reaction.chat.id, answer)

    async def reads(self, update: Update, context: Context) -> None:
        assert update.message is not None
        assert update.message.document is not None
        file = await update.message.document.get_file()
        content = bytes(await file.download_as_bytearray()).decode()
        await update.message.reply_text(await self.ask(f"{update.message.caption or ''}\n{content}".strip()))

    async def exports(self, update: Update, context: Context) -> None:
        assert update.message is not None
        assert update.message.text is not None
        answer = await self.ask(update.message.text)
        await update.message.reply_document(answer.encode(), filename="export.txt", caption="Here it is.")

    async def streams(self, update: Update, context: Context) -> None:
        assert update.message is not None
        assert update.message.text is not None
        shown = await update.message.reply_text("One moment ...")
        for grown in await self.pieces(update.message.text):
            await shown.edit_text(grown)

    async def drafts(self, update: Update, context: Context) -> None:
        assert update.message is not None
        assert update.message.text is not None
        answer = ""
        for answer in await self.pieces(update.message.text):
            await update.message.reply_text_draft(1, answer)
        await update.message.reply_text(answer)

    async def counts(self, update: object, context: Context) -> None:
        self.handled.release()

    async def forgets(self, update: Update, context: Context) -> None:
        assert update.deleted_business_messages is not None
        self.deleted.extend(update.deleted_business_messages.message_ids)
