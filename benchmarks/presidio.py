"""What looking for personal data costs beside stock Presidio, and what the whole of detection costs on top.

Both sides run on the same cold texts, interleaved, in one process: trust the ratios, not the times.
"""

import json
import random
import statistics
import time
from collections.abc import Callable, Sequence

from benchmarks.pii import stock
from firewall.core.ids import PrincipalId, TenantId
from firewall.core.label import Audience, Owned, Principals
from firewall.detect.detectors import All
from firewall.detect.excerpts.index import Excerpts
from firewall.detect.identifiers import Identifiers
from firewall.detect.pii.detector import PresidioDetector

_SPEECH = (
    "the plan moves on while every team reads its own notes about what should happen next and who will "
    "write it down before the end of this week so that nobody has to ask again"
)
_PII = ("ann{}@example.com", "212-555-0{:03d}", "4111 1111 1111 1111", "536-90-4{:03d}")
_ROUNDS = 15


def _text(rng: random.Random, size: int, values: float, numbers: float) -> str:
    """Sentences of everyday words, some with personal data in them and some with short numbers."""
    out: list[str] = []
    while sum(map(len, out)) < size:
        words: list[str] = rng.choices(_SPEECH.split(), k=12)
        if rng.random() < values:
            words.insert(6, rng.choice(_PII).format(rng.randrange(100, 1000)))
        if rng.random() < numbers:
            words.insert(3, str(rng.randrange(10, 5000)))
        out.append(" ".join(words).capitalize() + rng.choice((". ", ". ", ".\n")))
    return "".join(out)[:size]


def _index(rng: random.Random, entries: int) -> Callable[[str], int]:
    """An index of that many texts of as many tenants, asked by somebody else."""
    index = Excerpts()
    for number in range(entries):
        readers = Principals(ids=frozenset({PrincipalId("p")}))
        label = Owned(tenant=TenantId(f"t{number}"), readers=readers)
        index.learn("".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=64)), label)
        index.learn("".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=12)), label, whole=True)
    reader = Audience(
        tenant=TenantId("reader"),
        principal=PrincipalId("r"),
        person=True,
        room=None,
        private=True,
        members_only=False,
    )
    return lambda text: len(index.find(text, reader))


def _medians(sides: Sequence[Callable[[str], int]], texts: Sequence[str]) -> list[float]:
    seconds: list[list[float]] = [[] for _ in sides]
    for text in texts:
        for side, spent in zip(sides, seconds, strict=True):
            start = time.perf_counter()
            side(text)
            spent.append(time.perf_counter() - start)
    return [statistics.median(spent) for spent in seconds]


def run() -> dict[str, object]:
    """Measure and give milliseconds per text and the ratios to stock Presidio."""
    rng = random.Random(7)
    theirs, presidio, ids = stock(), PresidioDetector(), Identifiers()
    typed = All([ids, presidio])
    small, large = _index(rng, 100), _index(rng, 10_000)
    sides: list[Callable[[str], int]] = [
        lambda text: len(theirs(text)),
        lambda text: len(All([presidio]).scan(text)),
        lambda text: len(typed.scan(text)),
        small,
        large,
    ]
    result: dict[str, object] = {}
    for name, size, values, numbers in (
        ("clean_2k", 2_000, 0.0, 0.0),
        ("numbers_2k", 2_000, 0.0, 0.3),
        ("pii_20k", 20_000, 0.02, 0.0),
    ):
        texts = [_text(rng, size, values, numbers) for _ in range(_ROUNDS)]
        peer, pii, all_typed, index_100, index_10k = _medians(sides, texts)
        result[name] = {
            "stock_presidio_ms": round(peer * 1e3, 3),
            "pii_ms": round(pii * 1e3, 3),
            "typed_ms": round(all_typed * 1e3, 3),
            "excerpts_100_tenants_ms": round(index_100 * 1e3, 3),
            "excerpts_10000_tenants_ms": round(index_10k * 1e3, 3),
            "pii_to_stock": round(pii / peer, 3),
            "detection_to_stock": round((all_typed + index_10k) / peer, 3),
            "excerpts_10000_to_100": round(index_10k / index_100, 2),
        }
    return result


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
