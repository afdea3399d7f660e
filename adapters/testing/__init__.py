"""The conformance kit: plays hostile platforms against an adapter, in its author's own tests."""

from adapters.testing.case import Case, LeftOut, NotConformant
from adapters.testing.kit import cases, left_out, live_cases
from adapters.testing.live import LiveCase, Played
from adapters.testing.specimen import IdKind, Read, Said, Situation, Specimen
from adapters.testing.transport import NotCarried, Reached, Shown, Tamper, Transport

__all__ = [
    "Case",
    "IdKind",
    "LeftOut",
    "LiveCase",
    "NotCarried",
    "NotConformant",
    "Played",
    "Reached",
    "Read",
    "Said",
    "Shown",
    "Situation",
    "Specimen",
    "Tamper",
    "Transport",
    "cases",
    "left_out",
    "live_cases",
]
