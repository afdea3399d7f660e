"""Every place where words stand, in every disguise: a sample; `python -m tests.surfaces` plays all of them.

`PARTYWALL_SURFACES=all` plays all of them here too, and a number there draws another sample.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firewall.core.steps import Steps
from firewall.detect.disguise.unmasked import Unmasking
from partywall import requests
from tests.surfaces.disguises import DISGUISES
from tests.surfaces.gaps import GAPS
from tests.surfaces.play import MODELS, Cell, Player
from tests.surfaces.round import PLATFORMS, Result, Sample, models_and_tools, platform
from tests.surfaces.tools import Toolbox, places
from tests.surfaces.town import PEOPLE, town

_ASKED = os.environ.get("PARTYWALL_SURFACES", "1")
_SEED = None if _ASKED == "all" else int(_ASKED)
_BY_NAME = {one.name: one for one in MODELS}


async def _played(results: AsyncIterator[Result]) -> list[Result]:
    found = [one async for one in results]
    witnesses = {gap.witness for gap in GAPS}
    closed = [one.name for one in found if (one.place, one.disguise) in witnesses and not one.wrong]
    assert closed == [], "a known gap is closed: take it out of tests/surfaces/gaps.py"
    return [one for one in found if not one.expected]


async def test_what_models_say_and_tools_take_and_give_shows_nobody_anothers_value(tmp_path: Path) -> None:
    assert await _played(models_and_tools(tmp_path, Sample(_SEED))) == []


@pytest.mark.parametrize("name", PLATFORMS)
async def test_what_leaves_for_a_platform_shows_nobody_anothers_value(name: str, tmp_path: Path) -> None:
    assert await _played(platform(name, tmp_path, Sample(_SEED))) == []


def _nothing(*_: object) -> tuple[()]:
    return ()


def _finds_nothing(*_: object) -> Steps[tuple[()]]:
    yield from ()
    return ()


async def _wrong(folder: Path, place: str, disguise: str = "identity") -> list[str]:
    async with town(folder) as (wall, noted):
        player = Player(wall, noted)
        cells = [Cell(place=_BY_NAME[place], disguise=disguise, owner=one) for one in PEOPLE]
        return [said for cell in cells for said in await player.wrong(cell)]


@pytest.mark.parametrize("place", ["reply: content", "stream: content, letter by letter", "reply: tool name"])
async def test_a_wall_that_knows_nobodys_text_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(Unmasking, "finding", _finds_nothing)
    assert {"leaks: shown", "leaks: remembered", "nothing on record"} <= set(await _wrong(tmp_path, place))


@pytest.mark.parametrize(
    "place",
    [
        "reply: halved over reasoning and content",
        "reply: halved over content and refusal",
        "reply: halved over choices",
        "reply: halved over arguments",
        "reply: halved over key and value",
        "reply: halved over calls",
        "reply: letter by letter in a list",
        "stream: halved over reasoning and content",
    ],
)
async def test_a_wall_that_puts_nothing_together_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(requests, "joined", _nothing)
    assert "leaks: shown" in await _wrong(tmp_path, place)


async def test_a_tool_that_fails_for_two_tenants_tells_neither_of_the_other(tmp_path: Path) -> None:
    async with town(tmp_path) as (wall, noted):
        (place,) = (one for one in places(Toolbox(wall)) if one.name == "tool raises")
        player = Player(wall, noted)
        cells = [Cell(place=place, disguise="identity", owner=one) for one in PEOPLE]
        assert [said for cell in cells for said in await player.wrong(cell)] == []


@pytest.mark.parametrize("disguise", [name for name in DISGUISES if name != "identity"])
def test_every_disguise_changes_a_value(disguise: str) -> None:
    assert all(DISGUISES[disguise](one.value) != one.value for one in PEOPLE)
