import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import spacy
from hypothesis import example, given
from hypothesis import strategies as st
from presidio_analyzer import PatternRecognizer, RecognizerRegistry

from benchmarks import pii as benched
from firewall.core.errors import ConfigError, ServiceUnavailable
from firewall.core.ports import Match
from firewall.detect.detectors import All
from firewall.detect.pii import nlp as nlpengine
from firewall.detect.pii import recognisers
from firewall.detect.pii.detector import DEFAULT_ENTITIES, MAX_CODEPOINTS, PresidioDetector
from tests.fakes.network import LoopbackOnly

ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("PARTYWALL_DATA", ROOT.parent / "shared" / "data")) / "pii"
SAMPLES = {
    "EMAIL_ADDRESS": "ann.smith@example.com",
    "PHONE_NUMBER": "212-555-0100",
    "CREDIT_CARD": "4111 1111 1111 1111",
    "IBAN_CODE": "GB82 WEST 1234 5698 7654 32",
    "US_SSN": "536-90-4399",
    "IP_ADDRESS": "192.168.13.7",
    "CRYPTO": "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
}
Spans = set[tuple[int, int, str]]
Stock = Callable[[str], Sequence[Any]]


def spans(matches: Any) -> Spans:
    return {(match.start, match.stop, match.kind) for match in matches}


@pytest.fixture(scope="session")
def stock() -> Stock:
    """Presidio's analyzer as it comes, on a blank spaCy pipeline."""
    return benched.stock()


def found_by(stock: Stock, text: str) -> Spans:
    return {(result.start, result.end, result.entity_type) for result in stock(text)}


@pytest.mark.parametrize(("entity", "value"), [pytest.param(*item, id=item[0]) for item in SAMPLES.items()])
def test_each_default_kind_is_found(presidio: PresidioDetector, entity: str, value: str) -> None:
    text = f"it is {value} as ever"
    assert (6, 6 + len(value), entity) in spans(presidio.scan(text))
    assert f"pii.{entity}" in presidio.rules


@pytest.mark.parametrize(
    "text", ["see you at ten", "version A1234567", "https://example.com/a", "", "12 apples"]
)
def test_ordinary_text_holds_nothing(presidio: PresidioDetector, text: str) -> None:
    assert not presidio.scan(text)


def test_the_first_address_asks_nobody(presidio: PresidioDetector, loopback: LoopbackOnly) -> None:
    before = list(loopback.attempts)
    assert presidio.scan("ann@example.co.uk")
    assert not presidio.scan("ann@example.notasuffix")
    assert loopback.attempts == before


def test_two_spellings_of_a_card_have_one_key(presidio: PresidioDetector) -> None:
    keys = [
        {match.key for match in presidio.scan(text) if match.kind == "CREDIT_CARD"}
        for text in ("4111 1111 1111 1111", "4111-1111-1111-1111")
    ]
    assert keys == [{"4111111111111111"}] * 2


ASCII = st.characters(codec="ascii")


SCRAP = st.one_of(
    st.sampled_from(sorted(SAMPLES.values())),
    st.text(st.one_of(ASCII, st.characters(exclude_categories=["Cs"])), max_size=9),
)


@given(text=st.lists(SCRAP).map(" ".join))
@example(text="gb82west12345698765432")
@example(text="İ 192.168.0.1 ſ ı@ı.com")
@example(text="fe80::1 and ::ffff:10.0.0.1")
@example(text="no digit in a:b:c:d:e:f:a:b")
def test_findings_are_those_of_stock_presidio(presidio: PresidioDetector, stock: Stock, text: str) -> None:
    assert spans(presidio.scan(text)) == found_by(stock, text)


@given(text=st.text(st.characters(exclude_categories=["Nd", "Cs"], exclude_characters="@:"), max_size=80))
def test_what_the_gate_leaves_out_holds_nothing(stock: Stock, text: str) -> None:
    assert found_by(stock, text) == set()


def test_a_thousand_texts_made_to_differ_are_found_as_stock_presidio_finds_them() -> None:
    found = benched.equal(1_000, seed=20_261_121)
    assert found["samples"] == []
    assert min(found["not_ascii"], found["excluded"], found["findings"]) >= 80
    assert found["different"] == 0


def test_a_letter_that_only_folds_to_ascii_stays_out_of_the_log(
    presidio: PresidioDetector, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        assert not presidio.scan("\u212aB82 WEST 1234 5698 7654 32")
    assert "WEST" not in caplog.text


def test_a_pattern_that_takes_too_long_is_an_error_and_no_pass() -> None:
    hurried = PresidioDetector(timeout_s=1e-6)
    with pytest.raises(ServiceUnavailable) as caught:
        hurried.scan("a-" * 30_000 + "a@a")
    assert "a-a-" not in str(caught.value)


def test_the_operators_own_analyzer_keeps_its_patterns(presidio: PresidioDetector) -> None:
    registry = cast(Any, RecognizerRegistry(supported_languages=["en"]))
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=nlpengine.without(["en"]))
    patterns = [
        pattern
        for recogniser in registry.recognizers
        if isinstance(recogniser, PatternRecognizer)
        for pattern in cast(Any, recogniser).patterns
    ]
    assert patterns
    bounded = cast(Any, recognisers)._Bounded
    assert not any(isinstance(pattern.compiled_regex, bounded) for pattern in patterns)


def test_a_line_too_long_for_the_phone_matcher_is_refused(presidio: PresidioDetector) -> None:
    # One candidate number for every two code points: beyond 65,535 of them phonenumbers looks no further.
    with pytest.raises(ServiceUnavailable, match=f"{MAX_CODEPOINTS}"):
        presidio.scan("1a" * (MAX_CODEPOINTS // 2) + " 212-555-0100")


def test_the_same_length_in_lines_is_examined(presidio: PresidioDetector) -> None:
    text = "word word\n" * (MAX_CODEPOINTS // 10) + "212-555-0100"
    assert len(text) > MAX_CODEPOINTS
    assert {match.kind for match in All([presidio]).scan(text)} == {"PHONE_NUMBER"}


def test_the_threshold_decides() -> None:
    assert not PresidioDetector(threshold=0.9).scan("212-555-0100")


@pytest.mark.parametrize("entities", [("EMAIL_ADRESS",), ("EMAIL_ADDRESS", "PERSON"), ()])
def test_a_kind_that_nothing_finds_is_refused(entities: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError):
        PresidioDetector(entities=entities)


def test_kinds_outside_the_gate_are_looked_for_everywhere() -> None:
    assert spans(PresidioDetector(entities=("URL", "PHONE_NUMBER")).scan("go to www.example.com"))


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A spaCy pipeline that knows one name, as an operator might have installed."""
    nlp = spacy.blank("en")
    ruler = cast(Any, nlp.add_pipe("entity_ruler"))
    ruler.add_patterns([{"label": "PERSON", "pattern": "Zebulon"}])
    folder = tmp_path_factory.mktemp("nlp") / "names"
    nlp.to_disk(folder)
    return str(folder)


def configured(model: str, engine: str = "spacy") -> dict[str, object]:
    return {"nlp_engine_name": engine, "models": [{"lang_code": "en", "model_name": model}]}


def test_a_larger_engine_by_configuration_brings_names(pipeline: str) -> None:
    detector = PresidioDetector(entities=("PERSON", "EMAIL_ADDRESS"), nlp=configured(pipeline))
    assert spans(detector.scan("Zebulon wrote \ud800")) == {(0, 7, "PERSON")}
    assert spans(detector.scan("to ann@example.com")) == {(3, 18, "EMAIL_ADDRESS")}


def test_a_larger_engine_remembers_no_words(pipeline: str) -> None:
    detector = PresidioDetector(entities=("PERSON",), nlp=configured(pipeline))
    detector.scan("Zebulon told xyzzyplugh")
    strings = cast(Any, detector)._nlp.nlp["en"].vocab.strings
    assert "xyzzyplugh" not in strings


@pytest.mark.parametrize(
    ("nlp", "error"),
    [
        pytest.param(configured("en_core_web_absent"), ServiceUnavailable, id="model-is-not-installed"),
        pytest.param(configured("/nowhere/model", "slim"), ServiceUnavailable, id="folder-is-missing"),
        pytest.param(
            {
                "nlp_engine_name": "transformers",
                "models": [{"lang_code": "en", "model_name": {"spacy": "en_absent", "transformers": "a/b"}}],
            },
            ServiceUnavailable,
            id="transformers-model-would-be-downloaded",
        ),
        pytest.param(configured("x", "stanza"), ConfigError, id="engine-that-downloads"),
        pytest.param({"nlp_engine_name": "spacy"}, ConfigError, id="no-models"),
        pytest.param({"nlp_engine_name": "spacy", "models": ["en"]}, ConfigError, id="model-without-name"),
        pytest.param(configured(str(ROOT)), ServiceUnavailable, id="folder-is-no-model"),
    ],
)
def test_what_cannot_be_loaded_is_an_error_when_it_is_built(
    nlp: dict[str, object], error: type[Exception], loopback: LoopbackOnly
) -> None:
    before = list(loopback.attempts)
    with pytest.raises(error):
        PresidioDetector(entities=("PERSON",), nlp=nlp)
    assert loopback.attempts == before


def test_a_malformed_configuration_is_the_operators_fault(pipeline: str) -> None:
    nlp = {**configured(pipeline), "ner_model_configuration": {"labels_to_ignore": 7}}
    with pytest.raises(ConfigError):
        PresidioDetector(entities=("PERSON",), nlp=nlp)


def test_without_presidio_the_import_says_what_to_install() -> None:
    absent = "'presidio_analyzer', 'phonenumbers', 'tldextract', 'yaml'"
    code = f"import sys; sys.modules.update(dict.fromkeys([{absent}])); import firewall.detect.pii.detector"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stderr.splitlines()[-1].endswith("pip install 'partywall[pii]'")
    assert "ServiceUnavailable" in run.stderr


def rows(name: str) -> list[dict[str, Any]]:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"reference data is absent: {path} (PARTYWALL_DATA names its folder)")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def test_segments_lose_nothing_that_stock_presidio_finds_in_reference_data(
    presidio: PresidioDetector, stock: Stock
) -> None:
    detector = All([presidio])
    texts = [row["text"] for row in rows("presidio_generated_large.jsonl.gz")][:700]
    lost = [text for text in texts if not found_by(stock, text) <= spans(detector.scan(text))]
    assert lost == []


def test_recall_on_reference_data_stays_what_it_was(presidio: PresidioDetector) -> None:
    total: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    detector = All([presidio])
    for row in rows("presidio_generated_large.jsonl.gz"):
        wanted = [span for span in row["spans"] if span["type"] in DEFAULT_ENTITIES]
        covered = _covered(detector.scan(row["text"])) if wanted else set[int]()
        for span in wanted:
            total[span["type"]] += 1
            hit[span["type"]] += set(range(span["start"], span["end"])) <= covered
    assert sum(hit.values()) / sum(total.values()) >= 0.85
    assert hit["EMAIL_ADDRESS"] == total["EMAIL_ADDRESS"]


def _covered(matches: Any) -> set[int]:
    return {place for match in cast(list[Match], matches) for place in range(match.start, match.stop)}
