"""A value beside letters of a script without spaces is one, whatever a word's edge is to a pattern."""

import json
from pathlib import Path

import pytest

import partywall as pw
from tests.fakes.models import Scripted

TEXTS = [
    ("ann.lee@corp.com", "メールはann.lee@corp.comです"),
    ("4111 1111 1111 1111", "カードは4111 1111 1111 1111です"),
    ("DE89370400440532013000", "口座はDE89370400440532013000です"),
    ("ann.lee@corp.com", "이메일은ann.lee@corp.com입니다"),
    ("ann.lee@corp.com", "อีเมลann.lee@corp.comครับ"),
]


@pytest.mark.parametrize(("own", "text"), TEXTS)
async def test_the_provider_is_not_shown_it_and_nobody_else_either(
    tmp_path: Path, own: str, text: str
) -> None:
    setup = {
        "profile": "standard",
        "pii": {"own": "substitute"},
        "store": {"path": ":memory:"},
        "files": {"path": str(tmp_path)},
    }
    async with pw.open(setup) as wall:
        for sender in ("ann", "ben"):
            # To the other one the model says what nobody has told it in this session.
            model = Scripted(["ok" if sender == "ann" else text])
            ask = wall.guard_model(model)
            said = text if sender == "ann" else "good morning"
            arrived = pw.message(said, channel="own", realm=f"T-{sender}", sender=sender, conversation="d")
            async with wall.turn(arrived) as turn:
                answer = await ask(model="m", messages=[{"role": "user", "content": turn.text}])
                shown = await turn.reply(answer["choices"][0]["message"]["content"])
            assert own not in json.dumps(model.requests, ensure_ascii=False)
            assert own not in shown
