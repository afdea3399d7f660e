"""Texts for the benches: everyday words, and never the same text twice, so that nothing is remembered."""

import random
from collections.abc import Callable

_SPEECH = (
    "the plan moves on while every team reads its own notes about what should happen next and who will write "
    "it down before the end of this week so that nobody has to ask again when large rooms are cold in winter "
    "or some train comes late because a bridge was closed for repair since early spring near our old harbour"
)


class Texts:
    """Draws texts that were never drawn before.

    Args:
        seed: Runs with one seed draw the same texts.
    """

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)

    def clean(self, size: int) -> str:
        """Give so many characters of sentences without any value in them."""
        return self._text(size, numbers=0.0)

    def numbered(self, size: int) -> str:
        """Give the same with an ordinary short number in about every third sentence."""
        return self._text(size, numbers=0.3)

    def ordinary(self, size: int) -> str:
        """Give the same with years, counts, times and versions in about every third sentence."""
        return self._text(size, numbers=0.3, number=self._ordinary)

    def personal(self, size: int) -> str:
        """Give sentences of which two in a hundred hold an e-mail address, a number or a card."""
        return self._text(size, numbers=0.02, number=self._personal)

    def excerpt(self) -> str:
        """Give 64 characters that occur in no other text."""
        return "".join(self._rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=64))

    def _short(self) -> str:
        return str(self._rng.randrange(10, 5000))

    def _ordinary(self) -> str:
        rng = self._rng
        return rng.choice((
            str(rng.randrange(1990, 2030)),
            str(rng.randrange(2, 5000)),
            f"{rng.randrange(24)}:{rng.randrange(60):02}",
            f"{rng.randrange(9)}.{rng.randrange(30)}.{rng.randrange(10)}",
        ))  # fmt: skip

    def _personal(self) -> str:
        rng = self._rng
        return rng.choice((
            f"ann{rng.randrange(1000)}@example.com",
            f"212-555-0{rng.randrange(100, 1000)}",
            "4111 1111 1111 1111",
            f"536-90-4{rng.randrange(100, 1000)}",
        ))  # fmt: skip

    def _text(self, size: int, *, numbers: float, number: Callable[[], str] | None = None) -> str:
        number = self._short if number is None else number
        out: list[str] = []
        while sum(map(len, out)) < size:
            words: list[str] = self._rng.choices(_SPEECH.split(), k=12)
            if self._rng.random() < numbers:
                words.insert(3, number())
            out.append(" ".join(words).capitalize() + ". ")
        return "".join(out)[:size]
