"""Every lexicon: what was kept since the last time, by whatever process, once; and nothing without any."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from firewall.core.errors import IntegrityError
from firewall.core.label import Members, Owned
from firewall.core.message import Origin
from tests.fakes.vaults import (
    ACME,
    GLOBEX,
    MASTER,
    CountedIds,
    SteppedClock,
    alone,
    altered,
    key_of,
    opened,
    own,
    part,
    turn,
)
from vault.job import Job
from vault.open import Vault, open_vault

OURS, THEIRS = key_of(ACME), key_of(GLOBEX)


async def news(vault: Vault) -> list[str]:
    """Take a session, as a turn does, and read what is new then."""
    async with vault.sessions.open_turn(OURS, wait_s=5):
        return [text async for text, *_ in vault.lexicon.news()]


async def test_at_first_everything_is_news_and_then_nothing_is(vault: Vault) -> None:
    await vault.entries.add(ACME, "pin", "4711", alone(ACME))
    await vault.notes.remember(turn(GLOBEX), "k", "noted")
    async with vault.sessions.hold(THEIRS, wait_s=1) as held:
        spoken = replace(part(2, "set phrase", own(GLOBEX)), origin=Origin.MODEL)
        await vault.sessions.append(held, [part(1, "theirs", own(GLOBEX)), spoken])
    assert [one async for one in vault.lexicon.news()] == [
        ("4711", own(ACME), True),
        ("noted", own(GLOBEX), True),
        ("theirs", own(GLOBEX), False),
    ]
    assert await news(vault) == []
    assert await news(vault) == []


async def test_what_another_process_keeps_is_news_to_the_next_turn_once(shared: str) -> None:
    async with await opened(shared) as bot, await opened(shared) as other:
        await news(bot)
        for round_ in ("one", "two"):
            await other.entries.add(ACME, f"pin-{round_}", f"value-{round_}", alone(ACME))
            await other.entries.add(GLOBEX, "same", f"theirs-{round_}", Members())
            await other.notes.remember(turn(GLOBEX, "u2"), round_, f"note-{round_}")
            async with other.sessions.hold(THEIRS, wait_s=1) as held:
                await other.sessions.append(held, [part(1, f"said-{round_}", own(GLOBEX))])
            expected = {f"{kind}-{round_}" for kind in ("value", "theirs", "note", "said")}
            assert set(await news(bot)) == expected, "a value that replaces another is as new as any"
            assert await news(bot) == []


async def test_new_values_come_with_their_own_labels(shared: str) -> None:
    async with await opened(shared) as bot, await opened(shared) as other:
        await news(bot)
        await other.entries.add(ACME, "pin", "4711", alone(ACME))
        await other.entries.add(GLOBEX, "pin", "4711", Members())
        async with bot.sessions.open_turn(OURS, wait_s=5):
            found = [one async for one in bot.lexicon.news()]
    assert found == [("4711", own(ACME), True), ("4711", Owned(tenant=GLOBEX, readers=Members()), True)]


async def test_entries_of_the_same_process_are_news_and_its_own_words_are_not(vault: Vault) -> None:
    await news(vault)
    await news(vault)
    await vault.entries.add(GLOBEX, "pin", "4711", alone(GLOBEX))
    await vault.notes.remember(turn(GLOBEX), "k", "noted")
    async with vault.sessions.hold(THEIRS, wait_s=1) as held:
        await vault.sessions.append(held, [part(1, "theirs", own(GLOBEX))])
    assert "4711" in await news(vault)
    assert await news(vault) == []


async def test_removed_and_rotated_entries_break_nothing_and_hide_nothing(shared: str) -> None:
    async with await opened(shared) as bot, await opened(shared) as other:
        for name in ("a", "b"):
            await other.entries.add(ACME, name, f"value-{name}", alone(ACME))
        assert set(await news(bot)) == {"value-a", "value-b"}
        await other.entries.remove(ACME, "b")
        await other.entries.rotate(ACME)
        assert await news(bot) == []
        await other.entries.add(ACME, "c", "value-c", alone(ACME))
        await other.entries.rotate(ACME)
        assert await news(bot) == ["value-c"], "an id was used again, or a rotation hid a value"


async def test_what_was_not_read_to_its_end_is_given_again(vault: Vault) -> None:
    await news(vault)
    for number in range(3):
        await vault.entries.add(ACME, f"n{number}", f"value-{number}", alone(ACME))
    async with vault.sessions.open_turn(OURS, wait_s=5):
        async for _ in vault.lexicon.news():
            break
    assert set(await news(vault)) == {"value-0", "value-1", "value-2"}


async def test_an_altered_entry_stops_every_reading_until_somebody_looks(shared: str) -> None:
    async with await opened(shared) as bot, await opened(shared) as other:
        await news(bot)
        await other.entries.add(GLOBEX, "pin", "4711", alone(GLOBEX))
        altered(shared, "UPDATE entries SET sealed = zeroblob(length(sealed))")
        for _ in range(2):
            with pytest.raises(IntegrityError):
                await news(bot)


async def test_nothing_new_costs_no_reading(shared: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with await opened(shared) as bot:
        await news(bot)
        await news(bot)
        reads = 0
        database = bot.engine.database
        read = database.read

        async def counted(make: Callable[[], Job[object]]) -> object:
            nonlocal reads
            reads += 1
            return await read(make)

        async with bot.sessions.open_turn(OURS, wait_s=5):
            monkeypatch.setattr(database, "read", counted)
            assert [one async for one in bot.lexicon.news()] == []
            assert reads == 0


async def test_a_session_taken_while_news_is_read_hides_nothing(shared: str) -> None:
    clock = SteppedClock()
    bot = await open_vault(str(shared), clock=clock, ids_factory=CountedIds, master_key=MASTER)
    async with bot, await opened(shared) as other:
        await news(bot)
        await other.entries.add(ACME, "one", "value-one", alone(ACME))
        async with bot.sessions.open_turn(OURS, wait_s=5):
            reading = bot.lexicon.news()
            seen = [(await anext(reading))[0]]
            await other.entries.add(ACME, "two", "value-two", alone(ACME))
            async with bot.sessions.open_turn(THEIRS, wait_s=5):
                seen += [text async for text, *_ in reading]
        seen += await news(bot)
    assert {"value-one", "value-two"} <= set(seen)
