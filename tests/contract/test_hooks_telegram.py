"""The hooks in python-telegram-bot: each is there, each is needed, and each can be taken out again."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from telegram import Update
from telegram.error import Forbidden, TelegramError
from telegram.ext import (
    Application,
    ApplicationHandlerStop,
    CommandHandler,
    ContextTypes,
    ConversationHandler,
    ExtBot,
    InvalidCallbackData,
    MessageHandler,
    PicklePersistence,
    SimpleUpdateProcessor,
    TypeHandler,
    Updater,
    filters,
)
from telegram.request import HTTPXRequest, RequestData

import partywall as pw
from adapters.doors import State
from adapters.telegram.acts import Field
from adapters.telegram.hooks import install
from firewall.core.errors import Denied, MisuseError, NoTurn, TurnClosed, UnsupportedApp
from firewall.core.identity import Conversation, ConversationKind, Sender, SenderKind
from partywall.guarding import guard
from partywall.testing import EchoModel, memory_wall
from partywall.wall import Wall
from tests.fakes.telegram.acting import ADA, BEN, Acting, Context, acting
from tests.fakes.telegram.applications import AnyApplication, builder, polling, webhook
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.stage import SECRET, opened
from tests.fakes.telegram.timers import once, timed

POINTS = (
    "Application.updater.start_polling",
    "Application.update_processor.do_process_update",
    "Application.process_update",
    "Application.job_queue.job_callback",
    "Application.bot.get_updates_request.do_request",
    "Application.bot.request.do_request",
)
WEBHOOK_SECRET = "acme-webhook-secret"


async def answer(update: Update, context: Context) -> object:
    assert update.effective_message is not None
    return await update.effective_message.reply_text("Good morning.")


def swap(world: Acting, point: str, bot: int = 555) -> Any:
    guarded: Any = world.guards[bot]
    (found,) = [one for one in guarded._hooks.swaps if one.point == point]
    return found


def states(world: Acting, bot: int = 555) -> dict[str, State]:
    return {row.point: row.state for row in world.guards[bot].report() if row.point != "model"}


def by_webhook(secret: str) -> Callable[[AnyApplication], Any]:
    return lambda app: webhook(app, secret=secret)


async def test_every_choke_point_is_covered_and_looked_at_now(wall: Wall) -> None:
    async with acting(wall, jobs=True) as world:
        for bot in (555, 556):
            assert states(world, bot) == dict.fromkeys(POINTS, State.COVERED)
        world.guards[555].uninstall()
        assert states(world, 555) == dict.fromkeys(POINTS, State.UNCOVERED)
        assert states(world, 556) == dict.fromkeys(POINTS, State.COVERED)
        assert all(row.remedy for row in world.guards[555].report() if row.state is State.UNCOVERED)


# What happens without one hook alone. Each gives whether the harm was done, with the hook and without it.


async def foreign_text_goes_out(wall: Wall, mutant: Callable[[Acting], None]) -> bool:
    """A text for one person is sent into another one's private chat."""
    async with acting(wall) as world:
        mutant(world)
        hers, his = world.telegram.dm(ADA, world.acme), world.telegram.dm(BEN, world.acme)
        await world.says(answer, his, BEN)

        async def misdirected(update: Update, context: Context) -> object:
            return await context.bot.send_message(BEN.id, SECRET)

        await world.says(misdirected, hers)
        return any(SECRET in one.text for one in world.telegram.heard(his))


async def foreign_text_leaves_by_the_polling_connection(wall: Wall, mutant: Callable[[Acting], None]) -> bool:
    """A text for another person goes out on the connection that is there to ask for updates."""
    # While it is asked for updates it is busy: the bot has a webhook.
    async with acting(wall, run=by_webhook(WEBHOOK_SECRET)) as world:
        mutant(world)
        hers, his = world.telegram.dm(ADA, world.acme), world.telegram.dm(BEN, world.acme)
        await world.says(answer, his, BEN)

        async def misdirected(update: Update, context: Context) -> object:
            bot: Any = context.bot
            said: Any = [Field(name="chat_id", value=BEN.id), Field(name="text", value=SECRET)]
            return await bot._request[0].post(f"{bot.base_url}/sendMessage", RequestData(said))

        await world.says(misdirected, hers)
        return any(SECRET in one.text for one in world.telegram.heard(his))


async def a_direct_call_reaches_the_handler(wall: Wall, mutant: Callable[[Acting], None]) -> bool:
    """A web server of the bot's own hands over an update that nobody vouches for."""
    async with acting(wall, run=None) as world:
        mutant(world)
        app = world.apps[555]
        async with app:
            world.telegram.dm(ADA, world.acme).says(ADA, SECRET)
            await app.process_update(Update.de_json(world.acme.pending[-1], app.bot))
        return not world.outcomes.empty()


class Watching(SimpleUpdateProcessor):
    """An update processor of the bot's own, which keeps what passes."""

    def __init__(self, seen: list[object]) -> None:
        super().__init__(1)
        self._seen = seen

    async def do_process_update(self, update: object, coroutine: Awaitable[Any]) -> None:
        self._seen.append(update)
        await coroutine


async def a_processor_sees_what_is_refused(wall: Wall, mutant: Callable[[Acting], None]) -> bool:
    """What the wall refuses reaches the bot's own update processor, which stands before its handlers."""
    seen: list[object] = []
    async with acting(wall, run=None, concurrent_updates=lambda: Watching(seen)) as world:
        mutant(world)
        app = world.apps[555]
        async with app:
            await app.start()
            world.telegram.dm(ADA, world.acme).says(ADA, SECRET)
            await app.update_queue.put(Update.de_json(world.acme.pending[-1], app.bot))
            await app.update_queue.join()
            await app.stop()
        return bool(seen)


async def polling_proves_nothing(wall: Wall, mutant: Callable[[Acting], None]) -> bool:
    """What the bot asked Telegram for itself is refused as forged."""
    async with acting(wall, run=None) as world:
        mutant(world)
        world.act = answer
        async with polling(world.apps[555]):
            chat = world.telegram.dm(ADA, world.acme)
            chat.says(ADA, "Hello.")
            await world.telegram.until(lambda: not world.acme.pending)
            await world.apps[555].update_queue.join()
            await world.guards[555].drain(60)
        return not world.telegram.heard(chat)


async def a_job_speaks_in_somebodys_turn(wall: Wall, mutant: Callable[[Acting], None]) -> bool:
    """A job of the operator's own runs in the turn of whoever added another job last."""
    ran: list[object] = []
    done = asyncio.Event()

    async def nightly(context: ContextTypes.DEFAULT_TYPE) -> None:
        try:
            ran.append(await context.bot.send_message(ADA.id, SECRET))
        except TelegramError as error:
            ran.append(error)
        done.set()

    async def hers(context: ContextTypes.DEFAULT_TYPE) -> None:
        return None

    async with acting(wall, run=None, jobs=True) as world:
        mutant(world)
        app = world.apps[555]
        once(app, nightly)

        async def subscribe(update: Update, context: Context) -> None:
            once(context, hers)
            await asyncio.wait_for(done.wait(), 5)

        async with polling(app):
            await world.says(subscribe, world.telegram.dm(ADA, world.acme))
        (outcome,) = ran
        assert isinstance(outcome, NoTurn) or not isinstance(outcome, Exception)
        return not isinstance(outcome, NoTurn)


HARMS = {
    "Application.updater.start_polling": polling_proves_nothing,
    "Application.update_processor.do_process_update": a_processor_sees_what_is_refused,
    "Application.process_update": a_direct_call_reaches_the_handler,
    "Application.job_queue.job_callback": a_job_speaks_in_somebodys_turn,
    "Application.bot.get_updates_request.do_request": foreign_text_leaves_by_the_polling_connection,
    "Application.bot.request.do_request": foreign_text_goes_out,
}


@pytest.mark.parametrize("point", POINTS)
async def test_with_every_hook_in_place_no_harm_is_done(wall: Wall, point: str) -> None:
    assert not await HARMS[point](wall, lambda _: None)


@pytest.mark.parametrize("point", POINTS)
async def test_without_one_hook_alone_the_report_says_so_and_the_harm_is_done(wall: Wall, point: str) -> None:
    def mutant(world: Acting) -> None:
        swap(world, point).uninstall()
        assert [one for one, state in states(world).items() if state is State.UNCOVERED] == [point]

    assert await HARMS[point](wall, mutant)


async def test_uninstalling_leaves_the_application_as_it_was(wall: Wall) -> None:
    async with FakeTelegram() as telegram, wall:
        app = builder(telegram, telegram.bot(555, "acme_bot")).build()
        timed(app)

        def looks() -> list[object]:
            objects: list[Any] = [app, app.updater, app.job_queue, app.update_processor, app.bot.request]
            bot: Any = app.bot
            objects += [bot, bot._request[0]]
            return [[one, type(one), dict(getattr(one, "__dict__", {}))] for one in objects]

        before = looks()
        guarded = guard(app, wall)
        assert guard(app, wall) is guarded
        assert looks() != before
        guarded.uninstall()
        assert looks() == before
        assert isinstance(guard(app, wall), type(guarded)), "it can be guarded again"


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        pytest.param(Updater, "start_polling", id="updater"),
        pytest.param(SimpleUpdateProcessor, "do_process_update", id="processor"),
        pytest.param(Application, "process_update", id="application"),
        pytest.param(HTTPXRequest, "do_request", id="request"),
        pytest.param(HTTPXRequest, "post", id="a-request-that-sends-by-itself"),
        pytest.param(HTTPXRequest, "retrieve", id="a-request-that-reads-by-itself"),
    ],
)
async def test_a_choke_point_that_is_gone_is_named_and_nothing_is_left_behind(
    wall: Wall, monkeypatch: pytest.MonkeyPatch, owner: type[object], name: str
) -> None:
    async with FakeTelegram() as telegram:
        app = builder(telegram, telegram.bot(555, "acme_bot")).build()
        kinds: list[object] = _kinds(app)
        monkeypatch.setattr(owner, name, None)
        with pytest.raises(UnsupportedApp, match=name):
            guard(app, wall)
        assert _kinds(app) == kinds


def _kinds(app: Any) -> list[object]:
    return [type(app), type(app.updater), type(app.update_processor), type(app.bot.request)]


async def test_a_processor_whose_place_is_gone_is_named(wall: Wall) -> None:
    async with FakeTelegram() as telegram:
        app: Any = builder(telegram, telegram.bot(555, "acme_bot")).build()
        del app._update_processor
        with pytest.raises(UnsupportedApp, match="do_process_update"):
            guard(app, wall)


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="objects take no attributes there")
async def test_a_method_that_was_set_on_the_object_would_answer_first(wall: Wall) -> None:
    async with FakeTelegram() as telegram:
        app: Any = builder(telegram, telegram.bot(555, "acme_bot")).build()
        guarded = guard(app, wall)
        app.process_update = app.process_update
        assert next(row.point for row in guarded.report() if row.state is State.UNCOVERED).endswith(
            "process_update"
        )
        guarded.uninstall()
        with pytest.raises(UnsupportedApp, match="answer first"):
            guard(app, wall)


async def test_what_was_hooked_by_somebody_else_since_is_not_undone(wall: Wall) -> None:
    async with FakeTelegram() as telegram:
        app: Any = builder(telegram, telegram.bot(555, "acme_bot")).build()
        guarded = guard(app, wall)
        ours = app.__class__
        app.__class__ = type("Theirs", (ours,), {"__slots__": ()})
        with pytest.raises(MisuseError, match="somebody else"):
            guarded.uninstall()
        app.__class__ = ours
        guarded.uninstall()


async def test_an_object_that_keeps_its_class_is_refused(wall: Wall) -> None:
    class Kept(SimpleUpdateProcessor):
        @property
        def __class__(self) -> type[Any]:
            return SimpleUpdateProcessor

        @__class__.setter
        def __class__(self, _: type[Any]) -> None:
            raise TypeError

    async with FakeTelegram() as telegram:
        app = builder(telegram, telegram.bot(555, "acme_bot")).concurrent_updates(Kept(1)).build()
        with pytest.raises(UnsupportedApp, match="cannot be hooked"):
            guard(app, wall)


async def test_polling_connections_whose_place_is_gone_are_named(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FakeTelegram() as telegram:
        app = builder(telegram, telegram.bot(555, "acme_bot")).build()
        kinds = _kinds(app)
        bot: Any = app.bot
        monkeypatch.setattr(ExtBot, "request", bot.request)
        monkeypatch.setattr(bot, "_request", ())
        with pytest.raises(UnsupportedApp, match="get_updates_request"):
            guard(app, wall)
        assert _kinds(app) == kinds


async def test_one_connection_for_everything_is_one_choke_point(wall: Wall) -> None:
    async with FakeTelegram() as telegram, wall:
        building, shared = builder(telegram, telegram.bot(555, "acme_bot")), HTTPXRequest()
        app = building.request(shared).get_updates_request(shared).build()
        guarded = guard(app, wall, unguarded_model=True)
        points = [row.point for row in guarded.report() if row.point.endswith("do_request")]
        assert points == ["Application.bot.request.do_request"]
        guarded.uninstall()
        assert type(shared) is HTTPXRequest


async def test_what_two_applications_share_is_refused(wall: Wall) -> None:
    shared = SimpleUpdateProcessor(1)
    async with FakeTelegram() as telegram:
        one = builder(telegram, telegram.bot(555, "acme_bot")).concurrent_updates(shared).build()
        two = builder(telegram, telegram.bot(556, "globex_bot")).concurrent_updates(shared).build()
        kind = type(two)
        guard(one, wall)
        with pytest.raises(UnsupportedApp, match="shared by two"):
            guard(two, wall)
        assert type(two) is kind


async def test_an_application_is_guarded_before_it_hears_anybody(wall: Wall) -> None:
    async def job(context: ContextTypes.DEFAULT_TYPE) -> None:
        return None

    async with FakeTelegram() as telegram, wall:
        app = builder(telegram, telegram.bot(555, "acme_bot")).build()
        timed(app)
        async with polling(app):
            with pytest.raises(UnsupportedApp, match="before it is started"):
                guard(app, wall)
        other = builder(telegram, telegram.bot(556, "globex_bot")).build()
        timed(other)
        once(other, job)
        with pytest.raises(UnsupportedApp, match="before jobs"):
            guard(other, wall)


def test_only_an_application_with_a_bot_of_its_own_is_taken() -> None:
    nobody: Any = None
    with pytest.raises(UnsupportedApp, match=r"telegram\.ext\.Application"):
        install(object(), nobody)
    with pytest.raises(UnsupportedApp, match="token"):
        install(Application.builder().token("nameless").build(), nobody)


@pytest.mark.parametrize("concurrent", [False, True], ids=["serial", "concurrent"])
async def test_a_delivery_opens_one_turn_however_it_arrives(wall: Wall, concurrent: bool) -> None:
    refs: list[str] = []

    async def note(update: Update, context: Context) -> None:
        refs.append(pw.turn().ref)

    async with acting(wall, note, concurrent_updates=concurrent) as world:
        chat = world.telegram.dm(ADA, world.acme)
        await world.says(note, chat)
        update = Update.de_json(world.acme.pending[-1], None) if world.acme.pending else None
        again = Update(99, message=update.message if update else None)
        again = Update.de_json({"update_id": 99, "message": chat.messages[0].json(world.acme)}, None)
        await world.apps[555].process_update(again)
        await world.outcome()
    assert len(set(refs)) == 2


async def test_an_update_that_its_own_handler_hands_on_stays_in_its_turn(wall: Wall) -> None:
    refs: list[str] = []

    async def twice(update: Update, context: Any) -> None:
        refs.append(pw.turn().ref)
        if len(refs) == 1:
            await context.application.process_update(update)

    async with acting(wall, twice) as world:
        await world.says(twice, world.telegram.dm(ADA, world.acme))
        await world.outcome()
    assert len(refs) == 2
    assert len(set(refs)) == 1


async def test_a_gate_that_fails_refuses_the_update_and_the_bot_goes_on(
    wall: Wall, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with acting(wall) as world:
        chat = world.telegram.dm(ADA, world.acme)
        guarded: Any = world.guards[555]
        door, enter = guarded._door, guarded._door.enter

        async def broken(*_: object) -> None:
            monkeypatch.setattr(door, "enter", enter)
            raise OSError(SECRET)

        monkeypatch.setattr(door, "enter", broken)
        with caplog.at_level(logging.INFO):
            chat.says(ADA, SECRET)
            chat.says(BEN, "somebody else's chat")
            assert not isinstance(await world.says(answer, chat), Exception)
        assert "passed over a delivery (message): OSError" in caplog.text
        assert SECRET not in caplog.text
        assert len(world.telegram.heard(chat)) == 1


async def test_an_update_that_cannot_be_told_is_refused_and_the_bot_goes_on(
    wall: Wall, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told = Update.to_dict

    def breaks(update: Update, recursive: bool = True) -> Any:
        if SECRET in str(told(update)):
            raise ValueError(SECRET)
        return told(update, recursive)

    monkeypatch.setattr(Update, "to_dict", breaks)
    async with acting(wall) as world:
        chat = world.telegram.dm(ADA, world.acme)
        with caplog.at_level(logging.INFO, logger="partywall"):
            chat.says(ADA, SECRET)
            assert not isinstance(await world.says(answer, chat), Exception)
        assert "passed over a delivery (unknown): ValueError" in caplog.messages
        assert SECRET not in caplog.text
        assert len(world.telegram.heard(chat)) == 1


async def test_what_is_no_update_of_telegrams_is_not_passed_on(wall: Wall) -> None:
    seen: list[str] = []

    async def take(update: str, context: Context) -> None:
        seen.append(update)

    async with acting(wall) as world:
        app = world.apps[555]
        app.add_handler(TypeHandler(str, take))
        await app.update_queue.put("pay now")
        await app.process_update("pay now")
        await app.update_queue.join()
    assert seen == []


async def test_non_blocking_handlers_and_tasks_answer_in_their_turn(wall: Wall) -> None:
    async with acting(wall) as world:
        app, chat, late = world.apps[555], world.telegram.dm(ADA, world.acme), asyncio.Event()

        async def slow(update: Update, context: Context) -> None:
            await late.wait()
            await answer(update, context)

        app.add_handler(TypeHandler(Update, slow, block=False), group=1)

        async def starts(update: Update, context: Any) -> object:
            return context.application.create_task(slow(update, context))

        task: Any = await world.says(starts, chat)
        late.set()
        await task
        await world.telegram.until(lambda: len(world.telegram.heard(chat)) == 2)


async def test_in_a_serial_bot_nobody_waits_for_somebody_elses_turn(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partywall.passages.DETACH_S", 0.001)
    async with acting(wall, concurrent_updates=False) as world:
        hers, his, late = (
            world.telegram.dm(ADA, world.acme),
            world.telegram.dm(BEN, world.acme),
            asyncio.Event(),
        )

        async def lingers(update: Update, context: Context) -> object:
            async def slow() -> None:
                await late.wait()
                await answer(update, context)

            return asyncio.create_task(slow())

        task: Any = await world.says(lingers, hers)
        world.act = answer
        # Her second message waits for her first one's turn; his is answered meanwhile.
        hers.says(ADA, "And?")
        his.says(BEN, "Hello.")
        await world.telegram.until(lambda: world.telegram.heard(his))
        assert world.telegram.heard(hers) == []
        late.set()
        await task
        await world.telegram.until(lambda: len(world.telegram.heard(hers)) == 2)


async def test_a_task_that_outlives_its_turn_cannot_speak(wall: Wall) -> None:
    kept: list[Any] = []
    async with acting(wall) as world:

        async def keeps(update: Update, context: Context) -> None:
            turn = pw.turn()
            kept.extend([turn, update, context])

        await world.says(keeps, world.telegram.dm(ADA, world.acme))
        await world.guards[555].drain(60)
        turn, update, context = kept
        async with turn.bind():
            with pytest.raises(TurnClosed):
                await answer(update, context)
        with pytest.raises(NoTurn):
            await answer(update, context)
    assert world.telegram.sent == []


async def test_a_job_speaks_as_its_creator_if_it_says_so(wall: Wall) -> None:
    done = asyncio.Event()

    async def digest(context: ContextTypes.DEFAULT_TYPE) -> None:
        creator = Sender(
            channel="telegram", app="555", realm="555", id=str(ADA.id), kind=SenderKind.HUMAN, verified=True
        )
        place = Conversation(
            channel="telegram", app="555", realm="555", id=str(ADA.id), kind=ConversationKind.DM
        )
        async with wall.job("digest", creator=creator, destination=place):
            await context.bot.send_message(ADA.id, "Your digest.")
            with pytest.raises(Denied):
                await context.bot.send_message(BEN.id, "Your digest.")
        done.set()

    async with acting(wall, jobs=True) as world:

        async def subscribe(update: Update, context: Context) -> None:
            once(context, digest)

        chat = world.telegram.dm(ADA, world.acme)
        await world.says(subscribe, chat)
        await asyncio.wait_for(done.wait(), 5)
        assert [one.text for one in world.telegram.sent] == ["Your digest."]


@pytest.mark.parametrize("secret", [WEBHOOK_SECRET, ""], ids=["with-a-secret", "without-one"])
async def test_a_webhook_is_believed_if_it_checks_a_secret(wall: Wall, secret: str) -> None:
    async with acting(wall, answer, run=by_webhook(secret)) as world:
        chat = world.telegram.dm(ADA, world.acme)
        chat.says(ADA, "Hello.")
        await world.telegram.until(lambda: not world.acme.pending)
        await world.apps[555].update_queue.join()
        await world.guards[555].drain(60)
        assert [one.text for one in world.telegram.heard(chat)] == ["Good morning."] * bool(secret)


async def test_an_application_that_another_web_server_feeds_has_no_updater_and_is_guarded(wall: Wall) -> None:
    async with acting(wall, answer, run=by_webhook(WEBHOOK_SECRET), updater=None) as world:
        assert states(world) == dict.fromkeys([POINTS[1], POINTS[2], *POINTS[4:]], State.COVERED)
        chat = world.telegram.dm(ADA, world.acme)
        chat.says(ADA, "Hello.")
        assert not isinstance(await world.outcome(), Exception)

        async def misdirected(update: Update, context: Context) -> object:
            return await context.bot.send_message(BEN.id, SECRET)

        assert isinstance(await world.says(misdirected, chat), Denied)


async def test_a_refusal_of_the_wall_is_one_of_telegrams_too(wall: Wall) -> None:
    async def misdirected(update: Update, context: Context) -> object:
        return await context.bot.send_message(BEN.id, "Hello.")

    async with acting(wall) as world:
        refused = await world.says(misdirected, world.telegram.dm(ADA, world.acme))
    assert isinstance(refused, Denied)
    assert isinstance(refused, Forbidden)
    assert refused.reason == "wrong_destination"
    assert refused.message == str(refused) == str(refused.__cause__)
    assert refused.ref in str(refused)


async def test_a_sender_is_told_of_a_refusal_in_a_private_chat_only(wall: Wall) -> None:
    async def misdirected(update: Update, context: Context) -> object:
        return await context.bot.send_message(BEN.id, "Hello.")

    async with acting(wall) as world:
        room = world.telegram.room(-1001, "Room", world.acme, kind="group", people={ADA: "member"})
        refused = await world.says(misdirected, room)
        await world.guards[555].drain(60)
        assert world.telegram.sent == []
        dm = world.telegram.dm(ADA, world.acme)
        refused = await world.says(misdirected, dm)
        await world.guards[555].drain(60)
        assert [one.text for one in world.telegram.heard(dm)] == [str(refused)]


async def test_a_refusal_is_not_told_where_the_bot_said_something_after_it(wall: Wall) -> None:
    async def explains(update: Update, context: Context) -> object:
        with pytest.raises(Denied):
            await context.bot.send_message(BEN.id, "Hello.")
        return await answer(update, context)

    async with acting(wall) as world:
        chat = world.telegram.dm(ADA, world.acme)
        await world.says(explains, chat)
        await world.guards[555].drain(60)
        assert [one.text for one in world.telegram.heard(chat)] == ["Good morning."]


async def test_words_about_the_bot_are_set_before_it_hears_anybody_and_never_after(wall: Wall) -> None:
    async def renames(update: Update, context: Context) -> object:
        return await context.bot.set_my_commands([("secret", SECRET)])

    async with acting(wall, run=None) as world:
        app = world.apps[555]
        async with app:
            with pytest.raises(TelegramError, match="method not found"):
                await app.bot.set_my_commands([("start", "Begin")])
            assert [one.method for one in world.telegram.calls] == ["setMyCommands"]
        async with polling(app):
            assert isinstance(await world.says(renames, world.telegram.dm(ADA, world.acme)), Denied)
            with pytest.raises(NoTurn):
                await app.bot.set_my_commands([("start", "Begin")])
            # The sender is told in a task of its own, which needs the bot's connection.
            await world.guards[555].drain(60)
        assert [one.method for one in world.telegram.calls] == ["setMyCommands", "sendMessage"]
        assert SECRET not in str(world.telegram.calls)


async def test_outside_of_any_turn_nothing_is_said_and_reads_go_on(wall: Wall) -> None:
    async with acting(wall) as world:
        bot = world.apps[555].bot
        world.telegram.dm(ADA, world.acme).says(ADA, "Hello.")
        await world.outcome()
        assert (await bot.get_chat(ADA.id)).id == ADA.id
        await bot.send_chat_action(ADA.id, "typing")
        with pytest.raises(NoTurn):
            await bot.send_message(ADA.id, "Good morning.")
        with pytest.raises(NoTurn):
            await bot.leave_chat(ADA.id)


async def test_a_model_that_nobody_guards_says_nothing_until_that_is_declared(wall: Wall) -> None:
    async with acting(wall, unguarded_model=False) as world:
        chat = world.telegram.dm(ADA, world.acme)
        refused = await world.says(answer, chat)
        assert isinstance(refused, pw.NotGuarded)
        wall.guard_model(EchoModel())
        assert not isinstance(await world.says(answer, chat), Exception)


async def test_a_handler_that_stops_the_others_still_does(wall: Wall) -> None:
    async def stops(update: Update, context: Context) -> None:
        await answer(update, context)
        raise ApplicationHandlerStop

    async with acting(wall) as world:
        world.apps[555].add_handler(TypeHandler(Update, stops), group=-5)
        chat = world.telegram.dm(ADA, world.acme)
        chat.says(ADA, "Hello.")
        await world.telegram.until(lambda: world.telegram.heard(chat))
        assert world.outcomes.empty()


async def test_a_drained_delivery_is_cancelled_and_the_bot_goes_on(wall: Wall) -> None:
    running = asyncio.Event()

    async def forever(update: Update, context: Context) -> None:
        running.set()
        await asyncio.Event().wait()

    async with acting(wall, forever) as world:
        chat = world.telegram.dm(ADA, world.acme)
        chat.says(ADA, SECRET)
        await asyncio.wait_for(running.wait(), 5)
        await world.guards[555].drain(0.001)
        assert not isinstance(await world.says(answer, chat), Exception)


async def test_an_application_that_is_cancelled_is_cancelled_whole(wall: Wall) -> None:
    running, ended = asyncio.Event(), asyncio.Event()

    async def forever(update: Update, context: Context) -> None:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with acting(wall) as world:
        chat = world.telegram.dm(ADA, world.acme)
        await world.says(answer, chat)
        world.act = forever
        update = Update.de_json({"update_id": 7, "message": chat.messages[0].json(world.acme)}, None)
        handling = asyncio.create_task(world.apps[555].process_update(update))
        await asyncio.wait_for(running.wait(), 5)
        handling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await handling
        await asyncio.wait_for(ended.wait(), 5)


@pytest.mark.parametrize("secret", [WEBHOOK_SECRET, ""], ids=["proven", "not-proven"])
async def test_a_room_that_moves_is_told_to_the_bot_in_no_turn(wall: Wall, secret: str) -> None:
    async def moves(update: Update, context: Context) -> object:
        return pw.turn()

    async with acting(wall, moves, run=by_webhook(secret)) as world:
        room = world.telegram.room(-5, "Room", world.acme, kind="group", people={ADA: "member"})
        world.telegram.migrates(room, ADA, -1_001_000_000_001)
        await world.telegram.until(lambda: not world.acme.pending)
        await world.apps[555].update_queue.join()
        outcomes = [world.outcomes.get_nowait() for _ in range(world.outcomes.qsize())]
        assert [type(one) for one in outcomes] == [NoTurn, NoTurn] * bool(secret)


async def test_a_malformed_id_reaches_nobody(wall: Wall, caplog: pytest.LogCaptureFixture) -> None:
    async with acting(wall) as world:
        chat = world.telegram.dm(ADA, world.acme)
        await world.says(answer, chat)
        press = {"id": "null", "from": ADA.json, "chat_instance": "1", "data": SECRET}
        press["message"] = world.telegram.heard(chat)[-1].message.json(world.acme)
        with caplog.at_level(logging.INFO, logger="partywall"):
            await world.apps[555].process_update(
                Update.de_json({"update_id": 7, "callback_query": press}, None)
            )
        assert world.outcomes.empty()
        assert "passed over a delivery (callback_query): an id is malformed" in caplog.messages
        assert SECRET not in caplog.text


async def test_a_button_may_hold_an_object_of_the_bots_own(wall: Wall) -> None:
    async def pressed(update: Update, context: Context) -> object:
        assert update.callback_query is not None
        return update.callback_query.data

    async with acting(wall) as world:
        chat = world.telegram.dm(ADA, world.acme)
        await world.says(answer, chat)
        post = world.telegram.heard(chat)[-1].message.json(world.acme)
        press = {"id": "1", "from": ADA.json, "chat_instance": "1", "message": post, "data": "a"}
        update = Update.de_json({"update_id": 7, "callback_query": press}, world.apps[555].bot)
        query: Any = update.callback_query
        held = InvalidCallbackData("x")
        # What the library does with `arbitrary_callback_data`.
        with query._unfrozen():
            query.data = held
        world.act = pressed
        await world.apps[555].process_update(update)
        assert await world.outcome() is held


async def test_a_message_that_telegram_no_longer_shows_is_in_no_known_topic(wall: Wall) -> None:
    async def edits(update: Update, context: Context) -> object:
        assert update.callback_query is not None
        return await update.callback_query.edit_message_text("Another text.")

    async with acting(wall) as world:
        room = world.telegram.room(-1_001_000_000_001, "Room", world.acme, people={ADA: "member"})
        topic = opened(room, ADA)
        await world.says(answer, room, ADA, topic=topic)
        posted = world.telegram.heard(room)[-1].message
        world.act = edits
        for number in (posted.number, posted.number + 1):
            gone = {"chat": room.json, "message_id": number, "date": 0}
            press = {"id": str(number), "from": ADA.json, "chat_instance": "1", "message": gone, "data": "a"}
            update = Update.de_json({"update_id": number, "callback_query": press}, world.apps[555].bot)
            await world.apps[555].process_update(update)
            assert isinstance(await world.outcome(), Denied)
        assert posted.body["text"] == "Good morning."


async def test_what_nobody_vouches_for_tells_nothing_about_topics(wall: Wall) -> None:
    async with acting(wall, run=None) as world:
        app = world.apps[555]
        room = world.telegram.room(-1_001_000_000_001, "Room", world.acme, people={ADA: "member"})
        topic = opened(room, ADA)
        async with app:
            forged = room.says(ADA, "Hello.").json(world.acme) | {"message_id": topic.number + 3}
            await app.process_update(Update.de_json({"update_id": 1, "message": forged}, app.bot))
        world.acme.pending.clear()

        async def touches(update: Update, context: Context) -> object:
            return await context.bot.delete_message(room.id, topic.number + 3)

        async with polling(app):
            assert isinstance(await world.says(touches, room, ADA), Denied)


async def test_a_button_is_answered_by_the_turn_of_who_pressed_it(wall: Wall) -> None:
    queries: list[Any] = []

    async def keeps(update: Update, context: Context) -> str:
        queries.append(update.callback_query)
        return pw.turn().session_id

    async def answers_both(update: Update, context: Context) -> list[object]:
        queries.append(update.callback_query)
        done: list[object] = []
        for query in queries:
            try:
                done.append(await query.answer(SECRET))
            except TelegramError as error:
                done.append(error)
        return done

    async with acting(wall) as world:
        room = world.telegram.room(-5, "Room", world.acme, kind="group", people={ADA: "member"})
        await world.says(answer, room)
        posted = world.telegram.heard(room)[-1].message
        world.act = keeps
        room.presses(ADA, posted, "a")
        hers = await world.outcome()
        world.act = answers_both
        room.presses(BEN, posted, "a")
        refused, done = cast("list[object]", await world.outcome())
        assert isinstance(refused, Denied)
        assert done is True
        world.act = keeps
        room.presses(BEN, posted, "a")
        assert await world.outcome() != hers
        alerts = [one for one in world.telegram.calls if one.method == "answerCallbackQuery"]
        assert len(alerts) == 1


async def test_a_developer_who_is_told_of_errors_is_told_nothing_of_what_people_said(wall: Wall) -> None:
    """The pattern of the library's own example: an error handler sends the update to the developer's chat."""
    told: list[object] = []

    async def reports(update: object, context: Any) -> None:
        try:
            told.append(await context.bot.send_message(BEN.id, f"{context.error}: {update}"))
        except TelegramError as error:
            told.append(error)

    async def breaks(update: Update, context: Context) -> None:
        raise OSError(SECRET)

    async with acting(wall) as world:
        his = world.telegram.dm(BEN, world.acme)
        await world.says(answer, his, BEN)
        app = world.apps[555]
        app.add_error_handler(reports)
        app.add_handler(TypeHandler(Update, breaks), group=1)
        await world.says(answer, world.telegram.dm(ADA, world.acme), text=SECRET)
        await world.guards[555].drain(60)
        assert [type(one).__name__ for one in told] == ["Denied"]
        assert len(world.telegram.heard(his)) == 1
        assert SECRET not in str([one.text for one in world.telegram.sent])


async def test_a_conversation_is_each_persons_own_and_outlives_the_process(tmp_path: Path) -> None:
    def states() -> Any:
        async def asks(update: Update, context: Context) -> int:
            assert update.effective_message is not None
            await update.effective_message.reply_text("Your name?")
            return 1

        async def hears(update: Update, context: Any) -> int:
            assert update.effective_message is not None
            context.user_data["name"] = update.effective_message.text
            await update.effective_message.reply_text(f"Hello {update.effective_message.text}.")
            return ConversationHandler.END

        return ConversationHandler(
            [CommandHandler("start", asks)],
            {1: [MessageHandler(filters.TEXT & ~filters.COMMAND, hears)]},
            [],
            name="names",
            persistent=True,
        )

    path = tmp_path / "kept"
    for said, heard in (("/start", "Your name?"), ("Ada", "Hello Ada.")):
        kept: Any = PicklePersistence(path)
        async with acting(memory_wall(tmp_path), run=None, persistence=kept) as world:
            app = world.apps[555]
            app.add_handler(states(), group=-1)
            hers, his = world.telegram.dm(ADA, world.acme), world.telegram.dm(BEN, world.acme)
            async with polling(app):
                hers.says(ADA, said)
                await world.outcome()
                his.says(BEN, "Ben")
                await world.outcome()
                await world.guards[555].drain(60)
            assert [one.text for one in world.telegram.heard(hers)] == [heard]
            assert world.telegram.heard(his) == []
