"""What a whole turn costs: a message of 2 KB, a guarded model call, its answer of 2 KB, and the reply.

All four checkpoints are passed (inbound, model call, model reply, outbound) in the profile `standard`, with
every layer and the real detectors. Each turn is cold: new words, a new sender, a new session. The sides take
turns within one run, each with the same words.
"""

import json
import os
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from unittest import mock

import partywall
from benchmarks import pii
from benchmarks.texts import Texts
from firewall.core.ids import PrincipalId, TenantId
from firewall.core.label import Owned, Principals
from firewall.tools import ToolTable
from partywall import runtime as composition
from partywall.config import Config, load
from partywall.handle import TurnHandle
from partywall.runtime import KeyedIds, Runtime, SystemClock, assemble
from partywall.wall import Wall
from tests.fakes.stores import MemoryEffects, MemoryRecords, MemorySessions
from vault.open import Vault, open_vault

SIZE = 2_000
EXCERPTS = 10_000
PROMPT = "You are Otto, a helpful colleague. Answer briefly."
# A sender of another tenant at every turn; as many tenants hold the excerpts.
TENANTS = 100

Side = Callable[[str, str], Awaitable[object]]


class Prepared(Wall):
    """A wall on a runtime that was put together beforehand."""

    def __init__(self, config: Config, given: Runtime) -> None:
        super().__init__(config)
        self._given = given

    async def runtime(self) -> Runtime:
        """Give the prepared runtime."""
        return self._given


@asynccontextmanager
async def walled(
    *,
    durable: bool,
    excerpts: int = EXCERPTS,
    tenants: int = TENANTS,
    alerts: Sequence[Mapping[str, Any]] = (),
) -> AsyncGenerator[Wall]:
    """Give a wall that knows so many texts of so many configured tenants.

    Args:
        durable: False keeps sessions, records and effects in memory: what remains is the wall's own work.
        excerpts: How many texts it knows.
        tenants: Whose they are, in turn.
        alerts: The routes that operators are told by.
    """
    with tempfile.TemporaryDirectory(dir=os.environ.get("PARTYWALL_BENCH_DIR")) as folder:
        config = load(
            {
                "prompts": [PROMPT],
                "store": {"path": str(Path(folder) / "state" / "partywall.db")},
                "files": {"path": str(Path(folder) / "files")},
                "tenant": [
                    {"id": f"t{n}", "realms": [{"channel": "slack", "realm": f"r{n}"}]}
                    for n in range(tenants)
                ],
                "alert": list(alerts),
            }
        )
        with mock.patch.object(composition, "open_vault", open_vault if durable else _without_disk):
            made = await assemble(config, declared=ToolTable(), clock=SystemClock(), ids=KeyedIds)
        texts = Texts(5)
        for n in range(excerpts):
            made.excerpts.learn(texts.excerpt(), _label(n % tenants))
        try:
            yield Prepared(config, made)
        finally:
            await made.close()


def bot_of(
    wall: Wall,
    tenants: int = TENANTS,
    before_reply: Callable[[TurnHandle], Awaitable[None]] | None = None,
) -> Side:
    """Give a turn of a small bot behind this wall, which may do something more before it replies."""
    said: list[str] = [""]

    async def model(**_: Any) -> dict[str, Any]:
        return answered(said[0])

    ask, count = wall.guard_model(model), iter(range(1 << 30))

    async def turn(text: str, answer: str) -> str:
        said[0], number = answer, next(count)
        arrived = partywall.message(
            text,
            channel="slack",
            realm=f"r{number % tenants}",
            sender=f"u{number}",
            conversation=f"d{number}",
        )
        async with wall.turn(arrived) as turn:
            reply = await ask(**asked(text))
            if before_reply is not None:
                await before_reply(turn)
            return await turn.reply(reply["choices"][0]["message"]["content"])

    return turn


async def bare(text: str, answer: str) -> str:
    """Do what the bot does without the wall."""

    async def model(**_: Any) -> dict[str, Any]:
        return answered(answer)

    reply = await model(**asked(text))
    return cast("str", reply["choices"][0]["message"]["content"])


async def round_trip(text: str, _answer: str) -> object:
    """Write the prompt as JSON and read it again."""
    return json.loads(json.dumps(asked(text)))


def stock_presidio() -> Side:
    """Give Presidio as it comes, on the prompt's text."""
    scan = pii.stock()

    async def side(text: str, _answer: str) -> int:
        return len(scan(text))

    return side


def asked(text: str) -> dict[str, Any]:
    """Give the request of one turn."""
    messages = [{"role": "system", "content": PROMPT}, {"role": "user", "content": text}]
    return {"model": "scripted", "messages": messages}


def answered(text: str) -> dict[str, Any]:
    """Give a completion that says this."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {
        "id": "1", "object": "chat.completion", "created": 1, "model": "scripted", "choices": [choice]
    }  # fmt: skip


async def measured(
    sides: Mapping[str, Side], texts: Texts, rounds: int, beat: Callable[[], None]
) -> dict[str, list[float]]:
    """Time every side in turn, on new texts each round, and give milliseconds.

    The first tenth of the rounds, at least three, is thrown away: imports and tables that fill once.
    """
    spent: dict[str, list[float]] = {name: [] for name in sides}
    warm = max(3, rounds // 10)
    for number in range(-warm, rounds):
        text, answer = texts.clean(SIZE), texts.clean(SIZE)
        for name, side in sides.items():
            start = time.perf_counter()
            await side(text, answer)
            if number >= 0:
                spent[name].append((time.perf_counter() - start) * 1e3)
        beat()
    return spent


async def _without_disk(*args: Any, **kwargs: Any) -> Vault:
    opened = await open_vault(":memory:", *args[1:], **{**kwargs, "master_key": bytes(32)})
    records = MemoryRecords()
    kept: dict[str, Any] = {
        "sessions": MemorySessions(), "records": _Settled(records), "effects": MemoryEffects(records=records)
    }  # fmt: skip
    return replace(opened, **kept)


class _Settled:
    """Records in memory that a vault can close, with no log over them to sign."""

    wrote = False

    def __init__(self, kept: MemoryRecords) -> None:
        self._kept = kept
        self.record, self.queue = kept.record, kept.queue

    async def settle(self) -> None:
        self._kept.flush()


def _label(number: int) -> Owned:
    return Owned(
        tenant=TenantId(f"t{number}"), readers=Principals(ids=frozenset({PrincipalId(f"p{number}")}))
    )


async def whole(rounds: int, beat: Callable[[], None]) -> dict[str, list[float]]:
    """Time the turn in memory, on disk, without the wall, and its two peers."""
    async with walled(durable=False) as memory, walled(durable=True) as disk:
        sides = {
            "turn": bot_of(memory),
            "turn_durable": bot_of(disk),
            "bare": bare,
            "json": round_trip,
            "presidio": stock_presidio(),
        }
        return await measured(sides, Texts(11), rounds, beat)


async def growth(
    points: Sequence[tuple[str, int, int]], rounds: int, beat: Callable[[], None]
) -> dict[str, list[float]]:
    """Time the turn in memory at several sizes: name, excerpts, tenants."""
    async with AsyncExitStack() as walls:
        sides = {
            name: bot_of(
                await walls.enter_async_context(walled(durable=False, excerpts=excerpts, tenants=tenants)),
                tenants,
            )
            for name, excerpts, tenants in points
        }
        return await measured(sides, Texts(13), rounds, beat)
