"""The verifier of bundles finds every tampered log, says which record, and never cries over a whole one.

`make test` tries a few hundred; PARTYWALL_TAMPER=10000 tries so many.
"""

import asyncio
import json
import os
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.fakes.bundles import RECEIPTS, TAMPERINGS, Given, Specimen, dumped, relinked, specimen
from vault.verify_bundle import Fault, checkpoint, faults, head, main, opened

COUNT = int(os.environ.get("PARTYWALL_TAMPER", "400"))
LOGS = 8


@pytest.fixture(scope="module")
def specimens(tmp_path_factory: pytest.TempPathFactory) -> list[Specimen]:
    folder = tmp_path_factory.mktemp("logs")

    async def made() -> list[Specimen]:
        return [await specimen(folder / str(number), number) for number in range(LOGS)]

    return [each for each in asyncio.run(made()) if each.ours.lines]


def found(files: dict[str, bytes], of: Given) -> list[str]:
    return faults(files, of.key, of.kept)


def test_untouched_logs_raise_no_alarm(specimens: list[Specimen]) -> None:
    whole = [each for one in specimens for each in (one.ours, one.theirs)]
    assert len(whole) >= LOGS
    assert [found(dict(each.files), each) for each in whole] == [[]] * len(whole)


@pytest.mark.timeout(1_800)
def test_every_tampered_log_is_found(specimens: list[Specimen]) -> None:
    seed = random.Random(20_000)
    tried: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    while tried.total() < COUNT:
        tampering, of = TAMPERINGS[tried.total() % len(TAMPERINGS)], seed.choice(specimens)
        files = tampering(of, seed)
        if files == of.ours.files:
            continue  # two swapped lines of a list can be put back by linking anew
        tried[tampering.__name__] += 1
        missed[tampering.__name__] += not found(files, of.ours)
    assert (tried.total(), missed.total()) == (COUNT, 0), missed


@pytest.fixture
def ours(specimens: list[Specimen]) -> Given:
    """The longest of the bundles."""
    return max((each.ours for each in specimens), key=lambda each: len(each.lines))


def listed(of: Given, lines: list[bytes]) -> list[str]:
    return found({**of.files, RECEIPTS: b"".join(lines)}, of)


def test_the_record_that_was_removed_is_named(ours: Given) -> None:
    lines = ours.lines
    assert listed(ours, lines[:2] + lines[3:]) == ["receipt 3: missing"]
    assert listed(ours, lines[:-1]) == [f"receipt {len(lines)}: missing"]


def test_the_record_that_was_added_is_named(ours: Given) -> None:
    lines = ours.lines
    assert listed(ours, [*lines[:3], lines[1], *lines[3:]]) == ["receipt 2: added (line 4)"]
    new = dumped({**json.loads(lines[-1]), "seq": len(lines) + 1}) + b"\n"
    assert listed(ours, [*lines, new]) == [f"receipt {len(lines) + 1}: added (line {len(lines) + 1})"]


def test_the_record_that_was_moved_is_named(ours: Given) -> None:
    lines = ours.lines
    assert listed(ours, [lines[1], lines[0], *lines[2:]]) == ["receipt 1: moved (line 2)"]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("body", "{}", "its hash is another's"),
        ("tenant", "GLOBEX", "it is another tenant's"),
        ("salt", "0" * 64, "its leaf in the log commits to something else"),
        ("leaf", 0, "its leaf is not in the log"),
        ("leaf", 10**6, "its leaf is not in the log"),
        ("proof", [], "its leaf is not in the log"),
    ],
)
def test_the_record_that_was_changed_is_named(ours: Given, field: str, value: object, said: str) -> None:
    lines = ours.lines
    lines[1] = dumped({**json.loads(lines[1]), field: value}) + b"\n"
    assert listed(ours, lines) == [f"receipt 2: changed: {said}"]


@pytest.mark.parametrize("field", ["at_ms", "hash", "proof", "salt", "tenant", "body", "seq"])
def test_a_field_of_the_wrong_kind_is_no_record(ours: Given, field: str) -> None:
    lines = ours.lines
    others: tuple[object, ...] = (True, -1, 1.5, [1], {}, ["g" * 64])
    for wrong in others:
        lines[1] = dumped({**json.loads(lines[1]), field: wrong}) + b"\n"
        assert listed(ours, lines)[0] == "line 2: no record"


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"a":1}', b"\xff", b"[" * 100_000, b'{"at_ms": 1}'])
def test_a_line_that_is_none_of_ours_is_named(ours: Given, data: bytes) -> None:
    assert listed(ours, [*ours.lines, data + b"\n"])[0].startswith(f"line {len(ours.lines) + 1}: no")


def test_the_same_record_in_another_spelling_is_no_record(ours: Given) -> None:
    lines = ours.lines
    lines[0] = json.dumps(json.loads(lines[0]), sort_keys=True).encode() + b"\n"
    assert listed(ours, lines)[0] == "line 1: not canonical JSON"


def test_a_salt_that_was_taken_away_is_found_by_the_signed_digest(ours: Given) -> None:
    lines = ours.lines
    lines[0] = dumped({**json.loads(lines[0]), "salt": None}) + b"\n"
    assert listed(ours, lines) == ["the list of receipts is not the one that was signed"]


def test_records_linked_anew_do_not_make_the_head(ours: Given) -> None:
    lines = ours.lines
    bare = [dumped({**json.loads(each), "salt": None}) + b"\n" for each in lines]
    first = json.loads(bare[0])
    bare[0] = dumped({**first, "at_ms": first["at_ms"] - 1}) + b"\n"
    assert listed(ours, relinked(bare)) == [f"receipt {len(lines)}: changed: it is not the head of its chain"]
    bare[1] = lines[1]
    assert "receipt 2: does not follow receipt 1" in listed(ours, [*relinked(bare[:1]), *bare[1:]])


def test_a_fork_is_found_by_whoever_kept_a_checkpoint(specimens: list[Specimen]) -> None:
    for one in specimens:
        for fork in one.forks:
            assert found(dict(fork.files), fork) == [
                "the log is not the one of the earlier checkpoint: it was rewritten or forked"
            ]
            # By itself it is a log like any other: only what was kept tells.
            alone = {name: fork.files[name] for name in ("checkpoint.txt", "head.txt", RECEIPTS)}
            assert faults(alone, fork.key) == []


def test_a_bundle_must_hold_its_files_and_no_others(ours: Given) -> None:
    for name in ours.files:
        less = {each: data for each, data in ours.files.items() if each != name}
        assert found(less, ours) == ["the bundle lacks a file, or holds one too many"]
    more = {**ours.files, "more.txt": b""}
    assert found(more, ours) == ["the bundle lacks a file, or holds one too many"]


def test_pieces_of_two_moments_do_not_fit(specimens: list[Specimen]) -> None:
    one = next(each for each in specimens if each.ours.kept != each.ours.files["checkpoint.txt"])
    old = {**one.ours.files, "checkpoint.txt": one.ours.files["earlier.txt"]}
    assert found(old, one.ours) == ["the checkpoint and the head of the chain are of two moments"]
    other = one.forks[0].files["checkpoint.txt"]
    assert faults(one.ours.files, one.ours.key, other) == [
        "the bundle goes back to another checkpoint than yours"
    ]
    alone = {name: one.ours.files[name] for name in ("checkpoint.txt", "head.txt", RECEIPTS)}
    assert "does not go back" in found(alone, one.ours)[0]


# Of golang.org/x/mod/sumdb/note, whose format this is.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg"
    "KvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_notes_are_those_of_others_too() -> None:
    assert opened(NOTE.encode(), PETER)[0] == "PeterNeumann"
    witnessed = NOTE + "\u2014 witness.example/w1 jWbPPwAAAAA=\n"
    assert opened(witnessed.encode(), PETER) == opened(NOTE.encode(), PETER)
    for wrong in (NOTE[:-1], NOTE.replace("answer", "question"), NOTE.replace("\n\n", "\n"), "", "\n\n"):
        with pytest.raises(Fault):
            opened(wrong.encode(), PETER)
    for read in (checkpoint, head):
        with pytest.raises(Fault, match="cannot be read"):
            read(NOTE.encode(), PETER)


@pytest.mark.parametrize("key", ["", "a", "a+b+c", PETER[:-1], PETER.replace("c74f", "c74e"), f"+{PETER}"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(Fault, match="the key is none"):
        opened(NOTE.encode(), key)


def test_a_bundle_on_disk_that_cannot_be_read_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "none.zip"), "--key", PETER]) == 1
    assert capsys.readouterr().out == "the bundle cannot be read (FileNotFoundError)\n"
