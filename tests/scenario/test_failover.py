"""A PostgreSQL server restarts, stays away, or is followed by its standby, while two tenants' turns run.

What was acknowledged is there, once; what cannot be kept is refused; and no process goes on with a server
that lacks what it was told was kept.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import partywall as pw
import vault.marks
import vault.postgres
import vault.wires
from firewall.core.errors import SessionBusy, StoreUnavailable, UnavailableError
from partywall.config import load
from partywall.wall import Wall
from tests.fakes.acts import tool
from tests.fakes.cluster import How, Server, primary
from tests.fakes.eventful import SETTINGS, acmes, furnish, globexs
from tests.fakes.postgres import kill_connections
from tests.fakes.services import needs
from tests.fakes.vaults import ACME, GLOBEX, denial, judgement, key_of, opened, own, part, turn
from vault.fence import ServerBehind
from vault.ledger import Filter
from vault.open import Vault

pytestmark = needs("cluster")
LANES = 4
ROLE = "CREATE ROLE wall LOGIN; CREATE DATABASE bots OWNER wall"


def url_of(*servers: Server) -> str:
    """Name these servers, in this order, as a role that is nobody special."""
    return f"postgresql://wall@{','.join(server.host for server in servers)}/bots"


@contextmanager
def serving() -> Generator[Server]:
    with primary() as server:
        for statement in ROLE.split(";"):
            server.ask(statement)
        yield server


@dataclass(slots=True)
class Chat:
    """Turns of two tenants that go on until they are told to stop; each tries a tool that is denied.

    Attributes:
        kept: The references whose denial was acknowledged.
        refused: How many turns were refused because the database did not answer.
    """

    wall: Wall
    kept: dict[str, set[str]] = field(default_factory=lambda: {ACME: set(), GLOBEX: set()})
    refused: int = 0
    _over: bool = False
    _more: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def acknowledged(self, more: int) -> None:
        """Wait for so many more acknowledged denials of each tenant."""
        goals = {tenant: len(refs) + more for tenant, refs in self.kept.items()}
        async with self._more:
            await self._more.wait_for(lambda: all(len(self.kept[each]) >= goals[each] for each in goals))

    async def turn(self, lane: int, number: int) -> None:
        """Play one turn."""
        tenant, said = ((ACME, acmes), (GLOBEX, globexs))[lane % 2]
        try:
            async with self.wall.turn(said(sender=f"p{lane}", id=f"{lane}-{number}")) as turn:
                with pytest.raises(pw.Denied):
                    await tool("nobodys", {})(self.wall, turn)
                self.kept[tenant].add(turn.ref)
        except UnavailableError:
            self.refused += 1
        async with self._more:
            self._more.notify_all()

    async def lane(self, lane: int) -> None:
        number = 0
        while not self._over:
            number += 1
            await self.turn(lane, number)

    def stop(self) -> None:
        """Have each lane end with the turn it is at."""
        self._over = True


@asynccontextmanager
async def wall_on(url: str, folder: Path) -> AsyncGenerator[Wall]:
    key = folder / "master.key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    store = {"path": url, "master_key_file": str(key)}
    async with Wall(load({**SETTINGS, "store": store, "files": {"path": str(folder / "files")}})) as wall:
        furnish(wall)
        yield wall


@asynccontextmanager
async def chatting(wall: Wall) -> AsyncGenerator[Chat]:
    chat = Chat(wall)
    async with asyncio.TaskGroup() as lanes:
        for lane in range(LANES):
            lanes.create_task(chat.lane(lane))
        try:
            yield chat
        finally:
            chat.stop()


async def all_kept(wall: Wall, chat: Chat) -> None:
    """Every acknowledged denial is there once, each chain and the log hold, and nothing hangs in between."""
    vault = (await wall.runtime()).vault
    for tenant in (ACME, GLOBEX):
        found = [each.ref async for each in vault.records.export(Filter(tenant=tenant))]
        assert len(found) == len(set(found))
        assert chat.kept[tenant] <= set(found)
        assert await vault.records.verify(tenant) >= len(found)
    await vault.checkpoints.make()
    assert (await vault.checkpoints.verify()).size > 0
    assert await vault.effects.unresolved() == ()


@pytest.mark.parametrize("how", ["fast", "immediate"])
async def test_turns_go_on_in_the_same_process_after_a_restart_and_nothing_is_lost(
    how: How, tmp_path: Path
) -> None:
    with serving() as server:
        async with wall_on(url_of(server), tmp_path) as wall:
            async with chatting(wall) as chat:
                for _ in range(2):
                    await chat.acknowledged(3)
                    await asyncio.to_thread(server.restart, how)
                await chat.acknowledged(3)
            await all_kept(wall, chat)


async def test_while_the_server_is_away_turns_are_refused_and_then_they_work_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault.postgres, "PATIENCE_S", 0.1)
    with serving() as server:
        async with wall_on(url_of(server), tmp_path) as wall:
            chat = Chat(wall)
            await chat.turn(0, 1)
            await asyncio.to_thread(server.stop, "immediate")
            for lane in (0, 1):
                with pytest.raises(StoreUnavailable):
                    async with wall.turn((acmes, globexs)[lane](sender=f"p{lane}")):
                        pass
            await asyncio.to_thread(server.start)
            for lane in (0, 1):
                await chat.turn(lane, 2)
            assert (len(chat.kept[ACME]), len(chat.kept[GLOBEX]), chat.refused) == (2, 1, 0)
            await all_kept(wall, chat)


async def test_a_synchronous_standby_takes_over_with_all_that_was_acknowledged(tmp_path: Path) -> None:
    with serving() as old, old.standby(synchronous=True) as new:
        async with wall_on(url_of(old, new), tmp_path) as wall:
            async with chatting(wall) as chat:
                await chat.acknowledged(3)
                await asyncio.to_thread(old.stop, "immediate")
                await asyncio.to_thread(new.promote)
                await chat.acknowledged(3)
            await all_kept(wall, chat)


async def kept(store: Vault, number: int) -> None:
    for tenant in (ACME, GLOBEX):
        await store.records.record(judgement(turn(tenant, number=number), denial(f"rule-{number}")))


async def rules(store: Vault) -> list[list[str]]:
    return [
        [one.record.rule for one in await store.records.violations(Filter(tenant=tenant))]
        for tenant in (ACME, GLOBEX)
    ]


def receipts(server: Server) -> int:
    """Count what stands on a server, whatever its process believes."""
    (row,) = server.ask("SELECT count(*) FROM partywall.receipts", "bots")
    return int(str(row[0]))


async def returned(store: Vault) -> None:
    """Wait until the mark of this process stands again, after its connection was lost."""
    mark: Any = store.engine.mark
    while mark._again is None or not mark._again.done():  # noqa: ASYNC110 - the other thread tells nobody
        await asyncio.sleep(0.01)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault.postgres, "PATIENCE_S", 0.2)


@pytest.mark.usefixtures("impatient")
async def test_a_standby_without_the_last_commits_is_not_gone_on_with(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving() as old, old.standby(synchronous=False) as new:
        url = url_of(old, new)
        async with await opened(url) as ours:
            await kept(ours, 1)
            await asyncio.to_thread(old.until, _ALL_THERE)
            await asyncio.to_thread(new.stop, "immediate")
            await kept(ours, 2)
            await asyncio.to_thread(old.stop, "immediate")
            await asyncio.to_thread(new.start)
            await asyncio.to_thread(new.promote)
            with pytest.raises(ServerBehind, match="lacks commits that were acknowledged"):
                await kept(ours, 3)
            with pytest.raises(ServerBehind):
                await ours.records.verify(GLOBEX)
            assert receipts(new) == 2
            assert "lacks 2 commits that were acknowledged" in caplog.text
            # Whoever starts again takes what is there.
            async with await opened(url) as fresh:
                assert await rules(fresh) == [["rule-1"]] * 2
                assert await fresh.records.verify(ACME) == 1
            # The one that has it all comes back, and the other one is gone: nothing was lost after all.
            await asyncio.to_thread(new.stop, "immediate")
            await asyncio.to_thread(old.start)
            await kept(ours, 4)
            assert await rules(ours) == [
                ["rule-1", "rule-2", "rule-3", "rule-4"],
                ["rule-1", "rule-2", "rule-4"],
            ]


_ALL_THERE = "SELECT 1 FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()"


@pytest.mark.usefixtures("impatient")
async def test_an_old_primary_that_comes_back_is_not_written_to() -> None:
    with serving() as old, old.standby(synchronous=True) as new:
        async with await opened(url_of(old, new)) as ours:
            await kept(ours, 1)
            await asyncio.to_thread(old.stop, "immediate")
            await asyncio.to_thread(new.promote)
            await returned(ours)
            await kept(ours, 2)
            await come_back_alone(old)
            await asyncio.to_thread(kill_connections, f"{new.url}?schema=partywall")
            await kept(ours, 3)
            assert (receipts(old), receipts(new)) == (2, 6)
            await asyncio.to_thread(new.stop, "immediate")
            with pytest.raises(ServerBehind):
                await kept(ours, 4)
            with pytest.raises(ServerBehind):
                await ours.records.verify(GLOBEX)
            assert receipts(old) == 2
            await asyncio.to_thread(old.stop, "immediate")
            await asyncio.to_thread(new.start)
            await kept(ours, 5)
            assert await rules(ours) == [
                ["rule-1", "rule-2", "rule-3", "rule-4", "rule-5"],
                ["rule-1", "rule-2", "rule-3", "rule-5"],
            ]


@pytest.mark.usefixtures("impatient")
async def test_who_had_nothing_to_write_since_is_not_led_back_to_the_old_primary_either() -> None:
    with serving() as old, old.standby(synchronous=True) as new:
        async with await opened(url_of(old, new)) as ours:
            await kept(ours, 1)
            await asyncio.to_thread(old.stop, "immediate")
            await asyncio.to_thread(new.promote)
            await returned(ours)
            await asyncio.to_thread(new.stop, "immediate")
            await come_back_alone(old)
            with pytest.raises(ServerBehind):
                await kept(ours, 2)
            assert receipts(old) == 2
            await asyncio.to_thread(old.stop, "immediate")
            await asyncio.to_thread(new.start)
            await kept(ours, 3)
            assert await rules(ours) == [["rule-1", "rule-2", "rule-3"], ["rule-1", "rule-3"]]


async def come_back_alone(old: Server) -> None:
    """Start an old primary that has forgotten its standby: nothing but us keeps it from taking commits."""
    old.settings["synchronous_standby_names"] = ""
    await asyncio.to_thread(old.start)


@pytest.fixture
def long_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every server stand as one that started long ago, as a standby mostly did that takes over."""
    marks: Any = vault.marks
    grace = marks._GRACE.replace("pg_postmaster_start_time()", "timestamptz 'epoch'")
    monkeypatch.setattr(marks, "_GRACE", grace)


@pytest.mark.usefixtures("long_up")
async def test_who_is_back_first_after_a_promotion_takes_nobody_for_dead() -> None:
    with serving() as old, old.standby(synchronous=True) as new:
        url = url_of(old, new)
        async with await opened(url) as slow, await opened(url) as quick:
            mark: Any = slow.engine.mark
            async with slow.sessions.hold(key_of(ACME), wait_s=5) as held:
                back, mark._marked_again = mark._marked_again, _nothing
                await asyncio.to_thread(old.stop, "immediate")
                await asyncio.to_thread(new.promote)
                await returned(quick)
                with pytest.raises(SessionBusy):
                    async with quick.sessions.hold(key_of(ACME), wait_s=0.5):
                        pass
                await mark._hub.run(back)
                await slow.sessions.append(held, [part(1, "still here", own(ACME))])
            async with quick.sessions.hold(key_of(ACME), wait_s=5) as held:
                assert [one.text for one in held.history] == ["still here"]
            async with quick.sessions.hold(key_of(GLOBEX), wait_s=5) as other:
                assert other.history == ()


async def _nothing() -> None:
    pass


@pytest.mark.usefixtures("long_up")
async def test_a_new_process_after_a_promotion_takes_nobody_for_dead_if_it_may_see_when_that_was() -> None:
    with serving() as old, old.standby(synchronous=True) as new:
        old.ask("GRANT pg_read_all_stats TO wall")
        url = url_of(old, new)
        async with await opened(url) as slow:
            mark: Any = slow.engine.mark
            back, mark._marked_again = mark._marked_again, _nothing
            await asyncio.to_thread(old.stop, "immediate")
            await asyncio.to_thread(new.promote)
            async with await opened(url) as fresh:
                assert await fresh.engine.mark.lives(slow.engine.mark.id)
            await mark._hub.run(back)
            await kept(slow, 1)


async def test_a_commit_that_waits_for_its_standby_is_not_acknowledged_because_its_connection_was_cut() -> (
    None
):
    with serving() as old, old.standby(synchronous=True) as new:
        async with await opened(url_of(old, new)) as ours:
            await kept(ours, 1)
            await asyncio.to_thread(new.stop, "immediate")
            one = judgement(turn(GLOBEX, number=2), denial("rule-2"))
            waiting = asyncio.create_task(ours.records.record(one))
            await asyncio.to_thread(old.until, _WAITS)
            first = old.ask(_WAITS)[0][0]
            await asyncio.to_thread(kill_connections, f"{old.url}?schema=partywall")
            # Who only looks finds the commit there now. It must wait again, and not be acknowledged.
            again = asyncio.to_thread(old.until, f"{_WAITS} AND pid <> {first}")
            await asyncio.wait({waiting, asyncio.create_task(again)}, return_when=asyncio.FIRST_COMPLETED)
            assert not waiting.done()
            await asyncio.to_thread(new.start)
            await waiting
            await asyncio.to_thread(old.stop, "immediate")
            await asyncio.to_thread(new.promote)
            assert await rules(ours) == [["rule-1"], ["rule-1", "rule-2"]]


_WAITS = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


async def test_a_host_that_answers_nothing_keeps_nobody_from_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vault.wires, "_CONNECT_TIMEOUT_S", 0.5)
    with serving() as server, socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        url = url_of(server).replace("@", f"@{host},")
        async with await opened(url) as ours:
            await kept(ours, 1)
            assert await rules(ours) == [["rule-1"]] * 2


async def test_a_standby_is_never_used_even_where_it_alone_is_named() -> None:
    with serving() as old, old.standby(synchronous=False) as new:
        async with await opened(url_of(new, old)) as ours:
            await kept(ours, 1)
            assert receipts(old) == 2
        with pytest.raises(StoreUnavailable, match="as a standby does"):
            await opened(url_of(new))
