"""Personal data by Presidio: the real analyzer with its own recognisers, and without the network.

The import of this module takes seconds, so it is loaded on first use. Where Presidio is not installed the
import itself raises: personal data is never silently left unexamined.
"""

import copy
import importlib.metadata
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any, cast

from firewall.core.errors import ConfigError, ServiceUnavailable
from firewall.core.ports import Match
from firewall.detect.keys import key_of

try:
    from presidio_analyzer import AnalyzerEngine, PatternRecognizer, RecognizerRegistry, RecognizerResult
    from presidio_analyzer.nlp_engine import NlpEngineProvider, NoOpNlpEngine
    from presidio_analyzer.predefined_recognizers import EmailRecognizer, IbanRecognizer
    from tldextract import TLDExtract
except ImportError as missing:
    raise ServiceUnavailable("personal data cannot be examined: pip install 'partywall[pii]'") from missing

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
# What every value of these kinds holds at least one of. Most lines of a chat hold none, and Presidio takes
# most of a millisecond to say so. Kinds that are not listed here are always looked for.
_NEEDS = {
    "EMAIL_ADDRESS": "@",
    "PHONE_NUMBER": r"\d",
    "CREDIT_CARD": r"\d",
    "IBAN_CODE": r"\d",
    "US_SSN": r"\d",
    "IP_ADDRESS": r"\d:",
    "CRYPTO": r"\d",
}
# phonenumbers gives up after 65,535 candidates, of two code points at least, and says nothing: whoever fills
# a line with candidates would hide what follows. A line that could hold that many is refused instead.
MAX_CODEPOINTS = 100_000
_SURROGATE = re.compile("[\ud800-\udfff]")
_NLP_ENGINES = ("spacy", "slim", "transformers")
# The public suffix list as packaged. Presidio's own instance fetches it at the first e-mail address it sees.
_suffixes = TLDExtract(suffix_list_urls=(), cache_dir=None)


class PresidioDetector:
    """Finds personal data as Presidio defines it; raises if it cannot look.

    Args:
        entities: Presidio's names of what to find.
        threshold: Lowest score that counts, 0 to 1.
        languages: Languages whose recognisers are used, each on the whole text.
        nlp: Presidio's `nlp_configuration` for a larger NLP engine (spaCy or transformers, already
            installed), which brings names and places; None for pattern recognisers alone.
        timeout_s: Longest time for one pattern on one text, in seconds.

    Raises:
        ServiceUnavailable: The NLP engine or one of its models is not installed.
        ConfigError: An entity is found by no recogniser, or the NLP configuration is malformed.
    """

    def __init__(
        self,
        *,
        entities: Sequence[str] = DEFAULT_ENTITIES,
        threshold: float = DEFAULT_THRESHOLD,
        languages: Sequence[str] = ("en",),
        nlp: Mapping[str, object] | None = None,
        timeout_s: float = 2.0,
    ) -> None:
        self._entities = tuple(entities)
        self._threshold = threshold
        self._languages = tuple(languages)
        self._lock = Lock()
        self._nlp = _without_nlp(self._languages) if nlp is None else _loaded(nlp)
        self._engine: Any = _engine(self._nlp, self._languages, timeout_s, with_nlp=nlp is not None)
        self._refuse_unknown()
        self._gate = _gate(self._entities)

    @property
    def rules(self) -> Sequence[str]:
        """The rules that are live."""
        return tuple(f"pii.{entity}" for entity in self._entities)

    def excludes(self, text: str) -> bool:
        """True only if there is no value in this text or in any piece of it; see `detectors.Glances`."""
        # A line that is refused for its length is refused whatever it holds.
        return len(text) <= MAX_CODEPOINTS and self._gate is not None and not self._gate.search(text)

    def scan(self, text: str) -> Sequence[Match]:
        """Find every value, in order of start; may overlap.

        Raises:
            ServiceUnavailable: The text has over 100,000 code points, or a pattern took longer than
                `timeout_s`.
        """
        if len(text) > MAX_CODEPOINTS:
            raise ServiceUnavailable(
                f"a line of {len(text)} code points is too long to be examined; at most {MAX_CODEPOINTS}"
            )
        if self.excludes(text):
            return ()
        # A spaCy pipeline fails on lone surrogates, which cannot be encoded; the replacement is as long.
        sound = _SURROGATE.sub("\ufffd", text)
        found = {match for language in self._languages for match in self._matches(sound, language)}
        return sorted(found, key=lambda match: (match.start, match.stop, match.rule))

    def _matches(self, text: str, language: str) -> Iterator[Match]:
        with self._zone(language):
            results: list[Any] = self._engine.analyze(
                text, language, entities=list(self._entities), score_threshold=self._threshold
            )
        for result in results:
            kind = str(result.entity_type)
            start, stop = int(result.start), int(result.end)
            if start < stop:
                key = key_of(kind, text[start:stop])
                yield Match(start=start, stop=stop, kind=kind, rule=f"pii.{kind}", key=key)

    @contextmanager
    def _zone(self, language: str) -> Generator[None]:
        # A spaCy pipeline keeps every word it ever saw in its vocabulary, which would hold one tenant's words
        # for as long as the process lives. A memory zone lets go of them; a pipeline has one at a time.
        pipelines: dict[str, Any] = self._nlp.nlp
        pipeline = pipelines[language]
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


def _gate(entities: Sequence[str]) -> re.Pattern[str] | None:
    needs = {_NEEDS.get(entity) for entity in entities}
    return None if None in needs else re.compile(f"[{''.join(sorted(str(need) for need in needs))}]")


def _without_nlp(languages: Sequence[str]) -> Any:  # noqa: ANN401  (Presidio is not typed)
    # Pattern recognisers need no linguistics, and their findings are the same on a blank spaCy pipeline; but
    # that one would keep every word in its vocabulary.
    engine = NoOpNlpEngine(models=[{"lang_code": language, "model_name": "none"} for language in languages])
    engine.load()
    return engine


def _loaded(nlp: Mapping[str, object]) -> Any:  # noqa: ANN401  (Presidio is not typed)
    """Load an NLP engine through Presidio's own provider, from what is installed."""
    name = nlp.get("nlp_engine_name")
    if name not in _NLP_ENGINES:
        raise ConfigError(f"nlp_engine_name must be one of {', '.join(_NLP_ENGINES)}")
    for model in _models(nlp):
        # Presidio downloads what it misses. A wall that fetches code while it starts is a hole of its own.
        if not _installed(model):
            raise ServiceUnavailable(
                f"the NLP model {model} is not installed; install it, or name its folder"
            )
    try:
        return NlpEngineProvider(nlp_configuration=dict(nlp)).create_engine()
    except (ImportError, OSError) as error:
        raise ServiceUnavailable(f"the NLP engine {name} cannot be loaded: {type(error).__name__}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"the configuration of the NLP engine {name} is wrong: {error}") from error


def _models(nlp: Mapping[str, object]) -> Iterator[str]:
    models = nlp.get("models")
    if not isinstance(models, list) or not models:
        raise ConfigError("an NLP engine needs models: [{lang_code = …, model_name = …}]")
    for model in cast(list[object], models):
        name = cast(dict[str, object], model).get("model_name") if isinstance(model, dict) else None
        names = cast(dict[str, object], name).values() if isinstance(name, dict) else (name,)
        for one in names:
            if not isinstance(one, str):
                raise ConfigError("an NLP model needs a lang_code and a model_name")
            yield one


def _installed(model: str) -> bool:
    if Path(model).is_dir():
        return True
    try:
        importlib.metadata.distribution(model)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return False
    return True


def _engine(nlp: Any, languages: Sequence[str], timeout_s: float, *, with_nlp: bool) -> AnalyzerEngine:  # noqa: ANN401  (Presidio is not typed)
    registry: Any = RecognizerRegistry(supported_languages=list(languages))
    # Without an engine of names, no recogniser of names: what cannot be found is reported, not ignored.
    registry.load_predefined_recognizers(
        languages=list(languages), nlp_engine=nlp if with_nlp else _without_nlp(languages)
    )
    registry.recognizers = [_guarded(recogniser, timeout_s) for recogniser in registry.recognizers]
    return AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=list(languages))


def _guarded(recogniser: Any, timeout_s: float) -> Any:  # noqa: ANN401  (Presidio is not typed)
    """Give a recogniser that neither fetches anything nor skips a pattern that takes too long."""
    language = str(recogniser.supported_language)
    if isinstance(recogniser, IbanRecognizer):
        return _Iban(supported_language=language)
    if isinstance(recogniser, EmailRecognizer):
        recogniser = _Email(supported_language=language)
    if isinstance(recogniser, PatternRecognizer):
        _bound(recogniser, timeout_s)
    return recogniser


def _bound(recogniser: Any, timeout_s: float) -> None:  # noqa: ANN401  (Presidio is not typed)
    # Patterns are shared by all instances of a recogniser, those of the bot's own analyzer included.
    recogniser.patterns = [copy.copy(pattern) for pattern in recogniser.patterns]
    # Presidio compiles a pattern when it first looks.
    recogniser.analyze("", [])
    for pattern in recogniser.patterns:
        pattern.compiled_regex = _Bounded(pattern.compiled_regex, timeout_s)


class _Bounded:
    """A compiled pattern whose time is bounded; running out of it is an error.

    Presidio skips a pattern that times out, after a minute and with a warning: a text made slow on purpose
    would pass unexamined.
    """

    def __init__(self, compiled: Any, timeout_s: float) -> None:  # noqa: ANN401  (of the untyped `regex`)
        self._compiled = compiled
        self._timeout_s = timeout_s

    def finditer(self, text: str, timeout: float) -> Iterator[Any]:
        try:
            yield from self._compiled.finditer(text, timeout=min(timeout, self._timeout_s))
        except TimeoutError as error:
            raise ServiceUnavailable(
                "a pattern for personal data took too long; nothing was passed"
            ) from error


class _Email(EmailRecognizer):
    def validate_result(self, pattern_text: str) -> bool:
        return _suffixes(pattern_text).fqdn != ""


class _Iban(IbanRecognizer):
    # Presidio's own loop catches the timeout of its pattern. This is the same loop over the same pattern,
    # whose matches are at most 46 characters long: it needs no timeout.
    def analyze(self, text: str, *_args: object, **_kwargs: object) -> list[RecognizerResult]:
        patterns = cast(list[Any], cast(Any, self).patterns)
        return [
            result
            for pattern in patterns
            for hit in re.finditer(pattern.regex, text, re.ASCII | re.IGNORECASE)
            for result in self._longest(hit, pattern.score)
        ]

    def _longest(self, hit: re.Match[str], score: float) -> Iterator[RecognizerResult]:
        for group in range(len(hit.groups()), 0, -1):
            stop = hit.end(group) if hit.end(group) > 0 else hit.end()
            valid = self.validate_result(hit.string[hit.start() : stop])
            if valid is not False:
                yield RecognizerResult("IBAN_CODE", hit.start(), stop, 1.0 if valid else score)
                return
