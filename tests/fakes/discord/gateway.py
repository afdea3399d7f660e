"""The gateway: sessions over web sockets, the events that each may see, and their replay.

Source: discord.com/developers/docs/events, Gateway (version 10).
"""

import asyncio
import importlib
import json
import zlib
from collections.abc import Callable
from typing import Any, Final

from aiohttp import WSMsgType, web

from tests.fakes.discord.people import Json
from tests.fakes.discord.watch import Watch
from tests.fakes.discord.world import TOKEN, World

MEMBERS, PRESENCES, MESSAGE_CONTENT = 1 << 1, 1 << 8, 1 << 15
PRIVILEGED: Final = MEMBERS | PRESENCES | MESSAGE_CONTENT
_BAD_TOKEN, _BAD_RESUME, _DISALLOWED = 4004, 4007, 4014
# For each kind of event: the intent in a guild, and in a direct message.
_NEEDS: Final = {
    "MESSAGE_REACTION": (1 << 10, 1 << 13),
    "MESSAGE": (1 << 9, 1 << 12),
    "TYPING": (1 << 11, 1 << 14),
    "GUILD": (1 << 0, 1 << 0),
    "THREAD": (1 << 0, 1 << 0),
}
_READABLE: Final[Json] = {"content": "", "embeds": [], "attachments": [], "components": []}


class Session:
    """One identified connection, with all that was dispatched to it; it outlives its socket."""

    def __init__(self, id: str, intents: int) -> None:
        self.id, self.intents = id, intents
        self.frames: list[str] = []
        self.line: Line | None = None
        self.resumed = 0

    def dispatch(self, name: str, data: Json) -> None:
        """Number an event, keep it for a replay, and send it if somebody listens."""
        self.frames.append(json.dumps({"op": 0, "s": len(self.frames) + 1, "t": name, "d": data}))
        if self.line is not None:
            self.line.queue.put_nowait(self.frames[-1])

    def wants(self, event: str, *, in_guild: bool) -> bool:
        for kind, (guild, direct) in _NEEDS.items():
            if event.startswith(kind):
                return bool(self.intents & (guild if in_guild else direct))
        return True


class Line:
    """One socket: what waits to be sent, in order; a number closes it with that code, bytes are a ping."""

    def __init__(self, socket: web.WebSocketResponse, compress: str | None) -> None:
        self.queue: asyncio.Queue[str | int | bytes] = asyncio.Queue()
        self.pongs = 0
        self._socket, self._pack = socket, _packer(compress)

    def say(self, op: int, data: Any = None) -> None:
        self.queue.put_nowait(json.dumps({"op": op, "d": data, "s": None, "t": None}))

    async def pump(self) -> None:
        """Send until the end."""
        while True:
            match await self.queue.get():
                case int() as code:
                    await self._socket.close(code=code)
                    return
                case bytes() as word:
                    await self._socket.ping(word)
                case text if self._pack is not None:
                    await self._socket.send_bytes(self._pack(text.encode()))
                case text:
                    await self._socket.send_str(text)


class Gateway:
    """All sessions.

    `granted` are the privileged intents that the application may ask for.
    """

    def __init__(self, watch: Watch, *, granted: int = PRIVILEGED) -> None:
        self.granted = granted
        self.sessions: dict[str, Session] = {}
        self.beats = 0
        self.errors: list[Exception] = []
        self._watch = watch
        self._world: World | None = None

    def join(self, world: World) -> None:
        """Say which world it is the gateway of."""
        self._world = world

    def emit(self, event: str, data: Json) -> None:
        """Dispatch to every session that asked for it, each with what it may read."""
        for one in self.sessions.values():
            if one.wants(event, in_guild="guild_id" in data or event.startswith("GUILD")):
                unread = event.startswith("MESSAGE") and not one.intents & MESSAGE_CONTENT
                one.dispatch(event, self.hide(data) if unread else data)

    def hide(self, message: Json) -> Json:
        """Give a message as it is without the intent for its content.

        What the bot wrote, what mentions it and what is direct stays readable.
        """
        assert self._world is not None
        bot = self._world.bot.id
        named = [message.get("author", {}).get("id"), *(one["id"] for one in message.get("mentions", []))]
        if "content" not in message or "guild_id" not in message or bot in named:
            return message
        hidden = {**message, **_READABLE}
        if message.get("referenced_message"):
            inner = {**message["referenced_message"], "guild_id": message["guild_id"]}
            hidden["referenced_message"] = self.hide(inner)
        if "message_snapshots" in message:
            hidden["message_snapshots"] = [
                {"message": {**one["message"], **_READABLE}} for one in message["message_snapshots"]
            ]
        return hidden

    async def until(self, check: Callable[[], object]) -> None:
        """Wait until something is so, here or in a session."""
        await self._watch.until(check)

    async def read(self) -> None:
        """Wait until every client has dealt with all that was sent to it; it answers pings in order.

        Not by heartbeats: the library sends no more than 110 of anything in a minute.
        """
        lines = [one.line for one in self.sessions.values() if one.line is not None]
        wanted = [(line, line.pongs + 1) for line in lines]
        for line in lines:
            line.queue.put_nowait(b"read")
        await self.until(lambda: all(line.pongs >= pongs for line, pongs in wanted))

    async def until_another(self) -> None:
        """Wait until one more session has been sent all that it gets at the start."""
        before = set(self.sessions)
        await self.until(lambda: set(self.sessions) - before)

    async def until_resumed(self) -> None:
        """Wait until a session has been resumed."""
        await self.until(lambda: any(one.resumed and one.line for one in self.sessions.values()))

    def asks_reconnect(self) -> None:
        """Ask every client to come again (opcode 7)."""
        for one in self.sessions.values():
            if one.line is not None:
                one.line.say(7)

    def drops(self, code: int = 4000) -> None:
        """Close every socket; the sessions can be resumed."""
        for one in self.sessions.values():
            if one.line is not None:
                one.line.queue.put_nowait(code)
                one.line = None

    def asks_heartbeat(self) -> None:
        """Ask for a heartbeat now (opcode 1)."""
        for one in self.sessions.values():
            if one.line is not None:
                one.line.say(1)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one socket."""
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        line = Line(socket, request.query.get("compress"))
        line.say(10, {"heartbeat_interval": 41_250})
        pump = asyncio.create_task(line.pump())
        try:
            async for frame in socket:
                if frame.type is WSMsgType.TEXT:
                    self._heard(line, json.loads(frame.data))
                elif frame.type is WSMsgType.PING:
                    await socket.pong(frame.data)
                elif frame.type is WSMsgType.PONG:
                    line.pongs += 1
                    self._watch.notify()
        finally:
            pump.cancel()
            self._left(line, socket.close_code)
        return socket

    def _heard(self, line: Line, frame: Json) -> None:
        try:
            self._act(line, frame)
        except Exception as error:  # noqa: BLE001 - kept, and raised when the test ends
            self.errors.append(error)
        self._watch.notify()

    def _act(self, line: Line, frame: Json) -> None:
        match frame["op"]:
            case 1:
                self.beats += 1
                line.say(11)
            case 2:
                self._identify(line, frame["d"])
            case 6:
                self._resume(line, frame["d"])
            case 8:
                self._members(line, frame["d"])
            case _:
                pass

    def _identify(self, line: Line, data: Json) -> None:
        world = self._world
        assert world is not None
        intents = data["intents"]
        if data["token"] != TOKEN:
            return line.queue.put_nowait(_BAD_TOKEN)
        if intents & PRIVILEGED & ~self.granted:
            return line.queue.put_nowait(_DISALLOWED)
        session = Session(f"session-{world.ids.new()}", intents)
        session.line = line
        self.sessions[session.id] = session
        ready = {
            "v": 10,
            "user": world.bot.shown(),
            "guilds": [{"id": id, "unavailable": True} for id in world.guilds],
            "private_channels": [],
            "session_id": session.id,
            "resume_gateway_url": world.url.replace("http", "ws", 1) + "/gateway",
            "application": {"id": world.app, "flags": 0},
            **({"shard": data["shard"]} if "shard" in data else {}),
        }
        session.dispatch("READY", ready)
        for guild in world.guilds.values():
            if session.wants("GUILD_CREATE", in_guild=True):
                session.dispatch("GUILD_CREATE", world.guild_created(guild))
        return None

    def _resume(self, line: Line, data: Json) -> None:
        session = self.sessions.get(data["session_id"])
        if data["token"] != TOKEN:
            return line.queue.put_nowait(_BAD_TOKEN)
        if session is None:
            return line.say(9, data=False)
        if data["seq"] > len(session.frames):
            return line.queue.put_nowait(_BAD_RESUME)
        for missed in session.frames[data["seq"] :]:
            line.queue.put_nowait(missed)
        session.line = line
        session.resumed += 1
        return session.dispatch("RESUMED", {})

    def _members(self, line: Line, data: Json) -> None:
        assert self._world is not None
        guild = self._world.guilds[str(data["guild_id"])]
        for one in self.sessions.values():
            if one.line is line and one.intents & MEMBERS:
                members = [guild.whole_member(id) for id in guild.members]
                chunk = {"guild_id": guild.id, "members": members, "chunk_index": 0, "chunk_count": 1}
                one.dispatch("GUILD_MEMBERS_CHUNK", {**chunk, "nonce": data.get("nonce")})

    def _left(self, line: Line, code: int | None) -> None:
        for id, one in list(self.sessions.items()):
            if one.line is line:
                one.line = None
                if code in {1000, 1001}:
                    # A client that closes in order gives its session up.
                    del self.sessions[id]
        self._watch.notify()


def _packer(kind: str | None) -> Callable[[bytes], bytes] | None:
    """Give what compresses one frame after another, as the client asked for it."""
    if kind is None:
        return None
    if kind == "zlib-stream":
        zipped = zlib.compressobj()
        return lambda data: zipped.compress(data) + zipped.flush(zlib.Z_SYNC_FLUSH)
    # The client asks for this where Python has the module, from 3.14 on.
    stream = importlib.import_module("compression.zstd").ZstdCompressor()
    return lambda data: stream.compress(data, mode=stream.FLUSH_BLOCK)
