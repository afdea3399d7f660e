"""What goes wrong on demand: an error, a limit, a connection that breaks before or after the effect."""

import json
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final
from zlib import crc32

from aiohttp import web


class Drop(Enum):
    """The connection breaks; AFTER it, the request has had its effect and nobody was told."""

    BEFORE = auto()
    AFTER = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """An answer 429."""

    retry_after_s: float
    everywhere: bool = False


Fault = Drop | Limit | int
_BUCKET: Final = "X-RateLimit-Bucket"


class Faults:
    """What the next requests meet, by method and a piece of the path."""

    def __init__(self) -> None:
        self._next: list[tuple[str, Fault]] = []

    def add(self, route: str, fault: Fault, *, times: int = 1) -> None:
        """Let the next requests to this route go wrong.

        Args:
            route: A piece of the route's name, such as `POST /channels/{channel}/messages`.
            fault: A status of 500 and above, a limit, or a broken connection.
            times: How often.
        """
        self._next += [(route, fault)] * times

    def mend(self) -> None:
        """Let everything go right again."""
        self._next.clear()

    def take(self, route: str) -> Fault | None:
        """Give what this request meets, once."""
        for index, (piece, fault) in enumerate(self._next):
            if piece in route:
                del self._next[index]
                return fault
        return None


def bucket(route: str, *, remaining: int = 4) -> dict[str, str]:
    """Give the headers that tell a client how much it may ask."""
    return {
        _BUCKET: f"bucket-{crc32(route.encode()):x}",
        "X-RateLimit-Limit": "5",
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset-After": "1.000",
        "Via": "1.1 google",
    }


def limited(route: str, limit: Limit) -> web.Response:
    """Give the answer to a client that asks too often; without `Via` it would take it for a ban."""
    body = {
        "message": "You are being rate limited.",
        "retry_after": limit.retry_after_s,
        "global": limit.everywhere,
    }
    scope = "global" if limit.everywhere else "user"
    more = {"X-RateLimit-Scope": scope, "Retry-After": str(limit.retry_after_s)}
    return answer(429, body, {**bucket(route, remaining=0), **more})


def answer(status: int, body: object, headers: dict[str, str]) -> web.Response:
    """Give an answer; the client wants exactly `application/json`, and nothing of a charset."""
    data = json.dumps(body).encode()
    return web.Response(body=data, status=status, headers=headers, content_type="application/json")
