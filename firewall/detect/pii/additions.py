"""What an operator adds to Presidio: terms that always count, and recognisers in Presidio's own YAML."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, cast

import regex as _regex  # type: ignore[import-untyped]  # regex ships no types

from firewall.core.errors import ConfigError
from firewall.detect.pii.presidio import PatternRecognizer, RecognizerRegistry, YAMLError, safe_load
from firewall.detect.pii.standard import DENIED
from firewall.detect.segments import bounds

regex: Any = _regex
_FAULTS: Final = (ValueError, TypeError, KeyError, AttributeError, regex.error)


def terms(deny: Sequence[str], languages: Sequence[str]) -> Iterator[Any]:
    """Give what finds these terms; nothing for no terms.

    Raises:
        ConfigError: A term is empty, or reaches over a line break or the end of a sentence, where no
            detector looks across.
    """
    for term in deny:
        if not term.strip() or bounds(term + "a"):
            raise ConfigError(
                f"the term number {deny.index(term) + 1} of pii.deny is empty or spans sentences"
            )
    for language in languages if deny else ():
        yield PatternRecognizer(
            supported_entity=DENIED, name="DeniedTerms", supported_language=language, deny_list=list(deny)
        )


def read(file: Path | None, languages: Sequence[str]) -> Sequence[Any]:
    """Read the recognisers of a file, of these languages; nothing for no file.

    Raises:
        ConfigError: The file cannot be read, is not Presidio's YAML, or has a pattern that is none.
    """
    if file is None:
        return ()
    # Presidio's own reader prints what is wrong, and goes on to compile patterns only when it looks.
    try:
        content: Any = safe_load(file.read_text(encoding="utf-8"))
        registry: Any = RecognizerRegistry(supported_languages=list(languages))
        for entry in cast(list[Any], content["recognizers"]):
            registry.add_pattern_recognizer_from_dict(entry)
        found = [each for each in registry.recognizers if each.supported_language in languages]
        for pattern in (pattern for each in found for pattern in each.patterns):
            regex.compile(pattern.regex)
    except (OSError, YAMLError) as error:
        raise ConfigError(f"pii.recognizers {file} cannot be read: {type(error).__name__}") from error
    except _FAULTS as error:
        raise ConfigError(
            f"pii.recognizers {file} is not a list of Presidio's recognisers: {error}"
        ) from error
    if not found:
        raise ConfigError(f"pii.recognizers {file} has no recogniser for {', '.join(languages)}")
    return found
