"""A file full of guesses: whoever has the bot show it must not learn by it which guess is somebody's."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import partywall as pw
from firewall.core.errors import Denied
from firewall.core.message import Attachment, Message
from partywall.wall import Wall

LINES = [f"the pin of the north vault is {number:04} until monday" for number in range(3_000)]
TRUE = LINES[2_417]
GUESSES = "\n".join(LINES).encode()


def says(realm: str, who: str, text: str, *files: Attachment) -> Message:
    return pw.message(
        text, channel="slack", realm=realm, sender=who, conversation=f"D-{who}", attachments=files
    )


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def told(wall: Wall, leaked: str, content: bytes) -> str:
    """Have Bob's turn show a file of his, and then what its bot remembers of Ada; give what he sees of it."""
    async with wall.turn(says("T-GLOBEX", "bob", "Show it", Attachment(id="F1"))) as turn:
        kept = await turn.keep(1, pieces(content))
        await turn.attach(kept.path)
        try:
            return await turn.reply(leaked)
        except Denied:
            return ""


@pytest.mark.parametrize(
    "leaked",
    [TRUE, f"I heard: {TRUE}", LINES[2_416][-20:] + "\n" + TRUE],
    ids=["bare", "inside", "two-lines"],
)
async def test_a_file_that_is_shown_accounts_for_no_piece_of_itself(tmp_path: Path, leaked: str) -> None:
    settings = {
        "profile": "light",
        "store": {"path": ":memory:"},
        "files": {"path": str(tmp_path / "files")},
    }
    async with pw.open(settings) as wall:
        async with wall.turn(says("T-ACME", "ada", TRUE)):
            pass
        assert TRUE not in await told(wall, leaked, GUESSES)
        assert TRUE not in await told(wall, leaked, b"nothing of hers")
        assert "four o'clock" in await told(wall, "It opens at four o'clock.", GUESSES)
