"""Models that judge text: Prompt Guard gives a probability, Llama Guard writes `safe` or `unsafe`.

Each reads the whole text, in overlapping pieces; what a model cannot read whole, or does not answer in its
own words, is not examined, which is not the same as harmless.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from firewall.core.errors import ConfigError, ServiceUnavailable
from firewall.detect.injection.card import Card
from firewall.detect.injection.heuristics import Seen
from firewall.detect.injection.tokens import Template, Tokens

# The longest piece, in tokens: what Prompt Guard was taught by, and where Llama Guard still sees details.
PIECE: Final = 512
# What Llama Guard may write until its first line ends.
_ANSWER: Final = 12
# A piece that is read alone may give a few more tokens than it had within its text.
_MARGIN: Final = 8
_LEAST: Final = 16
_HARMLESS: Final = frozenset({"benign", "label_0"})
_PROBE: Final = "When does the shop open on Monday?"


class Network(Protocol):
    """A network that was loaded. For several threads."""

    def row(self, ids: Sequence[int]) -> Sequence[float]:
        """Give its answer for some tokens: a number for each label, or for each token that may come next.

        Raises:
            ServiceUnavailable: It failed.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptGuard:
    """A model that classifies, such as Prompt Guard 2: the probability that a piece is not harmless."""

    tokens: Tokens
    network: Network
    card: Card

    def see(self, text: str) -> Seen:
        """Give the piece that looks most like an injection."""
        size = _size(min(PIECE, self.card.positions) - self.tokens.around)
        best = Seen()
        for start, stop in self.tokens.pieces(text, size):
            score = self._score(text[start:stop])
            if score > best.score:
                best = Seen(score=score, family="prompt_guard", start=start, stop=stop)
        return best

    def checked(self) -> "PromptGuard":
        """Give it back once it has answered; the layer would learn too late that it cannot.

        Raises:
            ConfigError: It does not say which of its labels is the harmless one, or has others.
            ServiceUnavailable: It fails.
        """
        known = [name for name in self.card.labels if name.lower() in _HARMLESS]
        if len(known) != 1 or len(self.card.labels) < 2:
            raise ConfigError(
                "injection.model: config.json must name several labels, and one of them BENIGN or LABEL_0"
            )
        _size(min(PIECE, self.card.positions) - self.tokens.around)
        self._score(_PROBE)
        return self

    def _score(self, piece: str) -> float:
        ids = self.tokens.plain(piece)
        if len(ids) > self.card.positions:
            raise ServiceUnavailable("a piece of the text has more tokens than the model reads")
        row = _sound(self.network.row(ids))
        if len(row) != len(self.card.labels):
            raise ServiceUnavailable("the model gives another number of answers than config.json names")
        most = max(row)
        shares = [math.exp(each - most) for each in row]
        harmless = next(n for n, name in enumerate(self.card.labels) if name.lower() in _HARMLESS)
        return 1.0 - shares[harmless] / sum(shares)


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaGuard:
    """A model that writes its verdict, such as Llama Guard: all or nothing, by its first line."""

    tokens: Tokens
    template: Template
    network: Network
    card: Card

    def see(self, text: str) -> Seen:
        """Give the first piece that the model calls unsafe."""
        for start, stop in self.tokens.pieces(text, PIECE):
            if self._unsafe(text[start:stop]):
                return Seen(score=1.0, family="llama_guard", start=start, stop=stop)
        return Seen()

    def checked(self) -> "LlamaGuard":
        """Give it back once its network has answered; what it says is not looked at.

        Raises:
            ConfigError: Its config.json does not say how an answer ends.
            ServiceUnavailable: It fails, or the question alone is longer than it reads.
        """
        if not self.card.ends:
            raise ConfigError("injection.model: config.json names no eos_token_id, so no answer would end")
        _sound(self.network.row(self._asked(_PROBE)))
        return self

    def _unsafe(self, piece: str) -> bool:
        match self._line(self._asked(piece)):
            case "safe":
                return False
            case "unsafe":
                return True
            case _:
                raise ServiceUnavailable("the model answered neither safe nor unsafe")

    def _asked(self, piece: str) -> Sequence[int]:
        ids = self.tokens.signed(self.template.prompt(self.tokens.broken(piece)))
        if self.tokens.signs(ids) != self.tokens.signs(self.tokens.signed(self.template.prompt(""))):
            raise ServiceUnavailable("the text holds signs of the model, which would answer for it")
        if len(ids) + _ANSWER > self.card.positions:
            raise ServiceUnavailable("the question is longer than the model reads")
        return ids

    def _line(self, asked: Sequence[int]) -> str | None:
        """Give the first line of the answer; None if it did not end."""
        said = list[int]()
        for _ in range(_ANSWER):
            row = _sound(self.network.row([*asked, *said]))
            token = max(range(len(row)), key=row.__getitem__)
            ended = token in self.card.ends
            if not ended:
                said.append(token)
            line, broken, _rest = self.tokens.words(said).lstrip().partition("\n")
            if ended or broken:
                return line.strip()
        return None


def _size(room: int) -> int:
    if room - _MARGIN < _LEAST:
        raise ConfigError("injection.model: it reads so few tokens that no text fits; is it the right model?")
    return room - _MARGIN


def _sound(row: Sequence[float]) -> Sequence[float]:
    # Compared with a threshold, what is no number would pass.
    if not row or not all(map(math.isfinite, row)):
        raise ServiceUnavailable("the model answered with what is no number")
    return row
