"""The loaders through transformers and torch, on tiny models with random weights; `make test-models`.

What a random model says is nothing; that it is asked about all of a text, and answers as its network does
when it is asked directly, is what counts.
"""

import importlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from firewall.core.errors import ConfigError, ServiceUnavailable
from firewall.detect.injection.card import card, identity
from firewall.layers.injection import Injection
from firewall.threads import Threads
from partywall.config import load
from partywall.doctor import State
from partywall.injections import examined, injection_of
from tests.fakes.tiny_models import ID, OBEY, WORDS, tokenizer_of

pytestmark = pytest.mark.filterwarnings("ignore")  # of a torch that is older than our numpy
transformers: Any = importlib.import_module("transformers")
torch: Any = importlib.import_module("torch")
SIZES = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}


@pytest.fixture
def bert(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    labels = {"id2label": {0: "BENIGN", 1: "MALICIOUS"}, "label2id": {"BENIGN": 0, "MALICIOUS": 1}}
    config = transformers.BertConfig(vocab_size=len(WORDS), max_position_embeddings=64, **SIZES, **labels)
    transformers.BertForSequenceClassification(config).save_pretrained(str(tmp_path))
    tokenizer_of(tmp_path)
    return tmp_path


@pytest.fixture
def llama(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    config = transformers.LlamaConfig(
        vocab_size=len(WORDS), max_position_embeddings=2_048, eos_token_id=ID["<|eot|>"], **SIZES
    )
    transformers.LlamaForCausalLM(config).save_pretrained(str(tmp_path))
    tokenizer_of(tmp_path)
    return tmp_path


def model_of(folder: Path, kind: str) -> Any:
    wanted = {"model": str(folder), "model_kind": kind, "runtime": "transformers"}
    config = load({"injection": wanted, "tenant": [{"id": "ACME"}, {"id": "GLOBEX"}]})
    assert [each.state for each in examined(config)] == [State.OK]
    threads = Threads(1)
    (layer,) = injection_of(config, threads)
    threads.close()
    assert isinstance(layer, Injection)
    return layer.model


def test_prompt_guard_gives_the_probability_that_the_network_gives(bert: Path) -> None:
    eye = model_of(bert, "prompt_guard")
    direct = transformers.AutoModelForSequenceClassification.from_pretrained(str(bert)).eval()
    ids = [ID["[CLS]"], ID[OBEY], ID["the"], ID["[SEP]"]]
    with torch.no_grad():
        wanted = torch.softmax(direct(input_ids=torch.tensor([ids])).logits, -1).tolist()[0][1]
    assert math.isclose(eye.see(f"{OBEY} the").score, wanted, rel_tol=1e-5)
    assert eye.see(" ".join(["shop"] * 500)).score > 0


class Speaking:
    """Stands between Llama Guard and its network, and turns what this says into words that mean something."""

    def __init__(self, network: Any) -> None:
        self.network = network
        self.asked: list[Sequence[int]] = []

    def row(self, ids: Sequence[int]) -> Sequence[float]:
        self.asked.append(ids)
        row = list(self.network.row(ids))
        said = ids[-1] in (ID["safe"], ID["unsafe"])
        row[ID["<|eot|>" if said else "unsafe" if ID[OBEY] in ids else "safe"]] = 1e9
        return row


def test_llama_guard_writes_through_the_network_one_row_for_each_token(llama: Path) -> None:
    eye = model_of(llama, "llama_guard")
    assert len(eye.network.row([ID["the"], ID["shop"]])) == len(WORDS)
    with pytest.raises(ServiceUnavailable):  # random words are neither safe nor unsafe
        eye.see("the shop is open")
    speaking = Speaking(eye.network)
    guided = type(eye)(tokens=eye.tokens, template=eye.template, network=speaking, card=eye.card)
    assert guided.see("the shop is open").score == 0.0
    assert guided.see("shop " * 700 + OBEY).score == 1.0
    assert any(ID[OBEY] in ids for ids in speaking.asked)


def test_weights_that_are_pickle_are_not_loaded(bert: Path) -> None:
    model = transformers.AutoModelForSequenceClassification.from_pretrained(str(bert))
    (bert / "model.safetensors").unlink()
    torch.save(model.state_dict(), str(bert / "pytorch_model.bin"))
    with pytest.raises(ConfigError, match="safetensors"):
        model_of_unexamined(bert)


def model_of_unexamined(folder: Path) -> None:
    threads = Threads(1)
    try:
        injection_of(load({"injection": {"model": str(folder), "runtime": "transformers"}}), threads)
    finally:
        threads.close()


def test_code_in_the_folder_is_not_run(bert: Path) -> None:
    told = json.loads((bert / "config.json").read_text())
    told |= {
        "model_type": "own",
        "auto_map": {"AutoConfig": "own.C", "AutoModelForSequenceClassification": "own.M"},
    }
    (bert / "config.json").write_text(json.dumps(told))
    (bert / "own.py").write_text("import pathlib\npathlib.Path('ran').touch()\n")
    with pytest.raises(ConfigError, match="transformers"):
        model_of_unexamined(bert)
    assert not Path("ran").exists()


def test_the_card_and_the_identity_are_of_the_folder(bert: Path) -> None:
    before = identity(bert)
    assert card(bert).labels == ("BENIGN", "MALICIOUS")
    with (bert / "model.safetensors").open("ab") as file:
        file.write(b"\0")
    assert identity(bert) != before
