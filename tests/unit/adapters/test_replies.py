"""Content in parts: one text, or refused."""

from typing import Any

import pytest

from adapters.errors import Unreadable
from adapters.replies import CallIds, assemble, normalise_chunk, normalise_reply

IDS = CallIds(owner="s", first=0, taken=frozenset())


def reply(content: object) -> Any:
    return normalise_reply({"choices": [{"message": {"content": content}}]}, model="m", ids=IDS)


def test_content_in_parts_is_one_text_so_that_nothing_in_it_is_split() -> None:
    parts = [{"type": "text", "text": "kelp-47"}, {"type": "text", "text": "-lantern"}]
    assert reply(parts)["choices"][0]["message"]["content"] == "kelp-47-lantern"
    assert reply([])["choices"][0]["message"]["content"] == ""


def test_parts_of_a_stream_are_one_text() -> None:
    deltas: list[Any] = [[{"type": "text", "text": "kelp-47"}], "-lantern"]
    chunks = [
        normalise_chunk({"choices": [{"index": 0, "delta": {"content": one}}]}, model="m", ids=IDS)
        for one in deltas
    ]
    whole: Any = assemble(chunks)
    assert whole["choices"][0]["message"]["content"] == "kelp-47-lantern"


@pytest.mark.parametrize(
    "part",
    [
        {"type": "thinking", "thinking": "kelp"},
        {"type": "text", "text": "a", "annotations": [{"url": "kelp"}]},
        {"type": "text", "text": ["kelp"]},
        {"type": "text"},
        "kelp",
    ],
    ids=["another-kind", "another-field", "no-text", "nothing", "no-part"],
)
def test_a_part_that_is_not_covered_refuses_the_reply_without_its_words(part: object) -> None:
    with pytest.raises(Unreadable) as caught:
        reply([{"type": "text", "text": "Well."}, part])
    assert "kelp" not in str(caught.value)
