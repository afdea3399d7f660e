"""What alerts cost a turn: one with a violation in it, while every receiver of every route hangs.

Beside it runs the same turn on a wall without routes, and on one whose receivers answer at once. All three
commit to disk at `FULL`, and the relay works while the turns do; the receivers have processes of their own.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any
from unittest import mock

from benchmarks.receiving import receiver
from benchmarks.table import Row, compared, percentile
from benchmarks.texts import Texts
from benchmarks.turn import Side, bot_of, measured, walled
from partywall import Denied
from partywall.handle import TurnHandle

EXCERPTS = 1_000
SIDES = ("none", "answers", "hangs")
_SECRETS = {"HOOK_KEY": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
_ROUTES = ("first", "second", "third")


def run(rounds: int, beat: Callable[[], None]) -> tuple[list[Row], dict[str, list[float]]]:
    """Measure, and give the rows of the table."""
    spent = asyncio.run(_spent(rounds, beat))
    rows = [compared(spent["none"], None, what="turn with a violation, no routes")]
    for kind, what in (("answers", "receivers answer at once"), ("hangs", "every receiver hangs")):
        rows += [
            compared(spent[kind], spent["none"], what=f"the same, {what} / no routes"),
            Row(
                what=f"the same, {what} / no routes, 99th percentiles",
                unit="ms",
                p50=percentile(spent[kind], 99),
                peer=percentile(spent["none"], 99),
            ),
        ]
    return rows, spent


async def _spent(rounds: int, beat: Callable[[], None]) -> dict[str, list[float]]:
    """Time the turn on the three walls in turn, in milliseconds."""
    # A line for each denial would bury the table.
    logging.getLogger("partywall").setLevel(logging.CRITICAL)
    with mock.patch.dict(os.environ, _SECRETS):
        async with AsyncExitStack() as opened:
            sides: dict[str, Side] = {}
            for kind in SIDES:
                url = None if kind == "none" else await opened.enter_async_context(receiver(kind))
                wall = walled(durable=True, excerpts=EXCERPTS, alerts=_routes(url))
                sides[kind] = bot_of(await opened.enter_async_context(wall), before_reply=_denied)
            return await measured(sides, Texts(17), rounds, beat)


def _routes(url: str | None) -> list[Mapping[str, Any]]:
    """Give three routes to one receiver, each for every violation, with room for one a second and more."""
    more = {"kind": "webhook", "url": url, "keys_env": ["HOOK_KEY"], "private": True, "per_minute": 1_000}
    return [{"name": name, **more} for name in _ROUTES if url]


async def _denied(turn: TurnHandle) -> None:
    """Have the model ask for a tool that nobody granted."""
    try:
        await turn.call_tool("bash", {"command": "ls"})
    except Denied:
        return
    raise AssertionError("the tool was not denied")
