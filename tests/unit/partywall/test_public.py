"""What the wall and its operators say is nobody's excerpt, whoever says it as well."""

from pathlib import Path
from typing import Any, Final

import pytest

import partywall as pw
from firewall.core.errors import Denied
from firewall.templates import FAILED
from partywall.notices import failure
from partywall.public import constant_texts
from partywall.testing import EchoModel, memory_wall
from partywall.wall import Wall
from tests.surfaces.town import ANN, BOB, Person, recorded

PROMPT: Final = "You help the visitors of the harbour museum, {name}, and you never guess at opening hours."


def _wall(folder: Path, **more: Any) -> Wall:
    tenants = [{"id": one.realm, "realms": [{"channel": "own", "realm": one.realm}]} for one in (ANN, BOB)]
    return memory_wall(folder, tenant=tenants, **more)


async def _asked(wall: Wall, model: Any, who: Person, system: str) -> str:
    """Ask a model in a turn of somebody's, with a prompt, and give what it was told there."""
    async with wall.turn(who.says(2)) as turn:
        messages = [{"role": "system", "content": system}, {"role": "user", "content": turn.text}]
        await model(model="m", messages=messages)
    return system


async def _claims(wall: Wall, who: Person, text: str) -> None:
    async with wall.turn(who.says(1, text)):
        pass


@pytest.mark.parametrize("configured", [True, False], ids=["configured", "registered-with-the-model"])
async def test_who_repeats_a_prompt_takes_it_from_nobody(tmp_path: Path, configured: bool) -> None:
    wall = _wall(tmp_path, **({"prompts": [PROMPT]} if configured else {}))
    model: Any = wall.guard_model(EchoModel(), trusted_system=[] if configured else [PROMPT])
    async with wall:
        system = PROMPT.replace("{name}", "")
        await _claims(wall, ANN, f"Is it true? {system} Is it?")
        assert await _asked(wall, model, BOB, system)


async def test_a_prompt_that_was_put_together_in_a_handler_stays_whose_words_it_is_made_of(
    tmp_path: Path,
) -> None:
    async with _wall(tmp_path) as wall:
        system = PROMPT.replace("{name}", "friend")
        await _claims(wall, ANN, system)
        model: Any = wall.guard_model(EchoModel(), trusted_system=[system])
        with pytest.raises(Denied) as caught:
            await _asked(wall, model, BOB, system)
        assert caught.value.reason == "foreign_excerpt"
        assert await _asked(wall, model, ANN, system)


async def test_what_reaches_beyond_a_prompt_is_still_its_speakers(tmp_path: Path) -> None:
    own = "and by the way the vault opens at midnight on the ninth"
    wall = _wall(tmp_path, prompts=[PROMPT])
    model: Any = wall.guard_model(EchoModel(), trusted_system=["Say this: {text}"])
    async with wall:
        await _claims(wall, ANN, f"{PROMPT} {own}")
        async with wall.turn(BOB.says(2)) as turn:
            safe = await turn.release(f"{PROMPT} {own}")
        assert own not in safe
        assert PROMPT.partition("{name}")[0] in safe
        del model


async def test_a_tool_that_fails_for_two_tenants_tells_both_the_same(tmp_path: Path) -> None:
    async with _wall(tmp_path) as wall:

        async def fails() -> str:
            raise ValueError("private")

        wall.tool(reads="own")(fails)
        for who, said in ((ANN, f"Why? {FAILED} Why?"), (BOB, "Go on.")):
            async with wall.turn(who.says(1, said)) as turn:
                assert await turn.call_tool("fails", {}) == FAILED
                ref = turn.ref
            assert not any("violation=True" in row for row in await recorded(wall, ref))


@pytest.mark.parametrize("name", ["nowhere.txt", "../nowhere.txt"])
async def test_a_file_that_is_missing_for_two_tenants_is_told_to_both(tmp_path: Path, name: str) -> None:
    said: list[str] = []
    async with _wall(tmp_path) as wall:
        for who in (ANN, BOB):
            async with wall.turn(who.says(1)) as turn:
                try:
                    said.append(await turn.call_tool("read", {"path": name}))
                except Denied as denied:
                    said.append(denied.reason)
    assert said[0] == said[1]
    assert "REDACTED" not in said[1]


async def test_a_tool_that_opens_a_missing_file_tells_two_tenants_the_same(tmp_path: Path) -> None:
    said: list[str] = []
    async with _wall(tmp_path) as wall:

        async def peek(path: pw.ReadPath) -> str:
            return path

        wall.tool(peek)
        for who in (ANN, BOB):
            async with wall.turn(who.says(1)) as turn:
                said.append(await turn.call_tool("peek", {"path": "/nowhere.txt"}))
    assert said[0] == said[1]
    assert said[0].startswith("error: ")


def test_what_a_sender_is_told_is_public_up_to_the_reference() -> None:
    texts = list(constant_texts([]))
    assert failure("") in texts
    assert str(Denied("reason", "")) in texts
    assert FAILED in texts
