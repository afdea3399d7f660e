"""Placeholders: what stands for a sender's own values on the way to a provider and back.

They live between the wall and the provider, and nowhere else: what is judged, kept and shown holds the values
(docs/adr/0010-placeholders.md). A turn knows the values of what it may read and no others, so a placeholder
of another session, of a private answer in a room, or of nobody is text like any other, and stays.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from firewall.core.label import Operator
from firewall.core.ports import Match
from firewall.core.receipt import Record, RecordKind
from firewall.core.subject import ArgumentKind, Json, Leaf, Span, Subject, ToolSpec, with_leaves
from firewall.core.verdict import Severity
from firewall.detect.marker import OTHER, merged
from firewall.detect.own import OwnValues
from firewall.obligations import cut
from firewall.tokens import MARK, STEM, characters, token, tokens

LAYER = "placeholders"
_WORD = re.compile(r"[^\W_]+")
# What brings no syntax with it into a command or a query.
_INERT = re.compile(r"[\w@.+:][\w@.+: -]*")
_WRITTEN, _KNOWN = "placeholder", "known"
# A value of so many letters and digits is replaced inside of words, too.
_LONG = 6

# Gives 64 hex digits for these fields, in one session and for one audience alone.
Derive = Callable[..., str]


class Placeholders:
    """The placeholders of one turn, made when they are first needed and never kept.

    Args:
        values: Finds a sender's own values; None where they are not replaced.
        derive: Names a value in this session and for this audience.
        read: Gives the texts that the turn may read by now, oldest first.
    """

    def __init__(self, values: OwnValues | None, derive: Derive, read: Callable[[], Iterable[str]]) -> None:
        self._values = values
        self._derive = derive
        self._read = read
        self._seen = set[str]()
        # A value's body by its exact text, the texts by their bodies, and the stem of each key.
        self._tokens: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._keys = set[str]()
        # Short texts by their first word, long ones, and bodies that somebody wrote out: those are words and
        # not placeholders.
        self._starting: dict[str, list[str]] = defaultdict(list)
        self._long: list[str] = []
        self._written = set[str]()

    @property
    def live(self) -> bool:
        """True if anything is ever replaced."""
        return self._values is not None

    def hide(self, subject: Subject) -> tuple[Subject, Sequence[Record]]:
        """Put placeholders in the place of values, wherever text may be altered and is not an operator's.

        Text that is fixed is structure, or was written by the model itself, to which it tells nothing.

        Returns:
            The subject as it may be sent, and how many values of each rule it held.
        """
        if self._values is None:
            return subject, ()
        self._learn(each.text for each in subject.leaves if not each.fixed)
        leaves, counted = list[Leaf](), Counter[str]()
        for each in subject.leaves:
            holes = [] if each.fixed else [hole for hole in self._holes(each.text) if _owned(each, hole)]
            counted.update(hole.rule for hole in holes)
            marked = [(hole.start, hole.stop, self._stand_in(each.text, hole)) for hole in holes]
            leaves.append(replace(each, spans=cut(each, marked)) if marked else each)
        records = [_counted(rule, number) for rule, number in sorted(counted.items())]
        return (with_leaves(subject, tuple(leaves)), records) if records else (subject, ())

    def restored(self, text: str) -> str:
        """Give what a model said with the values in the place of their placeholders.

        For what comes straight from a model that was asked with hidden text, once: what it says about a text
        that somebody wrote like a placeholder is restored to that text.
        """
        return self._replaced(text, frozenset(), str)

    def end(self, text: str) -> int:
        """Give where the last placeholder of a text ends that would be restored; 0 if there is none."""
        position = 0
        for start, stop, body in tokens(text):
            if start >= position and body in self._texts:
                position = stop
        return position

    def resolved(self, text: str) -> str:
        """Restore what came by another way and may have been restored already; what was written so stays."""
        if self._values is None or not any(tokens(text)):
            return text
        self._learn(())
        return self._replaced(text, self._written, str)

    def arguments(self, given: Mapping[str, Json], spec: ToolSpec | None, *, again: bool) -> dict[str, Json]:
        """Restore the arguments of a call, each by its kind, and no keys.

        Keys are structure and are not replaced on their way to a provider. The attack is a model that writes
        a placeholder as a key, and would be shown the value there when it is asked the next time.

        Args:
            given: The arguments as the model wrote them.
            spec: What the tool declared, or None.
            again: True where they may have been restored already.
        """
        if self._values is None:
            return dict(given)
        self._learn(())
        left = self._written if again else frozenset[str]()
        kinds: Mapping[str, ArgumentKind] = {} if spec is None else spec.arguments
        return {name: self._within(value, kinds.get(name), left) for name, value in given.items()}

    def _within(self, value: Json, kind: ArgumentKind | None, left: frozenset[str] | set[str]) -> Json:
        # A number as it was written is a kind of text to `adapters.json_leaves`, and no text here.
        if type(value) is str:
            fit = _FITTING.get(kind, str) if kind is not None else str
            if kind is ArgumentKind.URL and [(0, len(value))] == [place[:2] for place in tokens(value)]:
                fit = str
            return self._replaced(value, left, fit, apart=fit is _in_url)
        if isinstance(value, list):
            return [self._within(each, kind, left) for each in value]
        if isinstance(value, dict):
            return {key: self._within(one, kind, left) for key, one in value.items()}
        return value

    def _learn(self, texts: Iterable[str]) -> None:
        """Take in the values of what the turn may read by now, and of these texts."""
        assert self._values is not None  # noqa: S101  the callers have looked; tells the type checker
        for text in (*self._read(), *texts):
            if text in self._seen:
                continue
            self._seen.add(text)
            for value in self._own(text):
                self._name(text[value.start : value.stop], value.key, value.kind)

    def _own(self, text: str) -> list[Match]:
        """Give the values of a text; what looks like a placeholder is one too, and so comes back as it is."""
        assert self._values is not None  # noqa: S101  as above
        looks = [
            Match(start=start, stop=stop, kind=OTHER, rule=_WRITTEN, key=text[start:stop])
            for start, stop, _ in tokens(text)
        ]
        self._written.update(body for _, _, body in tokens(text))
        return list(merged((*self._values.of(text), *looks)))

    def _holes(self, text: str) -> Sequence[Match]:
        """Give what is to be replaced: every value, and every other place where one of the turn's stands.

        The attack is a model that says a placeholder with a digit before it. What is restored is then no
        card's number to any detector, and would be sent as it stands the next time.
        """
        found = self._own(text)
        again = [
            Match(start=start, stop=start + len(value), kind=OTHER, rule=_KNOWN, key=value)
            for word in set(_WORD.findall(text)) & self._starting.keys()
            for value in self._starting[word]
            for start in _places(text, value)
            if _apart(text, start, start + len(value))
        ]
        again += [
            Match(start=start, stop=start + len(value), kind=OTHER, rule=_KNOWN, key=value)
            for value in self._long
            if value in text
            for start in _places(text, value)
        ]
        found += [each for each in again if not any(_inside(each, one) for one in found)]
        # An overlap may be wider than any value that has a name.
        holes = merged(found)
        for hole in holes:
            self._name(text[hole.start : hole.stop], hole.key, hole.kind)
        return holes

    def _stand_in(self, text: str, hole: Match) -> str:
        return self._tokens[text[hole.start : hole.stop]]

    def _name(self, value: str, key: str, kind: str) -> None:
        """Give a value its placeholder: that of its key; other spellings differ in the last characters."""
        if value in self._tokens:
            return
        stem = characters(self._derive("stem", key), STEM)
        spelling = (key,) if key not in self._keys else (key, value)
        number, body = 0, ""
        # No two values of a turn share one, however unlikely that is.
        while not body or body in self._texts:
            body = stem + characters(self._derive("mark", *spelling, str(number)), MARK)
            number += 1
        self._keys.add(key)
        self._tokens[value] = token(kind, body)
        self._texts[body] = value
        first = _WORD.search(value)
        if sum(map(str.isalnum, value)) >= _LONG:
            self._long.append(value)
        elif first is not None:
            self._starting[first.group()].append(value)

    def _replaced(
        self,
        text: str,
        left: frozenset[str] | set[str],
        fit: Callable[[str], str | None],
        *,
        apart: bool = False,
    ) -> str:
        """Put values in the place of their placeholders in one pass; what comes in is not looked at again.

        Where what is put in looks otherwise than the value, it must stand `apart`, to be known again.
        """
        if self._values is None:
            return text
        out, position = list[str](), 0
        for start, stop, body in tokens(text):
            glued = apart and not _apart(text, start, stop)
            value = None if body in left or start < position or glued else self._texts.get(body)
            fitting = None if value is None else fit(value)
            if fitting is not None:
                out += (text[position:start], fitting)
                position = stop
        return "".join((*out, text[position:])) if out else text


def _places(text: str, value: str) -> Iterator[int]:
    """Give where a value stands."""
    start = text.find(value)
    while start >= 0:
        yield start
        start = text.find(value, start + 1)


def _apart(text: str, start: int, stop: int) -> bool:
    """True if a stretch is words of their own, and not inside others."""
    before, after = text[max(0, start - 1) : start], text[stop : stop + 1]
    joined = before.isalnum() and text[start].isalnum()
    return not joined and not (after.isalnum() and text[stop - 1].isalnum())


def _inside(one: Match, other: Match) -> bool:
    return other.start <= one.start and one.stop <= other.stop


def _owned(each: Leaf, hole: Match) -> bool:
    """True unless every character of a value is an operator's."""
    offset = 0
    for span in each.spans:
        if offset < hole.stop and hole.start < offset + len(span.text) and not _registered(span):
            return True
        offset += len(span.text)
    return False


def _registered(span: Span) -> bool:
    return span.source is not None and isinstance(span.source.label, Operator)


def _counted(rule: str, number: int) -> Record:
    return Record(
        kind=RecordKind.REDACTION,
        layer=LAYER,
        rule=rule,
        severity=Severity.INFO,
        violation=False,
        count=number,
    )


def _in_url(value: str) -> str:
    return quote(value, safe="")


def _inert(value: str) -> str | None:
    return value if _INERT.fullmatch(value) else None


# A value is data: in a URL it is written as such, and what could be syntax enters no command and no query.
_FITTING: Mapping[ArgumentKind, Callable[[str], str | None]] = {
    ArgumentKind.URL: _in_url,
    ArgumentKind.COMMAND: _inert,
    ArgumentKind.QUERY: _inert,
}
