"""The model is told to write a listed name so that it stays; what one tenant lists tells another nothing."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import partywall as pw
from firewall.core.message import Message
from partywall.wall import Wall
from tests.fakes.models import Scripted

NAME = "Ansel Masson"


@pytest.fixture
async def wall(tmp_path: Path) -> AsyncIterator[Wall]:
    given: dict[str, object] = {
        "profile": "standard",
        "store": {"path": ":memory:"},
        "files": {"path": str(tmp_path / "files")},
        "tenant": [
            {
                "id": tenant,
                "realms": [{"channel": "own", "realm": realm}],
                "pii": {"names": [NAME] if tenant == "acme" else []},
            }
            for tenant, realm in (("acme", "T-ACME"), ("globex", "T-GLOBEX"))
        ],
    }
    async with pw.open(given) as one:
        yield one


def said(who: str, realm: str) -> Message:
    return pw.message("who?", channel="own", realm=realm, sender=who, conversation=f"d-{who}")


async def shown(wall: Wall, words: str, message: Message, *, stream: bool) -> str:
    guarded = wall.guard_model(Scripted([words], piece_codepoints=3))
    async with wall.turn(message) as turn:
        asked = [{"role": "user", "content": message.text}]
        answer: Any = await guarded(model="m", messages=asked, stream=stream)
        if stream:
            return await turn.reply_stream(answer)
        return await turn.reply(str(answer["choices"][0]["message"]["content"]))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    "written",
    [
        pytest.param("Ansel\nMasson", id="over-a-line"),
        pytest.param("> Ansel\n> Masson", id="over-quoted-lines"),
        pytest.param("Ansel\r\n\r\nMasson", id="over-two-lines"),
        pytest.param("\u200b".join(NAME), id="with-invisible-letters"),
        pytest.param(NAME.encode().hex(), id="as-bytes"),
        pytest.param("".join(chr(0xE0000 + ord(char)) for char in NAME), id="in-tags"),
        pytest.param("_" + NAME.upper() + "_", id="in-markup"),
    ],
)
async def test_a_listed_name_is_cut_however_it_is_written_and_only_for_who_listed_it(
    wall: Wall, written: str, stream: bool
) -> None:
    words = f"Yesterday we met {written} there.\nAnd then everybody of us went home again."
    left = await shown(wall, words, said("ada", "T-ACME"), stream=stream)
    assert "[REDACTED:PERSON]" in left
    assert "Masson" not in left
    assert "[REDACTED:PERSON]" not in await shown(wall, words, said("ben", "T-GLOBEX"), stream=stream)
