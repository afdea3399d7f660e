"""A wall with two tools behind which one tenant has said a secret, and texts that hide it badly.

Each of the texts holds, somewhere in it, what a member of GLOBEX said: behind what takes too much to examine,
or in what is no proper encoding.
"""

import base64
import gzip
import random
import traceback
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import reduce
from pathlib import Path
from typing import Any, Final

import partywall
from firewall.core.errors import PartywallError
from firewall.core.ids import TenantId
from firewall.detect.disguise.views import LIMITS
from partywall.handle import TurnHandle
from partywall.wall import Wall
from tests.fakes.models import Scripted
from tests.fakes.tenants import ACME, GLOBEX, REALMS, message
from vault.ledger import Filter

SECRET: Final = "the orchid opens with four four one seven under the stairs"
SAID = SECRET.encode()
LARGE = 20_000_000


def code(data: bytes) -> str:
    return base64.b64encode(data).decode()


def bare(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


ZEROS = bytes(LARGE) + SAID
WORDS = b"nothing to see here, move along. " * (LARGE // 33) + SAID
HALF = len(SECRET) // 2
DRAW = random.Random(5)
BOMBS: Final[Mapping[str, str]] = {
    "gzip": code(gzip.compress(ZEROS)),
    "zlib": code(zlib.compress(ZEROS, 9)),
    "deflate": code(bare(ZEROS)),
    "zlib-of-words": code(zlib.compress(WORDS, 9)),
    "gzip-in-gzip": code(gzip.compress(gzip.compress(ZEROS))),
    "base64-of-zlib-in-gzip": code(gzip.compress(code(zlib.compress(WORDS, 9)).encode())),
    "zlib-in-hex": zlib.compress(ZEROS, 9).hex(),
    "zlib-in-ascii85": base64.a85encode(zlib.compress(ZEROS, 9)).decode(),
}
TOO_MUCH: Final[Mapping[str, str]] = {
    "10-MB-of-base64-of-base64": code(code(b"x" * 5_700_000 + SAID).encode()),
    "nine-encodings": reduce(lambda text, _: code(text.encode()), range(LIMITS.depth + 1), SECRET),
}
ODD: Final[Mapping[str, str]] = {
    "bytes-that-are-no-utf-8-in-base64": code(b"\xff\xfe\xc0\xaf" + SAID + b"\xff\x80"),
    "a-byte-that-is-no-utf-8-inside": code(SAID[:HALF] + b"\xff" + SAID[HALF:]),
    "a-lone-surrogate-in-utf-8": code(SAID + "\ud83d".encode("utf-8", "surrogatepass")),
    "a-lone-surrogate-in-utf-16": code(SECRET.encode("utf-16-le") + b"\0\xd8"),
    "a-lone-surrogate": code(SAID) + "\ud800",
    "a-lone-surrogate-that-is-escaped": f"\\ud800 {code(SAID)} &#xd800; \\udfff",
    "an-octet-that-is-no-utf-8-among-percents": "".join(f"%{byte:02x}" for byte in SAID) + "%ff%fe%c0",
    "base64-that-is-broken-by-what-nobody-sees": "\u200b".join((code(SAID)[:40], code(SAID)[40:])),
    "padding-in-the-middle": code(SAID[:30]) + "==" + code(SAID[30:]) + "=",
    "a-wrong-check-sum": code(gzip.compress(SAID)[:-8] + bytes(8)),
    "400-KB-of-base64-of-base64": code(code(DRAW.randbytes(225_000) + SAID).encode()),
    "a-stream-that-breaks-off": code(zlib.compress(SAID)[:-6]),
}
BAD: Final = {**BOMBS, **TOO_MUCH, **ODD}


def tells(text: str) -> bool:
    """True if a text holds the secret, half of it, or the beginning of what hides it."""
    return any(
        one in text for one in (SECRET, SECRET[:HALF], code(SAID)[:HALF], *(b[:32] for b in BAD.values()))
    )


class Bot:
    """A wall with two tools: `take` keeps what it is told, `give` gives what it was set to give."""

    def __init__(self, folder: Path, **more: object) -> None:
        self.taken: list[str] = []
        self.given = ""
        tenants = [{"id": t, "realms": [{"channel": "slack", "realm": r}]} for t, r in REALMS.items()]
        self.wall = partywall.open(
            {
                "profile": "light",
                "store": {"path": str(folder / "partywall.db"), "synchronous": "NORMAL"},
                "files": {"path": str(folder / "files")},
                "tenant": tenants,
                **more,
            }
        )

        async def take(text: partywall.Text) -> str:
            """Take something."""
            self.taken.append(text)
            return "Taken."

        async def give() -> str:
            """Give something."""
            return self.given

        self.wall.tool(reads="own")(take)
        self.wall.tool(reads="own")(give)


@asynccontextmanager
async def serving(folder: Path, **more: object) -> AsyncGenerator[Bot]:
    """Open a wall in which a member of GLOBEX has said the secret."""
    bot = Bot(folder, **more)
    async with bot.wall:
        await answered(bot.wall, SECRET, tenant=GLOBEX)
        yield bot


async def answered(wall: Wall, text: str, *, tenant: TenantId) -> None:
    """Check that somebody's ordinary turn is answered."""
    async with wall.turn(message(text, "bob", tenant)) as turn:
        assert await turn.reply("Noted.") == "Noted."


def _asked(wall: Wall, text: str) -> Any:
    return wall.guard_model(Scripted([text], piece_codepoints=max(7, len(text) // 40)).__call__)


async def _replies(bot: Bot, turn: TurnHandle, text: str) -> str:
    answer = await _asked(bot.wall, text)(model="m", messages=[{"role": "user", "content": turn.text}])
    return str(answer["choices"][0]["message"]["content"])


async def _streams(bot: Bot, turn: TurnHandle, text: str) -> str:
    asked = [{"role": "user", "content": turn.text}]
    said = ""
    try:
        async for chunk in await _asked(bot.wall, text)(model="m", messages=asked, stream=True):
            said += "".join(choice["delta"].get("content") or "" for choice in chunk["choices"])
    finally:
        # What left before a refusal must not tell it either.
        assert not _whole(said)
    return said


def _whole(said: str) -> bool:
    return any(one in said for one in (SECRET, SECRET[:HALF], code(SAID)[:HALF]))


async def _shows(bot: Bot, turn: TurnHandle, text: str) -> str:
    return await turn.reply(text)


async def _takes(bot: Bot, turn: TurnHandle, text: str) -> str:
    await turn.call_tool("take", {"text": text})
    return "".join(bot.taken)


async def _gives(bot: Bot, turn: TurnHandle, text: str) -> str:
    bot.given = text
    return await turn.call_tool("give", {})


async def _files(bot: Bot, turn: TurnHandle, text: str) -> str:
    await turn.call_tool("write", {"path": "a.txt", "text": text})
    return await turn.call_tool("read", {"path": "a.txt"})


PLACES: Final[Mapping[str, Callable[[Bot, TurnHandle, str], Awaitable[str]]]] = {
    "answer": _replies,
    "stream": _streams,
    "reply": _shows,
    "argument": _takes,
    "result": _gives,
    "file": _files,
}


async def recorded(wall: Wall) -> list[str]:
    """Give what stands on record of ACME, one line for each."""
    records = (await wall.runtime()).vault.records
    await records.settle()
    return [repr(row) async for row in records.export(Filter(tenant=ACME))]


async def arrived(bot: Bot, place: str, text: str) -> str | None:
    """Give what arrives of a text in a turn of a member of ACME's; None if it is refused, quietly."""
    bot.taken.clear()
    try:
        async with bot.wall.turn(message("Go on.", f"ann-{place}")) as turn:
            return await PLACES[place](bot, turn, text)
    except PartywallError as error:
        said = "".join(traceback.format_exception(error))
    assert not tells(said), "an error holds content"
    assert bot.taken == []
    return None
