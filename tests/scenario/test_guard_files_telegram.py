"""Files and private answers of a bot that exists, on Telegram: bytes go out only if they are the turn's own.

The bot and python-telegram-bot are unmodified and talk to a Bot API of ours over sockets.
"""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from telegram import InputMediaDocument, InputMediaPhoto, Update

import partywall as pw
from firewall.core.errors import Denied
from partywall.wall import Wall
from tests.fakes.telegram.acting import ADA, BEN, Acting, Context, acting
from tests.fakes.telegram.filing import Filing, How, filing
from tests.fakes.telegram.stage import CAROL, SECRET
from vault.ledger import Filter

PICTURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(120)


async def asked(on: Filing) -> list[list[bytes]]:
    """Let Ada send a picture, everybody ask for it, and give what each was shown: Ada, Ben, Carol."""
    hers = on.telegram.dm(ADA, on.acme)
    hers.uploads(ADA, "plan.png", PICTURE)
    await on.done()
    chats = [(hers, ADA), (on.telegram.dm(BEN, on.acme), BEN), (on.telegram.dm(CAROL, on.globex), CAROL)]
    for chat, who in chats:
        chat.says(who, "plan.png")
        await on.done()
    return [on.shown(chat) for chat, _ in chats]


async def test_without_the_wall_everybody_is_shown_the_picture(wall: Wall, tmp_path: Path) -> None:
    async with filing(wall, tmp_path / "bot", How.BARE) as on:
        assert await asked(on) == [[PICTURE]] * 3


@pytest.mark.parametrize("method", ["document", "photo"])
async def test_with_the_wall_a_picture_that_no_turn_took_is_shown_to_nobody_and_recorded(
    wall: Wall, tmp_path: Path, method: str
) -> None:
    async with filing(wall, tmp_path / "bot", How.GUARDED, method=method) as on:
        assert await asked(on) == [[], [], []]
        records = (await wall.runtime()).vault.records
        await records.settle()
        found = await records.violations(Filter())
    assert on.refused == ["Denied"] * 3
    assert len(found) == 3


@pytest.mark.parametrize("method", ["document", "photo"])
async def test_a_bot_that_keeps_files_with_the_turn_shows_them_to_whom_they_belong(
    wall: Wall, tmp_path: Path, method: str
) -> None:
    async with filing(wall, tmp_path / "bot", How.TAUGHT, method=method) as on:
        assert await asked(on) == [[PICTURE], [], []]
    assert on.refused == ["MisuseError"] * 2
    assert list(on.paths.values()) == [f"attachments/{hashlib.sha256(PICTURE).hexdigest()}.png"]
    assert list((tmp_path / "bot").iterdir()) == []


async def test_bytes_that_differ_by_one_are_not_the_turns_own(wall: Wall, tmp_path: Path) -> None:
    async with filing(wall, tmp_path / "bot", How.TAUGHT, spoiled=True) as on:
        assert await asked(on) == [[], [], []]
    assert on.refused == ["Denied", "MisuseError", "MisuseError"]


async def test_an_album_is_shown_whole_or_not_at_all(wall: Wall) -> None:
    async def album(update: Update, context: Context) -> object:
        async def pieces() -> AsyncIterator[bytes]:
            yield PICTURE

        assert update.message is not None
        kept = await pw.turn().keep(1, pieces())
        own, other = await pw.turn().attach(kept.path), PICTURE + b"!"
        done: list[object] = []
        for second in (own, other):
            try:
                media: list[Any] = [InputMediaPhoto(own), InputMediaDocument(second, filename="b.png")]
                done.append(len(await update.message.reply_media_group(media)))
            except Denied as error:
                done.append(type(error).__name__)
        return done

    async with acting(wall) as world:
        for bot, who in ((world.acme, ADA), (world.globex, CAROL)):
            world.act = album
            world.telegram.dm(who, bot).uploads(who, "plan.png", PICTURE)
            assert await world.outcome() == [2, "Denied"]


async def test_a_turn_knows_what_telegram_shows_of_its_message(wall: Wall) -> None:
    async def tells(update: Update, context: Context) -> object:
        turn = pw.turn()
        return turn.name, turn.command, [(one.name, one.size_bytes) for one in turn.attachments]

    async with acting(wall, tells) as world:
        for bot, who in ((world.acme, ADA), (world.globex, CAROL)):
            room = world.telegram.room(-5 - bot.id, "Room", bot, kind="group", people={who: "member"})
            room.uploads(who, "a.txt", b"hello", caption="/read it")
            assert await world.outcome() == (who.first_name, "read", [("a.txt", 5)])


async def alone(update: Update, context: Context) -> object:
    """Answer whoever asked, in their own chat, with what was asked and a secret of theirs."""
    assert update.effective_user is not None
    assert update.effective_message is not None
    said = f"{update.effective_message.text} {SECRET}"
    return await context.bot.send_message(update.effective_user.id, said)


async def to_ben(update: Update, context: Context) -> object:
    return await context.bot.send_message(BEN.id, "Hello.")


async def greets(update: Update, context: Context) -> object:
    assert update.effective_message is not None
    return await update.effective_message.reply_text("Good morning.")


async def knows(world: Acting) -> None:
    for who, text in ((ADA, f"It is about {SECRET}."), (BEN, "Hello.")):
        await world.says(greets, world.telegram.dm(who, world.acme), who, text)
    await world.says(greets, world.telegram.dm(CAROL, world.globex), CAROL)


async def test_a_turn_of_a_room_answers_its_sender_alone_and_says_nothing_that_the_room_may_not_read(
    wall: Wall,
) -> None:
    async with acting(wall) as world:
        await knows(world)
        room = world.telegram.room(
            -5, "Room", world.acme, kind="group", people={ADA: "member", BEN: "member"}
        )
        hers = next(one.message.chat for one in world.telegram.sent if one.chat == ADA.id)
        shown: Any = await world.says(alone, room, text="Only for me:")
        assert shown.chat_id == ADA.id
        told = world.telegram.heard(hers)[-1].text
        assert told.startswith("Only for me:")
        assert SECRET not in told
        assert world.telegram.heard(room) == []


async def test_a_turn_of_a_room_answers_nobody_else_alone(wall: Wall) -> None:
    async with acting(wall) as world:
        await knows(world)
        room = world.telegram.room(
            -5, "Room", world.acme, kind="group", people={ADA: "member", BEN: "member"}
        )
        assert isinstance(await world.says(to_ben, room), Denied)
        assert isinstance(await world.says(to_ben, world.telegram.dm(ADA, world.acme)), Denied)
        other = world.apps[556].bot

        async def by_the_other_bot(update: Update, context: Context) -> object:
            return await other.send_message(ADA.id, "Hello.")

        world.telegram.dm(ADA, world.globex).says(ADA, "Hello.")
        await world.outcome()
        assert isinstance(await world.says(by_the_other_bot, room), Denied)
        assert "Hello." not in [one.text for one in world.telegram.calls]
