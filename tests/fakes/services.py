"""What a test may need from the machine, and what happens where it is not there.

A test says `@needs("bwrap")`, or `pytestmark = needs("data")`. Where the service is missing the test is
skipped and counted in the summary; where `PARTYWALL_REQUIRE` names the service (CI does), the same test
fails. A skip that nobody sees is how a guard stays unproved.
"""

import asyncio
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

import asyncpg  # type: ignore[import-untyped]  # it has no types
import pytest

REQUIRE: Final = "PARTYWALL_REQUIRE"
LEFT_OUT: Final = "left out, needs "
_LOCAL_POSTGRES: Final = ("postgresql://postgres@127.0.0.1:5432/test",)
ROOT: Final = Path(__file__).resolve().parents[2]


def data_root() -> Path:
    """Return the folder of recorded data, which may be absent: `PARTYWALL_DATA`, else beside the tree."""
    return Path(os.environ.get("PARTYWALL_DATA", ROOT.parent / "shared" / "data")).resolve()


@cache
def postgres_url() -> str:
    """Return the address of the PostgreSQL database that tests may use, or nothing.

    That is `PARTYWALL_TEST_POSTGRES`, else the database `test` of a server on this machine that lets us in.
    Each test makes a schema of its own there and drops it.
    """
    named = os.environ.get("PARTYWALL_TEST_POSTGRES", "")
    return named or next((url for url in _LOCAL_POSTGRES if _answers(url)), "")


def _answers(url: str) -> bool:
    # In a loop on a thread of its own: a test that asks may run in a loop already.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(_connects(url))).result()


async def _connects(url: str) -> bool:
    try:
        connection: Any = await cast("Any", asyncpg).connect(url, timeout=5)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    await connection.close()
    return True


@cache
def postgres_programs() -> Path | None:
    """Return the folder of the newest PostgreSQL server's programs, or nothing; it is on nobody's path."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(found, key=lambda path: int(path.parent.name), default=None)


def redis_url() -> str:
    """Return the address of the Redis server that tests may use, or nothing."""
    return os.environ.get("PARTYWALL_TEST_REDIS", "")


@cache
def _bwrap_works() -> bool:
    """Say whether an empty program runs in namespaces of its own: an installed bwrap may be forbidden to."""
    program = shutil.which("bwrap")
    if program is None:
        return False
    trial = [program, "--ro-bind", "/", "/", "--unshare-all", "--die-with-parent", "true"]
    return subprocess.run(trial, capture_output=True, timeout=30, check=False).returncode == 0


PROBES: Final[Mapping[str, Callable[[], bool]]] = {
    "bwrap": _bwrap_works,
    "cluster": lambda: bool(postgres_programs() and shutil.which("setpriv")),
    "data": lambda: data_root().is_dir(),
    "postgres": lambda: bool(postgres_url()),
    "redis": lambda: bool(shutil.which("redis-server") or redis_url()),
}

REMEDIES: Final[Mapping[str, str]] = {
    "bwrap": "install bubblewrap and allow unprivileged user namespaces",
    "cluster": "install PostgreSQL's server in /usr/lib/postgresql, and setpriv of util-linux",
    "data": "set PARTYWALL_DATA to the folder of recorded data",
    "postgres": "set PARTYWALL_TEST_POSTGRES to the URL of an empty database",
    "redis": "install redis-server, or set PARTYWALL_TEST_REDIS to the URL of an empty database",
}


def needs(service: str) -> pytest.MarkDecorator:
    """Mark a test that runs only where the service is there.

    Raises:
        ValueError: No such service; a misspelt one would be skipped for ever.
    """
    _known(service)
    return pytest.mark.needs(service)


def required(environ: Mapping[str, str]) -> frozenset[str]:
    """Return the services whose absence is a failure.

    Raises:
        ValueError: A name in `PARTYWALL_REQUIRE` is not a service.
    """
    names = frozenset(name.strip() for name in environ.get(REQUIRE, "").split(",") if name.strip())
    for name in names:
        _known(name)
    return names


def enforce(service: str, *, must: frozenset[str], probes: Mapping[str, Callable[[], bool]] = PROBES) -> None:
    """Let the test go on only if the service is there; otherwise skip it, or fail it where it is required."""
    if probes[service]():
        return
    reason = f"{LEFT_OUT}{service}: {REMEDIES[service]}"
    if service in must:
        pytest.fail(f"{reason} ({REQUIRE} names it)", pytrace=False)
    pytest.skip(reason)


def tally(reasons: Iterable[str]) -> str:
    """Return one line that counts the tests left out, by service."""
    counts = Counter(
        reason.split(LEFT_OUT, 1)[1].split(":", 1)[0] for reason in reasons if LEFT_OUT in reason
    )
    if not counts:
        return "left out for a missing service: none"
    listed = ", ".join(f"{service} {count}" for service, count in sorted(counts.items()))
    return (
        f"left out for a missing service: {listed} ({REQUIRE}={','.join(sorted(counts))} makes them failures)"
    )


def _known(service: str) -> None:
    if service not in PROBES:
        raise ValueError(f"no service is called {service!r}; there are {', '.join(sorted(PROBES))}")
