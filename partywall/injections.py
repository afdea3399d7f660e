"""The layer that looks for injections, as a configuration asks for it; what is missing is never left out."""

import importlib
import importlib.util
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import platformdirs

from firewall.core.errors import PartywallError, ServiceUnavailable
from firewall.core.ports import Layer
from firewall.detect.injection import card as cards
from firewall.detect.injection.eyes import Eye, Surest
from firewall.detect.injection.heuristics import Heuristics
from firewall.detect.injection.stored import load
from firewall.layers.injection import Injection
from firewall.threads import Threads
from partywall.config import Config, Profile
from partywall.doctor import Check, failure, ok
from partywall.settings.detection import Injections

# What each runtime needs; jinja2 writes the prompts of a model that is asked in words.
_NEEDS: Final = {
    "onnx": ("onnxruntime", "tokenizers", "jinja2"),
    "transformers": ("torch", "transformers", "tokenizers", "jinja2"),
}


def injection_of(config: Config, threads: Threads) -> Sequence[Layer]:
    """Give the layer that looks for injections, unless it is off; it never acts in the profile `observe`.

    Raises:
        ConfigError: The classifier or the model is missing or malformed.
        ServiceUnavailable: What runs the model is not installed, or the model fails.
    """
    wanted = config.injection
    if wanted.mode == "off":
        return ()
    return (
        Injection(
            heuristics=_quick(wanted),
            model=_model(wanted),
            threads=threads,
            threshold=wanted.threshold,
            shadow=wanted.mode == "shadow" or config.profile is Profile.OBSERVE,
        ),
    )


def judging(config: Config) -> Sequence[str]:
    """Give the digests of the classifier and of the model: they decide like a setting.

    Raises:
        ConfigError: One is missing or malformed.
    """
    wanted = config.injection
    if wanted.mode == "off":
        return ()
    own = [] if wanted.classifier is None else [load(Path(wanted.classifier)).digest]
    return [*own, *([] if wanted.model is None else [cards.identity(Path(wanted.model))])]


def examined(config: Config) -> Iterator[Check]:
    """Check the classifier and the model, whose weights are looked for and not loaded: that takes long."""
    wanted = config.injection
    if wanted.mode == "off" or (wanted.classifier is None and wanted.model is None):
        yield ok("injection", "off" if wanted.mode == "off" else "looks for signs; no classifier, no model")
        return
    try:
        if wanted.classifier is not None:
            yield ok("injection", f"the classifier is whole ({load(Path(wanted.classifier)).digest[:12]})")
        if wanted.model is not None:
            _demand(wanted, Path(wanted.model))
            yield ok("injection", f"the files of the {wanted.model_kind} are there; loaded at the start")
    except PartywallError as error:
        yield failure("injection", error)


@cache
def _heuristics() -> Heuristics:
    """Make the heuristics once for all walls of a process: they are the same, and take a while."""
    return Heuristics(cache=platformdirs.user_cache_path("partywall"))


def _quick(wanted: Injections) -> Eye:
    heuristics = _heuristics()
    if wanted.classifier is None:
        return heuristics
    return Surest(eyes=(heuristics, load(Path(wanted.classifier)).at(wanted.threshold)))


def _model(wanted: Injections) -> Eye | None:
    if wanted.model is None:
        return None
    folder = Path(wanted.model)
    card = _demand(wanted, folder)
    # Each of them imports a library that most do without, and that takes seconds.
    tokens: Any = importlib.import_module("firewall.detect.injection.tokens")
    models: Any = importlib.import_module("firewall.detect.injection.models")
    parts: dict[str, Any] = {"tokens": tokens.Tokens(folder), "card": card}
    if wanted.model_kind == "llama_guard":
        parts["template"] = tokens.Template(folder)
    kind = models.PromptGuard if wanted.model_kind == "prompt_guard" else models.LlamaGuard
    eye: Eye = kind(network=_network(wanted, folder), **parts).checked()
    return eye


def _network(wanted: Injections, folder: Path) -> Any:  # noqa: ANN401  the module is loaded by its name
    if wanted.runtime == "onnx":
        path = cards.weights(folder, "onnx")
        return importlib.import_module("firewall.detect.injection.onnx_network").OnnxNetwork(path)
    torch = importlib.import_module("firewall.detect.injection.torch_network")
    return torch.TorchNetwork(folder, wanted.model_kind)


def _demand(wanted: Injections, folder: Path) -> cards.Card:
    cards.demand(folder, wanted.runtime)
    lacking = [name for name in _NEEDS[wanted.runtime] if importlib.util.find_spec(name) is None]
    if lacking:
        raise ServiceUnavailable(
            f"injection.model needs {', '.join(lacking)}: pip install 'partywall[{wanted.runtime}]', "
            "or remove injection.model"
        )
    return cards.card(folder)
