"""A network in ONNX, by onnxruntime on the processor; the extra `onnx` brings it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime as _onnxruntime  # type: ignore[import-untyped]  # it has no types

from firewall.core.errors import ConfigError, ServiceUnavailable

onnxruntime: Any = _onnxruntime
_KNOWN: Final = frozenset({"input_ids", "attention_mask", "token_type_ids", "position_ids"})
_ROWS: Final = 2


class OnnxNetwork:
    """A network that takes tokens and gives `logits`: a row of labels, or one of tokens at every place.

    Raises:
        ConfigError: The file is no such network.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._session: Any = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        except Exception as error:  # the library raises many kinds
            raise ConfigError(f"{path} is no ONNX network that can be loaded; export it anew") from error
        self._inputs = frozenset(str(each.name) for each in self._session.get_inputs())
        outputs = [str(each.name) for each in self._session.get_outputs()]
        if "input_ids" not in self._inputs or not self._inputs <= _KNOWN or "logits" not in outputs:
            raise ConfigError(
                f"{path} must take input_ids, and at most {', '.join(sorted(_KNOWN))}, and give logits; "
                "export it without a cache of past tokens"
            )

    def row(self, ids: Sequence[int]) -> Sequence[float]:
        """Give the row of labels, or that of the last place."""
        tokens = np.asarray([ids], dtype=np.int64)
        given: Mapping[str, Any] = {
            "input_ids": tokens,
            "attention_mask": np.ones_like(tokens),
            "token_type_ids": np.zeros_like(tokens),
            "position_ids": np.arange(len(ids), dtype=np.int64)[None],
        }
        try:
            logits: Any = self._session.run(["logits"], {name: given[name] for name in self._inputs})[0]
        except Exception as error:  # noqa: BLE001  many kinds, whose text may tell of the input
            raise ServiceUnavailable(f"the model failed ({type(error).__name__})") from None
        row: list[float] = (logits[0] if logits.ndim == _ROWS else logits[0, -1]).astype(np.float64).tolist()
        return row
