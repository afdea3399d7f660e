"""A bot that runs on our own adapters: takes deliveries on, answers each in its turn, and loses none."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Self

from adapters.channels import Channel
from adapters.wire import Deleted
from firewall.core.arrival import Arrival
from firewall.core.errors import Denied, MisuseError, SessionBusy, StoreUnavailable
from partywall.handle import TurnHandle
from partywall.known import Known
from partywall.lanes import Lanes
from partywall.notices import excuse, failure, passed_over, purge
from partywall.receiving import received
from partywall.routed import Routed, told, typing
from partywall.wall import Wall
from vault.inbox import Accepted, Inbox, committed

_LOG = logging.getLogger("partywall")

# Answers one turn: by `turn.reply`, or by giving the text.
AgentFunction = Callable[[TurnHandle], Awaitable[str | None]]

_AGAIN_AFTER_S = 1.0
_CARE_EVERY_S = 60.0
_LOOK_S = 0.01
_FIRST = asyncio.FIRST_COMPLETED


class Bot:
    """One bot on one or more channels.

    A delivery is acknowledged once it is committed, and answered once: one at a time in a session, many
    sessions at once, fairly per tenant. What a process that died had not begun to show is answered by the
    next one; what it had begun to show is listed (`partywall doctor`) and never repeated by itself.

    Args:
        wall: The wall; it is opened and closed with the bot.
        agent: Answers a turn. What it gives is shown, unless it has replied itself.
        channels: Where it speaks; names differ.

    Raises:
        MisuseError: There is no channel, or two have one name.
    """

    def __init__(self, wall: Wall, agent: AgentFunction, channels: Sequence[Channel]) -> None:
        if not channels:
            raise MisuseError("a bot needs a channel to speak on")
        if len({channel.name for channel in channels}) != len(channels):
            raise MisuseError("two channels have one name; run a bot for each")
        limits = wall.config.limits
        self._wall = wall
        self._agent = agent
        self._channels = {channel.name: channel for channel in channels}
        self._lanes = Lanes(
            most_waiting=limits.waiting_a_tenant,
            most_in_all=limits.waiting_in_all,
            most_running=max(1, min(limits.turns_a_tenant, limits.turns_at_once)),
        )
        self._at_once = limits.turns_at_once
        self._answering: dict[int, asyncio.Task[None]] = {}
        self._known = Known()
        self._over: set[int] = set()
        self._stop = asyncio.Event()
        self._wake = asyncio.Event()
        self._ready = asyncio.Event()

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then drain; blocks."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self.stop)
        async with self._wall:
            await self.serve()

    def stop(self) -> None:
        """Take nothing on any more, finish what is being answered, and end `serve`."""
        self._stop.set()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncGenerator[Self]:
        """Serve inside the block, which begins once every channel hands over what arrives.

        Raises:
            PartywallError: As `serve`.
        """
        task = asyncio.create_task(self.serve(), name="partywall bot")
        ready = asyncio.create_task(self._ready.wait(), name="partywall bot ready")
        try:
            await asyncio.wait({task, ready}, return_when=_FIRST)
            if not task.done():
                yield self
        finally:
            ready.cancel()
            self.stop()
            await task

    async def serve(self) -> None:
        """Serve until `stop`; then take nothing on, and answer what was, for at most `limits.drain_s`.

        What is left then is answered by the next process.

        Raises:
            MisuseError: It was stopped before.
            ServiceUnavailable: A platform did not let the bot in.
            PartywallError: The wall could not be opened.
        """
        if self._stop.is_set():
            raise MisuseError("this bot was stopped; make another one")
        inbox = await self._inbox()
        await self._take_over(inbox)
        tasks = [
            asyncio.create_task(self._dispatch(), name="partywall dispatch"),
            asyncio.create_task(self._care(inbox), name="partywall inbox"),
        ]
        opened: list[Channel] = []
        try:
            for channel in self._channels.values():
                opened.append(channel)
                await channel.open(self._accept, self._forget, passed_over)
            self._ready.set()
            await self._stopped(tasks)
        finally:
            await self._drained(opened, tasks)

    async def _stopped(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Wait for `stop`; a task of the bot's own that ends before is an error, and its own."""
        stop = asyncio.create_task(self._stop.wait(), name="partywall stop")
        try:
            done, _ = await asyncio.wait({stop, *tasks}, return_when=_FIRST)
            for task in done:
                task.result()
        finally:
            stop.cancel()

    async def _drained(self, channels: Sequence[Channel], tasks: Sequence[asyncio.Task[None]]) -> None:
        for channel in channels:
            with told("a channel did not stop"):
                await channel.hush()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._wall.config.limits.drain_s):
                while (self._answering or len(self._lanes)) and not any(task.done() for task in tasks):
                    # What waits and is not begun yet is begun at once, and then waited for.
                    wait_s = None if self._answering else _LOOK_S
                    busy = {*self._answering.values(), *tasks}
                    await asyncio.wait(busy, timeout=wait_s, return_when=_FIRST)
        left = [*tasks, *self._answering.values()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for channel in channels:
            with told("a channel did not close"):
                await channel.close()

    async def _inbox(self) -> Inbox:
        return (await self._wall.runtime()).vault.inbox

    async def _take_over(self, inbox: Inbox) -> None:
        """Take over what dead processes left; each is known by its message, in case that is taken back."""
        left = await inbox.recover()
        for each in left:
            self._known.add((await inbox.take(each)).message, each)
        if left:
            _LOG.info("%s deliveries are left from before and answered now", len(left))
        self._lanes.put(left)
        self._wake.set()

    async def _care(self, inbox: Inbox) -> None:
        while True:
            await asyncio.sleep(_CARE_EVERY_S)
            with told("the inbox could not be looked after"):
                await self._take_over(inbox)
                await inbox.prune()

    async def _accept(self, arrival: Arrival) -> None:
        """Take a delivery on; when this returns it is committed, known from before, or refused on the log."""
        runtime = await self._wall.runtime()
        message = arrival.message
        key = runtime.turns.key(message)
        if self._lanes.full(key.tenant):
            return passed_over("message", "too many deliveries of its tenant wait")
        accepted = await runtime.vault.inbox.accept(key, arrival)
        if accepted is None:
            return None
        if message.edit:
            # What is being made of the old words is nobody's answer any more; a forged edit is in no session.
            before = self._known.of(message.conversation, message.id)
            self._end_all(each for each in before if each.lane == accepted.lane)
        self._known.add(message, accepted)
        self._lanes.put([accepted])
        self._wake.set()
        return None

    async def _forget(self, deleted: Deleted) -> None:
        for each in deleted.ids if deleted.verified else ():
            self._end_all(self._known.of(deleted.conversation, each))
        await purge(self._wall, deleted)

    def _end_all(self, accepted: Iterable[Accepted]) -> None:
        for each in accepted:
            self._over.add(each.n)
            if (task := self._answering.get(each.n)) is not None:
                task.cancel()

    async def _dispatch(self) -> None:
        while True:
            while len(self._answering) < self._at_once and (taken := self._lanes.take()) is not None:
                task = asyncio.create_task(self._answered(taken), name="partywall answer")
                self._answering[taken.n] = task
                task.add_done_callback(partial(self._done, taken))
            self._wake.clear()
            await self._wake.wait()

    def _done(self, accepted: Accepted, task: "asyncio.Task[None]") -> None:
        del self._answering[accepted.n]
        self._lanes.done(accepted)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("a delivery was not answered: %s", type(error).__name__)

    async def _answered(self, accepted: Accepted) -> None:
        """Answer one delivery, or leave it for later where its turn cannot be opened now."""
        inbox = await self._inbox()
        try:
            arrival = await inbox.take(accepted)
        except StoreUnavailable:
            return await self._later(accepted)
        try:
            if accepted.n not in self._over and not await self._turn(accepted, arrival):
                return await self._later(accepted)
        except asyncio.CancelledError:
            if accepted.n not in self._over:
                raise  # the bot is stopped: the next process looks how far this one came
        self._over.discard(accepted.n)
        self._known.drop(arrival.message, accepted)
        return inbox.end(accepted)

    async def _later(self, accepted: Accepted) -> None:
        _LOG.warning("a delivery waits: its session is held, or the database does not answer")
        await asyncio.sleep(_AGAIN_AFTER_S)
        self._lanes.back(replace(accepted, again=True))

    async def _turn(self, accepted: Accepted, arrival: Arrival) -> bool:
        """Answer a delivery in its turn; False where that could not be opened or noted: nothing was shown."""
        channel, message = self._channels.get(arrival.message.conversation.channel), arrival.message
        if channel is None:
            passed_over("message", "its channel is not configured any more")
            return True
        if accepted.again and not message.edit:
            # Its words are in the history already: the same message, said again, takes their place.
            message = replace(message, edit=1)
        inbox, outlet = await self._inbox(), Routed(channel, arrival.route)
        async with contextlib.AsyncExitStack() as stack:
            try:
                turn = await stack.enter_async_context(self._wall.turn(message))
                noted = turn.opened.ledger.noted = inbox.begin(accepted, turn.opened.turn)
            except (SessionBusy, StoreUnavailable):
                return False
            except Denied:
                pass  # the message itself is refused: that is on record, and its sender is told nothing
            else:
                turn.outlet = outlet
                await self._answer(turn, outlet)
                if not await committed(noted):
                    return False
        with told("a channel did not end a delivery"):
            await outlet.over()
        return True

    async def _answer(self, turn: TurnHandle, outlet: Routed) -> None:
        notice = await self._spoken(turn, outlet)
        if notice is not None:
            await excuse(self._wall, turn.opened, notice, outlet.whisper)

    async def _spoken(self, turn: TurnHandle, outlet: Routed) -> str | None:
        """Have the agent answer; give what its sender must be told instead, or None."""
        try:
            async with asyncio.timeout(self._wall.config.limits.turn_timeout_s), typing(outlet):
                await received(turn, outlet)
                text = await self._agent(turn)
                if text and not turn.sent:
                    await turn.reply(text)
        except Denied:
            pass
        except Exception as error:  # noqa: BLE001  whatever the agent raised: its sender is told that it failed
            # Its name only: an error's text is its author's.
            _LOG.error("the agent failed: %s, ref %s", type(error).__name__, turn.ref)
            return failure(turn.ref)
        refusal = turn.opened.ledger.refused
        return None if refusal is None else str(refusal)
