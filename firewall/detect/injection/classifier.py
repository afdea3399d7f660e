"""A classifier of an operator's own: one weight for each bucket, and the value from which a text counts."""

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firewall.detect.injection.features import BUCKETS, blocks, runs, windows
from firewall.detect.injection.folding import Folded, folded
from firewall.detect.injection.heuristics import NOTHING, Seen

FAMILY: Final = "classifier"

Weights = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Classifier:
    """Scores texts by what an operator's labelled texts taught.

    Attributes:
        weights: One for each bucket.
        bias: What is added to every window's value.
        cut: The value from which a text counts.
        threshold: The score that stands for this value: that of the layer, above 0, to 1.
        digest: 64 hex digits that stand for all of it but the threshold.
    """

    weights: Weights
    bias: float
    cut: float
    threshold: float = 0.5
    digest: str = ""

    def at(self, threshold: float) -> "Classifier":
        """Give the same one, whose texts count from this score on."""
        return replace(self, threshold=threshold)

    def see(self, text: str) -> Seen:
        """Give how much the window of the text that looks most like an injection does so."""
        form = folded(text)
        value, start, stop = self.strongest(form)
        if value == -math.inf:
            return NOTHING
        first = len(form.text[:start].encode("utf-8", "ignore"))
        last = len(form.text[:stop].encode("utf-8", "ignore"))
        begin, end = form.span(first, last)
        return Seen(score=self.scored(value), family=FAMILY, start=begin, stop=end)

    def strongest(self, form: Folded) -> tuple[float, int, int]:
        """Give the highest value of a window, and the window; less than any value where there is no run."""
        best = -math.inf, 0, 0
        for offset, block in blocks(form.text):
            seen = runs(block)
            if not len(seen.places):
                continue
            said = self.weights[seen.buckets].astype(np.float64)
            sums = _until(np.bincount(seen.places, weights=said, minlength=len(block)))
            counts = _until(np.bincount(seen.places, minlength=len(block)))
            starts, stops = windows(len(block))
            number = counts[stops] - counts[starts]
            values = (sums[stops] - sums[starts]) / np.sqrt(np.maximum(number, 1.0)) + self.bias
            most = int(np.argmax(values))
            if values[most] > best[0]:
                best = float(values[most]), offset + int(starts[most]), offset + int(stops[most])
        return best

    def scored(self, value: float) -> float:
        """Give the score of a value: 0 to 1, never falling, and the threshold exactly from the cut on."""
        share = 1.0 / (1.0 + math.exp(min(self.cut - value, 700.0)))
        if value >= self.cut:
            return min(1.0, self.threshold + (1.0 - self.threshold) * max(0.0, 2.0 * share - 1.0))
        return min(2.0 * self.threshold * share, math.nextafter(self.threshold, 0.0))


def empty(weights: Weights) -> bool:
    """True if these are no weights of a classifier: of another number, or some that are no number."""
    return weights.shape != (BUCKETS,) or not bool(np.isfinite(weights).all())


def _until(values: NDArray[Any]) -> NDArray[np.float64]:
    return np.concatenate([np.zeros(1), np.cumsum(values)])
