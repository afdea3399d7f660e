"""The excerpt index as it grows: memory, learning and scans, beside Aho-Corasick over the same.

`python -m benchmarks.excerpts 5000 10000 100000 1000000 10000000 --keep` measures each size in a process of
its own, so that no size inherits another's memory, and keeps the figures in `benchmarks/results`. Entries are
40 to 120 characters of made-up speech whose words are as unevenly used as real ones. The texts that are
scanned were never seen before; those that are redacted hold three of the entries. Processor time throughout.
"""

import argparse
import gc
import itertools
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import ahocorasick_rs  # pyright: ignore[reportMissingTypeStubs]
import psutil
from rich.console import Console

from benchmarks.layer import READER
from benchmarks.table import Row, drawn
from firewall.core.ids import PrincipalId, TenantId
from firewall.core.label import Owned, Principals
from firewall.detect.disguise.unmasked import Unmasking
from firewall.detect.excerpts.index import Excerpts
from firewall.detect.marker import redacted
from firewall.detect.normal import SKELETON
from partywall.config import Config
from partywall.detecting import detector_of

SIZES = (10_000, 100_000, 1_000_000)
SIDES = ("ours", "aho_corasick")
SCANNED = (200, 2_000)
# What Aho-Corasick took for each of a million entries when the budget was set.
RECORDED_BYTES = 496
# What Lumin took to redact 4 KB with 5,000 facts on a machine of the same kind; it is not installed here.
LUMIN_MS = 658.0
# Aho-Corasick needs seven gigabytes for ten million entries.
_PEER_AT_MOST = 1_000_000
_FACTS = 5_000
_REDACTED = 4_096
_BATCH = 1_000
_SINGLE = 20_000
RESULTS = Path(__file__).parent / "results"
_WORDS = 20_000
_DRAWN = 1 << 16
_ROUNDS = 300
_ENTRIES_OF_ONE = 100
_TENANTS = 1_000

Figures = dict[str, float]


class Speech:
    """Draws texts out of a vocabulary whose words are used as unevenly as those of a language."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._words = _vocabulary(random.Random(1))
        self._weights = list(itertools.accumulate(1 / (rank + 5) for rank in range(_WORDS)))
        self._spoken, self._at = "", 0

    def text(self, size: int) -> str:
        """Give so many characters that follow those given before."""
        while self._at + size > len(self._spoken):
            words = self._rng.choices(self._words, cum_weights=self._weights, k=_DRAWN)
            self._spoken, self._at = f"{self._spoken[self._at :]} {' '.join(words)}", 0
        self._at += size
        return self._spoken[self._at - size : self._at]

    def entry(self) -> str:
        """Give something that somebody said."""
        return self.text(self._rng.randint(40, 120))


def ours(count: int, speech: Speech) -> Figures:
    """Measure our index with so many entries of many owners."""
    labels = [_label(number) for number in range(max(10, count // _ENTRIES_OF_ONE))]
    before, spent, index, characters = _memory(), 0.0, Excerpts(), 0
    facts: list[str] = []
    for first in range(0, count, _BATCH):
        entries = [speech.entry() for _ in range(first, min(count, first + _BATCH))]
        batch = [(entry, labels[(first + at) % len(labels)], False) for at, entry in enumerate(entries)]
        start = time.process_time()
        index.learn_many(batch)
        spent += time.process_time() - start
        characters += sum(len(SKELETON.fold(entry)) for entry in entries)
        facts += entries[:10]
    start = time.process_time()
    while index.settle():
        pass
    spent += time.process_time() - start
    taken = _memory() - before
    found: Figures = {
        "bytes": taken / count,
        "characters": characters / count,
        "learn_us": spent / count * 1e6,
        **_scanned(speech, lambda text: index.find(text, READER)),
        "layer_ms": _redacting(index, speech, facts),
    }
    singly = [(speech.entry(), labels[number % len(labels)]) for number in range(_SINGLE)]
    times: list[float] = []
    # The collector's rounds over the texts that wait here would be counted otherwise.
    gc.freeze()
    for entry, label in singly:
        start = time.process_time()
        index.learn(entry, label)
        times.append(time.process_time() - start)
    return found | {"single_us": statistics.median(times) * 1e6, "longest_ms": max(times) * 1e3}


def _redacting(index: Excerpts, speech: Speech, facts: list[str]) -> float:
    """Give the milliseconds that layer 3 takes for 4 KB with three entries in it, typed values included."""
    detector, foreign, draw = detector_of(Config()), Unmasking(index), random.Random(4)
    times: list[float] = []
    for _ in range(_ROUNDS // 3):
        held = draw.sample(facts, 3)
        size = (_REDACTED - sum(map(len, held)) - 6) // 4
        text = " ".join([speech.text(size), *(part for fact in held for part in (fact, speech.text(size)))])
        start = time.process_time()
        found = [*detector.scan(text), *foreign.find(text, READER)]
        cut = redacted(text, found)
        times.append((time.process_time() - start) * 1e3)
        assert not any(fact in cut for fact in held)
    return statistics.median(times)


def aho_corasick(count: int, speech: Speech) -> Figures:
    """Measure an automaton that finds whole entries, each in its skeleton."""
    skeletons = [SKELETON.fold(speech.entry()) for _ in range(count)]
    before, start = _memory(), time.process_time()
    automaton = ahocorasick_rs.AhoCorasick(skeletons, store_patterns=False)
    spent = time.process_time() - start
    return {
        "bytes": (_memory() - before) / count,
        "characters": sum(map(len, skeletons)) / count,
        "learn_us": spent / count * 1e6,
        **_scanned(speech, lambda text: automaton.find_matches_as_indexes(SKELETON.fold(text))),
    }


def rows(figures: dict[int, dict[str, Figures]]) -> list[Row]:
    """Make the table, each size beside the automaton of that size and beside the smallest index."""
    made = [row for count, sides in figures.items() for row in _of(count, sides)]
    smallest, largest = min(set(figures) - {_FACTS}, default=_FACTS), max(figures)
    few, many = figures[smallest]["ours"], figures[largest]["ours"]
    return [
        *made,
        Row(budget="6", what=f"scan of 2,000 characters, {largest:,} entries / {smallest:,}", unit="µs",
            p50=many["scan_2000_us"], peer=few["scan_2000_us"], limit=8),
        Row(budget="14", what=f"layer 3 on 4 KB, {largest:,} entries / {smallest:,}", unit="ms",
            p50=many["layer_ms"], peer=few["layer_ms"], limit=8),
    ]  # fmt: skip


def _of(count: int, sides: dict[str, Figures]) -> list[Row]:
    mine, peer = sides["ours"], sides.get("aho_corasick", {})
    what, beyond = f"{count:,} entries", mine["bytes"] - mine["characters"]
    limit = 1 / 3 if count == _PEER_AT_MOST else None
    made = [
        Row(budget="7" if limit else "", what=f"memory with its texts, {what} / Aho-Corasick without",
            unit="B/entry", p50=mine["bytes"], peer=peer.get("bytes"), limit=limit),
        Row(what=f"learning much at once, {what} / Aho-Corasick", unit="µs/entry",
            p50=mine["learn_us"], peer=peer.get("learn_us")),
        Row(what=f"learning one more, {what}", unit="µs", p50=mine["single_us"]),
        Row(what=f"longest learning of one more, {what}", unit="ms", p50=mine["longest_ms"]),
        *(Row(what=f"scan of {size:,} characters, {what} / Aho-Corasick", unit="µs",
              p50=mine[f"scan_{size}_us"], peer=peer.get(f"scan_{size}_us")) for size in SCANNED),
    ]  # fmt: skip
    if limit:
        made.append(Row(budget="7", what=f"memory beyond the texts, {what} / Aho-Corasick as recorded",
                        unit="B/entry", p50=beyond, peer=RECORDED_BYTES, limit=limit))  # fmt: skip
    if count == _FACTS:
        made.append(Row(budget="14", what=f"layer 3 on 4 KB, {what} / Lumin as recorded", unit="ms",
                        p50=mine["layer_ms"], peer=LUMIN_MS, limit=1 / 100))  # fmt: skip
    return made


def _vocabulary(rng: random.Random) -> list[str]:
    words: set[str] = set()
    while len(words) < _WORDS:
        syllables = rng.choice((1, 1, 2, 2, 3))
        ends = (rng.choice("bcdfghklmnprstvw") if rng.random() < 0.4 else "" for _ in range(syllables))
        words.add("".join(rng.choice("bcdfghklmnprstvw") + rng.choice("aeiou") + end for end in ends))
    return sorted(words, key=lambda word: (len(word) // 3, rng.random()))


def _label(number: int) -> Owned:
    readers = Principals(ids=frozenset({PrincipalId(f"p{number}")}))
    return Owned(tenant=TenantId(f"t{number % _TENANTS}"), readers=readers)


def _scanned(speech: Speech, find: Callable[[str], object]) -> Figures:
    spent: dict[int, list[float]] = {size: [] for size in SCANNED}
    for _ in range(_ROUNDS):
        for size, times in spent.items():
            text = speech.text(size)
            start = time.process_time()
            find(text)
            times.append((time.process_time() - start) * 1e6)
    return {f"scan_{size}_us": statistics.median(times) for size, times in spent.items()}


def _memory() -> int:
    gc.collect()
    return psutil.Process().memory_info().rss


def _measured(side: str, count: int) -> Figures:
    print(f"{count:,} entries, {side}", file=sys.stderr)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.excerpts", "--only", side, str(count)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    figures: Figures = json.loads(done.stdout)
    return figures


def main() -> None:
    """Measure one side of one size, or both sides of every size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES)
    parser.add_argument("--only", choices=SIDES)
    parser.add_argument("--json", action="store_true", help="print the figures instead of the table")
    parser.add_argument("--keep", action="store_true", help="keep the figures in benchmarks/results")
    asked = parser.parse_args()
    if asked.only:
        side = ours if asked.only == "ours" else aho_corasick
        print(json.dumps(side(asked.sizes[0], Speech(3))))
        return
    started = datetime.now(UTC)
    figures: dict[int, dict[str, Figures]] = {}
    for count in sorted(asked.sizes):
        figures[count] = _both(count)
        if asked.keep:
            # After each size: the largest takes minutes and may not end.
            found = {
                "started": started.isoformat(timespec="seconds"),
                "machine": _machine(),
                "sizes": figures,
            }
            RESULTS.joinpath(f"excerpts-{started.date()}.json").write_text(
                json.dumps(found, indent=1) + "\n", encoding="utf-8"
            )
    if asked.json:
        print(json.dumps(figures))
    else:
        Console(width=130).print(drawn(rows(figures), title="Excerpt index"))


def _both(count: int) -> dict[str, Figures]:
    sides = SIDES if count <= _PEER_AT_MOST else SIDES[:1]
    return {side: _measured(side, count) for side in sides}


def _machine() -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "numpy": metadata.version("numpy"),
        "ahocorasick_rs": metadata.version("ahocorasick_rs"),
    }


if __name__ == "__main__":
    main()
