"""Servers and frameworks that are not ours; `make test-peers` installs them."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.peers.processes import PEERS
from tests.peers.slack import Emulate, emulate
from tests.peers.telemelya import Telemelya, telemelya


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder for what the servers write; short, since the name of a socket may have 107 bytes."""
    with TemporaryDirectory(prefix="peers-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def telegram_peer(folder: Path) -> Iterator[Telemelya]:
    _installed("telemelya")
    with telemelya(folder) as server:
        yield server


@pytest.fixture
def slack_peer(folder: Path) -> Iterator[Emulate]:
    _installed("emulate")  # one for each test: it starts at once, and what a bare bot told stays on its pages
    with emulate(folder) as server:
        yield server


@pytest.fixture(scope="session")
def clients() -> None:
    """The libraries that play a platform, beside the project's own environment."""
    _installed("clients")


@pytest.fixture(scope="session")
def frameworks() -> None:
    """The frameworks that people write bots with, beside the project's own environment."""
    _installed("frameworks")


def _installed(name: str) -> None:
    if not (PEERS / name / ".ready").exists():
        pytest.fail(f"{name} is not installed; run `make test-peers`", pytrace=False)
