"""Folders of tiny models of injections: each answers by one word, OBEY, wherever it stands in the text."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx as _onnx
from onnx import TensorProto, numpy_helper
from onnx import helper as _helper
from tokenizers import Tokenizer, models, pre_tokenizers, processors

onnx: Any = _onnx
helper: Any = _helper
OBEY = "obey"
WORDS = ("[UNK]", "[CLS]", "[SEP]", "<|bot|>", "<|eot|>", OBEY, "safe", "unsafe", "the", "shop", "is", "open")
ID = {word: number for number, word in enumerate(WORDS)}
TEMPLATE = "<|bot|>{% for m in messages %}{{ m.content }}{% endfor %}<|eot|>"
POSITIONS = 64


def tokenizer_of(folder: Path) -> None:
    """Write a tokenizer that is stored with a truncation, as real ones are."""
    made: Any = Tokenizer(models.WordLevel(ID, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.add_special_tokens(["[CLS]", "[SEP]", "<|bot|>", "<|eot|>"])
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", ID["[CLS]"]), ("[SEP]", ID["[SEP]"])]
    )
    made.enable_truncation(8)
    made.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": TEMPLATE}))


def card_of(folder: Path, **told: object) -> None:
    card = {"max_position_embeddings": POSITIONS, "eos_token_id": ID["<|eot|>"], **told}
    (folder / "config.json").write_text(json.dumps(card))


def prompt_guard(folder: Path, *, answers: tuple[float, float] = (1.0, 1.0)) -> Path:
    """Write a network with two labels; `answers` are what it multiplies its logits by."""
    seen = [
        helper.make_node("Equal", ["input_ids", "obey"], ["equal"]),
        helper.make_node("Cast", ["equal"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["number"], ["seen"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["seen", "slope"], ["sloped"]),
        helper.make_node("Add", ["sloped", "base"], ["both"]),
        helper.make_node("Mul", ["both", "answers"], ["logits"]),
    ]
    constants = {
        "obey": np.array(ID[OBEY], dtype=np.int64),
        "slope": np.array([[-8, 8]], dtype=np.float32),
        "base": np.array([[4, -4]], dtype=np.float32),
        "answers": np.array([answers], dtype=np.float32),
    }
    return _written(folder, seen, constants, ["batch", 2], id2label={"0": "BENIGN", "1": "MALICIOUS"})


def llama_guard(folder: Path, *, says: tuple[str, str] = ("safe", "unsafe")) -> Path:
    """Write a network that says the first word, or the second where OBEY stands, and then ends."""
    table = np.zeros((len(WORDS), len(WORDS)), dtype=np.float32)
    for word in says:
        table[ID[word], ID["<|eot|>"]] = 100
    first, other = (np.eye(len(WORDS), dtype=np.float32)[ID[word]] * 10 for word in says)
    nodes = [
        helper.make_node("Equal", ["input_ids", "obey"], ["equal"]),
        helper.make_node("Cast", ["equal"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["number"], ["seen"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["seen", "turned"], ["sloped"]),
        helper.make_node("Add", ["sloped", "first"], ["word"]),
        helper.make_node("Gather", ["table", "input_ids"], ["after"]),
        helper.make_node("Add", ["after", "word"], ["logits"]),
    ]
    constants = {
        "obey": np.array(ID[OBEY], dtype=np.int64),
        "turned": (other - first)[None],
        "first": first[None],
        "table": table,
    }
    return _written(folder, nodes, constants, ["batch", "length", len(WORDS)])


def _written(
    folder: Path, nodes: Sequence[Any], constants: dict[str, Any], shape: list[Any], **told: object
) -> Path:
    folder.mkdir(exist_ok=True)
    tokens = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "length"])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, shape)
    held = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", [tokens], [logits], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(folder / "model.onnx"))
    tokenizer_of(folder)
    card_of(folder, **told)
    return folder
