"""Webhooks of anybody's, signed as Standard Webhooks 1.0 says."""

from collections.abc import Mapping, Sequence

import msgspec

from partywall.alerts.outcome import Later, Outcome
from partywall.alerts.post import Post, judged
from partywall.alerts.signing import Key, headers
from partywall.alerts.words import facts, moment
from vault.delivery import Delivery

_TYPES: Mapping[str, str] = {
    "trigger": "incident.opened",
    "update": "incident.continued",
    "resolve": "incident.closed",
}


class Webhook:
    """Sends what happened as JSON; the receiver knows a message that comes again by its id."""

    def __init__(self, post: Post, keys: Sequence[Key]) -> None:
        self._post = post
        self._keys = keys

    @property
    def address(self) -> str:
        """The address; whoever changes only keys keeps the receiver."""
        return self._post.url

    @property
    def endpoint(self) -> tuple[str, int]:
        """The host that is asked for, and the port."""
        return self._post.endpoint

    async def send(self, delivery: Delivery, now_ms: int) -> Outcome:
        """Send it once; only 2xx is a yes, and only 410 a no for good."""
        content = body(delivery)
        answer = await self._post.send(content, headers(self._keys, delivery.id, now_ms // 1000, content))
        return answer if isinstance(answer, Later) else judged(answer, now_ms, patient=True)

    def close(self) -> None:
        """Take no more work."""
        self._post.close()


def body(delivery: Delivery) -> bytes:
    """Give the body, byte for byte the same each time it is sent."""
    return msgspec.json.encode(
        {"type": _TYPES[delivery.verb], "timestamp": moment(delivery.last_ms), "data": facts(delivery)}
    )
