"""Every vault store: an entry is there for its readers and for nobody else, in no way at all."""

import pytest

from firewall.core.errors import BadIdentifier, IntegrityError, MisuseError
from firewall.core.identity import SenderKind
from firewall.core.ids import TenantId
from firewall.core.label import Audience, Members, Owned, Principals, Room, audience_of
from tests.fakes.vaults import (
    ACME,
    GLOBEX,
    alone,
    altered,
    audience,
    dm,
    dumped,
    group,
    opened,
    own,
    principal,
)
from vault.open import Vault

ROOM, CLOSED, ELSEWHERE = group("g1"), group("g1", closed=True), group("g2", closed=True)
AUDIENCES: dict[str, Audience] = {
    "owner-in-dm": audience(ACME),
    "owner-in-room": audience(ACME, "u1", ROOM),
    "owner-aside-in-room": audience_of(principal(ACME), ROOM, private=True),
    "colleague-in-dm": audience(ACME, "u2"),
    "colleague-in-room": audience(ACME, "u2", ROOM),
    "colleague-in-closed-room": audience(ACME, "u2", CLOSED),
    "colleague-elsewhere": audience(ACME, "u2", ELSEWHERE),
    "bot-in-dm": audience_of(principal(ACME, "u1", SenderKind.BOT), dm(), private=False),
    "other-tenant-in-dm": audience(GLOBEX),
    "other-tenant-in-room": audience(GLOBEX, "u1", ROOM),
}
READERS = {
    "one": (alone(ACME), {"owner-in-dm", "owner-aside-in-room"}),
    "two": (
        Principals(ids=frozenset({principal(ACME).id, principal(ACME, "u2").id})),
        {"owner-in-dm", "owner-aside-in-room", "colleague-in-dm"},
    ),
    "room": (
        Room.of(ROOM),
        {"owner-in-room", "owner-aside-in-room", "colleague-in-room", "colleague-in-closed-room"},
    ),
    "members": (
        Members(),
        {
            "owner-in-dm",
            "owner-aside-in-room",
            "colleague-in-dm",
            "colleague-in-closed-room",
            "colleague-elsewhere",
        },
    ),
}


@pytest.mark.parametrize("readers", READERS)
async def test_an_entry_is_found_by_exactly_its_readers(vault: Vault, readers: str) -> None:
    chosen, expected = READERS[readers]
    await vault.entries.add(ACME, "pin", "4711", chosen)
    found = {who for who, one in AUDIENCES.items() if await vault.entries.lookup(one, "pin") is not None}
    listed = {who for who, one in AUDIENCES.items() if await vault.entries.names(one) == ["pin"]}
    assert found == listed == expected
    empty = [await vault.entries.names(one) for who, one in AUDIENCES.items() if who not in expected]
    assert all(names == [] for names in empty)


async def test_one_value_of_two_tenants_is_two_entries(vault: Vault) -> None:
    await vault.entries.add(ACME, "pin", "4711", Members())
    await vault.entries.add(GLOBEX, "pin", "4711", Members())
    assert await vault.entries.remove(ACME, "pin") == 1
    assert await vault.entries.lookup(audience(ACME), "pin") is None
    entry = await vault.entries.lookup(audience(GLOBEX), "pin")
    assert entry is not None
    assert entry.label == Owned(tenant=GLOBEX, readers=Members())


async def test_of_several_entries_the_one_with_the_fewest_readers_is_given(vault: Vault) -> None:
    for value, readers in (("all", Members()), ("room", Room.of(ROOM)), ("mine", alone(ACME))):
        await vault.entries.add(ACME, "pin", value, readers)
    values = [
        await vault.entries.lookup(AUDIENCES[who], "pin") for who in ("owner-aside-in-room", "owner-in-room")
    ]
    assert [one.value for one in values if one] == ["mine", "room"]
    assert await vault.entries.names(AUDIENCES["owner-aside-in-room"]) == ["pin"]
    assert [one.value for one in await vault.entries.show(ACME, "pin")] == ["all", "room", "mine"]


async def test_adding_again_replaces_and_the_list_shows_no_values(vault: Vault) -> None:
    await vault.entries.add(ACME, "pin", "4711", alone(ACME))
    await vault.entries.add(ACME, "pin", "0815-2", alone(ACME))
    await vault.entries.add(GLOBEX, "pin", "x", Members())
    listed = [one async for one in vault.entries.list(ACME)]
    assert [(one.name, one.readers, one.codepoints) for one in listed] == [("pin", alone(ACME), 6)]
    assert "0815" not in repr(listed) + repr(await vault.entries.show(ACME, "pin"))


async def test_names_are_bounded_and_sorted_after_the_filter(vault: Vault) -> None:
    await vault.entries.import_many(ACME, ((f"a{n:04}", "x") for n in range(1_100)), alone(ACME, "u2"))
    await vault.entries.import_many(ACME, [("z", "x"), ("y", "x")], alone(ACME))
    assert await vault.entries.names(audience(ACME)) == ["y", "z"]
    assert len(await vault.entries.names(audience(ACME, "u2"))) == 1_000


async def test_an_import_tells_its_progress_and_keeps_what_it_counted(vault: Vault) -> None:
    told: list[int] = []
    pairs = [(f"n{n}", str(n)) for n in range(1_200)]
    assert await vault.entries.import_many(ACME, pairs, Members(), progress=told.append) == 1_200
    assert told == [500, 1_000, 1_200]
    with pytest.raises(MisuseError):
        await vault.entries.import_many(GLOBEX, [*pairs[:600], ("", "x")], Members())
    assert len([one async for one in vault.entries.list(GLOBEX)]) == 500


@pytest.mark.parametrize(
    ("name", "value"), [("", "x"), (" ", "x"), ("n" * 513, "x"), ("n", ""), ("n", "x" * 1_000_001)]
)
async def test_an_entry_of_no_acceptable_length_is_refused(vault: Vault, name: str, value: str) -> None:
    with pytest.raises(MisuseError) as caught:
        await vault.entries.add(ACME, name, value, Members())
    assert "nnn" not in str(caught.value)
    assert "xxx" not in str(caught.value)


@pytest.mark.parametrize("tenant", ["", " ", "null", "default"])
async def test_an_operator_names_a_real_tenant(vault: Vault, tenant: str) -> None:
    nobody = TenantId(tenant)
    await vault.entries.add(ACME, "pin", "4711", Members())
    for attempt in (
        vault.entries.add(nobody, "n", "v", Members()),
        vault.entries.show(nobody, "pin"),
        vault.entries.remove(nobody, "pin"),
        vault.entries.rotate(nobody),
        anext(vault.entries.list(nobody)),
    ):
        with pytest.raises(BadIdentifier):
            await attempt
    assert await vault.entries.lookup(audience(ACME), "pin") is not None


async def test_strange_names_are_looked_up_without_harm(vault: Vault) -> None:
    for name in ("", "\ud800", "\x00", "x" * 1_000_000, "' OR 1=1 --", "%"):
        assert await vault.entries.lookup(audience(ACME), name) is None


async def test_rotation_keeps_every_value_and_destroys_the_old_key(shared: str) -> None:
    async with await opened(shared) as vault:
        pairs = [(f"n{n}", f"v{n}") for n in range(700)]
        await vault.entries.import_many(ACME, pairs, Members())
        await vault.entries.add(GLOBEX, "n", "v", Members())
        theirs = dumped(shared, "entries", "keys", where="tenant = 'GLOBEX'")
        old = dumped(shared, "keys", where="tenant = 'ACME'")
        told: list[int] = []
        assert await vault.entries.rotate(ACME, progress=told.append) == 700
        assert told == [500, 700]
        assert [one.value for one in await vault.entries.show(ACME, "n699")] == ["v699"]
        now = dumped(shared, "keys", where="tenant = 'ACME'")
        assert len(old) == len(now) == 1
        assert old != now
        assert dumped(shared, "entries", "keys", where="tenant = 'GLOBEX'") == theirs
    async with await opened(shared) as vault:
        assert len([one async for one in vault.entries.list(ACME)]) == 700


async def test_another_process_keeps_writing_through_a_rotation(shared: str) -> None:
    async with await opened(shared) as first, await opened(shared) as second:
        await second.entries.add(ACME, "before", "1", Members())
        await first.entries.rotate(ACME)
        await second.entries.add(ACME, "after", "2", Members())
        assert await first.entries.names(audience(ACME)) == ["after", "before"]


MOVED = {
    "among-members": "UPDATE entry_readers SET reader = '[\"members\"]' WHERE tenant = 'ACME'",
    "to-another-tenant": (
        "UPDATE entry_readers SET tenant = 'GLOBEX', reader = '[\"members\"]' WHERE tenant = 'ACME'"
    ),
    "columns-and-all": "UPDATE entries SET readers = '[\"[\\\"members\\\"]\"]' WHERE tenant = 'ACME'",
    "the-whole-row": "UPDATE entries SET tenant = 'GLOBEX' WHERE tenant = 'ACME'",
}


@pytest.mark.parametrize("case", MOVED)
async def test_an_entry_moved_among_other_readers_does_not_open(shared: str, case: str) -> None:
    async with await opened(shared) as vault:
        await vault.entries.add(ACME, "pin", "4711", alone(ACME))
    altered(shared, MOVED[case], *([MOVED["among-members"]] if case == "columns-and-all" else []))
    async with await opened(shared) as vault:
        for tenant in (ACME, GLOBEX):
            one = audience(tenant, "u2")
            try:
                assert await vault.entries.lookup(one, "pin") is None
                assert await vault.entries.names(one) == []
            except IntegrityError as error:
                assert "4711" not in str(error)  # noqa: PT017 - either answer is right, the value in neither


async def test_an_operator_is_not_shown_an_entry_whose_readers_were_altered(shared: str) -> None:
    async with await opened(shared) as vault:
        await vault.entries.add(ACME, "pin", "4711", alone(ACME))
        await vault.entries.add(GLOBEX, "pin", "0815", alone(GLOBEX))
    altered(shared, MOVED["columns-and-all"])
    async with await opened(shared) as vault:
        with pytest.raises(IntegrityError):
            await vault.entries.show(ACME, "pin")
        assert [one.value for one in await vault.entries.show(GLOBEX, "pin")] == ["0815"]


async def test_what_one_tenant_keeps_leaves_the_others_entries_byte_identical(shared: str) -> None:
    async with await opened(shared) as vault:
        await vault.entries.add(ACME, "pin", "4711", alone(ACME))
        before = dumped(shared, "entries", "entry_readers", "keys", where="tenant = 'ACME'")
        await vault.entries.add(GLOBEX, "pin", "0815", Members())
        await vault.entries.remove(GLOBEX, "pin")
        await vault.entries.rotate(GLOBEX)
        assert dumped(shared, "entries", "entry_readers", "keys", where="tenant = 'ACME'") == before
        assert own(ACME) == (await vault.entries.show(ACME, "pin"))[0].label
