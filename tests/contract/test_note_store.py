"""Every note store: what a turn wrote is read by those who were told it."""

import pytest

from firewall.core.errors import IntegrityError, MisuseError
from firewall.core.identity import SenderKind
from firewall.core.label import audience_of
from firewall.core.session import Turn
from tests.fakes.vaults import ACME, GLOBEX, altered, dm, dumped, group, opened, principal, turn
from vault.notes import MAX_NOTES
from vault.open import Vault

ROOM = group("g1")


def aside(of: Turn) -> Turn:
    """The same turn with an answer that only its principal sees."""
    private = audience_of(of.principal, of.destination, private=True)
    return Turn(
        id=of.id,
        ref=of.ref,
        session=of.session,
        key=of.key,
        principal=of.principal,
        audience=private,
        destination=of.destination,
        message=of.message,
    )


async def test_a_note_is_recalled_by_its_own_readers_only(vault: Vault) -> None:
    await vault.notes.remember(turn(ACME), "k", "mine")
    await vault.notes.remember(turn(ACME, "u1", ROOM), "k", "the room's")
    await vault.notes.remember(turn(GLOBEX), "k", "theirs")
    assert await vault.notes.recall(turn(ACME)) == {"k": "mine"}
    assert await vault.notes.recall(turn(ACME, "u1", ROOM)) == {"k": "the room's"}
    assert await vault.notes.recall(turn(ACME, "u2", ROOM)) == {"k": "the room's"}
    assert await vault.notes.recall(aside(turn(ACME, "u1", ROOM))) == {"k": "mine"}
    assert await vault.notes.recall(aside(turn(ACME, "u2", ROOM))) == {"k": "the room's"}
    assert await vault.notes.recall(turn(ACME, "u2")) == {}
    assert await vault.notes.recall(turn(ACME, "u2", group("g2"))) == {}
    assert await vault.notes.recall(turn(GLOBEX)) == {"k": "theirs"}
    assert await vault.notes.recall(turn(GLOBEX, "u1", ROOM)) == {}


async def test_remembering_again_replaces_under_the_same_label(vault: Vault) -> None:
    for key, value in (("b", "1"), ("a", "2"), ("b", "\ud800")):
        await vault.notes.remember(turn(ACME), key, value)
    assert list((await vault.notes.recall(turn(ACME))).items()) == [("a", "2"), ("b", "\ud800")]


async def test_two_members_of_a_room_share_one_note_of_a_key(vault: Vault) -> None:
    await vault.notes.remember(turn(ACME, "u1", ROOM), "k", "first")
    await vault.notes.remember(turn(ACME, "u2", ROOM), "k", "second")
    assert await vault.notes.recall(turn(ACME, "u1", ROOM)) == {"k": "second"}


async def test_a_turn_without_an_owner_keeps_nothing(vault: Vault) -> None:
    bot = principal(ACME, "b1", SenderKind.BOT)
    with pytest.raises(MisuseError):
        await vault.notes.remember(turn(ACME, "b1", dm("b1"), who=bot), "k", "v")
    assert await vault.notes.recall(turn(ACME, "b1", dm("b1"), who=bot)) == {}
    assert await vault.notes.recall(turn(GLOBEX)) == {}


async def test_the_youngest_notes_of_a_label_are_kept(vault: Vault) -> None:
    await vault.notes.remember(turn(GLOBEX), "k", "theirs")
    for n in range(MAX_NOTES + 2):
        await vault.notes.remember(turn(ACME), f"k{n}", "v")
    kept = await vault.notes.recall(turn(ACME))
    assert len(kept) == MAX_NOTES
    assert "k1" not in kept
    assert await vault.notes.recall(turn(GLOBEX)) == {"k": "theirs"}


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param("sealed = zeroblob(40)", id="altered"),
        pytest.param("row = 'elsewhere'", id="renamed"),
        pytest.param('reader = \'["room","telegram","bot","r","g1",null]\'', id="put-into-a-room"),
    ],
)
async def test_a_note_that_was_tampered_with_does_not_open(shared: str, damage: str) -> None:
    async with await opened(shared) as vault:
        await vault.notes.remember(turn(ACME), "k", "mine")
    altered(shared, f"UPDATE notes SET {damage}")  # noqa: S608 - a test's own words
    async with await opened(shared) as vault:
        reader = turn(ACME, "u2", ROOM) if "room" in damage else turn(ACME)
        with pytest.raises(IntegrityError):
            await vault.notes.recall(reader)


async def test_what_one_tenant_remembers_leaves_the_others_notes_byte_identical(shared: str) -> None:
    async with await opened(shared) as vault:
        await vault.notes.remember(turn(ACME), "k", "mine")
        before = dumped(shared, "notes", where="tenant = 'ACME'")
        await vault.notes.remember(turn(GLOBEX), "k", "theirs")
        assert dumped(shared, "notes", where="tenant = 'ACME'") == before
