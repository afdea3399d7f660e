"""A network by transformers and torch; the extra `transformers` brings them.

Neither fetches anything nor runs what a model's folder holds as code, and weights are read as safetensors
only: the older form is pickle, which is a program.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from firewall.core.errors import ConfigError, ServiceUnavailable
from firewall.detect.injection.card import Kind

# Large, and absent from most environments, that of our type checkers included.
torch: Any = importlib.import_module("torch")
transformers: Any = importlib.import_module("transformers")


class TorchNetwork:
    """A network that transformers knows by its config.json.

    Raises:
        ConfigError: It cannot be loaded.
    """

    def __init__(self, folder: Path, kind: Kind) -> None:
        maker = "AutoModelForSequenceClassification" if kind == "prompt_guard" else "AutoModelForCausalLM"
        try:
            self._model: Any = getattr(transformers, maker).from_pretrained(
                str(folder), local_files_only=True, trust_remote_code=False, use_safetensors=True
            )
        except Exception as error:  # the library raises many kinds
            raise ConfigError(f"{folder} holds no model that transformers can load as {kind}") from error
        self._model.eval()

    def row(self, ids: Sequence[int]) -> Sequence[float]:
        """Give the row of labels, or that of the last place."""
        try:
            with torch.inference_mode():
                tokens = torch.tensor([list(ids)], dtype=torch.long)
                logits: Any = self._model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).logits
        except Exception as error:  # noqa: BLE001  many kinds, whose text may tell of the input
            raise ServiceUnavailable(f"the model failed ({type(error).__name__})") from None
        row: list[float] = (logits[0] if logits.dim() == 2 else logits[0, -1]).float().tolist()
        return row
