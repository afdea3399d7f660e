"""Rules for secrets, as data: the shipped packs and files of operators, in TOML.

A file holds tables `[[rule]]`, each with a regular expression, and tables `[[assigned]]`, each with the names
that stand before a value and the form of the value. Both are the same `Rule` once they are read.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Final, Literal, cast

import msgspec

from firewall.core.errors import ConfigError
from firewall.detect.marker import KINDS
from firewall.detect.secrets.engines import BadPattern, examine, linear, looks_around
from firewall.detect.secrets.validators import VALIDATORS

SECRET_KIND: Final = "SECRET"  # noqa: S105  (the name of a kind)
# What must not stand directly beside a match, by the word that a rule says.
EDGES: Final[Mapping[str, str]] = {
    "none": "",
    "word": "A-Za-z0-9_-",
    "alnum": "A-Za-z0-9",
    "base64": "A-Za-z0-9_+/=.:%-",
}
# Between name and value: the rest of the name, its quotes, an operator of any language, an opening quote.
_REST = r"[A-Za-z0-9_. -]{0,40}(?:\[[A-Za-z0-9_.\"' -]{1,40})?[\\\"'`\])]{0,4}"
_OPERATOR = r"\s{0,6}(?:=>|(?:[:?.+|]{0,3}[:=]){1,2}|[\"'],|>|(?:is|was)[ :=])"
_OPEN = r"[\s\\\"'`({\[]{0,10}"
_CLOSE = r"(?:[^A-Za-z0-9_+/=-]|\z)"

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]
_Texts = Annotated[list[_Text], msgspec.Meta(min_length=1, max_length=40)]
_Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{1,60}$")]
_Bits = Annotated[float, msgspec.Meta(ge=0.0, le=8.0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One form of a secret.

    Attributes:
        id: Stable name, `[a-z0-9-]`.
        provider: Whose format it is.
        description: What the value is, in a few words.
        pattern: A regular expression in ASCII; its group `secret`, or else all of it, is the value.
        gate: What is asked for first; where it is found nowhere, the rule finds nothing in any piece.
        caseless: True if the case of letters does not count.
        keywords: Lower-case texts of which every match holds one; may be empty.
        edge: A key of `EDGES`: what must not stand directly beside a match.
        kind: What the marker shows, one of `marker.KINDS`.
        validator: A key of `VALIDATORS`, or empty.
        confirms: True if the validator only makes sure: a value that fails it counts by its entropy.
        entropy: Least entropy of the value, in bits a character.
        generic: True if the rule names no format; its finding gives way to one that does.
        positive: Texts in which this very rule finds something, at least one.
        negative: Texts in which it finds nothing, at least one.
        source: Name of the file, without its folder.
    """

    id: str
    provider: str
    description: str
    pattern: str
    gate: str
    caseless: bool
    keywords: tuple[str, ...]
    edge: str
    kind: str
    validator: str
    confirms: bool
    entropy: float
    generic: bool
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    source: str


class _Common(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    id: _Id
    provider: _Text
    description: _Text
    positive: _Texts
    negative: _Texts
    keywords: list[_Text] = []
    kind: str = SECRET_KIND
    validator: str = ""
    confirms: bool = False
    entropy: _Bits = 0.0
    generic: bool = False


class _Plain(_Common, forbid_unknown_fields=True, kw_only=True):
    pattern: _Text
    caseless: bool = False
    edge: Literal["none", "word", "alnum", "base64"] = "word"


class _Assigned(_Common, forbid_unknown_fields=True, kw_only=True):
    words: _Texts
    value: _Text
    entropy: _Bits = 2.3


@cache
def packs() -> Sequence[Rule]:
    """Give the shipped rules, by file and in the order of each."""
    folder = resources.files("firewall.detect.secrets") / "packs"
    files = sorted(
        (each for each in folder.iterdir() if each.name.endswith(".toml")), key=lambda each: each.name
    )
    # They are examined by the tests, not at every start.
    return tuple(rule for each in files for rule in _read(each.name, each.read_text(encoding="utf-8")))


def load(path: Path) -> Sequence[Rule]:
    """Give the rules of an operator's file, each one examined.

    Raises:
        ConfigError: The file cannot be read or is wrong; the message names the file, the rule and the field.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name}: the rules cannot be read ({type(error).__name__})") from error
    return tuple(map(_examined, _read(path.name, text)))


def _read(name: str, text: str) -> Iterator[Rule]:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name}: {error}") from error
    unknown = sorted(set(tables) - {"rule", "assigned"})
    if unknown:
        raise ConfigError(f"{name}: a file of rules holds [[rule]] and [[assigned]], not {unknown[0]!r}")
    for form in ("rule", "assigned"):
        entries = tables.get(form, [])
        if not isinstance(entries, list):
            raise ConfigError(f"{name}: write [[{form}]], with two brackets")
        for number, entry in enumerate(cast("list[object]", entries), 1):
            yield _plain(entry, name, number) if form == "rule" else _assigned(entry, name, number)


def _plain(entry: object, name: str, number: int) -> Rule:
    try:
        given = msgspec.convert(entry, _Plain)
    except msgspec.ValidationError as error:
        raise _wrong(entry, name, number, "rule", error) from error
    return _rule(given, given.pattern, given.caseless, given.edge, name)


def _assigned(entry: object, name: str, number: int) -> Rule:
    try:
        given = msgspec.convert(entry, _Assigned)
    except msgspec.ValidationError as error:
        raise _wrong(entry, name, number, "assigned", error) from error
    names = "|".join(re.sub(r"[ _-]", "[ _.-]?", re.escape(word).replace("\\", "")) for word in given.words)
    # The last character that belongs to no value is taken along, so the pattern needs no look at its edge.
    pattern = f"(?:{names}){_REST}{_OPERATOR}{_OPEN}(?P<secret>{given.value}){_CLOSE}"
    return _rule(given, pattern, True, "none", name)


def _rule(given: _Common, pattern: str, caseless: bool, edge: str, name: str) -> Rule:
    keywords = tuple(word.lower() for word in given.keywords)
    # A gate that looked around could say no of the whole and yes of a piece; see `detectors.Glances`.
    asked = pattern.removesuffix(_CLOSE) if isinstance(given, _Assigned) else pattern
    return Rule(
        id=given.id,
        provider=given.provider,
        description=given.description,
        pattern=pattern,
        gate=asked,
        caseless=caseless,
        keywords=keywords,
        edge=edge,
        kind=given.kind,
        validator=given.validator,
        confirms=given.confirms,
        entropy=given.entropy,
        generic=given.generic,
        positive=tuple(given.positive),
        negative=tuple(given.negative),
        source=name,
    )


def _wrong(entry: object, name: str, number: int, form: str, error: msgspec.ValidationError) -> ConfigError:
    told = cast("dict[str, object]", entry).get("id") if isinstance(entry, dict) else None
    which = repr(told) if isinstance(told, str) else f"number {number}"
    return ConfigError(f"{name}: {form} {which}: {error}")


def _examined(rule: Rule) -> Rule:
    """Refuse what could never find anything, and ask by keywords for what may be slow or looks around."""
    for field, fault in _faults(rule):
        raise ConfigError(f"{rule.source}: rule {rule.id!r}: {field}: {fault}")
    if not _needs_keywords(rule):
        return rule
    if not rule.keywords:
        raise ConfigError(
            f"{rule.source}: rule {rule.id!r}: keywords: a pattern that looks around or refers back needs "
            "keywords, one of which stands in every match"
        )
    return replace(rule, gate="|".join(map(re.escape, rule.keywords)))


def _needs_keywords(rule: Rule) -> bool:
    return looks_around(rule.gate) or not linear(rule.gate, caseless=rule.caseless)


def _faults(rule: Rule) -> Iterator[tuple[str, str]]:
    if rule.validator and rule.validator not in VALIDATORS:
        yield "validator", f"there is none of that name; there are {', '.join(sorted(VALIDATORS))}"
    if rule.kind not in KINDS:
        yield "kind", f"must be one of {', '.join(sorted(KINDS))}"
    if not all(text.isascii() for text in (rule.pattern, *rule.keywords)):
        yield "pattern", "patterns and keywords are ASCII, for text is compared in its ASCII form"
        return
    try:
        examine(rule.pattern, caseless=rule.caseless)
    except BadPattern as error:
        yield "pattern", str(error)
