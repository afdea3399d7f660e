"""Texts for the benches: everyday words, and never the same text twice, so that nothing is remembered."""

import random

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

    def excerpt(self) -> str:
        """Give 64 characters that occur in no other text."""
        return "".join(self._rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=64))

    def _text(self, size: int, *, numbers: float) -> str:
        out: list[str] = []
        while sum(map(len, out)) < size:
            words: list[str] = self._rng.choices(_SPEECH.split(), k=12)
            if self._rng.random() < numbers:
                words.insert(3, str(self._rng.randrange(10, 5000)))
            out.append(" ".join(words).capitalize() + ". ")
        return "".join(out)[:size]
