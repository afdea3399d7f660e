"""Presidio, as much of it as is used, and its reader of YAML; where it is missing this raises.

The import takes seconds. Personal data is never silently left unexamined.
"""

from firewall.core.errors import ServiceUnavailable

try:
    from presidio_analyzer import (
        AnalyzerEngine,
        EntityRecognizer,
        PatternRecognizer,
        RecognizerRegistry,
        RecognizerResult,
    )
    from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
    from presidio_analyzer.nlp_engine import (
        NlpArtifacts,
        NlpEngineProvider,
        NoOpNlpEngine,
        SlimSpacyNlpEngine,
    )
    from presidio_analyzer.predefined_recognizers import EmailRecognizer, IbanRecognizer, PhoneRecognizer
    from yaml import YAMLError, safe_load  # type: ignore[import-untyped]  # PyYAML ships no types
except ImportError as missing:
    raise ServiceUnavailable("personal data cannot be examined: pip install 'partywall[pii]'") from missing

__all__ = [
    "AnalyzerEngine",
    "EmailRecognizer",
    "EntityRecognizer",
    "IbanRecognizer",
    "LemmaContextAwareEnhancer",
    "NlpArtifacts",
    "NlpEngineProvider",
    "NoOpNlpEngine",
    "PatternRecognizer",
    "PhoneRecognizer",
    "RecognizerRegistry",
    "RecognizerResult",
    "SlimSpacyNlpEngine",
    "YAMLError",
    "safe_load",
]
