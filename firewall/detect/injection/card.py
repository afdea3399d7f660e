"""What the folder of a model says about it, and the files that must be there."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

from firewall.core.errors import ConfigError

Runtime = Literal["onnx", "transformers"]
Kind = Literal["prompt_guard", "llama_guard"]

CONFIG: Final = "config.json"
TOKENIZER: Final = "tokenizer.json"
TEMPLATES: Final = ("chat_template.jinja", "tokenizer_config.json")
ONNX: Final = ("model.onnx", "onnx/model.onnx")
_ASK: Final = "copy the model's folder whole; nothing is downloaded"
# What a file leaves out is what `transformers` assumes.
_LABELS: Final = {"0": "LABEL_0", "1": "LABEL_1"}
_POSITIONS: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a model says about itself.

    Attributes:
        labels: The names of its answers, in their order; of a model that classifies.
        positions: How many tokens it reads at most.
        ends: The tokens that end what it writes.
    """

    labels: tuple[str, ...]
    positions: int
    ends: frozenset[int]


def card(folder: Path) -> Card:
    """Read what a model says about itself.

    Raises:
        ConfigError: The file is missing or says nothing.
    """
    told = read(folder / CONFIG)
    named = told.get("id2label", _LABELS)
    positions = told.get("max_position_embeddings", _POSITIONS)
    ends = _numbers(told.get("eos_token_id"))
    if (folder / "generation_config.json").is_file():
        ends |= _numbers(read(folder / "generation_config.json").get("eos_token_id"))
    try:
        names = cast("Mapping[str, Any]", named)
        labels = tuple(str(names[str(number)]) for number in range(len(names)))
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{folder / CONFIG}: id2label does not name the labels 0, 1, and so on") from error
    if not isinstance(positions, int) or positions < 1:
        raise ConfigError(f"{folder / CONFIG}: max_position_embeddings is no number of tokens")
    return Card(labels=labels, positions=positions, ends=ends)


def read(path: Path) -> dict[str, Any]:
    """Read a JSON object from a model's folder.

    Raises:
        ConfigError: It is missing or is none.
    """
    try:
        value: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read as JSON; {_ASK}") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{path} holds no JSON object; {_ASK}")
    return cast("dict[str, Any]", value)


def weights(folder: Path, runtime: Runtime) -> Path | None:
    """Give where the weights are, or None."""
    if runtime == "onnx":
        return next((folder / name for name in ONNX if (folder / name).is_file()), None)
    # Only safetensors: the other form is pickle, which is a program.
    return next(iter(sorted(folder.glob("*.safetensors"))), None)


def demand(folder: Path, runtime: Runtime) -> None:
    """Check that the files of a model are there.

    Raises:
        ConfigError: One is missing; the text names it.
    """
    if not folder.is_dir():
        raise ConfigError(f"injection.model: there is no folder {folder}; {_ASK}")
    for name in (CONFIG, TOKENIZER):
        if not (folder / name).is_file():
            raise ConfigError(f"injection.model: {folder} holds no {name}; {_ASK}")
    if weights(folder, runtime) is None:
        wanted = " or ".join(ONNX) if runtime == "onnx" else "*.safetensors"
        raise ConfigError(f"injection.model: {folder} holds no {wanted}; export it, or {_ASK}")


def identity(folder: Path) -> str:
    """Give 64 hex digits that stand for every file of the model; a large one takes seconds.

    Raises:
        ConfigError: A file cannot be read.
    """
    total = hashlib.sha256()
    try:
        for path in _files(folder):
            with path.open("rb") as file:
                total.update(f"{path.relative_to(folder)}\0".encode())
                total.update(hashlib.file_digest(file, "sha256").digest())
    except OSError as error:
        raise ConfigError(f"injection.model: a file in {folder} cannot be read ({error.strerror})") from error
    return total.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for part in (folder, folder / "onnx"):
        yield from sorted(path for path in part.glob("*") if path.is_file())


def _numbers(value: object) -> frozenset[int]:
    some = cast("list[object]", value) if isinstance(value, list) else [value]
    return frozenset(each for each in some if isinstance(each, int))
