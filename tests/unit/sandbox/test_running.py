"""Who is killed at the end, and who is not, by processes and a report of our own making."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from typing import cast

import pytest

from sandbox.running import Running


class Leader:
    """Stands for a bubblewrap that is gone already, while something it forked holds the output."""

    def __init__(self, forked: asyncio.subprocess.Process, *, returncode: int | None) -> None:
        self.pid = forked.pid
        self.returncode = returncode
        self._forked = forked

    async def communicate(self) -> tuple[bytes, bytes]:
        await self._forked.wait()
        return b"", b""


@pytest.fixture
async def forked() -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec("sleep", "1000", start_new_session=True)
    yield process
    if process.returncode is None:
        process.kill()
    await process.wait()


async def _end(leader: Leader, report: dict[str, int]) -> None:
    reader, writer = os.pipe()
    os.write(writer, json.dumps(report).encode())
    os.close(writer)
    await Running(cast("asyncio.subprocess.Process", leader), reader, os.stat("/")).end()
    os.close(reader)


@pytest.fixture
def killed_groups(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Groups that were killed; they really are."""
    kept: list[int] = []
    real = os.killpg

    def keeps(group: int, number: int) -> None:
        kept.append(group)
        real(group, number)

    monkeypatch.setattr(os, "killpg", keeps)
    return kept


def _our_namespace() -> int:
    return os.stat("/proc/self/ns/pid").st_ino


async def test_a_known_fork_is_killed_and_a_group_without_a_leader_is_left_alone(
    forked: asyncio.subprocess.Process, killed_groups: list[int]
) -> None:
    report = {"child-pid": forked.pid, "pid-namespace": _our_namespace()}
    await _end(Leader(forked, returncode=0), report)
    assert (forked.returncode, killed_groups) == (-signal.SIGKILL, [])


async def test_an_unknown_fork_is_killed_with_its_group(
    forked: asyncio.subprocess.Process, killed_groups: list[int]
) -> None:
    await _end(Leader(forked, returncode=1), {})
    assert forked.returncode == -signal.SIGKILL
    assert set(killed_groups) == {forked.pid}


async def test_a_namesake_in_another_namespace_is_not_killed(
    forked: asyncio.subprocess.Process, killed_groups: list[int]
) -> None:
    other = await asyncio.create_subprocess_exec("true")
    report = {"child-pid": forked.pid, "pid-namespace": _our_namespace() + 1}
    await _end(Leader(other, returncode=0), report)
    assert (forked.returncode, killed_groups) == (None, [])
