"""Markers: what stands where a value was cut out.

A marker names the kind of the value and holds none of its characters.
"""

import re
from collections.abc import Iterable, Sequence

from firewall.core.ports import Match

EXCERPT = "EXCERPT"
ID = "ID"
LINK = "LINK"
OTHER = "OTHER"
# Closed on purpose: the kind comes from configuration or from a model, and nothing of either is shown that
# could carry text. It also makes a marker recognisable, so that none is ever remembered as somebody's words.
KINDS = frozenset(
    {
        EXCERPT, ID, LINK, OTHER, "SECRET", "PERSON", "LOCATION", "ORGANIZATION", "NRP", "DATE_TIME", "AGE",
        "URL", "EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "IP_ADDRESS", "MAC_ADDRESS",
        "CRYPTO", "MEDICAL_LICENSE", "US_SSN", "US_ITIN", "US_PASSPORT", "US_BANK_NUMBER",
        "US_DRIVER_LICENSE", "UK_NHS", "UK_NINO",
    }
)  # fmt: skip
_MARKER = re.compile(r"\[REDACTED:(?:" + "|".join(sorted(KINDS)) + r")\]")


def marker(kind: str) -> str:
    """Give the marker of this kind; a kind that is not in `KINDS` is shown as `OTHER`."""
    return f"[REDACTED:{kind if kind in KINDS else OTHER}]"


def pieces(text: str) -> list[str]:
    """Give what stands between the markers of a text, in order."""
    return [piece for piece in _MARKER.split(text) if piece]


def merged(matches: Iterable[Match]) -> tuple[Match, ...]:
    """Join matches that overlap, so that each character belongs to one; in order.

    The longest names the kind, then the more specific rule. Matches that only touch stay two, because then
    whether two stretches are one never depends on text beyond them.
    """
    clusters: list[list[Match]] = []
    stop = -1
    for match in sorted(matches, key=lambda match: (match.start, match.stop)):
        if clusters and match.start < stop:
            clusters[-1].append(match)
        else:
            clusters.append([match])
        stop = max(stop, match.stop)
    return tuple(_joined(cluster) for cluster in clusters)


def _joined(cluster: Sequence[Match]) -> Match:
    # "pii.…" sorts behind "identifier.…" and "excerpt": of two names for one stretch the telling one stays.
    named = max(cluster, key=lambda match: (match.stop - match.start, match.rule, match.key))
    start, stop = min(match.start for match in cluster), max(match.stop for match in cluster)
    return Match(start=start, stop=stop, kind=named.kind, rule=named.rule, key=named.key)


def redacted(text: str, matches: Iterable[Match]) -> tuple[str, tuple[Match, ...]]:
    """Put a marker in the place of every match.

    Returns:
        The text with its markers, and the stretches that were replaced, as spans of the original text.
    """
    spans = merged(matches)
    out: list[str] = []
    position = 0
    for span in spans:
        out += (text[position : span.start], marker(span.kind))
        position = span.stop
    out.append(text[position:])
    return "".join(out), spans
