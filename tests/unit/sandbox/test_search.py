"""Finding in a tree: by pattern, by content, within bounds."""

import errno
import os
import re
from pathlib import Path

import pytest

from sandbox import entries
from sandbox.compartment import Compartment
from sandbox.entries import below
from sandbox.errors import EntryFault, EntryUnavailable, EscapeFault, EscapeRefused, PathRefused
from sandbox.paths import ROOT, parse
from sandbox.resolve import openat2, refusal
from sandbox.search import Match


@pytest.fixture
def filled(acme: Compartment, globex: Compartment, acme_files: Path) -> Compartment:
    for text in ("a.txt", "b.md", "n/a.txt", "n/deep/c.txt", "n/deep/d.md", "m/a.txt"):
        acme.own.writer.create(parse(text), f"first\nneedle in {text}\n".encode())
    (acme_files / "out").symlink_to("../..")
    return acme


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.txt", ["a.txt"]),
        ("?.md", ["b.md"]),
        ("[ab].*", ["a.txt", "b.md"]),
        ("*/a.txt", ["m/a.txt", "n/a.txt"]),
        ("**/*.md", ["b.md", "n/deep/d.md"]),
        ("n/**", ["n/a.txt", "n/deep", "n/deep/c.txt", "n/deep/d.md"]),
        ("n/**/c.txt", ["n/deep/c.txt"]),
        ("**/**/c.txt", ["n/deep/c.txt"]),
        ("a.txt", ["a.txt"]),
        ("n/deep", ["n/deep"]),
        ("A.TXT", []),
        ("*.txt/*", []),
        ("out", ["out"]),
    ],
)
def test_a_pattern_finds_own_entries_only(filled: Compartment, pattern: str, expected: list[str]) -> None:
    assert [str(entry.path) for entry in filled.own.glob(parse(pattern), max_entries=99)] == expected


def test_a_pattern_does_not_start_behind_a_link(filled: Compartment) -> None:
    with pytest.raises(EscapeRefused):
        filled.own.glob(parse("out/*"), max_entries=99)


def test_a_pattern_cannot_climb() -> None:
    with pytest.raises(PathRefused):
        parse("../*/files/*")


def test_a_search_looks_at_no_more_entries_than_asked(filled: Compartment) -> None:
    with pytest.raises(EntryUnavailable) as refused:
        filled.own.glob(parse("**"), max_entries=9)
    assert refused.value.fault is EntryFault.TOO_LARGE
    assert len(filled.own.glob(parse("**"), max_entries=10)) == 10


def test_a_pattern_enters_only_directories_that_could_hold_a_match(filled: Compartment) -> None:
    assert filled.own.glob(parse("*.txt"), max_entries=5)


def test_a_pattern_of_many_stars_is_refused_and_a_nested_one_is_quick(filled: Compartment) -> None:
    with pytest.raises(EntryUnavailable):
        filled.own.glob(parse("**/" * 33 + "x"), max_entries=99)
    assert filled.own.glob(parse("**/" * 31 + "x"), max_entries=99) == ()


def _needle(line: bytes) -> bool:
    return b"needle" in line


def test_lines_are_found_in_path_order_in_own_files_only(filled: Compartment) -> None:
    found = filled.own.grep(_needle, ROOT, max_entries=99, max_bytes=9999, max_matches=99)
    assert [str(match.path) for match in found] == [
        *("a.txt", "b.md", "m/a.txt", "n/a.txt", "n/deep/c.txt", "n/deep/d.md")
    ]
    assert found[0] == Match(path=parse("a.txt"), line_number=2, line=b"needle in a.txt")


def test_one_file_or_one_directory_can_be_searched(filled: Compartment) -> None:
    in_file = filled.own.grep(_needle, parse("b.md"), max_entries=1, max_bytes=99, max_matches=9)
    below_n = filled.own.grep(_needle, parse("n/deep"), max_entries=2, max_bytes=99, max_matches=9)
    assert (len(in_file), len(below_n)) == (1, 2)


def test_a_search_stops_at_the_matches_asked_for(filled: Compartment) -> None:
    found = filled.own.grep(_needle, ROOT, max_entries=99, max_bytes=9999, max_matches=2)
    assert [str(match.path) for match in found] == ["a.txt", "b.md"]


def test_a_search_reads_no_more_bytes_than_asked(filled: Compartment) -> None:
    with pytest.raises(EntryUnavailable) as refused:
        filled.own.grep(_needle, ROOT, max_entries=99, max_bytes=60, max_matches=99)
    assert refused.value.fault is EntryFault.TOO_LARGE


@pytest.mark.parametrize("text", ["none", "a.txt/x"])
def test_a_search_needs_a_place_to_start(filled: Compartment, text: str) -> None:
    with pytest.raises(EntryUnavailable):
        filled.own.grep(_needle, parse(text), max_entries=9, max_bytes=9, max_matches=9)


def test_a_search_passes_over_hard_links_and_files_that_vanish(
    tmp_path: Path, filled: Compartment, acme_files: Path
) -> None:
    foreign = next((tmp_path / "base/by-sender").glob("*/files/secret.txt"))
    os.link(foreign, acme_files / "linked.txt")
    removed: list[str] = []

    def once(line: bytes) -> bool:
        if not removed:
            removed.append("b.md")
            (acme_files / "b.md").unlink()
        return re.search(b"needle|globex", line) is not None

    found = filled.own.grep(once, ROOT, max_entries=99, max_bytes=9999, max_matches=99)
    assert not any(b"globex" in match.line for match in found)
    assert parse("b.md") not in [match.path for match in found]
    with pytest.raises(EscapeRefused) as refused:
        filled.own.grep(_needle, parse("linked.txt"), max_entries=9, max_bytes=99, max_matches=9)
    assert refused.value.fault is EscapeFault.HARD_LINK


def test_a_fault_of_the_disk_is_not_passed_over(filled: Compartment, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*_: object) -> None:
        raise refusal(5)

    def two_files(*_: object) -> list[object]:
        return [parse("a.txt")]

    monkeypatch.setattr("sandbox.search._files", two_files)
    monkeypatch.setattr("sandbox.search.opened_file", faulty)
    with pytest.raises(EntryUnavailable) as refused:
        filled.own.grep(_needle, ROOT, max_entries=9, max_bytes=99, max_matches=9)
    assert refused.value.fault is EntryFault.UNREADABLE


def test_a_directory_swapped_for_a_link_during_the_walk_holds_nothing(
    filled: Compartment, acme_files: Path
) -> None:
    found: list[str] = []
    for entry in below(openat2, filled.own.fd, ROOT, max_entries=99):
        found.append(str(entry.path))
        if str(entry.path) == "n":
            (acme_files / "n").rename(acme_files / "moved")
            (acme_files / "n").symlink_to("../..")
        if str(entry.path) == "m":
            (acme_files / "m/a.txt").unlink()
            (acme_files / "m").rmdir()
    assert not any(name.startswith(("n/", "m/")) for name in found)


def test_a_tree_deeper_than_any_path_is_refused(acme: Compartment, acme_files: Path) -> None:
    fd = os.open(acme_files, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(17):
        os.mkdir(b"d" * 250, dir_fd=fd)
        deeper = os.open(b"d" * 250, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = deeper
    os.close(fd)
    with pytest.raises(EntryUnavailable) as refused:
        acme.own.glob(parse("**"), max_entries=99)
    assert refused.value.fault is EntryFault.TOO_LARGE


def test_a_name_that_vanishes_while_it_is_listed_is_passed_over(
    filled: Compartment, acme_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = entries.kind_of

    def removes_the_others(status: os.stat_result) -> entries.Kind:
        for name in ("a.txt", "b.md"):
            (acme_files / name).unlink(missing_ok=True)
        return real(status)

    monkeypatch.setattr(entries, "kind_of", removes_the_others)
    seen = {str(entry.path) for entry in filled.own.list(ROOT, max_entries=99)}
    assert len(seen & {"a.txt", "b.md"}) <= 1
    assert {"n", "m", "out"} <= seen


def test_a_fault_of_the_disk_during_a_walk_names_nothing(
    filled: Compartment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error", "private-name")

    monkeypatch.setattr(os, "scandir", faulty)
    for verb in (filled.own.list, filled.own.glob):
        with pytest.raises(EntryUnavailable) as refused:
            verb(ROOT, max_entries=99)
        assert refused.value.fault is EntryFault.UNREADABLE
        assert refused.value.__suppress_context__
