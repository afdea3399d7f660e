"""Every session store: one holder, one key, one history, sealed, fenced and complete."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import fields, replace

import pytest

from firewall.core.errors import BadIdentifier, IntegrityError, LeaseLost, SessionBusy
from firewall.core.identity import SenderKind
from firewall.core.label import Label, Members, Operator, Owned, Principals
from firewall.core.message import Origin
from firewall.core.session import Session, SessionKey
from tests.fakes.vaults import (
    ACME,
    GLOBEX,
    MASTER,
    CountedIds,
    SteppedClock,
    alone,
    altered,
    dumped,
    group,
    key_of,
    opened,
    own,
    part,
    principal,
    room,
    turn,
)
from vault.job import Make, Outcome
from vault.open import Vault, open_vault

OURS, THEIRS = key_of(ACME), key_of(GLOBEX)


async def told(vault: Vault, key: SessionKey, *texts: str, label: Label | None = None) -> Session:
    async with vault.sessions.open_turn(key, wait_s=5) as held:
        parts = [part(n, text, label or own(key.tenant)) for n, text in enumerate(texts)]
        return await vault.sessions.append(held, parts)


async def read(vault: Vault, key: SessionKey) -> tuple[str, ...]:
    async with vault.sessions.hold(key, wait_s=5) as held:
        return tuple(one.text for one in held.history)


async def test_what_was_appended_comes_back_exactly_and_only_to_its_own_key(vault: Vault) -> None:
    await told(vault, OURS, "one", "two \ud800 \x00")
    await told(vault, THEIRS, "other")
    assert await read(vault, OURS) == ("one", "two \ud800 \x00")
    assert await read(vault, THEIRS) == ("other",)


async def test_what_was_handed_in_is_kept_although_nobody_waits_for_it_any_more(vault: Vault) -> None:
    async with vault.sessions.open_turn(OURS, wait_s=5) as held:
        appending = vault.sessions.append(held, [part(0, "one", own(ACME))])
        # One step: as far as the first thing that it waits for, which is where a cancellation arrives.
        appending.send(None)
        appending.close()
    assert await read(vault, OURS) == ("one",)
    assert await read(vault, THEIRS) == ()


async def test_history_survives_a_restart(shared: str) -> None:
    async with await opened(shared) as vault:
        await told(vault, OURS, "one")
        await told(vault, THEIRS, "other")
    async with await opened(shared) as vault:
        assert await read(vault, OURS) == ("one",)
        assert await read(vault, THEIRS) == ("other",)


CHANGED: dict[str, SessionKey] = {
    "tenant": replace(OURS, tenant=GLOBEX),
    "channel": replace(OURS, channel="slack"),
    "app": replace(OURS, app="bot2"),
    "realm": replace(OURS, realm="R"),
    "conversation": replace(OURS, conversation="dm-U1"),
    "thread": replace(OURS, thread="t"),
    "principal": replace(OURS, principal=principal(ACME, "u2").id),
    "kind": replace(OURS, kind=SenderKind.BOT),
}


@pytest.mark.parametrize("changed", CHANGED)
async def test_a_key_that_differs_in_any_field_is_another_session(vault: Vault, changed: str) -> None:
    assert set(CHANGED) == {field.name for field in fields(SessionKey)}
    await told(vault, OURS, "secret")
    assert await read(vault, CHANGED[changed]) == ()


async def test_separators_and_unicode_forms_do_not_meet(vault: Vault) -> None:
    pairs = [("a:b", "c"), ("a", "b:c"), ("a-b", "c"), ("\u00e9", "c"), ("e\u0301", "c")]
    for app, realm in pairs:
        key = replace(OURS, app=app, realm=realm)
        assert await read(vault, key) == ()
        await told(vault, key, f"{app}|{realm}")
    for app, realm in pairs:
        assert await read(vault, replace(OURS, app=app, realm=realm)) == (f"{app}|{realm}",)


@pytest.mark.parametrize("empty", ["", "  ", "null", "default", "\ud800"])
async def test_a_key_with_a_field_that_names_nothing_is_refused(vault: Vault, empty: str) -> None:
    with pytest.raises(BadIdentifier):
        async with vault.sessions.hold(replace(OURS, realm=empty), wait_s=1):
            pass
    assert await vault.tenants.list() == ()


async def test_history_keeps_the_youngest_200_parts(vault: Vault) -> None:
    async with vault.sessions.hold(OURS, wait_s=1) as held:
        for start in range(0, 220, 22):
            held = await vault.sessions.append(
                held, [part(n, str(n), own(ACME)) for n in range(start, start + 22)]
            )
        assert [one.text for one in held.history] == [str(n) for n in range(20, 220)]
        held = await vault.sessions.append(held, [part(n, str(n), own(ACME)) for n in range(500, 1000)])
        assert [one.text for one in held.history] == [str(n) for n in range(800, 1000)]
    assert await read(vault, OURS) == tuple(str(n) for n in range(800, 1000))
    kept = [text async for text, *_ in vault.lexicon.each_text()]
    assert kept == [str(n) for n in range(800, 1000)], "what fell out of the history is still stored"


async def test_turns_are_counted_durably(vault: Vault) -> None:
    for expected in (1, 2, 3):
        assert (await told(vault, OURS, "x")).turns == expected
    assert (await told(vault, THEIRS, "x")).turns == 1


async def test_a_turn_is_counted_before_anything_can_be_judged_in_it_and_in_one_commit(
    shared: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await opened(shared) as vault:
        commits: list[int] = []
        write = vault.engine.database.write

        async def counted(makes: Sequence[Make]) -> list[Outcome]:
            commits.append(len(makes))
            return await write(makes)

        monkeypatch.setattr(vault.engine.writer, "_write", counted)
        async with vault.sessions.open_turn(OURS, wait_s=1) as held:
            assert held.turns == 1
            assert [row[7] for row in dumped(shared, "sessions")] == [1]
            assert commits == [1]
        async with vault.sessions.hold(OURS, wait_s=1) as held:
            assert held.turns == 1, "a session that was only held counted a turn"
        with pytest.raises(SessionBusy):
            async with vault.sessions.hold(THEIRS, wait_s=1), vault.sessions.open_turn(THEIRS, wait_s=0.01):
                pass
        async with vault.sessions.hold(THEIRS, wait_s=1) as held:
            assert held.turns == 0


async def test_those_who_wait_are_served_in_the_order_they_came(vault: Vault) -> None:
    order: list[int] = []

    async def want(number: int) -> None:
        async with vault.sessions.hold(OURS, wait_s=5):
            order.append(number)

    async with vault.sessions.hold(OURS, wait_s=5):
        waiting = [asyncio.create_task(want(number)) for number in range(5)]
        for _ in range(5):
            await asyncio.sleep(0)
        async with vault.sessions.hold(THEIRS, wait_s=5):
            assert order == []
    await asyncio.gather(*waiting)
    assert order == [0, 1, 2, 3, 4]


async def test_a_session_kept_too_long_is_busy_and_frees_itself(vault: Vault) -> None:
    async with vault.sessions.hold(OURS, wait_s=1):
        with pytest.raises(SessionBusy):
            async with vault.sessions.hold(OURS, wait_s=0.01):
                pass
    async with vault.sessions.hold(OURS, wait_s=1) as held:
        assert held.epoch == 2


async def test_nothing_is_written_in_the_name_of_a_session_that_was_let_go(vault: Vault) -> None:
    async with vault.sessions.hold(OURS, wait_s=1) as held:
        pass
    with pytest.raises(LeaseLost):
        await vault.sessions.append(held, [part(1, "late", own(ACME))])
    async with vault.sessions.hold(OURS, wait_s=1) as again:
        with pytest.raises(LeaseLost):
            await vault.sessions.append(held, [part(1, "late", own(ACME))])
        with pytest.raises(LeaseLost):
            await vault.sessions.append(replace(again, key=THEIRS), [part(1, "theirs", own(GLOBEX))])
        assert again.history == ()


FOREIGN: dict[str, tuple[SessionKey, Label]] = {
    "another-tenants-principal": (OURS, own(GLOBEX)),
    "another-tenants-members": (OURS, Owned(tenant=GLOBEX, readers=Members())),
    "another-principal": (OURS, own(ACME, "u2")),
    "another-room": (key_of(ACME, "u1", group("g1")), room(ACME, group("g2"))),
    "a-room-in-a-dm": (OURS, room(ACME, group("g1"))),
}


@pytest.mark.parametrize("case", FOREIGN)
async def test_a_part_of_somebody_else_is_not_persisted_here(vault: Vault, case: str) -> None:
    key, label = FOREIGN[case]
    async with vault.sessions.hold(key, wait_s=1) as held:
        with pytest.raises(IntegrityError):
            await vault.sessions.append(held, [part(1, "mine", own(key.tenant)), part(2, "theirs", label)])
    assert await read(vault, key) == ()


async def test_own_room_members_and_operator_parts_are_persisted(vault: Vault) -> None:
    key = key_of(ACME, "u1", group("g1"))
    labels: tuple[Label, ...] = (
        room(ACME, group("g1")),
        Owned(tenant=ACME, readers=Members()),
        Operator(),
        Owned(tenant=ACME, readers=Principals(ids=frozenset({OURS.principal, principal(ACME, "u2").id}))),
    )
    async with vault.sessions.hold(key, wait_s=1) as held:
        held = await vault.sessions.append(held, [part(n, "x", label) for n, label in enumerate(labels)])
        assert tuple(one.label for one in held.history) == labels
    async with vault.sessions.hold(key, wait_s=1) as held:
        assert tuple(one.label for one in held.history) == labels


async def test_what_one_tenant_writes_leaves_the_others_rows_byte_identical(shared: str) -> None:
    async with await opened(shared) as vault:
        await told(vault, OURS, "ours")
        # Nobody waits until a session is let go; what its tenant writes next comes after that.
        await vault.notes.remember(turn(ACME), "k", "noted")
        before = dumped(shared, "parts", "sessions", "keys", where="tenant = 'ACME'")
        assert len(before) == 4
        for _ in range(3):
            await told(vault, THEIRS, *("theirs" for _ in range(150)))
        assert dumped(shared, "parts", "sessions", "keys", where="tenant = 'ACME'") == before


DAMAGE: dict[str, tuple[str, ...]] = {
    "a-part-altered": ("UPDATE parts SET sealed = zeroblob(length(sealed)) WHERE position = 2",),
    "a-part-removed": ("DELETE FROM parts WHERE position = 2",),
    "the-youngest-removed": ("DELETE FROM parts WHERE position = 3",),
    "two-parts-exchanged": (
        "UPDATE parts SET position = 99 WHERE position = 1",
        "UPDATE parts SET position = 1 WHERE position = 2",
        "UPDATE parts SET position = 2 WHERE position = 99",
    ),
    "a-part-renamed": ("UPDATE parts SET part = 'p9' WHERE position = 2",),
    "another-owner": ("UPDATE sessions SET owner = 'x' WHERE tenant = 'ACME'",),
    "another-tenants-part": (
        (
            "UPDATE parts SET sealed = (SELECT sealed FROM parts WHERE tenant = 'GLOBEX'),"
            " key = (SELECT key FROM parts WHERE tenant = 'GLOBEX') WHERE position = 1"
        ),
    ),
    "a-key-altered": (
        "UPDATE keys SET wrapped = zeroblob(60) WHERE tenant = 'ACME' AND principal IS NOT NULL",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_damaged_history_stops_the_session_and_is_never_skipped(shared: str, damage: str) -> None:
    async with await opened(shared) as vault:
        await told(vault, OURS, "one", "two", "three")
        await told(vault, THEIRS, "other")
    ours = (text.replace("WHERE position", "WHERE tenant = 'ACME' AND position") for text in DAMAGE[damage])
    altered(shared, *ours)
    async with await opened(shared) as vault:
        with pytest.raises(IntegrityError) as caught:
            await read(vault, OURS)
        assert "two" not in str(caught.value)
        assert await read(vault, THEIRS) == ("other",)


async def test_a_session_held_by_a_living_process_is_busy_elsewhere(shared: str) -> None:
    async with await opened(shared) as first, await opened(shared) as second:
        async with first.sessions.hold(OURS, wait_s=1):
            with pytest.raises(SessionBusy):
                async with second.sessions.hold(OURS, wait_s=0.01):
                    pass
            async with second.sessions.hold(THEIRS, wait_s=1):
                pass
        async with second.sessions.hold(OURS, wait_s=1) as held:
            assert held.epoch == 2


async def test_a_holder_that_shows_no_sign_is_replaced_and_fenced_off(shared: str) -> None:
    clock = SteppedClock()
    async with await opened(shared, clock) as hung, await opened(shared, clock) as other:
        async with hung.sessions.hold(OURS, wait_s=1) as old:
            with pytest.raises(SessionBusy):
                async with other.sessions.hold(OURS, wait_s=0.01):
                    pass
            clock.at_ms -= 3_600_000
            with pytest.raises(SessionBusy):
                async with other.sessions.hold(OURS, wait_s=0.01):
                    pass
            clock.at_s += 61
            async with other.sessions.hold(OURS, wait_s=1) as new:
                assert new.epoch == old.epoch + 1
                with pytest.raises(LeaseLost):
                    await hung.sessions.append(old, [part(1, "late", own(ACME))])
                new = await other.sessions.append(new, [part(2, "kept", own(ACME))])
            assert [one.text for one in new.history] == ["kept"]
        assert await read(other, OURS) == ("kept",)


async def test_letting_go_late_does_not_free_what_another_holds_now(shared: str) -> None:
    clock = SteppedClock()
    async with await opened(shared, clock) as hung, await opened(shared, clock) as other:
        stack = hung.sessions.hold(OURS, wait_s=1)
        await stack.__aenter__()
        with pytest.raises(SessionBusy):
            async with other.sessions.hold(OURS, wait_s=0.01):
                pass
        clock.at_s += 61
        async with other.sessions.open_turn(OURS, wait_s=1) as new:
            await stack.__aexit__(None, None, None)
            with pytest.raises(SessionBusy):
                async with hung.sessions.hold(OURS, wait_s=0.01):
                    pass
            assert (await other.sessions.append(new, [part(1, "kept", own(ACME))])).turns == 1


async def test_cancelling_anywhere_leaves_the_session_free_and_whole(shared: str) -> None:
    async def one_turn(vault: Vault) -> None:
        async with vault.sessions.open_turn(OURS, wait_s=5) as held:
            await vault.sessions.append(held, [part(1, "a", own(ACME)), part(2, "b", own(ACME))])

    async with await opened(shared) as vault, await opened(shared) as other:
        for steps in range(60):
            await _cancelled_after(steps, lambda: one_turn(vault))
            texts = await read(other if steps % 2 else vault, OURS)
            assert texts == ("a", "b") * (len(texts) // 2)
        assert await read(vault, THEIRS) == ()


async def _cancelled_after(steps: int, work: Callable[[], Coroutine[None, None, None]]) -> None:
    """Start the work, let the loop turn so many times, cancel, and wait for the end."""
    task = asyncio.create_task(work())
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


async def test_the_lexicon_gives_every_text_with_the_label_it_was_kept_under(vault: Vault) -> None:
    await told(vault, OURS, "ours")
    await told(vault, THEIRS, "theirs")
    await vault.entries.add(ACME, "pin", "4711", alone(ACME))
    await vault.notes.remember(turn(GLOBEX), "k", "noted")
    async with vault.sessions.hold(OURS, wait_s=1) as held:
        await vault.sessions.append(held, [replace(part(9, "set phrase", own(ACME)), origin=Origin.MODEL)])
    assert [one async for one in vault.lexicon.each_text()] == [
        ("4711", own(ACME), True),
        ("noted", own(GLOBEX), True),
        ("ours", own(ACME), False),
        ("theirs", own(GLOBEX), False),
    ]


async def test_a_holder_that_still_beats_keeps_its_session(shared: str) -> None:
    clock = SteppedClock()
    slow = await open_vault(str(shared), clock=clock, ids_factory=CountedIds, master_key=MASTER, lease_s=0.02)
    async with slow, await opened(shared, clock) as other, slow.sessions.hold(OURS, wait_s=1):
        with pytest.raises(SessionBusy):
            async with other.sessions.hold(OURS, wait_s=0.01):
                pass
        # Only a beat after the other began to watch is a sign to it.
        watched = dumped(shared, "holders")
        while dumped(shared, "holders") == watched:  # noqa: ASYNC110 - the sign is a row, not an event
            await asyncio.sleep(0.005)
        clock.at_s += 61
        with pytest.raises(SessionBusy):
            async with other.sessions.hold(OURS, wait_s=0.01):
                pass
        async with other.sessions.hold(THEIRS, wait_s=1):
            pass
