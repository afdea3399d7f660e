"""Discord on this machine: REST v10 and gateway v10 behind one port, for the client library as it is.

The library is pointed at it and is not changed:

    async with served() as discord, discord.online(bot):
        discord.world.kitchen.says(discord.world.ada, "!help")
        await discord.sent.until("here is help")
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

import discord
import yarl
from aiohttp import BodyPartReader, web
from discord.gateway import DiscordWebSocket
from discord.http import Route

from tests.fakes.discord.answers import OPEN_ROUTES
from tests.fakes.discord.faults import Drop, Faults, Limit, answer, bucket, limited
from tests.fakes.discord.gateway import MESSAGE_CONTENT, PRIVILEGED, Gateway
from tests.fakes.discord.people import Json
from tests.fakes.discord.rest import ROUTES, Answer, Call, Handler, Refused
from tests.fakes.discord.sent import EPHEMERAL, Outbox, Sent, Upload, spoken
from tests.fakes.discord.watch import Watch
from tests.fakes.discord.world import TOKEN, World

_API: Final = "/api/v10"
_INTENT_FLAGS: Final = {1 << 1: 1 << 15, 1 << 8: 1 << 13, MESSAGE_CONTENT: 1 << 19}


class Discord:
    """The platform: its world, its gateway, what was sent to it and what shall go wrong."""

    def __init__(self, url: str, *, granted: int) -> None:
        watch = Watch()
        self.gateway = Gateway(watch, granted=granted)
        self.world = World(datetime.now(UTC), url=url, emit=self.gateway.emit)
        self.gateway.join(self.world)
        self.sent, self.faults = Outbox(watch), Faults()
        self.url = url
        self.errors = self.gateway.errors

    def app(self) -> web.Application:
        """Give the web application."""
        app = web.Application(client_max_size=32 << 20)
        app.router.add_get("/gateway", self.gateway.serve)
        self.world.cdn.routes(app)
        for route in {**ROUTES, **OPEN_ROUTES}:
            method, path = route.split(" ", 1)
            app.router.add_route(method, _API + path, self.rest)
        app.router.add_route("*", _API + "/{unknown:.*}", self.rest)
        return app

    @contextlib.asynccontextmanager
    async def online(self, client: discord.Client) -> AsyncGenerator[None]:
        """Let a client be connected; it has been sent its guilds, though it may not have read them."""
        running = asyncio.create_task(client.start(TOKEN))
        arrived = asyncio.create_task(self.gateway.until_another())
        try:
            await asyncio.wait([running, arrived], return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                await running
            yield
        finally:
            arrived.cancel()
            await client.close()
            await running

    async def rest(self, request: web.Request) -> web.StreamResponse:
        """Serve one request, and break it where that was asked for."""
        route = f"{request.method} {_template(request)}"
        body, files = await _read(request)
        fault = self.faults.take(route)
        match fault:
            case int() as status:
                return answer(status, {"message": "Internal Server Error", "code": 0}, {})
            case Limit():
                return limited(route, fault)
            case Drop.BEFORE:
                return _broken(request)
            case _:
                pass
        response = self._serve(request, route, body, files)
        return _broken(request) if fault is Drop.AFTER else response

    def _serve(self, request: web.Request, route: str, body: Any, files: list[Upload]) -> web.Response:
        call = Call(world=self.world, params=request.match_info, query=request.query, body=body, files=files)
        try:
            if route not in OPEN_ROUTES and request.headers.get("Authorization") != f"Bot {TOKEN}":
                raise Refused(401, 0, "401: Unauthorized")
            made = self._handler(route)(call)
        except Exception as error:  # noqa: BLE001 - kept, and raised when the test ends
            refusal = error if isinstance(error, Refused) else Refused(400, 0, "the fake is wrong")
            if refusal is not error:
                self.errors.append(error)
            told = {"message": refusal.message, "code": refusal.code}
            return answer(refusal.status, told, bucket(route))
        if request.method != "GET":
            self.sent.add(self._record(call, made, route, request.path))
        if made.status == 204:
            return web.Response(status=204, headers=bucket(route))
        return answer(made.status, self._readable(made.body), bucket(route))

    def _handler(self, route: str) -> Handler:
        found = {**ROUTES, **OPEN_ROUTES, **self._own()}.get(route)
        if found is None:
            raise Refused(404, 0, "404: Not Found")
        return found

    def _own(self) -> Mapping[str, Handler]:
        flags = sum(flag for intent, flag in _INTENT_FLAGS.items() if intent & self.gateway.granted)
        address = f"{self.url.replace('http', 'ws', 1)}/gateway"
        starts = {"total": 1000, "remaining": 999, "reset_after": 0, "max_concurrency": 1}
        where = {"url": address, "shards": 1, "session_start_limit": starts}
        return {
            "GET /oauth2/applications/@me": lambda call: Answer(body=call.world.application(flags=flags)),
            "GET /applications/@me": lambda call: Answer(body=call.world.application(flags=flags)),
            "GET /gateway/bot": lambda call: Answer(body=where),
        }

    def _readable(self, body: Any) -> Any:
        """Hide from REST, too, what the application may not read."""
        if self.gateway.granted & MESSAGE_CONTENT:
            return body
        if isinstance(body, list):
            return [self._readable(one) for one in cast("list[Json]", body)]
        return self._message_readable(cast("Json", body)) if isinstance(body, dict) else body

    def _message_readable(self, body: Json) -> Json:
        there = self.world.channels[body["channel_id"]].guild if "channel_id" in body else None
        if there is None:
            return body
        shown = self.gateway.hide({**body, "guild_id": there.id})
        return {key: value for key, value in shown.items() if key != "guild_id"}

    def _record(self, call: Call, made: Answer, route: str, path: str) -> Sent:
        said = spoken(call.body)
        about: Json = made.about or {}
        place = made.channel or self.world.channels.get(call.params.get("channel", ""))
        parent = place.parent if place is not None else None
        outer = parent or place
        asked = self.world.desk.open.get(call.params.get("token", ""))
        flags = about.get("flags", 0) | said.get("flags", 0)
        return Sent(
            order=len(self.sent),
            route=route,
            path=path.removeprefix(_API),
            channel=outer.id if outer is not None else None,
            thread=place.id if place is not None and parent is not None else None,
            content=said.get("content") or "",
            embeds=tuple(said.get("embeds") or ()),
            files=tuple(call.files),
            allowed_mentions=said.get("allowed_mentions"),
            ephemeral=bool(flags & EPHEMERAL),
            interaction=asked.id if asked is not None else None,
            edit_of=about.get("id") if about.get("edited_timestamp") else None,
            message=about.get("id"),
            status=made.status,
            payload=call.body,
        )


@contextlib.asynccontextmanager
async def served(*, granted: int = PRIVILEGED) -> AsyncGenerator[Discord]:
    """Serve a new world, and point the client library at it for as long as that lasts.

    Args:
        granted: The privileged intents that the bot's owner has switched on.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        platform = Discord(f"http://{address}", granted=granted)
        runner = web.AppRunner(platform.app(), shutdown_timeout=0.1)
        before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
        await runner.setup()
        await web.SockSite(runner, listening).start()
        try:
            Route.BASE = platform.url + _API
            DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"ws://{address}/gateway")
            yield platform
            if platform.errors:
                raise platform.errors[0]
        finally:
            Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = before
            await runner.cleanup()


def _template(request: web.Request) -> str:
    if "unknown" in request.match_info:
        return request.path.removeprefix(_API)
    resource = request.match_info.route.resource
    return resource.canonical.removeprefix(_API) if resource is not None else request.path


async def _read(request: web.Request) -> tuple[Any, list[Upload]]:
    """Give the body and the files: JSON, or a form with `payload_json`."""
    if not request.content_type.startswith("multipart/"):
        text = await request.text()
        return (json.loads(text) if text else {}), []
    body: Any = {}
    files: list[Upload] = []
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        data = bytes(await part.read(decode=True))
        if part.name == "payload_json":
            body = json.loads(data)
        else:
            files.append(Upload(name=part.filename or "", data=data))
    return body, files


def _broken(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=500)
