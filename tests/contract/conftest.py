"""Every store of the contract suite, in memory and in a file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.vaults import SteppedClock, opened
from vault.open import Vault


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture(params=["memory", "file"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return ":memory:" if request.param == "memory" else str(tmp_path / "home" / "partywall.db")


@pytest.fixture
async def vault(where: str, clock: SteppedClock) -> AsyncIterator[Vault]:
    async with await opened(where, clock) as vault:
        yield vault


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "home" / "partywall.db"
