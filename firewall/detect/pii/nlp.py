"""Presidio's NLP engines: none, or a larger one from what is installed, never from the network."""

import importlib.metadata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from firewall.core.errors import ConfigError, ServiceUnavailable
from firewall.detect.pii.presidio import NlpEngineProvider, NoOpNlpEngine

_NLP_ENGINES = ("spacy", "slim", "transformers")


def without(languages: Sequence[str]) -> Any:  # noqa: ANN401  (Presidio is not typed)
    """Give an engine that does nothing."""
    # Pattern recognisers need no linguistics, and their findings are the same on a blank spaCy pipeline; but
    # that one would keep every word in its vocabulary.
    engine = NoOpNlpEngine(models=[{"lang_code": language, "model_name": "none"} for language in languages])
    engine.load()
    return engine


def loaded(nlp: Mapping[str, object]) -> Any:  # noqa: ANN401  (Presidio is not typed)
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
