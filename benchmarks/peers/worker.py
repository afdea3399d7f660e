"""A scanner that is not ours, in an environment of its own: `python worker.py NAME`.

Reads texts from standard input, one JSON string a line, and answers each with a line of JSON: milliseconds of
processor time, and how many findings. Says `ready` first. Standard library and the one peer; nothing of ours.
"""

import importlib
import json
import logging
import sys
import time
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from typing import Any
from unittest.mock import MagicMock

Scan = Callable[[str], int]

ENTITIES = (
    "EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "US_SSN", "IP_ADDRESS", "CRYPTO",
)  # fmt: skip
THRESHOLD = 0.35


def presidio() -> Scan:
    """Stock Presidio's recognisers by pattern, on a blank pipeline, without a look-up in the network."""
    spacy: Any = importlib.import_module("spacy")
    analyzer: Any = importlib.import_module("presidio_analyzer")
    engines: Any = importlib.import_module("presidio_analyzer.nlp_engine")
    tld: Any = importlib.import_module("tldextract.tldextract")
    tld.TLD_EXTRACTOR.suffix_list_urls = ()
    logging.getLogger("presidio-analyzer").setLevel(logging.CRITICAL)
    engine = engines.SlimSpacyNlpEngine(models=[{"lang_code": "en", "model_name": "none"}])
    engine.nlp = {"en": spacy.blank("en")}
    silent = engines.NoOpNlpEngine(models=[{"lang_code": "en", "model_name": "none"}])
    silent.load()
    registry = analyzer.RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=silent)
    stock = analyzer.AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["en"])
    return lambda text: len(stock.analyze(text, "en", entities=list(ENTITIES), score_threshold=THRESHOLD))


def detect_secrets() -> Scan:
    """All plug-ins of detect-secrets with its default settings, line by line, as it scans a file."""
    scanning: Any = importlib.import_module("detect_secrets.core.scan")
    settings: Any = importlib.import_module("detect_secrets.settings")

    def scan(text: str) -> int:
        with settings.default_settings():
            return sum(len(list(scanning.scan_line(line))) for line in text.splitlines())

    return scan


def llm_guard() -> Scan:
    """LLM Guard's Secrets scanner. It never runs torch, which its package wants to import all the same."""
    absent = MagicMock(__spec__=ModuleSpec("torch", None), __version__="2.4.0")
    absent.cuda.is_available.return_value = False
    sys.modules["torch"] = absent
    importlib.import_module("llm_guard.util").configure_logger("ERROR")
    scanner: Any = importlib.import_module("llm_guard.input_scanners").Secrets()
    # It says only whether there are any.
    return lambda text: int(not scanner.scan(text)[1])


PEERS: dict[str, Callable[[], Scan]] = {
    "presidio": presidio,
    "detect-secrets": detect_secrets,
    "llm-guard": llm_guard,
}


def main(name: str) -> None:
    """Answer until standard input ends."""
    scan = PEERS[name]()
    scan("nothing is in here")
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        text = json.loads(line)
        start = time.process_time()
        found = scan(text)
        print(json.dumps({"ms": (time.process_time() - start) * 1e3, "found": found}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
