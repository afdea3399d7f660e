"""Context words: a value counts for more where words near it call it one, as Presidio's enhancer says.

Without an NLP engine Presidio has no words to look at. `Words` gives it those of spaCy's blank pipeline, each
as it stands, so context counts without a model.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from firewall.core.errors import ConfigError, ServiceUnavailable
from firewall.detect.pii.presidio import LemmaContextAwareEnhancer, NlpArtifacts, SlimSpacyNlpEngine

# Presidio looks for each finding among all words, so a line full of findings takes their product.
MOST_STEPS: Final = 2_000_000


class Words(SlimSpacyNlpEngine):
    """An NLP engine that tells words apart and knows nothing else about them; never loads a model."""

    def __init__(self, languages: Sequence[str]) -> None:
        # Presidio reads these as languages without a model, for each of which it makes a blank pipeline.
        super().__init__(models=[{"lang_code": languages[0], "model_name": "none"}], auto_download=False)
        self.models = []
        self._blank_languages = set(languages)
        self.load()

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        """Give the words of a text, each standing for itself."""
        doc = cast(Any, self).nlp[language](text)
        return NlpArtifacts(
            entities=[],
            tokens=doc,
            tokens_indices=[token.idx for token in doc],
            lemmas=[token.text for token in doc],
            nlp_engine=self,
            language=language,
            scores=[],
        )


def enhancer(settings: Mapping[str, Any]) -> LemmaContextAwareEnhancer:
    """Give Presidio's enhancer with its own settings, by their names."""
    return LemmaContextAwareEnhancer(**settings)


def widened(recognisers: Sequence[Any], context: Mapping[str, Sequence[str]]) -> None:
    """Add words to the recognisers of the kinds that they are for.

    Args:
        recognisers: Copies of our own; their lists of words are replaced, not changed.
        context: Words by kind.

    Raises:
        ConfigError: A kind has no recogniser, or a word is none.
    """
    for kind, words in context.items():
        if not words or not all(word.strip() for word in words):
            raise ConfigError(f"pii.context {kind}: name at least one word, and no empty one")
        finding = [each for each in recognisers if kind in each.supported_entities]
        if not finding:
            raise ConfigError(f"pii.context {kind}: no recogniser that is wanted finds this kind")
        for each in finding:
            each.context = [*(each.context or ()), *words]


def bounded(found: int, words: int) -> None:
    """Refuse a line on which the enhancer would take too long.

    Raises:
        ServiceUnavailable: There are so many findings among so many words.
    """
    if found * words > MOST_STEPS:
        raise ServiceUnavailable(
            f"a line with {found} findings among {words} words is too long to be examined"
        )
