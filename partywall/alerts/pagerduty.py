"""PagerDuty: Events API v2.

Source: PagerDuty developer documentation, "Send an Alert Event".
"""

from collections.abc import Mapping

import msgspec

from firewall.core.errors import ConfigError
from firewall.core.verdict import Severity
from partywall.alerts.outcome import Later, Outcome
from partywall.alerts.post import Post, judged
from partywall.alerts.words import facts, moment, plain, title
from vault.delivery import Delivery

URL = "https://events.pagerduty.com/v2/enqueue"
_KEY_CODEPOINTS = 32
_THROTTLED_S = 120.0
_LEVELS: Mapping[Severity, str] = {
    Severity.INFO: "info",
    Severity.LOW: "info",
    Severity.MEDIUM: "warning",
    Severity.HIGH: "error",
    Severity.CRITICAL: "critical",
}


class PagerDuty:
    """Opens an alert for an incident, adds to it, and closes it: the incident's id is its `dedup_key`."""

    def __init__(self, post: Post, routing_key: str) -> None:
        if len(routing_key) != _KEY_CODEPOINTS or not routing_key.isalnum():
            raise ConfigError("PagerDuty's routing key has 32 letters and digits; copy it whole")
        self._post = post
        self._routing_key = routing_key

    @property
    def address(self) -> str:
        """The service that the key belongs to."""
        return f"{self._post.url} {self._routing_key}"

    @property
    def endpoint(self) -> tuple[str, int]:
        """The host that is asked for, and the port."""
        return self._post.endpoint

    async def send(self, delivery: Delivery, now_ms: int) -> Outcome:
        """Send one event; sent twice it is still one alert."""
        answer = await self._post.send(msgspec.json.encode(event(delivery, self._routing_key)), {})
        if isinstance(answer, Later):
            return answer
        outcome = judged(answer, now_ms)
        if isinstance(outcome, Later) and answer.status == 429:
            # PagerDuty asks for minutes, and names none.
            return Later(fault=outcome.fault, after_s=max(outcome.after_s or 0, _THROTTLED_S))
        return outcome

    def close(self) -> None:
        """Take no more work."""
        self._post.close()


def event(delivery: Delivery, routing_key: str) -> dict[str, object]:
    """Give the event of a delivery, its key included."""
    common: dict[str, object] = {"routing_key": routing_key, "dedup_key": delivery.incident}
    if delivery.verb == "resolve":
        return common | {"event_action": "resolve"}
    return common | {
        "event_action": "trigger",
        "client": "Partywall",
        "payload": {
            "summary": title(delivery),
            "source": plain(f"partywall/{delivery.tenant}"),
            "severity": _LEVELS[delivery.severity],
            "timestamp": moment(delivery.last_ms),
            "component": delivery.layer,
            "group": plain(delivery.tenant),
            "class": plain(delivery.rule),
            "custom_details": dict(facts(delivery)) | {"message": delivery.id},
        },
    }
