"""Alert kinds of plug-ins: they say what is posted; where to, when and how often stays the wall's.

A plug-in opens no connection: it gives the body and headers of one request, which goes to the route's address
by the wall's own way out, with its checks of addresses, its time and its reading of the answer.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol, cast

from firewall.core.errors import ServiceUnavailable
from partywall.alerts.outcome import Later, Outcome
from partywall.alerts.post import Post, judged
from partywall.plugged.found import Plugin, find, made, refused
from partywall.plugged.lane import Failed, Lane
from vault.delivery import Delivery

_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,60}")
_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,1998}[\x21-\x7e])?")
# What frames a request, or says where it goes, is the wall's.
_OURS: Final = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "te", "trailer", "upgrade"}
)
_MOST_HEADERS: Final = 20
_MOST_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """What is posted for one message.

    Attributes:
        body: JSON, at most a million bytes.
        headers: Beside those of HTTP itself; ASCII.
    """

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class AlertKind(Protocol):
    """What a plug-in makes of a route's options and the values of its `keys_env`."""

    def posting(self, delivery: Delivery) -> Posting:
        """Say what is posted for a message; nothing is sent here."""
        ...


class PluggedSender:
    """Tells a receiver in the words of a plug-in.

    Args:
        plugin: Where it comes from.
        own: What the plug-in made.
        post: The way to the receiver.
        limit_s: Longest time for making one message, in seconds.
    """

    def __init__(self, plugin: Plugin, own: AlertKind, post: Post, limit_s: float) -> None:
        self._own = own
        self._post = post
        self._lane = Lane(str(plugin))
        self._limit_s = limit_s

    @property
    def address(self) -> str:
        """The route's address."""
        return self._post.url

    @property
    def endpoint(self) -> tuple[str, int]:
        """The host that is asked for, and the port."""
        return self._post.endpoint

    async def send(self, delivery: Delivery, now_ms: int) -> Outcome:
        """Send it once."""
        try:
            posting = await self._lane.wait(partial(_posting, self._own, delivery), self._limit_s)
        except ServiceUnavailable:
            return Later(fault="fault in the plug-in")
        answer = await self._post.send(posting.body, posting.headers)
        return answer if isinstance(answer, Later) else judged(answer, now_ms)

    def close(self) -> None:
        """Take no more work."""
        self._post.close()


def _posting(own: AlertKind, delivery: Delivery) -> Posting:
    """Have one made, and take a copy of it if it can be sent as it is."""
    given: object = own.posting(delivery)
    if type(given) is not Posting or type(given.body) is not bytes or len(given.body) > _MOST_BYTES:
        raise Failed
    headers = dict(given.headers)
    if len(headers) > _MOST_HEADERS or not all(_header(*each) for each in headers.items()):
        raise Failed
    return Posting(body=given.body, headers=headers)


def _header(name: object, value: object) -> bool:
    return (
        type(name) is str
        and type(value) is str
        and _NAME.fullmatch(name) is not None
        and name.lower() not in _OURS
        and _VALUE.fullmatch(value) is not None
    )


def kind_of(name: str, options: Mapping[str, object], keys: Sequence[str]) -> tuple[Plugin, AlertKind]:
    """Make the kind of this name.

    Args:
        name: As the route says.
        options: The route's own.
        keys: The values of the variables in the route's `keys_env`.

    Raises:
        ConfigError: It is missing, doubled, or cannot be made.
    """
    plugin = find("alerts", name)
    own = made(plugin, options, tuple(keys))
    if not callable(getattr(own, "posting", None)):
        raise refused(plugin, "is no kind of alert: it needs `posting(delivery)`")
    return plugin, cast(AlertKind, own)
