"""What a message says: ids, names, counts and moments. No text that anybody wrote is at hand here."""

from collections.abc import Mapping
from datetime import UTC, datetime

from vault.delivery import Delivery

_OPENING = {"trigger": "", "update": "still: ", "resolve": "closed: "}
_TITLE_CODEPOINTS = 900


def title(delivery: Delivery) -> str:
    """Say it in one line, at most 900 code points."""
    many = "1 violation" if delivery.count == 1 else f"{delivery.count} violations"
    what = f"{_OPENING[delivery.verb]}{delivery.severity.value} {delivery.kind.value}"
    text = f"{what} for tenant {delivery.tenant}: {delivery.layer}/{delivery.rule}, {many}"
    return plain(text)[:_TITLE_CODEPOINTS]


def facts(delivery: Delivery) -> Mapping[str, str | int]:
    """Give everything a message may hold, by its name; the same each time it is sent."""
    return {
        "incident": delivery.incident,
        "tenant": plain(delivery.tenant),
        "layer": delivery.layer,
        "rule": plain(delivery.rule),
        "kind": delivery.kind.value,
        "severity": delivery.severity.value,
        "violations": delivery.count,
        "first": moment(delivery.first_ms),
        "last": moment(delivery.last_ms),
        "ref": plain(delivery.ref),
        "preview": plain(delivery.preview),
    }


def moment(at_ms: int) -> str:
    """Give a moment as ISO 8601 in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def plain(text: str) -> str:
    """Give a name in one line that no terminal, mail header or log obeys."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)
