"""Presidio's recognisers, made fit for a wall: none fetches, none gives up in silence, none logs a value.

What they find is what stock ones find; `python -m benchmarks.pii --equal` compares.
"""

import copy
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

import regex as _regex  # type: ignore[import-untyped]  # regex ships no types
from tldextract import TLDExtract

from firewall.core.errors import ServiceUnavailable
from firewall.detect.pii import dialling
from firewall.detect.pii.presidio import (
    EmailRecognizer,
    EntityRecognizer,
    IbanRecognizer,
    PatternRecognizer,
    PhoneRecognizer,
    RecognizerResult,
)

regex: Any = _regex
# The public suffix list as packaged. Presidio's own instance fetches it at the first e-mail address it sees.
_suffixes = TLDExtract(suffix_list_urls=(), cache_dir=None)


def guarded(recogniser: Any, timeout_s: float) -> Any:  # noqa: ANN401  (Presidio is not typed)
    """Give what finds the same as this recogniser of Presidio.

    Args:
        recogniser: As Presidio made it; it is not changed, nor are its patterns.
        timeout_s: Longest time for one pattern on one text, in seconds; then it raises `ServiceUnavailable`.
    """
    own = _OWN.get(recogniser.__class__)
    made: Any = (
        copy.copy(recogniser) if own is None else own(supported_language=recogniser.supported_language)
    )
    if isinstance(recogniser, PatternRecognizer):
        stock: Any = recogniser
        made.global_regex_flags = stock.global_regex_flags
        flags, who = stock.global_regex_flags, str(stock.name)
        made.patterns = [_bounded(each, flags, timeout_s, who) for each in stock.patterns]
    return made


def _bounded(pattern: Any, flags: int, timeout_s: float, who: str) -> Any:  # noqa: ANN401  (Presidio is not typed)
    # Patterns are shared by all instances of a recogniser, those of the bot's own analyzer included.
    own = copy.copy(pattern)
    compiled = _Bounded(regex.compile(own.regex, flags), timeout_s, f"{own.name!r} of {who}")
    # Presidio compiles anew what it finds compiled with other flags.
    for name, value in (("compiled_regex", compiled), ("compiled_with_flags", flags)):
        setattr(own, name, value)
    return own


class _Bounded:
    """A compiled pattern whose time is bounded; running out of it is an error.

    Presidio skips a pattern that times out, after a minute and with a warning: a text made slow on purpose
    would pass unexamined.
    """

    def __init__(self, compiled: Any, timeout_s: float, name: str) -> None:  # noqa: ANN401  (of untyped `regex`)
        self._compiled = compiled
        self._name = name
        self._timeout_s = timeout_s

    def finditer(self, text: str, timeout: float) -> Iterator[Any]:
        try:
            yield from self._compiled.finditer(text, timeout=min(timeout, self._timeout_s))
        except TimeoutError as error:
            raise ServiceUnavailable(
                f"the pattern {self._name} took too long on one text, which was refused; "
                "no part of it may repeat what repeats already"
            ) from error


class _Email(EmailRecognizer):
    def load(self) -> None:
        # The suffixes are read when they are first asked for, which would keep the first address waiting.
        _suffixes("")

    def validate_result(self, pattern_text: str) -> bool:
        return _suffixes(pattern_text).fqdn != ""


class _Iban(IbanRecognizer):
    # Presidio's own loop catches the timeout of its pattern; this is the same loop over a bounded one.
    def analyze(self, text: str, *_args: object, **_kwargs: object) -> list[RecognizerResult]:
        patterns = cast(list[Any], cast(Any, self).patterns)
        return [
            result
            for pattern in patterns
            for hit in pattern.compiled_regex.finditer(text, timeout=float("inf"))
            for result in self._longest(hit, pattern.score)
        ]

    def validate_result(self, pattern_text: str) -> bool | None:
        # A letter that only folds to an ASCII one has no number. Presidio says so in its log, with the text.
        return super().validate_result(pattern_text) if pattern_text.upper().isascii() else False

    def _longest(self, hit: Any, score: float) -> Iterator[RecognizerResult]:  # noqa: ANN401  (of `regex`)
        for group in range(len(hit.groups()), 0, -1):
            stop = hit.end(group) if hit.end(group) > 0 else hit.end()
            valid = self.validate_result(hit.string[hit.start() : stop])
            if valid is not False:
                yield _result(self, hit.start(), stop, 1.0 if valid else score)
                return


class _Phone(PhoneRecognizer):
    # Presidio looks through the whole text once for each region. This asks only about the stretches that hold
    # digits, and only the regions whose numbers may be as short.
    def analyze(self, text: str, *_args: object, **_kwargs: object) -> list[RecognizerResult]:
        regions = cast(Sequence[str], cast(Any, self).supported_regions)
        found = dialling.find(text, regions, leniency=cast(int, self.leniency))
        results = [_result(self, start, stop, self.SCORE) for start, stop in found]
        return cast(list[RecognizerResult], cast(Any, EntityRecognizer).remove_duplicates(results))


def _result(recogniser: Any, start: int, stop: int, score: float) -> RecognizerResult:  # noqa: ANN401  (as above)
    return RecognizerResult(
        recogniser.supported_entities[0],
        start,
        stop,
        score,
        recognition_metadata={
            RecognizerResult.RECOGNIZER_NAME_KEY: recogniser.name,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: recogniser.id,
        },
    )


_OWN: Final[dict[type, Any]] = {EmailRecognizer: _Email, IbanRecognizer: _Iban, PhoneRecognizer: _Phone}
