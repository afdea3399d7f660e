"""The two ways from Slack to a bot: envelopes by Socket Mode, and signed requests by HTTP."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from tests.fakes.slack.records import Ack, Delivery, Json, Records
from tests.fakes.slack.shapes import APP, envelope

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


class Transport(Protocol):
    """Carries one attempt of a delivery to the bot; what takes longer belongs to `tasks`."""

    async def carry(self, delivery: Delivery, records: Records, tasks: asyncio.TaskGroup) -> None: ...


class SocketMode:
    """The server's side of Socket Mode; the newest connection gets what there is to deliver."""

    def __init__(self) -> None:
        self._sockets: list[web.WebSocketResponse] = []
        self._envelopes: dict[str, Delivery] = {}
        self.greeted = 0  # connections that ever were

    async def carry(self, delivery: Delivery, records: Records, tasks: asyncio.TaskGroup) -> None:
        await records.until(lambda: bool(self._sockets))
        id = f"{len(self._envelopes) + 1:08x}-0000-4000-8000-000000000000"
        self._envelopes[id] = delivery
        message = envelope(delivery.kind, delivery.payload, id=id, attempt=delivery.attempt)
        await self._sockets[-1].send_json(message)

    async def pass_on(self, payload: str, records: Records) -> Delivery:
        """Put a payload into an envelope as it stands, which may be no JSON, and send that."""
        await records.until(lambda: bool(self._sockets))
        id = f"{len(self._envelopes) + 1:08x}-0000-4000-8000-000000000000"
        delivery = self._envelopes[id] = Delivery(kind="events_api", team="", payload={})
        head = json.dumps({**envelope("events_api", {}, id=id, attempt=0), "payload": 0})
        await self._sockets[-1].send_str(head.replace('"payload": 0', f'"payload": {payload}'))
        return delivery

    async def ask_to_reconnect(self) -> None:
        """Tell the bot to connect anew, as Slack does every few hours."""
        message = {"type": "disconnect", "reason": "refresh_requested", "debug_info": {"host": "fake"}}
        await self._sockets[-1].send_json(message)

    async def serve(self, request: web.Request, records: Records) -> web.WebSocketResponse:
        """Serve one connection until it ends."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.append(socket)
        self.greeted += 1
        hello = {"type": "hello", "num_connections": len(self._sockets), "connection_info": {"app_id": APP}}
        await socket.send_json(hello | {"debug_info": {"host": "fake", "approximate_connection_time": 18060}})
        records.changed()
        try:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._answered(message.json(), records)
        finally:
            self._sockets.remove(socket)
            records.changed()
        return socket

    async def close(self) -> None:
        for socket in list(self._sockets):
            await socket.close()

    def _answered(self, answer: Json, records: Records) -> None:
        delivery = self._envelopes.get(answer.get("envelope_id", ""))
        if delivery is not None:
            records.acked(delivery, Ack(status=200, payload=answer.get("payload")))


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHttp:
    """Requests to the bot's own URL. Another secret makes a forgery, an age in seconds a stale request.

    The bot's library compares the time of a request with the real clock; so this clock is real, too.
    """

    url: str
    secret: str = SECRET
    age_s: float = 0.0
    now: Callable[[], float] = time.time
    timeout_s: float = 5.0

    async def carry(self, delivery: Delivery, records: Records, tasks: asyncio.TaskGroup) -> None:
        tasks.create_task(self._post(delivery, records))

    async def _post(self, delivery: Delivery, records: Records) -> None:
        content_type, body = _body(delivery)
        retry = {"x-slack-retry-num": str(delivery.attempt), "x-slack-retry-reason": "http_timeout"}
        ack = await self.pass_on(content_type, body.encode(), **(retry if delivery.attempt else {}))
        if ack is None:
            delivery.lost += 1
            records.changed()
        else:
            records.acked(delivery, ack)

    async def pass_on(self, content_type: str, body: bytes, **more: str) -> Ack | None:
        """Send a body as it stands, signed; give the answer, or None if there was none."""
        headers = {"Content-Type": content_type, "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)"}
        headers |= self._signature(body) | more
        timeout = aiohttp.ClientTimeout(total=self.timeout_s)
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with (
                aiohttp.ClientSession(timeout=timeout) as client,
                client.post(self.url, data=body, headers=headers) as answer,
            ):
                text = await answer.text()
                payload = json.loads(text) if answer.content_type == "application/json" and text else text
                return Ack(status=answer.status, payload=payload)
        return None

    def _signature(self, body: bytes) -> dict[str, str]:
        """Source: docs.slack.dev, verifying requests from Slack (version v0)."""
        at = str(int(self.now() - self.age_s))
        digest = hmac.new(self.secret.encode(), f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
        return {"x-slack-signature": f"v0={digest}", "x-slack-request-timestamp": at}


def _body(delivery: Delivery) -> tuple[str, str]:
    if delivery.kind == "events_api":
        return "application/json", json.dumps(delivery.payload)
    form = (
        delivery.payload if delivery.kind == "slash_commands" else {"payload": json.dumps(delivery.payload)}
    )
    return "application/x-www-form-urlencoded", urlencode(form)
