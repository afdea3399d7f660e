"""The code of docs/channels/conformance.md runs as it stands, with an adapter of an invented platform."""

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from adapters.testing import LeftOut, LiveCase, Tamper, live_cases
from partywall.wall import Wall
from tests.fakes.specimens.toy import ToySpecimen

PAGE = Path(__file__).resolve().parents[2] / "docs" / "channels" / "conformance.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the page's code defines, block after block."""
    adapter = ModuleType("my_adapter")
    vars(adapter).update(MySpecimen=ToySpecimen, parse=ToySpecimen().read)
    monkeypatch.setitem(sys.modules, "my_adapter", adapter)
    names: dict[str, Any] = {"__name__": "page"}
    for block in BLOCKS:
        exec(compile(block, "docs/channels/conformance.md", "exec"), names)  # noqa: S102  the page's own code
    return names


@pytest.mark.parametrize("case", live_cases(), ids=str)
async def test_the_pages_bot_keeps_every_promise_that_it_can_break(
    case: LiveCase, wall: Wall, page: dict[str, Any]
) -> None:
    async with wall:
        transport = page["MyTransport"](wall)
        if case.needs in transport.without:
            with pytest.raises(LeftOut):
                await case.check(ToySpecimen(), transport)
            return
        played = await case.check(ToySpecimen(), transport)
    assert played.deliveries > 1
    assert played.not_carried == {}


def test_the_pages_bot_leaves_out_what_it_says(page: dict[str, Any]) -> None:
    assert set(page["MyTransport"].without) == {Tamper.STALE, Tamper.TOKEN, Tamper.LOOKUP}
    assert set(page) >= {"MySpecimen", "test_my_adapter_keeps_the_promise", "test_my_bot_keeps_the_promise"}
