"""Changing a tree: whole files, one writer at a time, never beyond the quota."""

import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.compartment import Compartment, Compartments
from sandbox.errors import (
    EntryFault,
    EntryUnavailable,
    EscapeFault,
    EscapeRefused,
    QuotaExceeded,
    QuotaLimit,
)
from sandbox.held import Held
from sandbox.jail import Jail
from sandbox.paths import ROOT, JailPath, parse
from sandbox.quota import Quota
from sandbox.resolve import Resolver

ACME = b"acme\x00U1"


def _names(jail: Jail) -> list[str]:
    return [str(entry.path) for entry in jail.list(ROOT, max_entries=99)]


def _read(jail: Jail, text: str) -> bytes:
    return jail.read(parse(text), max_bytes=9999)


def test_a_new_file_is_private_to_us_and_makes_its_directories(acme: Compartment, acme_files: Path) -> None:
    assert acme.own.writer.create(parse("/a/b/c.txt"), [b"one", b"two"]) == 6
    assert _read(acme.own, "a/b/c.txt") == b"onetwo"
    assert (acme_files / "a/b/c.txt").stat().st_mode & 0o777 == 0o600
    assert (acme_files / "a/b").stat().st_mode & 0o777 == 0o700


def test_creating_never_replaces(acme: Compartment) -> None:
    acme.own.writer.create(parse("a"), b"old")
    with pytest.raises(EntryUnavailable) as refused:
        acme.own.writer.create(parse("a"), b"new")
    assert refused.value.fault is EntryFault.EXISTS
    assert _read(acme.own, "a") == b"old"


def test_writing_replaces_whole_and_keeps_the_owners_bits(acme: Compartment, acme_files: Path) -> None:
    acme.own.writer.write(parse("a"), b"long old content")
    (acme_files / "a").chmod(0o755)
    assert acme.own.writer.write(parse("a"), b"new") == 3
    assert _read(acme.own, "a") == b"new"
    assert (acme_files / "a").stat().st_mode & 0o777 == 0o700


def test_a_reader_keeps_the_old_file_while_it_is_replaced(acme: Compartment) -> None:
    acme.own.writer.write(parse("a"), b"old")
    with acme.own.open(parse("a")) as file:
        acme.own.writer.write(parse("a"), b"new")
        assert file.read() == b"old"


def test_appending_adds_or_makes(acme: Compartment) -> None:
    assert acme.own.writer.append(parse("d/log"), b"one") == 3
    assert acme.own.writer.append(parse("d/log"), [b"two", b"three"]) == 8
    assert _read(acme.own, "d/log") == b"onetwothree"


def test_editing_sees_the_content_and_replaces_it(acme: Compartment) -> None:
    acme.own.writer.write(parse("a"), b"hello acme")
    assert acme.own.writer.edit(parse("a"), lambda old: old.replace(b"hello", b"bye")) == 8
    assert _read(acme.own, "a") == b"bye acme"


def test_an_edit_that_raises_or_finds_no_file_writes_nothing(acme: Compartment) -> None:
    acme.own.writer.write(parse("a"), b"old")

    def fails(old: bytes) -> bytes:
        raise KeyError

    with pytest.raises(KeyError):
        acme.own.writer.edit(parse("a"), fails)
    with pytest.raises(EntryUnavailable):
        acme.own.writer.edit(parse("none"), fails)
    assert _names(acme.own) == ["a"]
    assert _read(acme.own, "a") == b"old"


def test_files_and_empty_directories_are_deleted(acme: Compartment) -> None:
    acme.own.writer.write(parse("d/a"), b"")
    with pytest.raises(EntryUnavailable) as refused:
        acme.own.writer.delete(parse("d"))
    assert refused.value.fault is EntryFault.NOT_EMPTY
    acme.own.writer.delete(parse("d/a"))
    acme.own.writer.delete(parse("d"))
    assert _names(acme.own) == []
    with pytest.raises(EntryUnavailable) as missing:
        acme.own.writer.delete(parse("d"))
    assert missing.value.fault is EntryFault.MISSING


def test_the_top_directory_stays(acme: Compartment) -> None:
    writer = acme.own.writer
    writer.create(parse("a"), b"")
    changes: list[Callable[[], object]] = [
        lambda: writer.delete(ROOT),
        lambda: writer.move(ROOT, parse("b")),
        lambda: writer.move(parse("a"), ROOT),
    ]
    for change in changes:
        with pytest.raises(EntryUnavailable) as refused:
            change()
        assert refused.value.fault is EntryFault.UNTOUCHABLE
    with pytest.raises(EntryUnavailable):
        writer.write(ROOT, b"x")


def test_moving_gives_another_name_and_never_replaces(acme: Compartment) -> None:
    writer = acme.own.writer
    writer.write(parse("a"), b"1")
    writer.write(parse("b"), b"2")
    with pytest.raises(EntryUnavailable) as refused:
        writer.move(parse("a"), parse("b"))
    assert refused.value.fault is EntryFault.EXISTS
    writer.move(parse("a"), parse("d/e/a"))
    writer.move(parse("d/e"), parse("f"))
    assert _read(acme.own, "f/a") == b"1"
    assert _names(acme.own) == ["b", "d", "f"]


@pytest.mark.parametrize("target", ["d", "d/x", "d/x/y"])
def test_a_directory_does_not_move_below_itself(acme: Compartment, target: str) -> None:
    acme.own.writer.mkdirs(parse("d"))
    with pytest.raises(EntryUnavailable) as refused:
        acme.own.writer.move(parse("d"), parse(target))
    assert refused.value.fault is EntryFault.BELOW_ITSELF
    assert _names(acme.own) == ["d"]


def test_a_missing_source_makes_no_directories(acme: Compartment) -> None:
    with pytest.raises(EntryUnavailable):
        acme.own.writer.move(parse("none"), parse("d/e"))
    assert _names(acme.own) == []


def test_a_link_is_neither_written_through_nor_moved(
    acme: Compartment, acme_files: Path, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    canary.write_text("untouched")
    (acme_files / "link").symlink_to(canary)
    (acme_files / "dir").symlink_to(tmp_path)
    writer = acme.own.writer
    changes: list[Callable[[], object]] = [
        lambda: writer.write(parse("link"), b"x"),
        lambda: writer.append(parse("link"), b"x"),
        lambda: writer.create(parse("link"), b"x"),
        lambda: writer.edit(parse("link"), lambda old: b"x"),
        lambda: writer.write(parse("dir/canary"), b"x"),
        lambda: writer.create(parse("dir/new"), b"x"),
        lambda: writer.mkdirs(parse("dir/new")),
        lambda: writer.delete(parse("dir/canary")),
        lambda: writer.move(parse("dir/canary"), parse("mine")),
    ]
    for change in changes:
        with pytest.raises(EscapeRefused) as refused:
            change()
        assert refused.value.fault is EscapeFault.LINK
    with pytest.raises(EscapeRefused) as special:
        writer.move(parse("link"), parse("mine"))
    assert special.value.fault is EscapeFault.SPECIAL
    writer.create(parse("own"), b"")
    with pytest.raises(EscapeRefused):
        writer.move(parse("own"), parse("dir/own"))
    assert canary.read_text() == "untouched"
    assert not (tmp_path / "new").exists()


def test_a_file_swapped_for_a_hard_link_between_check_and_append_is_not_written(
    tmp_path: Path, quota: Quota, resolver: Resolver
) -> None:
    canary, home = tmp_path / "canary", tmp_path / "home"
    canary.write_text("untouched")
    home.mkdir()

    def swapping(root_fd: int, path: JailPath, flags: int, mode: int = 0) -> int:
        if flags & os.O_WRONLY:
            (home / "files/log").unlink()
            os.link(canary, home / "files/log")
        return resolver(root_fd, path, flags, mode)

    held = Held(os.open(home, os.O_RDONLY | os.O_DIRECTORY))
    with Jail.own(held, quota=quota, resolver=swapping) as jail:
        jail.writer.create(parse("log"), b"own")
        with pytest.raises(EscapeRefused) as refused:
            jail.writer.append(parse("log"), b"x")
    assert refused.value.fault is EscapeFault.HARD_LINK
    assert canary.read_text() == "untouched"


def test_a_file_is_no_directory_to_write_below(acme: Compartment) -> None:
    acme.own.writer.write(parse("a"), b"")
    changes: list[Callable[[], object]] = [
        lambda: acme.own.writer.write(parse("a/b"), b""),
        lambda: acme.own.writer.mkdirs(parse("a")),
        lambda: acme.own.writer.mkdirs(parse("a/b")),
    ]
    for change in changes:
        with pytest.raises(EntryUnavailable) as refused:
            change()
        assert refused.value.fault is EntryFault.NOT_DIRECTORY


def test_one_file_is_bounded_and_the_old_one_stays(acme: Compartment) -> None:
    writer = acme.own.writer
    writer.write(parse("a"), b"old")
    seen: list[int] = []

    def flood() -> Iterator[bytes]:
        for number in range(10**6):
            seen.append(number)
            yield b"x" * 100

    changes: list[Callable[[], object]] = [
        lambda: writer.write(parse("a"), flood()),
        lambda: writer.append(parse("a"), flood()),
    ]
    for change in changes:
        with pytest.raises(QuotaExceeded) as refused:
            change()
        assert (refused.value.limit, refused.value.allowed) == (QuotaLimit.FILE_BYTES, 600)
    assert len(seen) < 20
    assert _read(acme.own, "a") == b"old"
    with pytest.raises(QuotaExceeded):
        writer.create(parse("d/b"), flood())
    assert _names(acme.own) == ["a", "d"]


def test_all_files_together_are_bounded(acme: Compartment) -> None:
    writer = acme.own.writer
    writer.write(parse("a"), b"x" * 600)
    writer.write(parse("b"), b"x" * 400)
    changes: list[Callable[[], object]] = [
        lambda: writer.write(parse("c"), b"x"),
        lambda: writer.append(parse("b"), b"x"),
    ]
    for change in changes:
        with pytest.raises(QuotaExceeded) as refused:
            change()
        assert (refused.value.limit, refused.value.allowed) == (QuotaLimit.BYTES, 1000)
    writer.write(parse("b"), b"y" * 400)
    assert writer.check_quota().bytes == 1000


def test_entries_are_bounded_directories_included(acme: Compartment) -> None:
    writer = acme.own.writer
    writer.mkdirs(parse("/".join("d" * 49)))
    changes: list[Callable[[], object]] = [
        lambda: writer.create(parse("x/y"), b""),
        lambda: writer.mkdirs(parse("x/y")),
        lambda: writer.move(parse("d"), parse("x/y/z")),
    ]
    for change in changes:
        with pytest.raises(QuotaExceeded) as refused:
            change()
        assert (refused.value.limit, refused.value.allowed) == (QuotaLimit.ENTRIES, 50)
    assert _names(acme.own) == ["d"]
    writer.create(parse("last"), b"")
    writer.write(parse("last"), b"replaced")
    with pytest.raises(QuotaExceeded):
        writer.create(parse("one-more"), b"")


def test_what_a_process_did_is_counted_before_the_next_write(acme: Compartment, acme_files: Path) -> None:
    (acme_files / "big").write_bytes(b"x" * 2000)
    with pytest.raises(QuotaExceeded):
        acme.own.writer.write(parse("a"), b"x")
    with pytest.raises(QuotaExceeded) as refused:
        acme.own.writer.check_quota()
    assert refused.value.limit is QuotaLimit.BYTES
    acme.own.writer.delete(parse("big"))
    assert acme.own.writer.check_quota().entries == 0
    for number in range(51):
        (acme_files / str(number)).touch()
    with pytest.raises(QuotaExceeded) as too_many:
        acme.own.writer.check_quota()
    assert too_many.value.limit is QuotaLimit.ENTRIES


def test_a_fault_of_the_disk_while_counting_stops_the_write(
    acme: Compartment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(*_: object, **__: object) -> None:
        raise EntryUnavailable(EntryFault.UNREADABLE)

    monkeypatch.setattr("sandbox.quota.below", faulty)
    with pytest.raises(EntryUnavailable) as refused:
        acme.own.writer.write(parse("a"), b"x")
    assert refused.value.fault is EntryFault.UNREADABLE


def test_a_full_disk_leaves_the_old_file_and_names_nothing(
    acme: Compartment, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.own.writer.write(parse("private-name"), b"old")

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", "private-name")

    with monkeypatch.context() as disk:
        disk.setattr(os, "write", full)
        for change in (acme.own.writer.write, acme.own.writer.append):
            with pytest.raises(EntryUnavailable) as refused:
                change(parse("private-name"), b"new")
            assert refused.value.fault is EntryFault.UNREADABLE
            assert refused.value.__suppress_context__
            assert refused.value.__cause__ is None
    assert _read(acme.own, "private-name") == b"old"


def test_what_a_crash_left_staged_is_overwritten_and_never_seen(
    acme: Compartment, globex: Compartment, acme_files: Path
) -> None:
    (acme_files.parent / "staged").write_bytes(b"half a secret" * 1000)
    acme.own.writer.write(parse("a"), b"new")
    assert _read(acme.own, "a") == b"new"
    assert not (acme_files.parent / "staged").exists()
    assert _names(globex.own) == ["secret.txt"]


def test_short_writes_are_continued(acme: Compartment, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write

    def two_at_a_time(fd: int, data: memoryview) -> int:
        return real(fd, data[:2])

    monkeypatch.setattr(os, "write", two_at_a_time)
    assert acme.own.writer.write(parse("a"), b"12345") == 5
    monkeypatch.undo()
    assert _read(acme.own, "a") == b"12345"


def test_writers_of_one_owner_take_turns_so_that_nothing_is_lost(compartments: Compartments) -> None:
    with compartments.of(ACME) as first, compartments.of(ACME) as second:
        first.own.writer.write(parse("n"), b"0")

        def count(jail: Jail) -> None:
            for _ in range(50):
                jail.writer.edit(parse("n"), lambda old: str(int(old) + 1).encode())

        workers = [threading.Thread(target=count, args=(one.own,)) for one in (first, first, second)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert _read(second.own, "n") == b"150"


def test_writers_together_never_exceed_the_quota(compartments: Compartments) -> None:
    refused: list[QuotaExceeded] = []
    with compartments.of(ACME) as one:

        def fill(name: str) -> None:
            try:
                one.own.writer.write(parse(name), b"x" * 400)
            except QuotaExceeded as error:
                refused.append(error)

        workers = [threading.Thread(target=fill, args=(str(number),)) for number in range(6)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert len(refused) == 4
        assert one.own.writer.check_quota().bytes == 800
