"""Bad input for what looks for values, through a whole wall: examined within bounds, or refused.

What a member of GLOBEX said comes to a member of ACME: in a model's answer, in a stream, as a text of the
bot's own, in a tool's argument, from a tool, in a file. It must not arrive, whoever speaks meanwhile must be
answered, and nothing of it may stand in an error, a log or a record.
"""

import logging
import struct
import traceback
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import partywall
from firewall.detect.disguise import readings
from firewall.detect.disguise.deflate import Inflated, inflate
from partywall.bot import Bot
from partywall.handle import TurnHandle
from tests.fakes.bad_input import (
    BAD,
    BOMBS,
    LARGE,
    ODD,
    PLACES,
    SECRET,
    TOO_MUCH,
    answered,
    arrived,
    code,
    recorded,
    serving,
    tells,
)
from tests.fakes.channels import MemoryChannel
from tests.fakes.tenants import ACME, GLOBEX, message


@pytest.fixture(autouse=True)
def nothing_is_told(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    assert not any(tells(record.getMessage()) for record in caplog.get_records("call"))


# --- bombs, floods and odd encodings


@pytest.mark.parametrize("name", BAD)
async def test_what_is_hidden_in_bad_input_reaches_nobody_and_nobody_waits_for_ever(
    name: str, tmp_path: Path
) -> None:
    async with serving(tmp_path) as bot:
        for place in PLACES:
            got = await arrived(bot, place, BAD[name])
            if name in ODD and got is not None:
                # What is cut out is where the secret stood: at the end of all of them, but for what is odd.
                assert "[REDACTED:EXCERPT]" in got, place
                assert BAD[name][-60:-12] not in got, place
                assert SECRET not in got, place
            else:
                assert got is None, place
        rows = await recorded(bot.wall)
        assert rows
        assert not any(tells(row) for row in rows)
        for tenant in (ACME, GLOBEX):
            await answered(bot.wall, "Hello.", tenant=tenant)


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_is_never_spread_out(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = 0

    def counting(data: memoryview, most: int) -> Inflated:
        nonlocal said
        found = inflate(data, most)
        said += len(found.data)
        return found

    async with serving(tmp_path) as bot:
        monkeypatch.setattr(readings, "inflate", counting)
        for place in ("answer", "result"):
            said = 0
            tracemalloc.start()
            try:
                assert await arrived(bot, place, BOMBS[name]) is None
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert said < LARGE / 2, place
            assert peak < LARGE, place


@pytest.mark.parametrize("name", [*BOMBS, *TOO_MUCH])
async def test_what_cannot_be_examined_stops_a_message_where_injections_are_denied(
    name: str, tmp_path: Path
) -> None:
    async with serving(tmp_path, injection={"mode": "enforce"}) as bot:
        with pytest.raises(partywall.Denied) as denied:
            async with bot.wall.turn(message(BAD[name], "ann")):
                pass
        assert not tells("".join(traceback.format_exception(denied.value)))
        assert not any(tells(row) for row in await recorded(bot.wall))
        await answered(bot.wall, "Hello.", tenant=ACME)
        await answered(bot.wall, "Hello.", tenant=GLOBEX)


async def test_whoever_says_a_bomb_harms_only_their_own_findings(tmp_path: Path) -> None:
    async with serving(tmp_path) as bot:
        async with bot.wall.turn(message(BOMBS["gzip"], "ann")) as turn:
            with pytest.raises(partywall.Denied):
                await turn.reply(f"It is said that {SECRET}.")
        for who, tenant in (("cy", ACME), ("dee", GLOBEX)):
            async with bot.wall.turn(message("Go on.", who, tenant)) as turn:
                assert "[REDACTED" in await turn.reply(f"It is said that {SECRET}.")


async def test_headers_that_share_their_bytes_cost_what_the_text_is_worth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = 0

    def counting(data: memoryview, most: int) -> Inflated:
        nonlocal said
        found = inflate(data, most)
        said += len(found.data)
        return found

    skipped = [7 * each for each in reversed(range(4_000))]
    heads = b"".join(b"\x78\x9c\0" + struct.pack("<HH", each, each ^ 0xFFFF) for each in skipped)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    # Each stream says 700 KB, and then ends in what is no block: together 3 GB, of 40 KB.
    tail = packer.compress(bytes(700_000)) + packer.flush(zlib.Z_FULL_FLUSH) + b"\x07"
    async with serving(tmp_path) as bot:
        monkeypatch.setattr(readings, "inflate", counting)
        for place in ("answer", "argument", "result"):
            assert await arrived(bot, place, code(heads + tail)) is None
        monkeypatch.undo()
        await answered(bot.wall, "Hello.", tenant=ACME)
        await answered(bot.wall, "Hello.", tenant=GLOBEX)
    assert said < LARGE


@pytest.mark.parametrize("name", [*BOMBS, *TOO_MUCH])
async def test_a_managed_bot_that_says_a_bomb_shows_none_and_answers_the_others(
    name: str, tmp_path: Path
) -> None:
    async def agent(turn: TurnHandle) -> str:
        return BAD[name] if turn.text == "Go." else f"You said: {turn.text}"

    realms = {"ACME": "T-ACME", "GLOBEX": "T-GLOBEX"}
    wall = partywall.open(
        {
            "profile": "light",
            "tenant": [
                {"id": each, "realms": [{"channel": "memory", "realm": realm}]}
                for each, realm in realms.items()
            ],
            "store": {"path": str(tmp_path / "wall.db"), "synchronous": "NORMAL"},
            "files": {"path": str(tmp_path / "files")},
        }
    )
    channel = MemoryChannel()
    said = [("T-GLOBEX", SECRET), ("T-ACME", "Go."), ("T-GLOBEX", "Hello."), ("T-ACME", "Hello.")]
    async with wall, Bot(wall, agent, [channel]).serving():
        for number, (realm, text) in enumerate(said):
            await channel.says(
                partywall.message(
                    text,
                    channel="memory",
                    realm=realm,
                    sender="ann",
                    conversation=f"D-{realm}-{number}",
                    id=str(number),
                )
            )
    assert channel.shown["D-T-GLOBEX-2"] == channel.shown["D-T-ACME-3"] == ["You said: Hello."]
    told = [*channel.shown["D-T-ACME-1"], *channel.whispered["D-T-ACME-1"]]
    assert len(told) == 1
    assert "Reference" in told[0]
    assert not tells(told[0])
