"""How long everybody else waits while one turn holds nearly a megabyte of text.

A task that does nothing but look at the clock stands for all other turns; its longest wait is the gap. Each
text is new. Everything stays in memory: what is measured is the wall's own work on the event loop.
"""

import asyncio
import statistics
import time
from base64 import encodebytes
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from benchmarks.excerpts import Speech
from benchmarks.table import Row
from benchmarks.turn import SIZE, Side, bot_of, walled
from firewall.core.errors import Denied

# A little below what a wall accepts in one subject.
LONG: Final = 950_000
_LINE: Final = 95_000
_TICK_S: Final = 0.001

Raw = Mapping[str, list[float]]


def run(rounds: int, beat: Callable[[], None]) -> tuple[list[Row], Raw]:
    """Measure the longest gap of the event loop, beside how long the turn took."""
    spent = asyncio.run(_measured(rounds, beat))
    return [
        Row(
            budget="13" if name == "reply" else "",
            what=f"longest gap of the event loop / the turn, 1 MB as {words}",
            unit="ms",
            p50=statistics.median(spent[f"{name}_gap"]),
            p99=max(spent[f"{name}_gap"]),
            peer=statistics.median(spent[f"{name}_turn"]),
            limit=1 / 5 if name == "reply" else None,
        )
        for name, words in _WHAT.items()
    ], spent


_WHAT: Final = {
    "reply": "the model's reply",
    "message": "the message",
    "lines": "a reply of lines of 95 KB",
    "code": "a reply of words in base64",
}


async def _measured(rounds: int, beat: Callable[[], None]) -> dict[str, list[float]]:
    spent: dict[str, list[float]] = {}
    for name, drawn in _DRAWN.items():
        gaps = spent[f"{name}_gap"] = list[float]()
        turns = spent[f"{name}_turn"] = list[float]()
        speech = Speech(11)
        # Of its own, since what one side says is an excerpt to the next.
        async with walled(durable=False) as wall:
            turn = bot_of(wall)
            for number in range(-1, rounds):
                said, answer = speech.text(SIZE), drawn(speech)
                if name == "message":
                    said, answer = answer, said
                gap, whole = await _watched(turn, said, answer)
                if number >= 0:
                    gaps.append(gap)
                    turns.append(whole)
        beat()
    return spent


def _sentences(speech: Speech) -> str:
    """Give sentences of a dozen words, a number in every third."""
    words = speech.text(LONG).split(" ")
    for place in range(11, len(words), 12):
        words[place] += "."
    for place in range(5, len(words), 36):
        words[place] = str(place % 2_000)
    return " ".join(words)


def _lines(speech: Speech) -> str:
    """Give lines almost as long as one may be, with nothing else to cut them at."""
    return "\n".join(speech.text(_LINE) for _ in range(LONG // _LINE))


def _code(speech: Speech) -> str:
    return encodebytes(speech.text(LONG * 3 // 4 - 20_000).encode()).decode()


_DRAWN: Final = {"reply": _sentences, "message": _sentences, "lines": _lines, "code": _code}


async def _watched(turn: Side, said: str, answer: str) -> tuple[float, float]:
    """Give the longest gap during a turn, and how long the turn took, in milliseconds."""
    gaps: list[float] = []
    done = asyncio.Event()

    async def watch() -> None:
        last = time.perf_counter()
        while not done.is_set():
            await asyncio.sleep(_TICK_S)
            last, before = time.perf_counter(), last
            gaps.append(last - before)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(_TICK_S)
    start = time.perf_counter()
    # What is too much to examine is refused after it was looked at.
    with suppress(Denied):
        await turn(said, answer)
    whole = time.perf_counter() - start
    done.set()
    await watching
    return max(gaps) * 1e3, whole * 1e3
