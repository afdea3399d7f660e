"""Lives of a process that are ended with `kill -9`, and all it said before."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from tests.fakes.services import ROOT


async def killed(
    module: str, path: Path, life: int, after: int, spins: int, heard: Callable[[str], None]
) -> None:
    """Let a child live for so many lines and loop turns, kill it, and pass on every whole line it said."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, str(path), str(life), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    for _ in range(after):
        line = await child.stdout.readline()
        assert line, "the child ended by itself"
        heard(line.decode())
    for _ in range(spins):
        await asyncio.sleep(0)
    child.kill()
    rest = (await child.stdout.read()).decode()
    for left in rest.splitlines(keepends=True):
        # A line cut short was not an acknowledgement that anybody could read.
        if left.endswith("\n"):
            heard(left)
    assert await child.wait() == -9
