"""Every place where a bot on Telegram can put words; the bot and its library are unmodified."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from telegram import InputFile, InputMediaDocument, Update

import partywall as pw
from partywall.wall import Wall
from tests.fakes.telegram.accounts import User
from tests.fakes.telegram.acting import ADA, Acting, Context, acting
from tests.fakes.telegram.places import Chat
from tests.surfaces.edges import Edge, Outcome, Said, planted
from tests.surfaces.seen import halves

CAROL: Final = User(id=7003, first_name="Carol")


def _keys(*buttons: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"text": "Press.", "reply_markup": {"inline_keyboard": [list(buttons)]}, **more}


def _button(text: str, **more: Any) -> dict[str, Any]:
    return {"text": text, **({"callback_data": "x"} | more)}


def _document(text: str, **more: Any) -> dict[str, Any]:
    return {"document": InputFile(b"words", filename="a.txt"), "caption": text, **more}


def _poll(question: str, *options: str) -> dict[str, Any]:
    return {"question": question, "options": [{"text": one} for one in (*options, "no")]}


def _named(text: str) -> str:
    return text.replace("/", "_").replace("\n", "_")


def _media(one: str, other: str) -> dict[str, Any]:
    captions = ((one, "a.txt"), (other, "b.txt"))
    return {"media": [InputMediaDocument(b"words", caption=text, filename=name) for text, name in captions]}


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _halved_keys(text: str) -> dict[str, Any]:
    first, second = halves(text)
    return _keys(_button(second), text=first)


PLACES: Final[Mapping[str, tuple[str, Callable[[str], dict[str, Any]]]]] = {
    "text": ("sendMessage", lambda text: {"text": f"Well: {text} is it."}),
    "text in HTML": (
        "sendMessage",
        lambda text: {"text": f"<b>Well:</b> {_html(text)}", "parse_mode": "HTML"},
    ),
    "caption": ("sendDocument", _document),
    "file's name": (
        "sendDocument",
        lambda text: {"document": InputFile(b"words", filename=f"{_named(text)}.txt")},
    ),
    "file's content": ("sendDocument", lambda text: {"document": InputFile(text.encode(), filename="a.txt")}),
    "poll's question": ("sendPoll", lambda text: _poll(text, "yes")),
    "poll's option": ("sendPoll", lambda text: _poll("Which?", text)),
    "poll's explanation": ("sendPoll", lambda text: {**_poll("Which?", "yes"), "explanation": text}),
    "button": ("sendMessage", lambda text: _keys(_button(text))),
    "button's data": ("sendMessage", lambda text: _keys(_button("Go", callback_data=text))),
    "button's address": (
        "sendMessage",
        lambda text: _keys({"text": "Go", "url": f"https://a.example/{text}"}),
    ),
    "edit": ("editMessageText", lambda text: {"text": text}),
    "edited buttons": (
        "editMessageReplyMarkup",
        lambda text: {"reply_markup": {"inline_keyboard": [[_button(text)]]}},
    ),
    "reaction": ("setMessageReaction", lambda text: {"reaction": [{"type": "emoji", "emoji": text}]}),
    "halved over text and button": ("sendMessage", _halved_keys),
    "halved over options": ("sendPoll", lambda text: _poll("Which?", *halves(text))),
    "halved over captions": ("sendMediaGroup", lambda text: _media(*halves(text))),
}


@dataclass(slots=True)
class Town:
    """Both bots, and who talks to them."""

    world: Acting
    chats: Mapping[str, tuple[Chat, User]]
    greeted: dict[str, int] = field(default_factory=dict[str, int])

    async def acts(self, who: str, said: Said) -> Outcome:
        """Let a bot say something in a turn of somebody's, and give what went out."""
        chat, user = self.chats[who]
        before = len(self.world.telegram.calls)
        refs: list[str] = []

        async def act(update: Update, context: Context) -> object:
            refs.append(pw.turn().ref)
            return await said(context.bot, update)

        outcome = await self.world.says(act, chat, user)
        for guarded in self.world.guards.values():
            await guarded.drain(60)
        wire = [
            [dict(one.raw), [[file.name, file.content] for file in one.files]]
            for one in self.world.telegram.calls[before:]
            if not one.raw.get("text", "").startswith("This request was stopped")
        ]
        return Outcome(wire=wire, error=outcome if isinstance(outcome, Exception) else None, ref=refs[0])


def edge(name: str) -> Edge:
    """Give one place as an edge."""
    method, make = PLACES[name]

    def said(text: str) -> Said:
        async def does(bot: Any, update: Update) -> object:
            assert update.effective_message is not None
            chat = {"chat_id": update.effective_message.chat_id}
            if method.startswith(("edit", "set")):
                told = await bot.send_message(text="Hm.", **chat)
                chat["message_id"] = told.message_id
            return await bot.do_api_request(method.lower(), api_kwargs={**chat, **make(text)})

        return does

    return Edge(name=f"telegram: {name}", said=said, split="halved" in name)


@asynccontextmanager
async def telegram(wall: Wall) -> AsyncGenerator[Town]:
    """Run both bots, with what each person keeps planted."""
    async with acting(wall) as world:
        chats = {
            "ann": (world.telegram.dm(ADA, world.acme), ADA),
            "bob": (world.telegram.dm(CAROL, world.globex), CAROL),
        }
        town = Town(world=world, chats=chats)
        for who in chats:

            async def plant(bot: Any, update: Update, who: str = who) -> None:
                await planted(wall, who)

            await town.acts(who, plant)
        yield town
