"""Personal data by Presidio: the real analyzer with its own recognisers, and without the network.

The import of this module takes seconds, so it is loaded on first use. Where Presidio is not installed the
import itself raises: personal data is never silently left unexamined.
"""

import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any, cast

from firewall.core.errors import ConfigError, ServiceUnavailable
from firewall.core.ports import Match
from firewall.detect.glance import Glance
from firewall.detect.keys import key_of
from firewall.detect.pii import additions
from firewall.detect.pii import nlp as nlpengine
from firewall.detect.pii.context import Words, bounded, enhancer, widened
from firewall.detect.pii.needs import DIGITS, Need, need_of, numbers, words
from firewall.detect.pii.presidio import (
    AnalyzerEngine,
    EntityRecognizer,
    PatternRecognizer,
    PhoneRecognizer,
    RecognizerRegistry,
)
from firewall.detect.pii.recognisers import guarded
from firewall.detect.secrets.gate import Gate, Pattern, apart

# Structured kinds whose recognisers check what they find. Driver licences are left out: they are any letter
# with a few digits, and were three quarters of all false alarms on real chat. Links are no personal data by
# themselves.
DEFAULT_ENTITIES = (
    "EMAIL_ADDRESS",
    "PHONE_NUMBER",
    "CREDIT_CARD",
    "IBAN_CODE",
    "US_SSN",
    "IP_ADDRESS",
    "CRYPTO",
)
DEFAULT_THRESHOLD = 0.35
# Patterns and plans take time by the length of a line, some by its square. A longer one is refused.
MAX_CODEPOINTS = 100_000
_NO_WORDS: Mapping[str, Any] = MappingProxyType({})
_SURROGATE = re.compile("[\ud800-\udfff]")


class PresidioDetector:
    """Finds personal data as Presidio defines it; raises if it cannot look.

    Args:
        entities: Presidio's names of what to find.
        threshold: Lowest score that counts, 0 to 1.
        languages: Languages whose recognisers are used, each on the whole text.
        nlp: Presidio's `nlp_configuration` for a larger NLP engine (spaCy or transformers, already
            installed), which brings names and places; None for pattern recognisers alone.
        allow: Values that are no finding where they stand exactly so.
        deny: Terms that are a finding wherever they stand, in whatever case.
        recognisers: A file of recognisers in Presidio's YAML; their kinds are looked for too.
        context: Words by kind, near which a value of it counts for more.
        enhancing: Settings of Presidio's `LemmaContextAwareEnhancer`, by its own names.
        timeout_s: Longest time for one pattern on one text, in seconds.

    Raises:
        ServiceUnavailable: The NLP engine or one of its models is not installed.
        ConfigError: An entity is found by no recogniser, the NLP configuration or the file of recognisers is
            malformed, or a term spans sentences.
    """

    def __init__(
        self,
        *,
        entities: Sequence[str] = DEFAULT_ENTITIES,
        threshold: float = DEFAULT_THRESHOLD,
        languages: Sequence[str] = ("en",),
        nlp: Mapping[str, object] | None = None,
        allow: Sequence[str] = (),
        deny: Sequence[str] = (),
        recognisers: Path | None = None,
        context: Mapping[str, Sequence[str]] = _NO_WORDS,
        enhancing: Mapping[str, Any] = _NO_WORDS,
        timeout_s: float = 2.0,
    ) -> None:
        self._threshold = threshold
        self._languages = tuple(languages)
        self._allow = list(allow)
        self._lock = Lock()
        self._nlp = nlpengine.loaded(nlp) if nlp is not None else _plain(self._languages, context)
        added = [*additions.terms(deny, self._languages), *additions.read(recognisers, self._languages)]
        self._engine: Any = _engine(
            self._nlp, self._languages, timeout_s, added, with_nlp=nlp is not None, enhancing=enhancing
        )
        kinds = (*entities, *(str(each.supported_entities[0]) for each in added))
        self._entities = tuple(dict.fromkeys(kinds))
        self._refuse_unknown()
        asked_for = set(self._entities)
        widened(
            [each for each in self._engine.registry.recognizers if asked_for & set(each.supported_entities)],
            context,
        )
        self._asked = {language: self._asked_in(language) for language in self._languages}
        needs = [each.need for asked in self._asked.values() for each in asked]
        self._first = _first(needs)
        gated = [each for each in needs if each is not None and each.gate]
        self._gate = _gate(each.gate for each in gated)
        # What no gate knows of is asked for by itself; telephone numbers have digits, as prose has not.
        self._others = [_always if each is None else each.met for each in needs if each not in gated]
        known = all(each in gated or (each is not None and each.first == DIGITS) for each in needs)
        self._prose_gates = [_gate(each.in_prose for each in gated)] if known else None

    @property
    def rules(self) -> Sequence[str]:
        """The rules that are live."""
        return tuple(f"pii.{entity}" for entity in self._entities)

    def excludes(self, text: str) -> bool:
        """True only if there is no value in this text or in any piece of it; see `detectors.Glances`."""
        # A line that is refused for its length is refused whatever it holds.
        if len(text) > MAX_CODEPOINTS:
            return False
        if self._at_once(text):
            return True
        if not text.isascii():
            return not any(each.may_find(text) for one in self._asked.values() for each in one)
        return not (self._gate.opens(text.encode("ascii")) or any(met(text) for met in self._others))

    @property
    def prose_gates(self) -> Sequence[Gate] | None:
        """One of them opens for prose that may hold a value; see `prose.Proseless`."""
        return self._prose_gates

    def scan(self, text: str) -> Sequence[Match]:
        """Find every value, in order of start; may overlap.

        Raises:
            ServiceUnavailable: The text has over 100,000 code points or thousands of groups of digits in a
                row, or a pattern took longer than `timeout_s`.
        """
        if len(text) > MAX_CODEPOINTS:
            raise ServiceUnavailable(
                f"a line of {len(text)} code points is too long to be examined; at most {MAX_CODEPOINTS}"
            )
        if self._at_once(text):
            return ()
        # A spaCy pipeline fails on lone surrogates, which cannot be encoded; the replacement is as long.
        sound = _SURROGATE.sub("\ufffd", text)
        found = {match for language in self._languages for match in self._matches(sound, language)}
        return sorted(found, key=lambda match: (match.start, match.stop, match.rule))

    def _at_once(self, text: str) -> bool:
        return self._first is not None and self._first.excludes(text)

    def _matches(self, text: str, language: str) -> Iterator[Match]:
        for result in self._results(text, language):
            kind = str(result.entity_type)
            start, stop = int(result.start), int(result.end)
            if start < stop:
                key = key_of(kind, text[start:stop])
                score = float(result.score)
                yield Match(start=start, stop=stop, kind=kind, rule=f"pii.{kind}", key=key, score=score)

    def _results(self, text: str, language: str) -> Sequence[Any]:
        live = [each.recogniser for each in self._asked[language] if each.may_find(text)]
        if not live:
            return ()
        knows_words_only = self._nlp.nlp[language] is None or isinstance(self._nlp, Words)
        if knows_words_only and all(map(_is_plain, live)):
            return self._gated(text, language, live)
        with self._zone(language):
            found: Sequence[Any] = self._engine.analyze(
                text,
                language,
                entities=list(self._entities),
                score_threshold=self._threshold,
                allow_list=self._allow,
            )
        return found

    def _gated(self, text: str, language: str, live: Sequence[Any]) -> Sequence[Any]:
        """Do what `AnalyzerEngine.analyze` does, by its own functions, with these recognisers alone."""
        kinds = list(self._entities)
        results = [result for each in live for result in each.analyze(text, kinds, None)]
        if not results:
            return ()
        with self._zone(language):
            artifacts = self._nlp.process_text(text, language)
            bounded(len(results), len(artifacts.tokens or ()))
            results = self._engine._enhance_using_context(text, results, artifacts, live)
        results = [result for result in results if result.score >= self._threshold]
        results = cast(Any, EntityRecognizer).remove_duplicates(results)
        return [result for result in results if text[result.start : result.end] not in self._allow]

    @contextmanager
    def _zone(self, language: str) -> Generator[None]:
        # A spaCy pipeline keeps every word it ever saw in its vocabulary, which would hold one tenant's words
        # for as long as the process lives. A memory zone lets go of them; a pipeline has one at a time.
        pipeline: Any = self._nlp.nlp[language]
        zone: AbstractContextManager[object] = nullcontext() if pipeline is None else pipeline.memory_zone()
        with self._lock, zone:
            yield

    def _refuse_unknown(self) -> None:
        known = {
            entity for language in self._languages for entity in self._engine.get_supported_entities(language)
        }
        unknown = sorted(set(self._entities) - known)
        if not self._entities or unknown:
            raise ConfigError(f"no recogniser finds {', '.join(unknown) or 'an empty list of entities'}")

    def _asked_in(self, language: str) -> "Sequence[_Asked]":
        # A language may have no recogniser for any of the kinds, which Presidio takes for a fault.
        return [
            _Asked(recogniser=each, need=_need_of(each))
            for each in self._engine.registry.recognizers
            if each.supported_language == language and set(each.supported_entities) & set(self._entities)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A recogniser that is live, and what every value holds that it finds; None if that is not known."""

    recogniser: Any
    need: Need | None

    def may_find(self, text: str) -> bool:
        return self.need is None or bool(self.need.met(text))


def _need_of(recogniser: Any) -> Need | None:  # noqa: ANN401  (Presidio is not typed)
    if isinstance(recogniser, PhoneRecognizer):
        return numbers(cast(Sequence[str], cast(Any, recogniser).supported_regions))
    if not isinstance(recogniser, PatternRecognizer):
        return None
    denied = cast(Sequence[str], cast(Any, recogniser).deny_list)
    if denied and len(cast(Any, recogniser).patterns) == 1:
        return words(denied)
    flags = int(cast(Any, recogniser).global_regex_flags)
    return need_of([(flags, str(pattern.regex)) for pattern in cast(Any, recogniser).patterns])


def _always(_text: str) -> bool:
    return True


def _gate(patterns: Iterable[tuple[str, ...]]) -> Gate:
    return apart([Pattern(regex=regex) for each in patterns for regex in each])


def _first(needs: Sequence[Need | None]) -> Glance | None:
    firsts = {each.first for each in needs if each is not None}
    return None if None in needs else Glance("".join(sorted(firsts)))


def _plain(languages: Sequence[str], context: Mapping[str, object]) -> Any:  # noqa: ANN401  (as above)
    return Words(languages) if context else nlpengine.without(languages)


def _is_plain(recogniser: Any) -> bool:  # noqa: ANN401  (Presidio is not typed)
    """True if it looks at the text alone and says of each finding whose it is."""
    return isinstance(recogniser, PatternRecognizer | PhoneRecognizer)


def _engine(
    nlp: Any,  # noqa: ANN401  (Presidio is not typed)
    languages: Sequence[str],
    timeout_s: float,
    added: Sequence[Any],
    *,
    with_nlp: bool,
    enhancing: Mapping[str, Any],
) -> AnalyzerEngine:
    registry: Any = RecognizerRegistry(supported_languages=list(languages))
    # Without an engine of names, no recogniser of names: what cannot be found is reported, not ignored.
    registry.load_predefined_recognizers(
        languages=list(languages), nlp_engine=nlp if with_nlp else nlpengine.without(languages)
    )
    registry.recognizers = [guarded(each, timeout_s) for each in (*registry.recognizers, *added)]
    return AnalyzerEngine(
        registry=registry,
        nlp_engine=nlp,
        supported_languages=list(languages),
        # With its defaults it is the one that Presidio makes itself, which warns where there are no words.
        context_aware_enhancer=enhancer(enhancing) if enhancing else None,
    )
