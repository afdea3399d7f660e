"""Context words lift a score as stock Presidio configured likewise lifts it, without a model too."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
from presidio_analyzer.nlp_engine import NoOpNlpEngine, SlimSpacyNlpEngine
from spacy.lookups import Lookups

from firewall.core.errors import ConfigError, ServiceUnavailable
from firewall.detect.pii.context import MOST_STEPS, bounded
from firewall.detect.pii.detector import PresidioDetector
from partywall.config import Config
from partywall.detecting import personal
from partywall.enforcement import policy_of
from partywall.settings.detection import Enhancer, Pii

KINDS = ("US_SSN", "PHONE_NUMBER", "US_BANK_NUMBER", "IP_ADDRESS", "CREDIT_CARD")
CONTEXT = {"US_SSN": ("sozial", "Versicherung"), "US_BANK_NUMBER": ("konto",)}
SETTINGS: Mapping[str, Any] = {
    "context_similarity_factor": 0.45,
    "min_score_with_context_similarity": 0.5,
    "context_prefix_count": 3,
    "context_suffix_count": 2,
    "context_matching_mode": "whole_word",
}
PIECE = st.sampled_from(
    [
        *(
            "sozial",
            "Sozialversicherung:",
            "konto",
            "the",
            "KONTO",
            "versicherung",
            "ssn",
            "bank",
            "ip",
            "call",
            "is",
        ),
        *("536-90-4399", "536904399", "945456787654", "192.168.13.7", "212-555-0100", "4111 1111 1111 1111"),
        *(",", ".", "(", "a:b", "ſozial", "\u200b", "x536-90-4399", "konto945456787654", "\n", "  "),
    ]
)


def blank() -> Any:
    """A pipeline of spaCy's that tells words apart and gives each as it stands."""
    nlp = spacy.blank("en")
    lookups: Any = Lookups()
    lookups.add_table("lemma_lookup", {})
    cast(Any, nlp.add_pipe("lemmatizer", config={"mode": "lookup"})).initialize(lookups=lookups)
    return nlp


def stock(enhancing: Mapping[str, Any]) -> Any:
    """Presidio as it comes, told the same words and settings."""
    engine = cast(Any, SlimSpacyNlpEngine(models=[{"lang_code": "en", "model_name": "none"}]))
    engine.nlp = {"en": blank()}
    silent = NoOpNlpEngine(models=[{"lang_code": "en", "model_name": "none"}])
    silent.load()
    registry = cast(Any, RecognizerRegistry(supported_languages=["en"]))
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=silent)
    for each in registry.recognizers:
        for kind in set(each.supported_entities) & set(CONTEXT):
            each.context = [*each.context, *CONTEXT[kind]]
    return AnalyzerEngine(
        registry=registry,
        nlp_engine=engine,
        supported_languages=["en"],
        context_aware_enhancer=LemmaContextAwareEnhancer(**enhancing),
    )


def found_by(engine: Any, text: str, threshold: float) -> set[tuple[int, int, str, float]]:
    found = engine.analyze(text, "en", entities=list(KINDS), score_threshold=threshold)
    return {(each.start, each.end, each.entity_type, round(each.score, 6)) for each in found}


@pytest.mark.parametrize("enhancing", [{}, SETTINGS], ids=["as-it-comes", "configured"])
@pytest.mark.parametrize("threshold", [0.0, 0.35, 0.6])
def test_scores_are_those_of_stock_presidio_configured_likewise(
    enhancing: Mapping[str, Any], threshold: float
) -> None:
    peer = stock(enhancing)
    ours = PresidioDetector(entities=KINDS, threshold=threshold, context=CONTEXT, enhancing=enhancing)
    lifted = 0

    @settings(max_examples=100)
    @given(pieces=st.lists(PIECE, max_size=12))
    def same(pieces: Sequence[str]) -> None:
        nonlocal lifted
        text = " ".join(pieces)
        expected = found_by(peer, text, threshold)
        found = {(each.start, each.stop, each.kind, round(each.score, 6)) for each in ours.scan(text)}
        assert found == expected
        lifted += bool(expected)

    same()
    assert lifted > 5


@pytest.mark.parametrize("rules", ["standard", "presidio"])
def test_a_word_nearby_makes_a_number_count(rules: Any) -> None:
    def kinds(pii: Pii, text: str) -> list[str]:
        return [each.kind for each in personal(pii).scan(text)]

    plain = Pii(rules=rules, entities=("US_SSN",), threshold=0.6)
    told = plain.model_copy(update={"context": {"US_SSN": ("sozial",)}})
    text = "meine sozialnummer 536-90-4399"
    assert (kinds(plain, text), kinds(told, text)) == ([], ["US_SSN"])
    assert kinds(told, "one 536-90-4399") == []
    whole = told.model_copy(update={"enhancer": Enhancer(context_matching_mode="whole_word")})
    assert (kinds(whole, text), kinds(whole, "sozial 536-90-4399")) == ([], ["US_SSN"])


def test_a_pipeline_by_configuration_has_its_words_lifted_too(tmp_path: Any) -> None:
    blank().to_disk(tmp_path / "words")
    nlp = {
        "nlp_engine_name": "slim",
        "models": [{"lang_code": "en", "model_name": str(tmp_path / "words")}],
    }
    pii = Pii(rules="presidio", entities=("US_SSN",), threshold=0.6, nlp=nlp, context={"US_SSN": ("sozial",)})
    assert personal(pii).scan("sozial 536-90-4399")
    assert not personal(pii).scan("one 536-90-4399")


def test_no_word_is_remembered_and_the_bots_own_analyzer_keeps_its_words() -> None:
    detector = PresidioDetector(entities=("US_SSN",), context={"US_SSN": ("sozial",)})
    detector.scan("xyzzyplugh 536-90-4399")
    assert "xyzzyplugh" not in cast(Any, detector)._nlp.nlp["en"].vocab.strings
    others = PresidioDetector(entities=("US_SSN",))
    words = [each.context for each in cast(Any, others)._engine.registry.recognizers]
    assert not any("sozial" in each for each in words)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        pytest.param({"context": {"US_SSN": ()}}, "at least one word", id="no-word"),
        pytest.param({"context": {"US_SSN": (" ",)}}, "no empty one", id="an-empty-word"),
        pytest.param({"context": {"PERSON": ("name",)}}, "no recogniser", id="a-kind-that-nothing-finds"),
        pytest.param({"context": {"IBAN_CODE": ("x",)}}, "no recogniser", id="a-kind-that-is-not-wanted"),
        pytest.param({"context": {"PHONE_NUMBER": ("x",)}}, "words of their own", id="a-kind-of-our-own"),
        pytest.param(
            {"enhancer": Enhancer(context_prefix_count=9)}, "does nothing", id="settings-for-nothing"
        ),
    ],
)
def test_words_that_would_do_nothing_are_refused(changed: Mapping[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        personal(Pii(entities=("US_SSN", "PHONE_NUMBER")).model_copy(update=changed))


def test_other_words_are_another_policy() -> None:
    policies = [Pii(), Pii(context={"US_SSN": ("a",)}), Pii(enhancer=Enhancer(context_suffix_count=1))]
    assert len({policy_of(Config(pii=pii), []) for pii in policies}) == 3


def test_a_line_of_findings_among_words_is_refused_before_it_takes_long() -> None:
    detector = PresidioDetector(entities=("US_SSN",), context={"US_SSN": ("sozial",)})
    with pytest.raises(ServiceUnavailable, match="too long to be examined"):
        detector.scan("536-90-4399 " * 2_000)
    bounded(1_000, MOST_STEPS // 1_000)
