"""The text of policies: where each begins, and where in it a fault is.

Cedar says what is wrong and not where, so the places are found here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from firewall.policy import cedar

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)|(?P<text>"(?:[^"\\\n]|\\.)*")|[A-Za-z_][A-Za-z_0-9]*|[0-9]+|::|==|!=|<=|>=|&&|\|\||."""
)
_QUOTED = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place in a file, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """The text of one policy, its annotations included, and where it begins."""

    text: str
    at: Place

    def place(self, offset: int) -> Place:
        """Give the place in the file of a place in the text."""
        before = self.text[:offset]
        lines = before.count("\n")
        if lines == 0:
            return Place(line=self.at.line, column=self.at.column + offset)
        return Place(line=self.at.line + lines, column=offset - before.rfind("\n"))


def statements(text: str) -> Iterator[Statement]:
    """Give the policies of a text in order; what stands behind the last `;` is one too, for its fault."""
    begin: int | None = None
    whole = Statement(text=text, at=Place(line=1, column=1))
    for token in _TOKEN.finditer(text):
        if token["space"]:
            continue
        begin = token.start() if begin is None else begin
        if token[0] == ";":
            yield Statement(text=text[begin : token.end()], at=whole.place(begin))
            begin = None
    if begin is not None:
        yield Statement(text=text[begin:].rstrip(), at=whole.place(begin))


def torn(statement: Statement, said: str) -> Place:
    """Find where a text stops being a policy: the first token that no policy can go on with.

    Whatever stands before it only lacks its end, so the token is found by halving.
    """
    tokens = [each for each in _TOKEN.finditer(statement.text) if not each["space"]]
    good, bad = 0, len(tokens)
    while good < bad:
        middle = (good + bad) // 2
        if cedar.fault(statement.text[: tokens[middle].end()]) in ("", cedar.END):
            good = middle + 1
        else:
            bad = middle
    if good == len(tokens):
        return statement.place(tokens[-1].start() if tokens else 0)
    if good == len(tokens) - 1 and said.partition(": ")[2]:
        # Well-formed to its end, and wrong in a word that the fault names.
        return named(statement, said.partition(": ")[2])
    return statement.place(tokens[good].start())


def named(statement: Statement, said: str) -> Place:
    """Find the first word of a policy that a fault quotes, or give where the policy begins."""
    quoted = [*_QUOTED.findall(said), said]
    # An action is quoted by its full name, and may be written in another way.
    for each in (*quoted, *(one.rpartition("::")[2].strip('"') for one in quoted)):
        found = re.search(rf"(?<!\w){re.escape(each)}(?!\w)", statement.text) if each else None
        if found:
            return statement.place(found.start())
    return statement.at
