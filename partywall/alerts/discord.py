"""Discord: a webhook of a channel.

Source: Discord developer documentation, "Execute Webhook".
"""

from collections.abc import Mapping

from firewall.core.verdict import Severity
from partywall.alerts.words import facts, title
from vault.delivery import Delivery

_TITLE_CODEPOINTS = 256
_VALUE_CODEPOINTS = 1_024
_GREY, _GREEN = 0x95A5A6, 0x2ECC71
_COLOURS: Mapping[Severity, int] = {
    Severity.MEDIUM: 0xF1C40F,
    Severity.HIGH: 0xE67E22,
    Severity.CRITICAL: 0xE74C3C,
}


def message(delivery: Delivery) -> dict[str, object]:
    """Give the message: one embed with the facts, and no text that could mention anybody."""
    known = {name: value for name, value in facts(delivery).items() if value != ""}
    colour = _GREEN if delivery.verb == "resolve" else _COLOURS.get(delivery.severity, _GREY)
    return {
        "allowed_mentions": {"parse": []},
        "embeds": [
            {
                "title": title(delivery)[:_TITLE_CODEPOINTS],
                "color": colour,
                "fields": [
                    {"name": name, "value": str(value)[:_VALUE_CODEPOINTS], "inline": True}
                    for name, value in known.items()
                ],
                "footer": {"text": delivery.id},
            }
        ],
    }
