"""A model that is not installed keeps the wall closed, and the doctor says so: nothing is silently off."""

from pathlib import Path
from typing import Any

import pytest

from firewall.core.errors import PartywallError
from partywall import doctor
from partywall.config import load
from partywall.doctor import State
from partywall.testing import memory_wall

TENANTS = [{"id": "ACME"}, {"id": "GLOBEX"}]


def nlp(engine: str, model: object) -> dict[str, Any]:
    return {"nlp_engine_name": engine, "models": [{"lang_code": "en", "model_name": model}]}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        pytest.param(nlp("spacy", "en_core_web_absent"), "en_core_web_absent", id="spacy"),
        pytest.param(nlp("slim", "org/model.v1"), "org/model.v1", id="a-name-with-a-dot"),
        pytest.param(nlp("spacy", "json"), "json", id="a-module-that-is-no-model"),
        pytest.param(
            nlp("transformers", {"spacy": "en_absent", "transformers": "a/b"}),
            "transformers",
            id="transformers",
        ),
        pytest.param(nlp("gliner", "urchade/gliner"), "gliner", id="gliner-is-no-engine-of-presidio"),
        pytest.param({"nlp_engine_name": "spacy"}, "none is named", id="no-model"),
    ],
)
async def test_a_missing_model_is_told_by_the_doctor_and_keeps_the_wall_closed(
    tmp_path: Path, asked: dict[str, Any], told: str
) -> None:
    settings: dict[str, Any] = {
        "profile": "standard",
        "pii": {"entities": ["PERSON"], "nlp": asked},
        "tenant": TENANTS,
    }
    found = list(doctor.detectors(load(settings)))
    assert found[-1].state is State.FAULT
    assert told in found[-1].detail
    assert found[-1].remedy
    with pytest.raises(PartywallError):
        async with memory_wall(tmp_path, **settings):
            pass


async def test_names_that_nothing_finds_keep_the_wall_closed(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"profile": "standard", "pii": {"entities": ["PERSON"]}, "tenant": TENANTS}
    with pytest.raises(PartywallError, match="no recogniser finds PERSON"):
        async with memory_wall(tmp_path, **settings):
            pass
