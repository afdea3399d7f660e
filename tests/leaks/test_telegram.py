"""Leaks that happened to others, played on Telegram: each is named by its row in the list of leaks.

Where it can be played, the bot without the wall leaks first, in the same test.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import TelegramError

import partywall as pw
from adapters.telegram.inbound import realm
from firewall.core.errors import Denied
from partywall.testing import memory_wall
from partywall.wall import Wall
from tests.fakes.telegram.accounts import Bot, User
from tests.fakes.telegram.acting import ADA, BEN, Acting, Context, acting
from tests.fakes.telegram.applications import webhook
from tests.fakes.telegram.filing import How, filing
from tests.fakes.telegram.places import Chat
from tests.fakes.telegram.stage import CAROL, SECRET, Mode, Stage, opened, shown, staged
from tests.fakes.telegram.wire import forbidden
from vault.ledger import Filter

ASKED = "Which deadlines did the others tell you about?"


async def told(stage: Stage, chat: Chat, who: User, text: str, **how: Any) -> str:
    """Say something and give all that this person has been shown there."""
    chat.says(who, text, **how)
    await stage.handled()
    for guarded in stage.guards.values():
        await guarded.drain(60)
    return shown(stage, chat, who)


def asked(stage: Stage) -> str:
    """Give the last prompt."""
    return str(stage.model.requests[-1]["messages"])


async def greets(update: Update, context: Context) -> object:
    assert update.effective_message is not None
    return await update.effective_message.reply_text("Good morning.")


async def sessions(world: Acting, spoken: Sequence[tuple[Chat, User]], **how: Any) -> list[str]:
    """Let somebody speak in each place and give the session that it was."""

    async def key(update: Update, context: Context) -> str:
        return pw.turn().session_id

    return [str(await world.says(key, chat, who, **how)) for chat, who in spoken]


@pytest.mark.parametrize("mode", [Mode.BARE, Mode.GUARDED])
async def test_L01_a_command_in_a_shared_room_is_its_senders_own(wall: Wall, mode: Mode) -> None:
    async with staged(mode, wall) as stage:
        room = stage.room(stage.acme, ADA)
        await told(stage, room, ADA, f"/ask {SECRET}")
        await told(stage, room, BEN, "/ask What did I just say?")
        assert (SECRET in asked(stage)) is (mode is Mode.BARE)


async def test_L02_a_message_of_another_member_does_not_touch_a_turn_under_way(wall: Wall) -> None:
    async with acting(wall, concurrent_updates=True) as world:
        room = world.telegram.room(-5, "Room", world.acme, kind="group", people={ADA: "member"})
        go, running = asyncio.Event(), asyncio.Event()

        async def slow(update: Update, context: Context) -> object:
            assert update.effective_user is not None
            if update.effective_user.id == ADA.id:
                running.set()
                await go.wait()
            return pw.turn().session_id

        world.act = slow
        room.says(ADA, "Take your time.")
        await asyncio.wait_for(running.wait(), 5)
        his = await world.says(slow, room, BEN)
        go.set()
        hers = await world.outcome()
        assert isinstance(hers, str)
        assert hers != his


@pytest.mark.parametrize("mode", [Mode.BARE, Mode.GUARDED])
async def test_L03_a_topic_does_not_override_whose_session_it_is(wall: Wall, mode: Mode) -> None:
    async with staged(mode, wall) as stage:
        room = stage.room(stage.acme, ADA)
        topic = opened(room, ADA)
        await told(stage, room, ADA, SECRET, topic=topic)
        await told(stage, room, BEN, "Summarise this.", topic=topic)
        assert (SECRET in asked(stage)) is (mode is Mode.BARE)


@pytest.mark.parametrize("room", [False, True], ids=["private", "room"])
async def test_L04_a_message_that_names_no_sender_reaches_nobody(wall: Wall, room: bool) -> None:
    async with acting(wall, greets) as world:
        chat = world.telegram.dm(ADA, world.acme)
        if room:
            chat = world.telegram.room(-5, "Room", world.acme, kind="group", people={ADA: "member"})
        chat.says(ADA, "Hello.")
        await world.outcome()
        raw = {name: one for name, one in chat.messages[0].json(world.acme).items() if name != "from"}
        await world.apps[555].process_update(Update.de_json({"update_id": 7, "message": raw}, None))
        assert world.outcomes.empty()


def test_L05_the_realm_of_a_business_is_no_other_business_and_no_bot() -> None:
    named = [realm("555", None), realm("555", "a"), realm("55", "5a"), realm("555", "a:b"), realm("555a", "")]
    assert len(set(named)) == len(named)


async def test_L07_two_bots_with_equal_ids_never_share_a_session(wall: Wall) -> None:
    async with acting(wall) as world:
        spoken = [(world.telegram.dm(ADA, bot), ADA) for bot in (world.acme, world.globex)]
        assert spoken[0][0].id == spoken[1][0].id
        assert len(set(await sessions(world, spoken))) == 2


@pytest.mark.parametrize("mode", [Mode.BARE, Mode.GUARDED])
async def test_L08_one_person_at_two_bots_has_two_histories(wall: Wall, mode: Mode) -> None:
    async with staged(mode, wall) as stage:
        await told(stage, stage.dm(stage.acme, ADA), ADA, SECRET)
        text = await told(stage, stage.dm(stage.globex, ADA), ADA, ASKED)
        assert (SECRET in asked(stage)) is (mode is Mode.BARE)
        assert ASKED in text


@pytest.mark.parametrize("mode", [Mode.BARE, Mode.GUARDED])
async def test_L09_two_private_chats_are_apart_without_any_setting(tmp_path: Any, mode: Mode) -> None:
    async with staged(mode, memory_wall(tmp_path)) as stage:
        await told(stage, stage.dm(stage.acme, ADA), ADA, SECRET)
        text = await told(stage, stage.dm(stage.acme, BEN), BEN, ASKED)
        assert (SECRET in text) is (mode is Mode.BARE)


async def test_L15_a_chat_whose_kind_flaps_is_refused(wall: Wall) -> None:
    async with acting(wall, greets) as world:
        room = world.telegram.room(-5, "Room", world.acme, kind="group", people={ADA: "member"})
        room.says(ADA, "Hello.")
        await world.outcome()
        raw = room.messages[0].json(world.acme)
        raw["chat"] = {"id": -5, "type": "private", "first_name": "Ada"}
        await world.apps[555].process_update(Update.de_json({"update_id": 7, "message": raw}, None))
        assert world.outcomes.empty()


@pytest.mark.parametrize("concurrent", [False, True], ids=["serial", "concurrent"])
async def test_L16_each_of_many_answers_goes_where_it_was_asked(wall: Wall, concurrent: bool) -> None:
    async with staged(Mode.GUARDED, wall, concurrent=concurrent) as stage:
        rooms = [stage.room(bot, ADA) for bot in (stage.acme, stage.globex) for _ in range(6)]
        for number, room in enumerate(rooms):
            room.says(ADA, f"word-{number}-end")
        await stage.handled(len(rooms))
        for number, room in enumerate(rooms):
            (only,) = stage.telegram.heard(room)
            assert f"word-{number}-end" in only.text


async def test_L18_a_session_that_a_button_names_is_not_believed(wall: Wall) -> None:
    async with acting(wall) as world:
        hers, his = world.telegram.dm(ADA, world.acme), world.telegram.dm(BEN, world.acme)
        (session,) = await sessions(world, [(hers, ADA)])

        async def offers(update: Update, context: Context) -> object:
            assert update.effective_message is not None
            button = InlineKeyboardButton("Go on", callback_data="resume")
            return await update.effective_message.reply_text(
                "?", reply_markup=InlineKeyboardMarkup([[button]])
            )

        await world.says(offers, his, BEN)

        async def resumed(update: Update, context: Context) -> tuple[str, str]:
            assert update.callback_query is not None
            return pw.turn().session_id, str(update.callback_query.data)

        world.act = resumed
        his.presses(BEN, world.telegram.heard(his)[-1].message, f"resume {session}"[:64])
        found: Any = await world.outcome()
        assert found[0] != session
        assert found[0] in await sessions(world, [(his, BEN)])


async def test_L20_a_turn_in_somebodys_topic_is_kept_under_its_own_sender(wall: Wall) -> None:
    async with acting(wall) as world:
        room = world.telegram.room(-1_001_000_000_001, "Room", world.acme, people={ADA: "member"})
        topic = opened(room, ADA)

        async def history(update: Update, context: Context) -> str:
            return str(pw.turn().history())

        assert SECRET in str(await world.says(history, room, ADA, SECRET, topic=topic))
        his = str(await world.says(history, room, BEN, "And mine?", topic=topic))
        assert SECRET not in his
        assert "And mine?" in his


async def test_L21_one_person_in_several_places_has_several_sessions(wall: Wall) -> None:
    async with acting(wall) as world:
        rooms = [
            world.telegram.room(-number, "Room", world.acme, kind="group", people={ADA: "member"})
            for number in (5, 6)
        ]
        spoken = [(chat, ADA) for chat in (world.telegram.dm(ADA, world.acme), *rooms)]
        assert len(set(await sessions(world, spoken))) == 3


async def test_L22_a_sender_with_the_bots_own_id_is_nobody(wall: Wall) -> None:
    async with acting(wall, greets) as world:
        room = world.telegram.room(-5, "Room", world.acme, kind="group", people={ADA: "member"})
        room.says(User(id=world.acme.id, first_name="Me"), "Hello.")
        room.says(ADA, "Hello.")
        await world.outcome()
        await world.apps[555].update_queue.join()
        assert world.outcomes.empty()


@pytest.mark.parametrize(
    "who", ["admin", "admin-edit", "channel", "automatic-forward", "channel-post", "channel-edit"]
)
async def test_L23_whoever_has_no_name_of_their_own_is_not_served(wall: Wall, who: str) -> None:
    async with acting(wall, greets) as world:
        room = world.telegram.room(-1_001_000_000_001, "Room", world.acme, people={ADA: "creator"})
        bots = [world.acme] if who.startswith("channel-") else []
        linked = room if who == "automatic-forward" else None
        channel = world.telegram.room(-1_001_000_000_002, "News", *bots, kind="channel", linked=linked)
        match who:
            case "admin":
                room.anonymous_admin_says(SECRET)
            case "admin-edit":
                room.edits(room.anonymous_admin_says("Hello."), SECRET)
            case "channel-edit":
                channel.edits(channel.posts_as_channel(channel, "Hello."), SECRET)
            case "channel":
                room.posts_as_channel(channel, SECRET)
            case _:
                channel.posts_as_channel(channel, SECRET)
        room.says(ADA, "Hello.")
        await world.outcome()
        await world.apps[555].update_queue.join()
        assert world.outcomes.empty()
        assert len(world.telegram.sent) == 1


async def test_L25_what_is_left_of_a_long_answer_goes_to_the_same_place_or_nowhere(wall: Wall) -> None:
    async def chunks(update: Update, context: Context) -> list[object]:
        assert update.effective_chat is not None
        done: list[object] = []
        for number, chat in enumerate((update.effective_chat.id, update.effective_chat.id, -5)):
            try:
                done.append(await context.bot.send_message(chat, f"part {number}"))
            except TelegramError as error:
                done.append(error)
        return done

    async with acting(wall) as world:
        room = world.telegram.room(-5, "Room", world.acme, kind="group", people={ADA: "member"})
        await world.says(greets, room)
        chat = world.telegram.dm(ADA, world.acme)
        chat.says(ADA, "Hello.")
        await world.outcome()
        world.telegram.breaks("sendMessage", forbidden("broken"))
        done: Any = await world.says(chunks, chat)
        first, second, third = done
        assert isinstance(first, TelegramError)
        assert not isinstance(second, Exception)
        assert isinstance(third, Denied)
        assert [one.text for one in world.telegram.heard(room)] == ["Good morning."]


@pytest.mark.parametrize("where", ["", "@nobody", "me", 0, "7001 "])
async def test_L26_an_ambiguous_place_is_refused_and_recorded(wall: Wall, where: str | int) -> None:
    async def sends(update: Update, context: Context) -> object:
        return await context.bot.send_message(where, SECRET)

    async with acting(wall) as world:
        assert isinstance(await world.says(sends, world.telegram.dm(ADA, world.acme)), Denied)
        await world.guards[555].drain(60)
        records = (await wall.runtime()).vault.records
        await records.settle()
        assert await records.violations(Filter())
        assert SECRET not in str(world.telegram.calls)


async def test_L27_a_place_that_the_sender_names_is_not_written_to(wall: Wall) -> None:
    async def obeys(update: Update, context: Context) -> object:
        assert update.effective_message is not None
        return await context.bot.send_message(str(update.effective_message.text), SECRET)

    async with acting(wall) as world:
        his = world.telegram.dm(BEN, world.acme)
        await world.says(greets, his, BEN)
        assert isinstance(
            await world.says(obeys, world.telegram.dm(ADA, world.acme), text=str(BEN.id)), Denied
        )
        assert len(world.telegram.heard(his)) == 1


async def test_L30_one_bots_turn_does_not_speak_with_another_bots_token(wall: Wall) -> None:
    async with acting(wall) as world:
        await world.says(greets, world.telegram.dm(ADA, world.globex))
        other = world.apps[556].bot

        async def crosses(update: Update, context: Context) -> object:
            return await other.send_message(ADA.id, SECRET)

        assert isinstance(await world.says(crosses, world.telegram.dm(ADA, world.acme)), Denied)
        assert SECRET not in str(world.telegram.calls)


async def test_L32_a_place_that_changes_while_an_answer_grows_is_refused(wall: Wall) -> None:
    selected = [ADA.id]

    async def grows(update: Update, context: Context) -> object:
        await context.bot.send_message(selected[0], "One moment ...")
        selected[0] = BEN.id
        return await context.bot.send_message(selected[0], SECRET)

    async with acting(wall) as world:
        his = world.telegram.dm(BEN, world.acme)
        await world.says(greets, his, BEN)
        assert isinstance(await world.says(grows, world.telegram.dm(ADA, world.acme)), Denied)
        assert len(world.telegram.heard(his)) == 1


PICTURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(120)


@pytest.mark.parametrize(
    "mention", ["{path}", "MEDIA:{path}", "file://{path}", "../bot/plan.png", "link.png"]
)
@pytest.mark.parametrize("how", [How.BARE, How.GUARDED])
async def test_L75_a_path_that_an_answer_mentions_shows_nobody_anothers_file(
    wall: Wall, tmp_path: Path, how: How, mention: str
) -> None:
    async with filing(wall, tmp_path / "bot", how) as on:
        on.telegram.dm(ADA, on.acme).uploads(ADA, "plan.png", PICTURE)
        await on.done()
        (on.folder / "link.png").symlink_to(on.folder / "plan.png")
        on.says = mention.format(path=on.folder / "plan.png")
        for who, bot in ((BEN, on.acme), (CAROL, on.globex)):
            chat = on.telegram.dm(who, bot)
            chat.says(who, "Hello.")
            await on.done()
            assert on.shown(chat) == ([PICTURE] if how is How.BARE else [])
    assert on.refused == ([] if how is How.BARE else ["Denied", "Denied"])


@pytest.mark.parametrize("name", ["plan.png", "../bot/plan.png", "./plan.png", "{folder}/plan.png"])
@pytest.mark.parametrize("how", [How.BARE, How.TAUGHT])
async def test_L77_a_name_that_a_sender_chose_overwrites_nobodys_file(
    wall: Wall, tmp_path: Path, how: How, name: str
) -> None:
    theirs = PICTURE + b"\1"
    async with filing(wall, tmp_path / "bot", how) as on:
        hers = on.telegram.dm(ADA, on.acme)
        hers.uploads(ADA, "plan.png", PICTURE)
        await on.done()
        kept = dict(on.paths)
        on.telegram.dm(CAROL, on.globex).uploads(CAROL, name.format(folder=on.folder), theirs)
        await on.done()
        on.paths |= kept
        hers.says(ADA, "plan.png")
        await on.done()
        assert on.shown(hers) == [theirs if how is How.BARE else PICTURE]
    assert on.refused == []


@pytest.mark.parametrize("mode", [Mode.BARE, Mode.GUARDED])
async def test_L83_a_name_that_somebody_takes_over_gives_them_nothing(wall: Wall, mode: Mode) -> None:
    twin = User(id=CAROL.id, first_name=ADA.first_name, username=ADA.username)
    async with staged(mode, wall) as stage:
        await told(stage, stage.dm(stage.acme, ADA), ADA, SECRET)
        text = await told(stage, stage.dm(stage.acme, twin), twin, ASKED)
        assert (SECRET in text) is (mode is Mode.BARE)


async def test_L84_a_deed_of_somebody_who_is_not_served_reaches_nobody(wall: Wall) -> None:
    relay = User(id=9001, first_name="Relay", is_bot=True)
    async with acting(wall) as world:
        bot = world.apps[555].bot
        chat = {"id": -5, "type": "group", "title": "Room"}
        deeds: list[dict[str, Any]] = [
            {"message_reaction": _reaction(chat, user=relay.json)},
            {"message_reaction": _reaction(chat, actor_chat=chat)},
            {"message_reaction_count": {"chat": chat, "message_id": 1, "date": 1, "reactions": []}},
            {
                "poll_answer": {
                    "poll_id": "1",
                    "user": ADA.json,
                    "option_ids": [0],
                    "option_persistent_ids": ["0"],
                }
            },
            {"my_chat_member": _member(chat)},
            {"inline_query": {"id": "1", "from": ADA.json, "query": SECRET, "offset": ""}},
            {"an_update_of_tomorrow": {"from": ADA.json, "text": SECRET}},
        ]
        for number, deed in enumerate(deeds):
            await world.apps[555].process_update(Update.de_json({"update_id": number, **deed}, bot))
        assert world.outcomes.empty()


def _reaction(chat: dict[str, Any], **who: Any) -> dict[str, Any]:
    new = [{"type": "emoji", "emoji": "👍"}]
    return {"chat": chat, "message_id": 1, "date": 1, "old_reaction": [], "new_reaction": new, **who}


def _member(chat: dict[str, Any]) -> dict[str, Any]:
    member = {"user": BEN.json, "status": "member"}
    return {"chat": chat, "from": ADA.json, "date": 1, "old_chat_member": member, "new_chat_member": member}


@pytest.mark.parametrize(("secret", "served"), [("", False), ("acme-webhook-secret", True)])
async def test_L85_without_a_secret_nobody_is_believed(wall: Wall, secret: str, served: bool) -> None:
    async with acting(wall, greets, run=partial(webhook, secret=secret)) as world:
        chat = world.telegram.dm(ADA, world.acme)
        chat.says(ADA, SECRET)
        await world.telegram.until(lambda: not world.acme.pending)
        await world.apps[555].update_queue.join()
        assert world.outcomes.empty() is not served


@pytest.mark.parametrize("mode", [Mode.BARE, Mode.GUARDED])
async def test_L86_what_a_bot_relays_is_not_said_by_whom_it_names(wall: Wall, mode: Mode) -> None:
    relay = User(id=9001, first_name="Ada via bridge", is_bot=True)
    async with staged(mode, wall) as stage:
        room = stage.room(stage.acme, ADA)
        room.says(relay, f"<Ada> {SECRET}")
        room.says(BEN, "Hello.", via=Bot(user=relay, token="", news=lambda: None))
        await stage.handled(2 if mode is Mode.BARE else 1)
        heard = str(stage.habit.heard)
        assert (SECRET in heard) is (mode is Mode.BARE)


async def test_L90_an_edit_is_judged_again_and_what_was_taken_back_is_gone(wall: Wall) -> None:
    async with staged(Mode.SEARCHED, wall) as stage:
        await told(stage, stage.dm(stage.acme, ADA), ADA, SECRET)
        his = stage.dm(stage.acme, BEN)
        said = his.says(BEN, "Good morning.")
        his.edits(said, ASKED)
        await stage.handled(2)
        assert SECRET not in shown(stage, his, BEN)
    assert ASKED in str(stage.habit.heard)


async def test_L90_a_message_that_a_customer_deletes_leaves_the_session(wall: Wall) -> None:
    async with staged(Mode.GUARDED, wall) as stage:
        business = stage.telegram.business("b1", User(id=7100, first_name="Owner"), stage.acme)
        chat = stage.telegram.customer(business, ADA)
        first = chat.says(ADA, SECRET)
        await stage.handled()
        chat.deletes([first])
        await stage.handled()
        assert stage.habit.deleted == [first.number_for(stage.acme)], "the bot may purge what it keeps itself"
        await told(stage, chat, ADA, "What did I say?")
        assert SECRET not in asked(stage)
