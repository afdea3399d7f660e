"""Teaching a classifier from labelled texts, and how well it does on texts that it was not taught by.

Of the texts, each once, 70 % teach, 15 % choose the value from which a text counts, and 15 % are kept for the
measure: what chose the value cannot say how good it is. Which text falls where follows from the text alone.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy.sparse as _sparse  # type: ignore[import-untyped]  # it has no types
import sklearn.linear_model as _linear  # type: ignore[import-untyped]  # it has no types

from firewall.core.errors import ConfigError
from firewall.detect.injection.classifier import Classifier
from firewall.detect.injection.features import BUCKETS, LONGEST, SIZES, runs, windows
from firewall.detect.injection.folding import Folded, folded

# Fewer of one kind leave nothing to choose and measure by.
LEAST: Final = 40
_TEACHING, _CHOOSING = 0.70, 0.85
_WINDOWS: Final = 100
# How much more than a text of which nothing is known one must say to count.
_MORE: Final = 0.5
# So many characters of others stand before and after an attack that is taught within a document.
_AROUND: Final = min(SIZES) // 2
_STRENGTH: Final = 30.0

linear: Any = _linear
sparse: Any = _sparse


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A labelled text: whether it is an injection, and the line where it stands."""

    text: str
    attack: bool
    line: int = 0

    def __repr__(self) -> str:
        return f"Sample({len(self.text)} characters, attack={self.attack})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """How a classifier did on some texts."""

    attacks: int
    found: int
    harmless: int
    flagged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A classifier and its measures, on the texts that taught, chose, and were kept for measuring."""

    classifier: Classifier
    taught: Measure
    chosen: Measure
    kept: Measure


def train(samples: Iterable[Sample], *, false_positives: float) -> Trained:
    """Teach a classifier that flags at most this share of the harmless texts that choose.

    Raises:
        ConfigError: There are too few texts of one kind, or one text has two labels.
    """
    parts = _parts(samples)
    taught = _taught(parts[0])
    cut = _cut(taught, parts[1], false_positives)
    made = Classifier(weights=taught.weights, bias=taught.bias, cut=cut)
    of = [measure(made, part) for part in parts]
    return Trained(classifier=made, taught=of[0], chosen=of[1], kept=of[2])


def measure(classifier: Classifier, samples: Iterable[Sample]) -> Measure:
    """Count what a classifier finds and flags."""
    counts = {(attack, seen): 0 for attack in (True, False) for seen in (True, False)}
    for each in samples:
        counts[each.attack, classifier.strongest(folded(each.text))[0] >= classifier.cut] += 1
    return Measure(
        attacks=counts[True, True] + counts[True, False],
        found=counts[True, True],
        harmless=counts[False, True] + counts[False, False],
        flagged=counts[False, True],
    )


def _parts(samples: Iterable[Sample]) -> tuple[list[Sample], list[Sample], list[Sample]]:
    """Part the texts; one that differs in nothing that is seen counts once, or both would know it."""
    known: dict[bytes, Sample] = {}
    for each in samples:
        key = hashlib.sha256(folded(each.text).data).digest()
        if known.setdefault(key, each).attack != each.attack:
            raise ConfigError(
                f"lines {known[key].line} and {each.line} hold one text with two labels; remove one"
            )
    parts: tuple[list[Sample], list[Sample], list[Sample]] = ([], [], [])
    for attack in (True, False):
        some = [known[key] for key in sorted(known) if known[key].attack is attack]
        if len(some) < LEAST:
            raise ConfigError(
                f"there are {len(some)} different texts of label {int(attack)}; at least {LEAST} are needed"
            )
        first, second = round(len(some) * _TEACHING), round(len(some) * _CHOOSING)
        for part, texts in zip(parts, (some[:first], some[first:second], some[second:]), strict=True):
            part.extend(texts)
    return parts


def _taught(samples: Sequence[Sample]) -> Classifier:
    data, columns, starts, labels = list[Any](), list[Any](), [0], list[int]()
    for each in (*samples, *_within(samples)):
        for text in _rows(each):
            buckets, counts = np.unique(runs(text).buckets, return_counts=True)
            data.append(counts / math.sqrt(max(int(counts.sum()), 1)))
            columns.append(buckets)
            starts.append(starts[-1] + len(buckets))
            labels.append(int(each.attack))
    rows = sparse.csr_matrix(
        (np.concatenate(data), np.concatenate(columns), starts), shape=(len(labels), BUCKETS)
    )
    model = linear.LogisticRegression(
        C=_STRENGTH, class_weight="balanced", solver="liblinear", max_iter=2_000, random_state=0
    )
    model.fit(rows, labels)
    weights = np.asarray(model.coef_[0], dtype=np.float32)
    return Classifier(weights=weights, bias=float(model.intercept_[0]), cut=0.0)


def _within(samples: Sequence[Sample]) -> Iterator[Sample]:
    """Give every attack between harmless words, as it will stand in a document; and harmless documents."""
    attacks = [each.text for each in samples if each.attack]
    harmless = [each.text for each in samples if not each.attack]
    for number, text in enumerate(attacks):
        before, after = harmless[number % len(harmless)], harmless[-1 - number % len(harmless)]
        yield Sample(text=f"{before[-_AROUND:]} {text} {after[:_AROUND]}", attack=True)
    document = ""
    for text in harmless:
        document = f"{document} {text[:LONGEST]}"
        if len(document) > LONGEST:
            yield Sample(text=document, attack=False)
            document = ""


def _rows(sample: Sample) -> Iterator[str]:
    """Give what one text teaches: all windows of a harmless one, of an attack only the whole."""
    form: Folded = folded(sample.text)
    yield form.text[: _WINDOWS * LONGEST]
    if not sample.attack:
        for start, stop in list(zip(*windows(len(form.text)), strict=True))[:_WINDOWS]:
            yield form.text[start:stop]


def _cut(classifier: Classifier, samples: Sequence[Sample], share: float) -> float:
    """Give the least value that keeps to the share, in the middle of the gap above what it lets pass."""
    values = [(classifier.strongest(folded(each.text))[0], each.attack) for each in samples]
    harmless = sorted((value for value, attack in values if not attack), reverse=True)
    last = max(harmless[min(math.floor(share * len(harmless)), len(harmless) - 1)], -1e6)
    above = min((value for value, _ in values if value > last), default=last)
    return max((last + above) / 2, math.nextafter(last, math.inf), classifier.bias + _MORE)
