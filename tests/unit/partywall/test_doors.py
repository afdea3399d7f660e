"""Deliveries of a library become turns; what is shown in them is judged; what they start belongs to them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import pytest

import partywall as pw
from adapters.doors import Act
from firewall.core.errors import Denied, MisuseError, NotGuarded, NoTurn, TurnClosed
from firewall.core.identity import Conversation
from firewall.core.ids import TenantId
from firewall.core.message import Message
from firewall.core.subject import Form
from partywall.doors import WallDoor
from partywall.passages import Passage, Passages, aside
from partywall.testing import EchoModel
from partywall.wall import Wall
from tests.fakes.clock import FrozenClock
from tests.fakes.tenants import ACME, GLOBEX, REALMS, dm, group

SECRET = "the merger with Initech closes on the ninth of March at noon"


class Platform:
    """A chat library, as small as one can be: deliveries in, texts out."""

    def __init__(self, wall: Wall, **declared: Any) -> None:
        declared.setdefault("unguarded_model", True)
        self.door = WallDoor(wall, **declared)
        self.shown: list[str] = []
        self.told: list[str] = []

    async def say(self, text: str, to: Conversation, **how: Any) -> str:
        async def post(texts: Mapping[str, str]) -> str:
            self.shown.append(texts["text"])
            return texts["text"]

        return await self.door.send(Act(method="post", destination=to, texts={"text": text}, **how), post)

    async def tell(self, text: str) -> None:
        self.told.append(text)

    async def deliver(self, message: Message, handler: Callable[[], Awaitable[object]], **how: Any) -> object:
        async def run() -> object:
            try:
                await self.door.enter(message, self.tell)
            except Denied:
                return "stopped"
            return await handler()

        return await self.door.deliver(run, **how)


def arrived(text: str, name: str = "ann", tenant: TenantId = ACME, *, room: bool = False) -> Message:
    return pw.message(
        text,
        channel="slack",
        app="A1",
        realm=REALMS[tenant],
        sender=name,
        conversation="C-general" if room else f"D-{name}",
        kind="group" if room else "dm",
    )


async def nothing() -> None:
    return None


async def test_a_handler_answers_in_the_turn_of_its_own_message(wall: Wall) -> None:
    async with wall:
        platform = Platform(wall)
        seen: list[tuple[str, TenantId]] = []
        for name, tenant in (("ann", ACME), ("zoe", GLOBEX)):

            async def handler(name: str = name, tenant: TenantId = tenant) -> str:
                seen.append((pw.turn().text, platform.door.turn().principal.tenant))
                return await platform.say(f"hello {name}", dm(name, tenant))

            assert await platform.deliver(arrived(f"I am {name}", name, tenant), handler) == f"hello {name}"
        assert [text for text, _ in seen] == ["I am ann", "I am zoe"]
        assert seen[0][1] != seen[1][1]
        assert platform.shown == ["hello ann", "hello zoe"]


async def test_nothing_of_a_delivery_is_left_in_the_library_s_own_context(wall: Wall) -> None:
    async with wall:
        platform = Platform(wall)
        await platform.deliver(arrived("hi"), nothing)
        with pytest.raises(NoTurn):
            platform.door.turn()
        with pytest.raises(NoTurn):
            await platform.say("hello", dm())
    assert platform.shown == []


async def test_a_task_that_a_handler_starts_answers_in_its_turn_and_keeps_it_open(wall: Wall) -> None:
    async with wall:
        platform, go = Platform(wall), asyncio.Event()
        tasks: list[asyncio.Task[str]] = []

        async def late() -> str:
            await go.wait()
            return await platform.say("here it is", dm())

        async def handler() -> str:
            tasks.append(asyncio.create_task(late()))
            return "acknowledged"

        assert await platform.deliver(arrived("hi"), handler) == "acknowledged"
        go.set()
        assert await tasks[0] == "here it is"
        await platform.door.drain(60)
        assert platform.shown == ["here it is"]


async def test_the_next_message_of_a_person_waits_for_the_turn_and_another_person_s_does_not(
    wall: Wall,
) -> None:
    async with wall:
        platform, go = Platform(wall), asyncio.Event()
        order: list[str] = []

        def handler(name: str, wait: bool) -> Callable[[], Awaitable[None]]:
            async def handled() -> None:
                if wait:
                    await go.wait()
                order.append(name)

            return handled

        first = asyncio.create_task(platform.deliver(arrived("one"), handler("first", True)))
        second = asyncio.create_task(platform.deliver(arrived("two"), handler("second", False)))
        await platform.deliver(arrived("hi", "zoe", GLOBEX), handler("other", False))
        assert order == ["other"]
        go.set()
        await asyncio.gather(first, second)
        assert order == ["other", "first", "second"]


async def test_a_library_is_not_kept_waiting_for_an_earlier_turn(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partywall.passages.DETACH_S", 0.001)
    async with wall:
        platform, go, done = Platform(wall), asyncio.Event(), asyncio.Event()

        async def slow() -> None:
            await go.wait()

        async def later() -> None:
            done.set()

        first = asyncio.create_task(platform.deliver(arrived("one"), slow))
        await asyncio.wait({first}, timeout=0.05)
        assert await platform.deliver(arrived("two"), later, detached="accepted") == "accepted"
        assert not done.is_set()
        go.set()
        await asyncio.wait_for(done.wait(), 5)
        await first
        await platform.door.drain(60)


@pytest.mark.wall(limits={"turn_idle_s": 0.001})
async def test_a_task_that_outlives_its_turn_finds_it_closed(wall: Wall) -> None:
    async with wall:
        platform, go = Platform(wall), asyncio.Event()
        tasks: list[asyncio.Task[str]] = []

        async def loop_of_a_bot() -> str:
            await go.wait()
            return await platform.say(SECRET, dm())

        async def handler() -> None:
            tasks.append(asyncio.create_task(loop_of_a_bot()))

        await platform.deliver(arrived("hi"), handler)
        await platform.door.drain(60)
        go.set()
        with pytest.raises(TurnClosed):
            await tasks[0]
        assert platform.shown == []


@pytest.mark.wall(limits={"turn_idle_s": 0.5})
async def test_a_turn_in_which_something_is_under_way_is_not_idle(wall: Wall) -> None:
    async with wall:
        platform, go = Platform(wall), asyncio.Event()
        tasks: list[asyncio.Task[str]] = []

        async def slow_post(texts: Mapping[str, str]) -> str:
            await go.wait()
            return texts["text"]

        async def answer() -> str:
            act = Act(method="post", destination=dm(), texts={"text": "one"})
            await platform.door.send(act, slow_post)
            return await platform.say("two", dm())

        async def handler() -> None:
            tasks.append(asyncio.create_task(answer()))

        await platform.deliver(arrived("hi"), handler)
        await asyncio.wait(tasks, timeout=1.2)  # longer than an idle turn lasts
        go.set()
        assert await tasks[0] == "two"


async def test_what_is_started_aside_does_not_keep_a_turn_open(wall: Wall) -> None:
    async with wall:
        platform, forever = Platform(wall), asyncio.Event()
        tasks: list[asyncio.Task[Any]] = []

        async def handler() -> None:
            with aside():
                tasks.append(asyncio.create_task(forever.wait()))

        await platform.deliver(arrived("hi"), handler)
        await asyncio.wait_for(platform.deliver(arrived("again"), nothing), 5)
        forever.set()
        await tasks[0]


async def test_a_library_s_own_timers_do_not_keep_a_turn_open(wall: Wall) -> None:
    def counts(started: Coroutine[Any, Any, object]) -> bool:
        return not getattr(started, "__qualname__", "").endswith("timer")

    async with wall:
        platform, forever = Platform(wall, counts=counts), asyncio.Event()
        tasks: list[asyncio.Task[Any]] = []

        async def timer() -> None:
            await forever.wait()

        async def handler() -> None:
            tasks.append(asyncio.create_task(timer()))

        await platform.deliver(arrived("hi"), handler)
        await asyncio.wait_for(platform.deliver(arrived("again"), nothing), 5)
        forever.set()
        await tasks[0]


async def test_an_answer_goes_nowhere_but_where_it_was_asked(wall: Wall) -> None:
    async with wall:
        platform = Platform(wall)
        for elsewhere in (dm("zoe", GLOBEX), dm("bob"), group(), group(thread="7")):

            async def handler(elsewhere: Conversation = elsewhere) -> None:
                await platform.say("hello", elsewhere)

            with pytest.raises(Denied):
                await platform.deliver(arrived("hi"), handler)
        assert platform.shown == []


async def test_what_an_edge_could_not_read_is_denied_and_recorded(wall: Wall) -> None:
    async with wall:
        platform = Platform(wall)

        async def handler() -> None:
            await platform.say("hello", dm(), form=Form.UNKNOWN)

        with pytest.raises(Denied) as caught:
            await platform.deliver(arrived("hi"), handler)
        assert caught.value.reason == "unknown_subject"
        assert platform.shown == []


async def test_a_sender_is_told_of_a_refusal_once_and_alone_if_nothing_else_was_said(wall: Wall) -> None:
    async with wall:
        platform = Platform(wall)

        async def refused() -> None:
            await platform.say("hello", dm("zoe", GLOBEX))

        async def refused_and_handled() -> None:
            try:
                await refused()
            except Denied:
                await platform.say("I may not say that.", dm())

        with pytest.raises(Denied) as caught:
            await platform.deliver(arrived("hi"), refused)
        await platform.door.drain(60)
        assert platform.told == [str(caught.value)]
        await platform.deliver(arrived("hi"), refused_and_handled)
        await platform.door.drain(60)
        assert platform.told == [str(caught.value)]
        assert platform.shown == ["I may not say that."]


async def test_a_sender_who_cannot_be_told_does_not_undo_the_turn(
    wall: Wall, caplog: pytest.LogCaptureFixture
) -> None:
    async with wall:
        platform = Platform(wall)

        async def broken(_: str) -> None:
            raise OSError(SECRET)

        async def handler() -> None:
            await platform.door.enter(arrived(SECRET), broken)
            await platform.say(SECRET, dm("zoe", GLOBEX))

        with pytest.raises(Denied), caplog.at_level(logging.INFO):
            await platform.door.deliver(handler)
        await platform.door.drain(60)
        assert "could not tell the sender: OSError" in caplog.text
        assert SECRET not in caplog.text
        assert await platform.deliver(arrived("hi"), nothing) is None


async def test_a_refused_message_never_reaches_the_handler(wall: Wall) -> None:
    async with wall:
        platform, seen = Platform(wall), list[str]()

        async def handler() -> None:
            seen.append("called")

        stranger = pw.message(
            SECRET,
            channel="slack",
            app="A1",
            realm="T1",
            sender="eve",
            conversation="D-eve",
            sender_kind="external",
        )
        assert await platform.deliver(stranger, handler) == "stopped"
        assert seen == []
        assert platform.told == []


async def test_an_error_of_the_library_goes_where_it_would_have_gone(wall: Wall) -> None:
    async with wall:
        platform = Platform(wall)

        async def handler() -> None:
            raise KeyError("of the bot")

        with pytest.raises(KeyError, match="of the bot"):
            await platform.deliver(arrived("hi"), handler)


async def test_a_cancelled_delivery_is_cancelled_whole(wall: Wall) -> None:
    async with wall:
        platform, started, ended = Platform(wall), asyncio.Event(), asyncio.Event()

        async def handler() -> None:
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        delivering = asyncio.create_task(platform.deliver(arrived("hi"), handler))
        await asyncio.wait_for(started.wait(), 5)
        delivering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await delivering
        await asyncio.wait_for(ended.wait(), 5)
        assert await platform.deliver(arrived("again"), nothing) is None


async def test_draining_cancels_what_does_not_end_in_time(wall: Wall) -> None:
    async with wall:
        platform, started = Platform(wall), asyncio.Event()

        async def handler() -> None:
            started.set()
            await asyncio.Event().wait()

        delivering = asyncio.create_task(platform.deliver(arrived("hi"), handler))
        await asyncio.wait_for(started.wait(), 5)
        await platform.door.drain(0.001)
        with pytest.raises(asyncio.CancelledError):
            await delivering


async def test_a_delivery_opens_one_turn_before_its_handlers_run(wall: Wall) -> None:
    async with wall:
        platform = Platform(wall)

        async def twice() -> None:
            await platform.door.enter(arrived("two"), platform.tell)

        async def inside() -> None:
            await platform.door.enter(arrived("one"), platform.tell)

        async def in_a_task() -> None:
            await asyncio.create_task(inside())

        with pytest.raises(MisuseError, match="one turn"):
            await platform.deliver(arrived("one"), twice)
        with pytest.raises(MisuseError, match="one turn"):
            await platform.door.deliver(in_a_task)
        with pytest.raises(MisuseError, match="no delivery"):
            await inside()


async def test_a_factory_of_tasks_that_was_there_goes_on_making_them(wall: Wall) -> None:
    made: list[str] = []

    def factory(loop: Any, started: Any, **kwargs: Any) -> asyncio.Task[Any]:
        made.append(started.__qualname__)
        return asyncio.Task(started, loop=loop, **kwargs)

    asyncio.get_running_loop().set_task_factory(factory)
    async with wall:
        platform = Platform(wall)

        async def handler() -> None:
            await asyncio.create_task(nothing())

        await platform.deliver(arrived("hi"), handler)
    assert "nothing" in made


async def test_without_a_guarded_model_nothing_is_sent_unless_that_was_declared(wall: Wall) -> None:
    async with wall:
        platform = Platform(wall, unguarded_model=False)

        async def handler() -> None:
            await platform.say("hello", dm())

        with pytest.raises(NotGuarded, match="guard_model"):
            await platform.deliver(arrived("hi"), handler)
        assert platform.shown == []
        wall.guard_model(EchoModel())
        await platform.deliver(arrived("hi"), handler)
        assert platform.shown == ["hello"]


async def test_a_stream_is_cut_where_no_value_crosses_the_cut(wall: Wall) -> None:
    async with wall:
        platform = Platform(wall)
        await platform.deliver(arrived(SECRET, "zoe", GLOBEX), nothing)
        pieces: list[str] = []

        async def handler() -> None:
            cutting = platform.door.cutting()
            text = f"Well. {SECRET}. Good bye and see you soon, my dear colleague.\n"
            fed = [cutting.feed(text[at : at + 7]) for at in range(0, len(text), 7)]
            decided = [piece for piece in [*fed, cutting.finish()] if piece]
            pieces.extend([await platform.say(piece, dm(), form=Form.CHUNK) for piece in decided])

        await platform.deliver(arrived("hi"), handler)
    assert SECRET not in "".join(pieces)
    assert "merger with Initech" not in "".join(pieces)
    assert "".join(pieces).startswith("Well. ")
    assert "".join(pieces).endswith("my dear colleague.\n")


async def test_a_delivery_that_is_passed_over_is_logged_without_content(
    wall: Wall, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        Platform(wall).door.drop("reaction added\n" + "x" * 100, "nobody's words")
    assert caplog.messages == [f"passed over a delivery (reaction?added?{'x' * 49}): nobody's words"]


@pytest.fixture
def clock(wall: Wall, monkeypatch: pytest.MonkeyPatch) -> FrozenClock:
    """The wall's clock, which the test moves."""
    clock = FrozenClock()
    monkeypatch.setattr(wall, "_clock", clock)
    return clock


@pytest.mark.wall(limits={"turn_idle_s": 0.001, "turn_timeout_s": 60, "session_wait_s": 5})
async def test_a_handler_that_hangs_holds_its_session_no_longer_than_a_turn_may_last(
    wall: Wall, clock: FrozenClock
) -> None:
    async with wall:
        platform, started, go = Platform(wall), asyncio.Event(), asyncio.Event()

        async def hanging() -> str:
            started.set()
            await go.wait()
            return await platform.say(SECRET, dm())

        first = asyncio.create_task(platform.deliver(arrived("hi"), hanging))
        await asyncio.wait_for(started.wait(), 5)
        clock.pass_s(61)
        assert await platform.deliver(arrived("again"), nothing) is None
        go.set()
        with pytest.raises(NoTurn):
            await first
        assert platform.shown == []


@pytest.mark.wall(limits={"turn_idle_s": 0.3, "turn_timeout_s": 60, "session_wait_s": 5})
async def test_what_is_under_way_for_ever_holds_a_session_no_longer_than_a_turn_may_last(
    wall: Wall, clock: FrozenClock
) -> None:
    async with wall:
        platform, started, never = Platform(wall), asyncio.Event(), asyncio.Event()
        tasks: list[asyncio.Task[str]] = []

        async def hanging_post(texts: Mapping[str, str]) -> str:
            started.set()
            await never.wait()
            return texts["text"]

        async def handler() -> None:
            act = Act(method="post", destination=dm(), texts={"text": "one"})
            tasks.append(asyncio.create_task(platform.door.send(act, hanging_post)))

        await platform.deliver(arrived("hi"), handler)
        await asyncio.wait_for(started.wait(), 5)
        clock.pass_s(61)
        assert await platform.deliver(arrived("again"), nothing) is None
        never.set()
        await asyncio.wait(tasks)


@pytest.mark.wall(limits={"turn_idle_s": 0.05, "turn_timeout_s": 60, "session_wait_s": 5})
async def test_a_worker_that_others_keep_busy_holds_nobody_s_session_longer_than_a_turn_may_last(
    wall: Wall, clock: FrozenClock
) -> None:
    # The worker was started in ann's turn. What it starts for zoe carries ann's context too.
    async with wall:
        platform, stop, busy = Platform(wall), asyncio.Event(), asyncio.Event()
        tasks: list[asyncio.Task[Any]] = []

        async def worker() -> None:
            while not stop.is_set():
                busy.set()
                await asyncio.gather(*(asyncio.create_task(nothing()) for _ in range(3)))

        async def handler() -> None:
            tasks.append(asyncio.create_task(worker()))
            await busy.wait()

        await platform.deliver(arrived("hi"), handler)
        clock.pass_s(61)
        assert await platform.deliver(arrived("again"), nothing) is None
        stop.set()
        await tasks[0]


@pytest.mark.wall(limits={"turn_idle_s": 1.0})
async def test_every_task_that_ends_in_a_turn_keeps_it_from_being_idle(wall: Wall) -> None:
    # One long task goes on by way of short ones, each of which takes less than `turn_idle_s`.
    async with wall:
        platform, loop = Platform(wall), asyncio.get_running_loop()
        tasks: list[asyncio.Task[str]] = []

        async def step() -> None:
            until = loop.time() + 0.3
            while loop.time() < until:
                await asyncio.wait([loop.create_future()], timeout=0.02)

        async def steps() -> str:
            for _ in range(6):
                await asyncio.create_task(step())
            return await platform.say("here it is", dm())

        async def handler() -> None:
            tasks.append(asyncio.create_task(steps()))

        await platform.deliver(arrived("hi"), handler)
        assert await asyncio.wait_for(tasks[0], 5) == "here it is"


async def test_a_delivery_that_arrives_inside_another_one_does_not_keep_it_open(wall: Wall) -> None:
    # A library's own loop may have been started, or started again, by somebody's handler.
    def counts(started: Coroutine[Any, Any, object]) -> bool:
        return not getattr(started, "__qualname__", "").endswith("loop_of_the_library")

    async with wall:
        platform, arriving, go = Platform(wall, counts=counts), asyncio.Event(), asyncio.Event()
        inside: list[asyncio.Task[Any]] = []

        async def waiting() -> None:
            arriving.set()
            await go.wait()

        async def loop_of_the_library() -> None:
            await platform.deliver(arrived("hi", "zoe", GLOBEX), waiting)

        async def handler() -> None:
            inside.append(asyncio.create_task(loop_of_the_library()))
            await arriving.wait()

        await platform.deliver(arrived("hi"), handler)
        assert await asyncio.wait_for(platform.deliver(arrived("again"), nothing), 5) is None
        go.set()
        await inside[0]


async def test_a_delivery_inside_another_one_has_its_turn_from_its_own_message_only(wall: Wall) -> None:
    async with wall:
        platform = Platform(wall)

        async def without_a_message() -> str:
            return await platform.say("hello", dm())

        async def handler() -> str:
            return await platform.door.deliver(without_a_message)

        with pytest.raises(NoTurn):
            await platform.deliver(arrived("hi"), handler)
        assert platform.shown == []


@pytest.mark.wall(limits={"turn_idle_s": 0.001, "session_wait_s": 5})
async def test_a_platform_that_hangs_while_a_refusal_is_told_holds_no_session(wall: Wall) -> None:
    async with wall:
        platform = Platform(wall)

        async def hanging(_: str) -> None:
            await asyncio.Event().wait()

        async def handler() -> None:
            await platform.door.enter(arrived("hi"), hanging)
            await platform.say(SECRET, dm("zoe", GLOBEX))

        with pytest.raises(Denied):
            await platform.door.deliver(handler)
        assert await asyncio.wait_for(platform.deliver(arrived("again"), nothing), 5) is None


async def test_a_generator_that_the_garbage_collector_closes_belongs_to_no_other_turn(wall: Wall) -> None:
    async with wall:
        platform, go, closing = Platform(wall), asyncio.Event(), asyncio.Event()
        left: list[Any] = []

        async def chunks() -> Any:
            try:
                yield "one"
            finally:
                closing.set()
                await go.wait()

        async def ann() -> None:
            left.append(chunks())
            await anext(left[0])

        async def zoe() -> None:
            left.clear()
            await closing.wait()

        await platform.deliver(arrived("hi"), ann)
        await platform.deliver(arrived("hi", "zoe", GLOBEX), zoe)
        again = platform.deliver(arrived("again", "zoe", GLOBEX), nothing)
        assert await asyncio.wait_for(again, 5) is None
        go.set()


async def test_waiting_for_many_tasks_costs_no_more_for_each_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    # Waiting anew for all that are left, whenever one ends, took eight seconds of the loop for 4,000.
    waited: list[int] = []
    wait = asyncio.wait

    def counted(tasks: Any, **how: Any) -> Any:
        waited.append(len(tasks))
        return wait(tasks, **how)

    monkeypatch.setattr("partywall.passages.asyncio.wait", counted)
    passages, go = Passages(5.0), [asyncio.Event() for _ in range(200)]

    async def handler() -> None:
        for each in go:
            asyncio.create_task(each.wait())  # noqa: RUF006  the delivery knows it

    await passages.deliver(Passage(lambda _: True), handler, None)
    for each in go:
        each.set()
        await asyncio.wait_for(asyncio.shield(asyncio.create_task(nothing())), 5)
    await passages.drain(60)
    assert sum(waited) < 3 * len(go)
