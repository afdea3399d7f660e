"""Every store of the contract suite: in memory, in a file, and on a server."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.fakes.postgres import fresh_schema
from tests.fakes.services import needs
from tests.fakes.vaults import SteppedClock, opened
from vault.open import Vault

SERVER = pytest.param("postgres", marks=needs("postgres"))


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture(params=["memory", "file", SERVER])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "memory":
        yield ":memory:"
    else:
        yield from _place(request.param, tmp_path)


@pytest.fixture(params=["file", SERVER])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """What outlives the process that has it open, and what several processes can open."""
    yield from _place(request.param, tmp_path)


@pytest.fixture
async def vault(where: str, clock: SteppedClock) -> AsyncIterator[Vault]:
    async with await opened(where, clock) as vault:
        yield vault


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file, for tests that look into it past SQLite."""
    return tmp_path / "home" / "partywall.db"


def _place(param: str, tmp_path: Path) -> Iterator[str]:
    if param == "file":
        yield str(tmp_path / "home" / "partywall.db")
        return
    with fresh_schema() as url:
        yield url
