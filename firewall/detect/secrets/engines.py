"""Engines that confirm what a gate let through: RE2, whose time is linear, and `regex` under a time limit.

RE2 takes every pattern it can express. What it cannot (lookarounds, back references) goes to `regex`, which
may need exponential time on a text that was made for it: there a limit ends the search and the text is
refused, for a pattern that gave up has said nothing about it.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Protocol, cast

import re2 as _re2  # type: ignore[import-untyped]  # google-re2 ships no types
import regex as _regex  # type: ignore[import-untyped]  # regex ships no types

from firewall.core.errors import ServiceUnavailable

re2: Any = _re2
regex: Any = _regex
SECRET = "secret"  # noqa: S105  (the name of a group)
DEFAULT_TIMEOUT_S = 0.5
_MAX_MEMORY_BYTES = 64 << 20
_ALL = "partywall_all"
# The pieces of a pattern, such that what is left in group 1 looks at its surroundings without taking them.
_ZERO_WIDTH = re.compile(r"(\\[bBAzZ])|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(\^|\$|\(\?<?[=!])", re.DOTALL)

Span = tuple[int, int]


class BadPattern(Exception):
    """A pattern that no engine takes; the message is the engine's own."""


class SlowPattern(ServiceUnavailable):
    """A pattern that is not linear took longer than it may; nothing is known of the text."""


class Finder(Protocol):
    """Finds every place of one pattern."""

    def spans(self, data: bytes) -> Iterator[Span]:
        """Give the stretches of the secret, in order, not overlapping.

        Raises:
            SlowPattern: The time limit passed before the end of the text.
        """
        ...


def looks_around(pattern: str) -> bool:
    """True if the pattern asks what stands beside it: a piece may match where the whole text does not."""
    return any(found.group(1) or found.group(2) for found in _ZERO_WIDTH.finditer(pattern))


def linear(pattern: str, *, caseless: bool = False) -> bool:
    """True if RE2 takes the pattern, so that no text makes it slow."""
    try:
        _compiled(pattern, caseless)
    except BadPattern:
        return False
    return True


def examine(pattern: str, *, caseless: bool = False) -> None:
    """Make sure that a pattern is one by itself, and not only with what `finder` puts around it.

    Raises:
        BadPattern: No engine takes it.
    """
    if not linear(pattern, caseless=caseless):
        _Bounded(pattern, caseless, "", DEFAULT_TIMEOUT_S)


def finder(
    pattern: str, *, caseless: bool = False, edge: str = "", timeout_s: float = DEFAULT_TIMEOUT_S
) -> Finder:
    """Give what finds the pattern where no character of `edge` stands directly before or after it.

    Args:
        pattern: A regular expression in ASCII; its group `secret`, or else all of it, is what is found.
        caseless: True if the case of letters does not count.
        edge: The inside of a character class, such as `A-Za-z0-9`; empty for none.
        timeout_s: Longest time for one text, in seconds, where the pattern is not for RE2.

    Raises:
        BadPattern: No engine takes it.
    """
    try:
        return _Linear(pattern, caseless, edge)
    except BadPattern:
        return _Bounded(pattern, caseless, edge, timeout_s)


def _compiled(pattern: str, caseless: bool) -> Any:  # noqa: ANN401  (of the untyped re2)
    options = re2.Options()
    # The default memory is too small for a long pattern, which would then be refused.
    settings = {"max_mem": _MAX_MEMORY_BYTES, "case_sensitive": not caseless, "log_errors": False}
    for name, value in (*settings.items(), ("encoding", re2.Options.Encoding.LATIN1)):
        setattr(options, name, value)
    try:
        return re2.compile(pattern.encode("ascii"), options)
    except (re2.error, UnicodeEncodeError) as error:
        raise BadPattern(str(error)) from error


class _Linear:
    def __init__(self, pattern: str, caseless: bool, edge: str) -> None:
        before, after = (f"(?:\\A|[^{edge}])", f"(?:[^{edge}]|\\z)") if edge else ("", "")
        self._pattern: Any = _compiled(f"{before}(?P<{_ALL}>{pattern}){after}", caseless)
        groups: dict[bytes, int] = self._pattern.groupindex
        self._all = groups[_ALL.encode()]
        self._secret = groups.get(SECRET.encode(), self._all)

    def spans(self, data: bytes) -> Iterator[Span]:
        search: Callable[[bytes, int], Any] = self._pattern.search
        found = search(data, 0)
        while found is not None:
            start, stop = cast(Span, found.span(self._secret))
            if start < stop:
                yield start, stop
            # The character after a match may be the one before the next.
            after = cast(int, found.end(self._all))
            resume = after if after > found.start() else after + 1
            found = search(data, resume) if resume < len(data) else None


class _Bounded:
    def __init__(self, pattern: str, caseless: bool, edge: str, timeout_s: float) -> None:
        before, after = (f"(?<![{edge}])", f"(?![{edge}])") if edge else ("", "")
        flags = regex.IGNORECASE if caseless else 0
        try:
            regex.compile(pattern.encode("ascii"), flags)
            self._pattern: Any = regex.compile(f"{before}(?:{pattern}){after}".encode("ascii"), flags)
        except (regex.error, UnicodeEncodeError) as error:
            raise BadPattern(str(error)) from error
        self._secret: int | str = SECRET if SECRET in self._pattern.groupindex else 0
        self._timeout_s = timeout_s

    def spans(self, data: bytes) -> Iterator[Span]:
        try:
            for found in self._pattern.finditer(data, timeout=self._timeout_s):
                start, stop = cast(Span, found.span(self._secret))
                if start < stop:
                    yield start, stop
        except TimeoutError as error:
            raise SlowPattern("a pattern took too long on one text, which was refused") from error
