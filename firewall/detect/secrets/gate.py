"""One gate for all patterns: which of them could match in a text at all, asked once.

A gate never misses: where it cannot tell, it says yes, and an engine (`engines`) looks again. With hyperscan
all patterns are one automaton. Where there is no wheel of it, `Plain` asks them one by one, and a property
test holds that both answer alike.
"""

import platform
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from firewall.core.errors import ServiceUnavailable
from firewall.detect.secrets.cache import Cache, name_of
from firewall.detect.secrets.engines import finder

try:
    import hyperscan as _hyperscan
except ImportError:  # pragma: no cover  (no wheel for this platform)
    hyperscan: Any = None
else:
    hyperscan = _hyperscan


# How many patterns one automaton holds; where there are more, each holds patterns of one kind of case.
_MOST: Final = 100
_FAILED: Final = "the gate for patterns failed; the text was refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """What a gate asks for.

    Attributes:
        regex: A regular expression in ASCII. What it says of its surroundings may be taken as true.
        caseless: True if the case of letters does not count.
        keywords: Lower-case texts of which every match holds one, for the gate without hyperscan; or empty.
    """

    regex: str
    caseless: bool = False
    keywords: tuple[str, ...] = ()


class Gate(Protocol):
    """Tells which patterns may occur."""

    def hits(self, data: bytes) -> Sequence[int]:
        """Give the numbers of the patterns that may match in these bytes (see `sight`), in order.

        Raises:
            ServiceUnavailable: The text could not be looked at.
        """
        ...

    def opens(self, data: bytes) -> bool:
        """True if any of the patterns may match; cheaper than `hits` where it does.

        Raises:
            ServiceUnavailable: As `hits`.
        """
        ...


def gate(patterns: Sequence[Pattern], *, cache: Path | None = None) -> Gate:
    """Give the fastest gate of this machine.

    Args:
        patterns: What is asked for; a hit is told by its place in this sequence.
        cache: A folder of this user alone, where the compiled automaton is kept; made if it is missing.
            Whoever can write there decides what the gate sees, so one of anybody else is not read.
    """
    return Plain(patterns) if hyperscan is None else Hyperscan(patterns, cache=cache)


def apart(patterns: Sequence[Pattern]) -> Gate:
    """Give a gate of few and small patterns, asked one after the other.

    Hyperscan skips what cannot begin a match of one small pattern, and cannot if it is joined with others.
    """
    return Plain(patterns) if hyperscan is None else Hyperscan(patterns, most=1)


class Plain:
    """Asks pattern by pattern, by keyword first; needs no hyperscan."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._patterns = [
            (
                tuple(word.encode("ascii") for word in each.keywords),
                finder(each.regex, caseless=each.caseless),
            )
            for each in patterns
        ]

    def hits(self, data: bytes) -> Sequence[int]:
        """Give the numbers of the patterns that match, in order."""
        lower = data.lower()
        return [
            number
            for number, (words, pattern) in enumerate(self._patterns)
            if (not words or any(word in lower for word in words))
            and next(pattern.spans(data), None) is not None
        ]

    def opens(self, data: bytes) -> bool:
        """True if any of the patterns matches."""
        return bool(self.hits(data))


class Hyperscan:
    """Asks for many patterns at once. For several threads, each with scratches of its own.

    Args:
        patterns: What is asked for.
        cache: As for `gate`.
        most: How many of them one automaton holds.
    """

    def __init__(self, patterns: Sequence[Pattern], *, cache: Path | None = None, most: int = _MOST) -> None:
        kept = None if cache is None else Cache(folder=cache)
        name = "" if kept is None else _name(patterns, most)
        loaded = None if kept is None else _loaded(kept.read(name), len(patterns))
        if loaded is None:
            loaded = _compiled(patterns, most)
            if kept is not None:
                kept.write(name, _dumped(*loaded))
        self.always, automata = loaded
        self.automata = Automata(automata)

    def hits(self, data: bytes) -> Sequence[int]:
        """Give the numbers of the patterns that may match, in order."""
        return sorted([*self.always, *self.automata.hits(data)])

    def opens(self, data: bytes) -> bool:
        """True if any of the patterns may match."""
        return bool(self.always) or self.automata.any(data)


class Automata:
    """Several automata, with scratches for each thread."""

    def __init__(self, automata: Sequence[Any]) -> None:
        self.each = automata
        self._threads = threading.local()

    def hits(self, data: bytes) -> Sequence[int]:
        """Give the numbers that match, in no order.

        Raises:
            ServiceUnavailable: Hyperscan failed.
        """
        found: list[int] = []
        try:
            for automaton, scratch in self._ready():
                automaton.scan(data, _note, context=found, scratch=scratch)
        except hyperscan.error as error:
            raise ServiceUnavailable(_FAILED) from error
        return found

    def any(self, data: bytes) -> bool:
        """True if any matches; those behind it are not asked.

        Raises:
            ServiceUnavailable: As `hits`.
        """
        found: list[int] = []
        try:
            for automaton, scratch in self._ready():
                automaton.scan(data, _note, context=found, scratch=scratch)
                if found:
                    return True
        except hyperscan.error as error:
            raise ServiceUnavailable(_FAILED) from error
        return False

    def _ready(self) -> Sequence[tuple[Any, Any]]:
        ready: Sequence[tuple[Any, Any]] | None = getattr(self._threads, "ready", None)
        if ready is None:
            ready = [(automaton, automaton.scratch.clone()) for automaton in self.each]
            self._threads.ready = ready
        return ready


class Joined:
    """Several gates as one, which tells only if any of them opens; asked in their order."""

    def __init__(self, gates: Sequence[Gate]) -> None:
        automatic = [each for each in gates if isinstance(each, Hyperscan)]
        self._always = any(each.always for each in automatic)
        self._automata = Automata([one for each in automatic for one in each.automata.each])
        self._others = [each for each in gates if not isinstance(each, Hyperscan)]

    def opens(self, data: bytes) -> bool:
        """True if any pattern of any of the gates may match.

        Raises:
            ServiceUnavailable: As `Gate.hits`.
        """
        return self._always or self._automata.any(data) or any(each.opens(data) for each in self._others)


# The patterns that hyperscan cannot take even as a prefilter, and the automata of all others.
_Compiled = tuple[Sequence[int], Sequence[Any]]


def _note(number: int, _start: int, _stop: int, _flags: int, found: Any) -> None:  # noqa: ANN401  (any context)
    found.append(number)


def _name(patterns: Sequence[Pattern], most: int) -> str:
    # What an automaton says of itself holds hyperscan's version and the features of this processor.
    probe = _automaton([(0, b"probe", 0)])
    asked = [b"%d %s" % (each.caseless, _bytes(each)) for each in patterns]
    machine = platform.machine().encode()
    return name_of(hyperscan.__version__.encode(), machine, probe.info(), b"%d together" % most, *asked)


def _compiled(patterns: Sequence[Pattern], most: int) -> _Compiled:
    always: list[int] = []
    automata: list[Any] = []
    for part in _parts(patterns, most):
        try:
            automata.append(_automaton([(number, _bytes(each), _exactly(each)) for number, each in part]))
        except hyperscan.error:
            # One of them is not for hyperscan as it stands: only then each is tried by itself.
            flags = [(number, _bytes(each), _flags(each)) for number, each in part]
            always += [number for number, _, found in flags if found is None]
            taken = [(number, regex, found) for number, regex, found in flags if found is not None]
            automata += [_automaton(taken)] if taken else []
    return always, automata


def _parts(patterns: Sequence[Pattern], most: int) -> Iterator[Sequence[tuple[int, Pattern]]]:
    if 0 < len(patterns) <= most:
        # Few of either kind are quicker together, and many are not.
        yield list(enumerate(patterns))
        return
    for caseless in (False, True):
        kind = [(number, each) for number, each in enumerate(patterns) if each.caseless is caseless]
        for first in range(0, len(kind), most):
            yield kind[first : first + most]


def _bytes(pattern: Pattern) -> bytes:
    return pattern.regex.encode("ascii")


def _exactly(pattern: Pattern) -> int:
    flags: int = hyperscan.HS_FLAG_SINGLEMATCH | (hyperscan.HS_FLAG_CASELESS if pattern.caseless else 0)
    return flags


def _flags(pattern: Pattern) -> int | None:
    """Give the flags under which hyperscan takes this pattern, exactly or as a filter that finds more."""
    for tried in (_exactly(pattern), _exactly(pattern) | hyperscan.HS_FLAG_PREFILTER):
        try:
            _automaton([(0, _bytes(pattern), tried)])
        except hyperscan.error:
            continue
        return tried
    return None


def _automaton(patterns: Sequence[tuple[int, bytes, int]]) -> Any:  # noqa: ANN401  (hyperscan's own)
    automaton = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    numbers, expressions, flags = zip(*patterns, strict=True)
    automaton.compile(expressions=expressions, ids=numbers, elements=len(numbers), flags=flags)
    return automaton


def _dumped(always: Sequence[int], automata: Sequence[Any]) -> bytes:
    return msgspec.msgpack.encode(_Kept(always=list(always), automata=list(map(hyperscan.dumpb, automata))))


def _loaded(content: bytes | None, count: int) -> _Compiled | None:
    if content is None:
        return None
    try:
        kept = msgspec.msgpack.decode(content, type=_Kept)
        automata = [hyperscan.loadb(each, hyperscan.HS_MODE_BLOCK) for each in kept.automata]
        for automaton in automata:
            automaton.scratch = hyperscan.Scratch(automaton)
    except (msgspec.DecodeError, hyperscan.error):
        return None
    return (kept.always, automata) if all(number < count for number in kept.always) else None


class _Kept(msgspec.Struct):
    always: list[int]
    automata: list[bytes]
