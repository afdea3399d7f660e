"""One directory per owner that no other owner can name, reach or collide with."""

import os
from pathlib import Path

import pytest

from sandbox.compartment import Compartment, Compartments
from sandbox.errors import EntryUnavailable, ReadOnlyRefused, SetupFault, SetupRefused
from sandbox.paths import ROOT, parse
from sandbox.quota import Quota
from tests.fakes.descriptors import open_count

KEY = b"k" * 32


def _homes(base: Path) -> set[str]:
    return {home.name for home in (base / "by-sender").iterdir()}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"slack:U1", b"slack-U1"),
        (b"a.b", b"a:b"),
        ("\u65e5\u672c\u8a9e".encode(), "\u4e2d\u56fd\u8a9e".encode()),
        (b"U1", b"u1"),
        ("caf\u00e9".encode(), "cafe\u0301".encode()),
        (b"a\x00b", b"a\x00b\x00"),
        (b"../globex", b"globex"),
        (b"x" * 300, b"x" * 301),
    ],
)
def test_owners_that_differ_in_any_byte_never_share(
    tmp_path: Path, quota: Quota, one: bytes, other: bytes
) -> None:
    made = Compartments(tmp_path, key=KEY, quota=quota)
    with made.of(one) as acme, made.of(other) as globex:
        acme.own.writer.create(parse("a"), b"acme")
        assert globex.own.list(ROOT, max_entries=9) == ()
    with made.of(one) as again:
        assert again.own.read(parse("a"), max_bytes=9) == b"acme"
    made.close()


def test_names_are_full_keyed_digests_that_tell_nothing(tmp_path: Path, quota: Quota) -> None:
    first = Compartments(tmp_path, key=KEY, quota=quota)
    first.of(b"acme").close()
    (name,) = _homes(tmp_path)
    assert len(name) == 64
    second = Compartments(tmp_path, key=b"other key, 32 bytes of it, as told", quota=quota)
    second.of(b"acme").close()
    assert len(_homes(tmp_path)) == 2
    first.close()
    second.close()


def test_an_empty_owner_has_no_compartment(compartments: Compartments) -> None:
    for verb in (compartments.of, compartments.erase):
        with pytest.raises(SetupRefused) as refused:
            verb(b"")
        assert refused.value.fault is SetupFault.OWNER_MISSING


def test_a_short_key_is_refused(tmp_path: Path, quota: Quota) -> None:
    with pytest.raises(SetupRefused) as refused:
        Compartments(tmp_path, key=b"k" * 31, quota=quota)
    assert refused.value.fault is SetupFault.KEY_TOO_SHORT


def test_everything_made_is_ours_alone(tmp_path: Path, acme: Compartment) -> None:
    made = [tmp_path / "base", *(tmp_path / "base").rglob("*")]
    assert {path.stat().st_mode & 0o777 for path in made if path.is_dir()} == {0o700}


@pytest.mark.parametrize("mode", [0o710, 0o701, 0o777])
def test_a_base_that_others_may_enter_is_refused(tmp_path: Path, quota: Quota, mode: int) -> None:
    Compartments(tmp_path, key=KEY, quota=quota).close()
    (tmp_path / "by-sender").chmod(mode)
    before = open_count()
    with pytest.raises(SetupRefused) as refused:
        Compartments(tmp_path, key=KEY, quota=quota)
    assert refused.value.fault is SetupFault.BASE_NOT_OURS
    del refused  # its traceback keeps what the refused one had opened
    assert open_count() == before


def test_a_base_of_somebody_else_is_refused(
    tmp_path: Path, quota: Quota, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(SetupRefused) as refused:
        Compartments(tmp_path, key=KEY, quota=quota)
    assert refused.value.fault is SetupFault.BASE_NOT_OURS


def test_a_planted_link_in_place_of_a_compartment_is_refused(tmp_path: Path, quota: Quota) -> None:
    made = Compartments(tmp_path, key=KEY, quota=quota)
    made.of(b"globex").close()
    (globex,) = _homes(tmp_path)
    made.of(b"acme").close()
    (acme,) = _homes(tmp_path) - {globex}
    made.erase(b"acme")
    (tmp_path / "by-sender" / acme).symlink_to(globex)
    with pytest.raises(EntryUnavailable):
        made.of(b"acme")
    made.close()


@pytest.mark.parametrize("make", ["file", "link"])
def test_a_base_that_is_no_real_directory_is_refused(tmp_path: Path, quota: Quota, make: str) -> None:
    base = tmp_path / "base"
    base.mkdir()
    if make == "file":
        (base / "by-sender").touch()
    else:
        (base / "by-sender").symlink_to(tmp_path)
    with pytest.raises(SetupRefused) as refused:
        Compartments(base, key=KEY, quota=quota)
    assert refused.value.fault is SetupFault.BASE_UNUSABLE


def test_shared_trees_are_seen_by_all_and_written_by_none(
    acme: Compartment, globex: Compartment, tmp_path: Path
) -> None:
    for tenant in (acme, globex):
        reached = tenant.reach(parse("/handbook/rules.txt"))
        assert reached.jail.read(reached.path, max_bytes=99) == b"everybody may read this"
        with pytest.raises(ReadOnlyRefused):
            _ = reached.jail.writer
    assert (tmp_path / "handbook/rules.txt").read_text() == "everybody may read this"


def test_only_the_exact_first_name_leads_to_a_shared_tree(acme: Compartment) -> None:
    assert acme.reach(parse("handbook")).path == ROOT
    for text in ("handbook2/x", "a/handbook", "Handbook/x", "."):
        reached = acme.reach(parse(text))
        assert (reached.jail, reached.path) == (acme.own, parse(text))


@pytest.mark.parametrize("name", ["", "a/b", "..", ".", "a\0", "\ud800"])
def test_a_shared_tree_needs_a_plain_name(tmp_path: Path, quota: Quota, name: str) -> None:
    with pytest.raises(SetupRefused) as refused:
        Compartments(tmp_path / "base", key=KEY, quota=quota, shared={name: tmp_path})
    assert refused.value.fault is SetupFault.SHARED_NAME


def test_erasing_removes_one_owner_and_follows_no_link(
    tmp_path: Path, compartments: Compartments, acme: Compartment, globex: Compartment, acme_files: Path
) -> None:
    canary = tmp_path / "canary"
    canary.mkdir()
    (canary / "file").touch()
    (acme_files / "link").symlink_to(canary)
    acme.own.writer.write(parse("d/a"), b"x")
    before = compartments.count(b"acme\x00U1")
    acme.own.writer.write(parse("d/b"), b"x")
    assert compartments.count(b"acme\x00U1") == before + 1
    compartments.erase(b"acme\x00U1")
    compartments.erase(b"acme\x00U1")
    assert compartments.count(b"acme\x00U1") == 0
    assert (canary / "file").exists()
    assert globex.own.read(parse("secret.txt"), max_bytes=99) == b"globex secret"
    with compartments.of(b"acme\x00U1") as anew:
        assert anew.own.list(ROOT, max_entries=9) == ()
