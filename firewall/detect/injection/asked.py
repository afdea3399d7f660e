"""What a gate is asked before a sign is looked for: what every match of its pattern holds.

Whole, the patterns of a pack would take hyperscan minutes to compile: it has a state for each word that may
stand between two others. So each alternative of a pattern is cut where any words may stand. The longest
stretch is asked for if it is short enough, and with it sets of literals: every match holds one of each.
The engine that then looks for the sign is slow, so asking for much pays.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

# An escape, a count, a class or one character; in a class a space is one, and every letter is ASCII.
TOKEN: Final = re.compile(r"\\x[0-9a-f]{2}|\\.|\{[0-9,]+\}|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)
# So many literals are one set; a piece that would need more ends it.
_MOST: Final = 400
# What is asked for together; a further set costs more than it tells.
_SETS: Final = 3
# Fewer letters stand in every text.
_LETTERS: Final = 3
# Marks that plain sentences do without; who asks for one asks for something else than a word.
_RARE: Final = frozenset('@#*!?:;|<>[]{}()=+~`/\\"\n')
# Words that nearly every text has.
_COMMON: Final = frozenset((
    *("a", "all", "and", "any", "are", "as", "for", "have", "i", "in", "is", "not", "of", "on", "the"),
    *("this", "that", "to", "was", "with", "you", "your"),
))  # fmt: skip
# A stretch that is no longer is asked for itself; hyperscan would need seconds for longer ones.
_SHORT: Final = 600
_FLAG: Final = ["(", "?", "s", ")"]
_NOTHING: Final = frozenset({""})
_EMPTY: Final = frozenset[str]()
_OPTIONAL: Final = ("?", "*")
# A byte above 0x7f belongs to a letter of another alphabet.
WORD: Final = r"[a-z0-9'\x80-\xff-]+"
BETWEEN: Final = r"(?:[^a-z0-9\x80-\xff]+)"
_GAPS = re.compile(re.escape(f"(?:{WORD}{BETWEEN})") + r"\{0,\d+\}")
# Any words, or up to a hundred characters: for these hyperscan needs many states.
_GAP = re.compile(r"-\]\+|\{[0-9]+,[0-9]{3,}\}")
_FEW_OF_A_CLASS = re.compile(r"\[([a-z0-9'\"]{1,6})\]")

Literals = frozenset[str]


class _Told(NamedTuple):
    """What is known of all that a piece of a pattern matches.

    `exact` is all of it, or None where that is too much; else one of each of `sets` is inside.
    """

    exact: Literals | None
    sets: Sequence[Literals] = ()


_UNKNOWN: Final = _Told(None)


def asked(pattern: str) -> Sequence[Sequence[str]]:
    """Give, for each alternative of a pattern, regular expressions of which every match of it holds all.

    At least one for each, the one that tells most first.
    """
    tokens: list[str] = TOKEN.findall(pattern)
    flag = "(?s)" if tokens[:4] == _FLAG else ""
    return [_parts(one, flag) for one in _split(tokens[4:] if flag else tokens)]


def _parts(tokens: Sequence[str], flag: str) -> Sequence[str]:
    whole = "".join(tokens)
    told = _sequence(tokens)
    sets = [told.exact] if told.exact is not None else told.sets
    good = sorted({each for each in sets if _least(each)}, key=_worth, reverse=True)
    rare = [_regex(each) for each in good if _least(each) >= _LETTERS][:_SETS]
    stretch = max(_stretches(whole), key=len, default="")
    if stretch and (not rare or len(stretch) <= _SHORT):
        return [flag + stretch, *rare]
    if not rare and _GAP.search(whole) is None:
        return [flag + whole]
    return rare or [*map(_regex, good[:1])] or [flag + whole]


def _stretches(alternative: str) -> Iterator[str]:
    """Give what stands between gaps, where it says anything and has no gap inside."""
    depth = 0
    for stretch in _GAPS.split(alternative):
        tokens = TOKEN.findall(stretch)
        before, depth = depth, depth + tokens.count("(") - tokens.count(")")
        # What stands in a group with a gap may be one of several, or be missing.
        if before == depth == 0 and _GAP.search(stretch) is None and any(map(str.isalnum, tokens)):
            yield stretch


def _regex(literals: Literals) -> str:
    return "|".join("".join(f"\\x{ord(char):02x}" for char in each) for each in sorted(literals))


def _least(literals: Literals) -> int:
    """Give how much the literal says that says least."""
    return min(_says(each) for each in literals)


def _says(literal: str) -> int:
    return literal not in _COMMON and sum(_LETTERS if each in _RARE else each != " " for each in literal)


def _worth(literals: Literals) -> tuple[int, int]:
    """Long literals are rare, and so are few of them."""
    return min(_least(literals), 6), -len(literals)


def _sequence(tokens: Sequence[str]) -> _Told:
    """Tell of pieces one after another: what is exact grows together until something is not."""
    sets: list[Literals] = []
    before: Literals = _NOTHING
    whole = True
    for told in _pieces(tokens):
        longer = _joined(before, told.exact)
        if longer is not None:
            before = longer
            continue
        whole = False
        sets.append(before)
        sets += told.sets
        # Two that are too many together begin anew with the second.
        before = told.exact or _NOTHING
    return _Told(before) if whole else _Told(None, [each for each in (*sets, before) if _least(each)])


def _joined(first: Literals, second: Literals | None) -> Literals | None:
    if second is None or len(first) * len(second) > _MOST:
        return None
    return frozenset(one + two for one in first for two in second)


def _pieces(tokens: Sequence[str]) -> Iterator[_Told]:
    place = 0
    while place < len(tokens):
        first, depth = place, 0
        while True:
            depth += {"(": 1, ")": -1}.get(tokens[place], 0)
            place += 1
            if not depth:
                break
        told = _piece(tokens[first:place])
        count = tokens[place] if place < len(tokens) else ""
        if count in (*_OPTIONAL, "+") or count[:1] == "{":
            place += 1
            place += place < len(tokens) and tokens[place] == "?"
            told = _counted(told, count)
        yield told


def _counted(told: _Told, count: str) -> _Told:
    if count == "?" and told.exact is not None:
        return _Told(told.exact | _NOTHING)
    if count in _OPTIONAL or count[:2] in ("{0", "{,"):
        return _UNKNOWN
    # At least once, wherever.
    return _Told(None, told.sets if told.exact is None else [each for each in (told.exact,) if _least(each)])


def _piece(tokens: Sequence[str]) -> _Told:
    if tokens[0] == "(":
        inside = tokens[1:-1]
        if inside[:1] == ["?"]:
            inside = inside[2:] if inside[:2] == ["?", ":"] else ()
            if not inside:
                return _UNKNOWN
        return _either([_sequence(each) for each in _split(inside)])
    (token,) = tokens
    few = _FEW_OF_A_CLASS.fullmatch(token)
    if few is not None:
        return _Told(frozenset(few[1]))
    if token == r"\b":  # noqa: S105  (a piece of a pattern)
        return _Told(_NOTHING)
    if token[:2] == r"\x" and len(token) == 4:
        return _Told(frozenset({chr(int(token[2:], 16))}))
    if token[0] == "\\":
        return _UNKNOWN if token[1].isalnum() else _Told(frozenset({token[1]}))
    if token[0] == "[" or token in (".", "^", "$"):
        return _UNKNOWN
    return _Told(frozenset({token}))


def _either(each: Sequence[_Told]) -> _Told:
    exact = [told.exact for told in each if told.exact is not None]
    together = frozenset(one for some in exact for one in some)
    if len(exact) == len(each) and len(together) <= _MOST:
        return _Told(together)
    # Of every branch the set that tells most; a branch without one tells nothing of the whole.
    best = [_best([told.exact] if told.exact is not None else told.sets) for told in each]
    if not all(best):
        return _UNKNOWN
    return _Told(None, [frozenset(one for some in best for one in some)])


def _best(sets: Iterable[Literals]) -> Literals:
    return max((each for each in sets if _least(each)), key=_worth, default=_EMPTY)


def _split(tokens: Sequence[str]) -> Iterator[Sequence[str]]:
    """Give the alternatives of a pattern."""
    depth, first = 0, 0
    for place, token in enumerate(tokens):
        depth += {"(": 1, ")": -1}.get(token, 0)
        if token == "|" and not depth:  # noqa: S105  (a piece of a pattern)
            yield tokens[first:place]
            first = place + 1
    yield tokens[first:]
