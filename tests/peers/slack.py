"""emulate, a Slack that is not ours, and a bot that talks to it by unmodified slack_bolt and slack_sdk."""

import html
import json
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode

import aiohttp
from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack.otto import Otto
from tests.peers.npm import NODE
from tests.peers.processes import PEERS, PeerFailed, serving

SECRET: Final = "8f742231b10e8888abcd99yyyzzz85a5"
APP: Final = "A0OTTO001"
BOT: Final = "U0OTTO001"
TEAM: Final = "T000000001"
# The channel and the incoming webhook into it that emulate always has.
GENERAL: Final = "C000000001"
RESPONSE_PATH: Final = f"/services/{TEAM}/B000000001/X000000001"
_TOKEN: Final = "xoxb-otto"
_OTTO: Final[dict[str, Any]] = {
    "app_id": APP,
    "client_id": "1.1",
    "client_secret": "none",
    "name": "Otto",
    "redirect_uris": [],
    "bot_id": "B0OTTO001",
    "bot_user_id": BOT,
    "bot_name": "otto",
}
_SEED: Final[dict[str, Any]] = {
    "users": [{"name": "ada"}, {"name": "ben"}],
    "channels": [{"name": "kitchen"}, {"name": "elsewhere"}],
    "oauth_apps": [_OTTO],
    "tokens": [{"token": _TOKEN, "type": "bot", "user_id": BOT, "app_id": APP, "bot_id": "B0OTTO001"}],
}
_TRIES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulate:
    """A running emulator.

    Attributes:
        url: Its address, without a slash at the end.
    """

    url: str

    async def ask(self, method: str, **body: object) -> dict[str, Any]:
        """Call a method beside the bot's own client."""
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {_TOKEN}"}) as client,
            client.post(f"{self.url}/api/{method}", json=body) as answer,
        ):
            said: dict[str, Any] = await answer.json()
            assert said["ok"], said
            return said

    async def person(self, name: str) -> str:
        """Give somebody's id."""
        people = (await self.ask("users.list"))["members"]
        return next(str(one["id"]) for one in people if one["name"] == name)

    async def room(self, name: str) -> str:
        """Give a channel's id."""
        rooms = (await self.ask("conversations.list"))["channels"]
        return next(str(one["id"]) for one in rooms if one["name"] == name)

    async def dm(self, person: str) -> str:
        """Give the id of somebody's direct messages with the bot."""
        return str((await self.ask("conversations.open", users=person))["channel"]["id"])

    async def kept(self, place: str) -> list[str]:
        """Give the texts that stand in a place, oldest first, without what only one person sees."""
        messages = (await self.ask("conversations.history", channel=place, limit=1000))["messages"]
        return [str(one["text"]) for one in reversed(messages)]

    async def page(self, place: str) -> str:
        """Give the emulator's own page of a place: what only one person sees stands there alone."""
        async with (
            aiohttp.ClientSession() as client,
            client.get(f"{self.url}/?tab=messages&channel={place}") as answer,
        ):
            return html.unescape(await answer.text())


@contextmanager
def emulate(folder: Path) -> Generator[Emulate]:
    """Run emulate on a free port of loopback until the block ends."""
    seed = folder / "seed.json"
    seed.write_text(json.dumps({"slack": _SEED}), encoding="utf-8")
    script = PEERS / "emulate" / "node_modules" / "emulate" / "dist" / "index.js"
    for left in reversed(range(_TRIES)):
        port = str(_free_port())
        command: list[str | Path] = [NODE, script, "--service", "slack", "--port", port, "--seed", seed]
        running = serving(command, folder=folder, ready=r"^\s*Ready\.")
        try:
            running.__enter__()
        except PeerFailed:
            # emulate takes no port 0, so somebody may have taken the port since it was found free.
            if not left:
                raise
            continue
        try:
            yield Emulate(url=f"http://127.0.0.1:{port}")
        finally:
            running.__exit__(None, None, None)
        return


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@dataclass(slots=True, kw_only=True)
class Left:
    """The requests that left the process, by method, with their texts."""

    calls: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    @property
    def spoken(self) -> list[tuple[str, str]]:
        """Those that show somebody something."""
        return [(method, text) for method, text in self.calls if method.startswith("chat.")]

    async def saw(self, session: object, context: Any, sent: Any) -> None:
        body: bytes = sent.chunk
        text = json.loads(body).get("text", "") if body[:1] == b"{" else _form(body).get("text", "")
        self.calls.append((str(sent.url.path).removeprefix("/api/"), text))


def _form(body: bytes) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(body.decode()).items()}


@dataclass(slots=True, kw_only=True, eq=False)
class Office:
    """A bot at work in the emulator.

    Attributes:
        left: What its client sent.
        extra: Handlers by the text that calls them, which stand before the bot's own.
    """

    slack: Emulate
    app: Any
    bot: Otto
    left: Left
    endpoint: str = ""
    _told: int = 0

    async def hears(self, who: str, place: str, text: str, *, room: str = "im") -> None:
        """Deliver what somebody said, as Slack does: by a signed request; and wait for the handler."""
        self._told += 1
        ts = f"1760000000.{self._told:06d}"
        event = {"type": "message", "user": who, "text": text, "ts": ts, "event_ts": ts, "team": TEAM}
        installed = {"enterprise_id": None, "team_id": TEAM, "user_id": BOT, "is_bot": True}
        body = {
            "token": "not-used",
            "type": "event_callback",
            "team_id": TEAM,
            "api_app_id": APP,
            "event": {**event, "channel": place, "channel_type": room},
            "event_id": f"Ev{self._told:09d}",
            "event_time": 1_760_000_000,
            "authorizations": [{**installed, "is_enterprise_install": False}],
            "is_ext_shared_channel": False,
        }
        await self._delivers(json.dumps(body), "application/json")

    async def commanded(self, who: str, place: str, text: str) -> None:
        """Deliver a slash command; its answers go to emulate's incoming webhook, into #general."""
        body = {
            "token": "not-used",
            "team_id": TEAM,
            "team_domain": "emulate",
            "channel_id": place,
            "channel_name": "general",
            "user_id": who,
            "user_name": "somebody",
            "command": "/otto",
            "text": text,
            "api_app_id": APP,
            "is_enterprise_install": "false",
            "response_url": f"{self.slack.url}{RESPONSE_PATH}",
            "trigger_id": "1.2.3",
        }
        await self._delivers(urlencode(body), "application/x-www-form-urlencoded")

    async def _delivers(self, body: str, kind: str) -> None:
        signer: Any = SignatureVerifier(SECRET)
        at = str(int(signer.clock.now()))
        headers = {
            "Content-Type": kind,
            "X-Slack-Request-Timestamp": at,
            "X-Slack-Signature": str(signer.generate_signature(timestamp=at, body=body)),
        }
        async with (
            aiohttp.ClientSession() as client,
            client.post(self.endpoint, data=body.encode(), headers=headers) as answer,
        ):
            assert answer.status == 200, await answer.text()


@asynccontextmanager
async def office(slack: Emulate, model: Callable[..., Awaitable[Any]]) -> AsyncGenerator[Office]:
    """Make the bot, with a client of slack_sdk as the library makes it; `opened` lets deliveries in."""
    left = Left()
    trace = aiohttp.TraceConfig()
    trace.on_request_chunk_sent.append(left.saw)
    async with aiohttp.ClientSession(trace_configs=[trace]) as session:
        client = AsyncWebClient(token=_TOKEN, base_url=f"{slack.url}/api/", session=session)
        app: Any = AsyncApp(client=client, token=_TOKEN, signing_secret=SECRET)
        bot = Otto(model)
        yield Office(slack=slack, app=app, bot=bot, left=left)


@asynccontextmanager
async def opened(at: Office) -> AsyncGenerator[None]:
    """Serve the bot's endpoint, after whoever guards it has done so."""
    at.bot.listens(at.app)
    runner = web.AppRunner(at.app.web_app(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        at.endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
        yield
    finally:
        await runner.cleanup()
