"""Two tenants' compartments on a real disk, and both ways to open beneath a directory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.compartment import Compartment, Compartments
from sandbox.paths import parse
from sandbox.quota import Quota
from sandbox.resolve import Resolver, openat2, walk

ACME = b"acme\x00U1"
GLOBEX = b"globex\x00U1"


@pytest.fixture(params=[openat2, walk], ids=["openat2", "walk"])
def resolver(request: pytest.FixtureRequest) -> Resolver:
    chosen: Resolver = request.param
    return chosen


@pytest.fixture
def quota() -> Quota:
    return Quota(max_bytes=1000, max_entries=50, max_file_bytes=600)


@pytest.fixture
def compartments(tmp_path: Path, resolver: Resolver, quota: Quota) -> Iterator[Compartments]:
    shared = tmp_path / "handbook"
    shared.mkdir()
    (shared / "rules.txt").write_text("everybody may read this")
    made = Compartments(
        tmp_path / "base", key=b"k" * 32, quota=quota, shared={"handbook": shared}, resolver=resolver
    )
    yield made
    made.close()


@pytest.fixture
def acme(compartments: Compartments) -> Iterator[Compartment]:
    with compartments.of(ACME) as made:
        yield made


@pytest.fixture
def globex(compartments: Compartments) -> Iterator[Compartment]:
    with compartments.of(GLOBEX) as made:
        made.own.writer.create(parse("secret.txt"), b"globex secret")
        yield made


@pytest.fixture
def acme_files(tmp_path: Path, acme: Compartment) -> Path:
    """Where ACME's files really lie, for planting what no verb of a jail would make."""
    (home,) = [
        home
        for home in (tmp_path / "base" / "by-sender").iterdir()
        if not (home / "files/secret.txt").exists()
    ]
    return home / "files"
