r"""Signs of injection, as data: the shipped packs, in TOML, in a small language of their own.

A file holds `[words]`, names for alternatives, and tables `[[sign]]`. In a pattern

* a space stands for whatever separates words: spaces, line breaks, punctuation;
* `<3>` stands for at most three words, and what separates them;
* `@name@` stands for the words of that name, of whichever file;
* a letter that is not ASCII stands for itself in the form of `folding`.

All else is the syntax of RE2, over bytes of small letters; in a class, or as `\x20`, a space is one.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Annotated, Final

import msgspec

from firewall.core.errors import ConfigError
from firewall.detect.injection.asked import BETWEEN, TOKEN, WORD
from firewall.detect.injection.folding import folded
from firewall.detect.secrets.engines import BadPattern, examine

FAMILIES: Final = (
    *("override", "forging", "authority", "extraction", "others", "exfiltration", "document"),
    *("encoding", "splitting", "persona", "pretence", "flood"),
)
_NAMED = re.compile(r"@([a-z]+)@")
_UP_TO = re.compile(r"<([1-9][0-9]?)>")

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]
_Texts = Annotated[list[_Text], msgspec.Meta(min_length=1, max_length=40)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One sign that a text may be an injection.

    Attributes:
        id: Stable name, `[a-z0-9-]`.
        family: What it is a sign of, one of `FAMILIES`.
        weight: How much it says by itself, 0 to 1; see `heuristics`.
        pattern: A regular expression in ASCII over the bytes of `folding.Folded`.
        positive: Texts in which it stands, at least one.
        negative: Texts in which it does not, at least one.
        source: Name of the file, without its folder.
    """

    id: str
    family: str
    weight: float
    pattern: str
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    source: str


class _Sign(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{1,60}$")]
    family: Annotated[str, msgspec.Meta(pattern=f"^(?:{'|'.join(FAMILIES)})$")]
    weight: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)]
    pattern: _Text
    positive: _Texts
    negative: _Texts


class _File(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    words: dict[str, _Text] = {}
    sign: list[_Sign] = []


@cache
def packs() -> Sequence[Sign]:
    """Give the shipped signs, by file and in the order of each."""
    folder = resources.files("firewall.detect.injection") / "packs"
    files = sorted(
        (each for each in folder.iterdir() if each.name.endswith(".toml")), key=lambda each: each.name
    )
    return signs_of({each.name: each.read_text(encoding="utf-8") for each in files})


def signs_of(files: Mapping[str, str]) -> Sequence[Sign]:
    """Give the signs of some files, by name, in their order.

    Raises:
        ConfigError: A file is wrong, a sign is there twice, or no engine takes a pattern.
    """
    read = {name: _parsed(name, text) for name, text in files.items()}
    words = {name: words for each in read.values() for name, words in each.words.items()}
    found = [_sign(each, name, words) for name, file in read.items() for each in file.sign]
    seen: set[str] = set()
    for sign in found:
        if sign.id in seen:
            raise ConfigError(f"{sign.source}: sign {sign.id!r}: there is one of that id already")
        seen.add(sign.id)
    return tuple(found)


def _parsed(name: str, text: str) -> _File:
    try:
        return msgspec.convert(tomllib.loads(text), _File)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{name}: {error}") from error


def _sign(given: _Sign, name: str, words: Mapping[str, str]) -> Sign:
    try:
        pattern = expanded(given.pattern, words)
        examine(pattern)
    except (BadPattern, KeyError, RecursionError) as error:
        raise ConfigError(f"{name}: sign {given.id!r}: pattern: {error}") from error
    return Sign(
        id=given.id,
        family=given.family,
        weight=given.weight,
        pattern=pattern,
        positive=tuple(given.positive),
        negative=tuple(given.negative),
        source=name,
    )


def expanded(pattern: str, words: Mapping[str, str]) -> str:
    """Give the regular expression that a pattern of a pack stands for.

    Raises:
        KeyError: It names words that there are not.
    """
    flat = _named(pattern, words)
    return "".join(_pieces(_UP_TO.sub(lambda found: f"(?:{WORD}{BETWEEN}){{0,{found.group(1)}}}", flat)))


def _named(pattern: str, words: Mapping[str, str]) -> str:
    # Words may be made of words; those that are made of themselves end in a RecursionError.
    return _NAMED.sub(lambda found: f"(?:{_named(words[found.group(1)], words)})", pattern)


def _pieces(pattern: str) -> Iterator[str]:
    for piece in TOKEN.findall(pattern):
        if piece == " ":
            yield BETWEEN
        elif piece.isascii():
            yield piece
        else:
            form = "".join(f"\\x{byte:02x}" for byte in folded(piece).data)
            # What folding takes away, such as a vowel sign, is part of no form.
            yield f"(?:{form})" if form else ""
