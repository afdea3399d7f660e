"""Sustained messages a second through a managed bot on loopback, beside a bare slack_bolt bot.

A process of its own serves a Slack of ours by signed HTTP events; a thousand people of two companies write
to it, at most `IN_FLIGHT` at once, and a message counts when its answer stands on the platform. Both sides
answer with the same words from a model that answers at once; ours commits every delivery and every answer to
a database at `FULL`, and the bare bot remembers nothing.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

import partywall
from adapters.channels import Accept, Drop, Forget
from adapters.slack.channel import PATH, SlackChannel
from partywall.handle import TurnHandle
from partywall.wall import Wall
from tests.fakes.slack.delivery import SECRET, SignedHttp
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.shapes import Person, Place
from tests.fakes.slack.workspace import Workspace

SESSIONS = 1_000
IN_FLIGHT = 32
_TOKENS = {"T0ACME001": "xoxb-acme", "T0GLOBEX1": "xoxb-globex"}

Kind = Literal["bare", "served"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One side's figures: messages a second over the whole run, and the process's peak memory in MiB."""

    rate: float
    peak_mib: float


async def _model(**request: Any) -> dict[str, Any]:
    said = f"You said: {request['messages'][-1]['content']}"
    choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
    return {"choices": [choice]}


def _wall(folder: Path) -> Wall:
    return partywall.open(
        {
            "store": {"path": str(folder / "partywall.db")},
            "files": {"path": str(folder / "files")},
            "tenant": [
                {"id": team, "realms": [{"channel": "slack", "realm": team}]} for team in sorted(_TOKENS)
            ],
        }
    )


class _Told(SlackChannel):
    async def open(self, accept: Accept, forget: Forget, drop: Drop) -> None:
        await super().open(accept, forget, drop)
        _say(self.port)


def _say(port: int) -> None:
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()


def _serve(api: str, folder: Path) -> None:
    """Run the managed bot until it is told to stop."""
    wall = _wall(folder)
    ask = wall.guard_model(_model)

    async def answer(turn: TurnHandle) -> str:
        reply = await ask(model="m", messages=[{"role": "user", "content": turn.text}])
        return str(reply["choices"][0]["message"]["content"])

    channel = _Told(_TOKENS, signing_secret=SECRET, port=0, base_url=api)
    partywall.Bot(wall, answer, [channel]).run()


async def _bare(api: str) -> None:
    """Run a bot of slack_bolt alone: it answers with the token of the workspace that wrote."""
    clients: dict[str, Any] = {
        team: AsyncWebClient(token=token, base_url=api) for team, token in _TOKENS.items()
    }
    app: Any = AsyncApp(client=clients["T0ACME001"], signing_secret=SECRET)

    async def heard(event: dict[str, Any], body: dict[str, Any]) -> None:
        reply = await _model(messages=[{"role": "user", "content": event["text"]}])
        text = str(reply["choices"][0]["message"]["content"])
        await clients[body["team_id"]].chat_postMessage(channel=event["channel"], text=text)

    app.event("message")(heard)
    runner = web.AppRunner(app.web_app(path=PATH), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    _say(int(runner.addresses[0][1]))
    await asyncio.Event().wait()


@asynccontextmanager
async def _running(kind: Kind, slack: FakeSlack, folder: Path) -> AsyncGenerator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.serving",
        kind,
        slack.api,
        str(folder),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        slack.transport = SignedHttp(url=f"http://127.0.0.1:{int(await process.stdout.readline())}{PATH}")
        yield process
    finally:
        process.kill()
        await process.wait()


async def _said(slack: FakeSlack, messages: int, beat: Callable[[], None]) -> float:
    """Have everybody write in turn, and give the seconds until the last answer stands."""
    spoken: list[tuple[Workspace, Person, Place]] = []
    for number in range(SESSIONS):
        at = slack.globex if number % 2 else slack.acme
        who = at.joins(Person(id=f"U0{number:07d}", name=f"p{number}", team=at.id))
        spoken.append((at, who, at.dm(who)))
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def one(number: int) -> None:
        at, who, place = spoken[number % SESSIONS]
        async with gate:
            before = len(place.messages)
            await at.says(who, place, f"what is new, number {number}?")
            await slack.records.until(lambda: len(place.messages) >= before + 2, timeout_s=120)
            beat()

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(messages):
            group.create_task(one(number))
    return time.perf_counter() - began


def _peak_mib(process: asyncio.subprocess.Process) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 1024


async def _side(kind: Kind, messages: int, beat: Callable[[], None]) -> Served:
    with tempfile.TemporaryDirectory() as folder:
        async with FakeSlack() as slack, _running(kind, slack, Path(folder)) as process:
            spent_s = await _said(slack, messages, beat)
            return Served(rate=messages / spent_s, peak_mib=_peak_mib(process))


def measured(messages: int, beat: Callable[[], None]) -> dict[Kind, list[Served]]:
    """Measure both sides in turn, twice, so that neither has the quieter half of the machine."""
    figures: dict[Kind, list[Served]] = {"bare": [], "served": []}
    for _ in range(2):
        for kind, into in figures.items():
            into.append(asyncio.run(_side(kind, messages, beat)))
    return figures


if __name__ == "__main__":
    if sys.argv[1] == "bare":
        asyncio.run(_bare(sys.argv[2]))
    else:
        _serve(sys.argv[2], Path(sys.argv[3]))
