"""Servers that are not ours, each a process of its own: known ready by what it says, ended by its pid."""

import os
import re
import shutil
import signal
import subprocess
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import IO, Final

# Where `make test-peers` puts what it installs.
PEERS: Final = Path(__file__).resolve().parents[2] / ".peers"

# Three of them, one after the other, stay below the timeout of a test: then the last lines are told.
_READY_TIMEOUT_S: Final = 30
_END_TIMEOUT_S: Final = 10
# A server must not outlive a test run that is killed; where the program is missing (not Linux), it may.
_TIED: Final = ("setpriv", "--pdeathsig", "TERM", "--") if shutil.which("setpriv") else ()


class PeerFailed(Exception):
    """A server did not become ready; its last lines say why."""


@contextmanager
def serving(
    command: Sequence[str | Path], *, folder: Path, ready: str, env: Mapping[str, str] | None = None
) -> Generator[re.Match[str]]:
    """Run a server until the block ends, and give the match of the line that says it is ready.

    It gets an environment of its own: no credentials, proxies or settings of whoever runs the tests.

    Args:
        command: The program and its arguments.
        folder: Its working directory and home.
        ready: Pattern of that line.
        env: Variables of its environment, besides PATH and HOME.

    Raises:
        PeerFailed: It ended, or did not say so in time.
    """
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONUNBUFFERED": "1", **(env or {})}
    process = subprocess.Popen(
        [*_TIED, *command],
        cwd=folder,
        env=own,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        # Ctrl-C reaches the tests only; they end their servers themselves.
        start_new_session=True,
    )
    found: Future[re.Match[str]] = Future()
    said: deque[str] = deque(maxlen=20)
    assert process.stdout is not None
    reader = Thread(target=_listen, args=(process.stdout, re.compile(ready), found, said), daemon=True)
    reader.start()
    try:
        try:
            match = found.result(_READY_TIMEOUT_S)
        except (TimeoutError, EOFError) as error:
            told = "".join(said)
            raise PeerFailed(f"{Path(command[0]).name} did not become ready:\n{told}") from error
        yield match
    finally:
        _end(process)
        reader.join(_END_TIMEOUT_S)
        if not reader.is_alive():  # to close what somebody reads would wait for the other end, for ever
            process.stdout.close()


def _listen(
    output: IO[str], ready: re.Pattern[str], found: "Future[re.Match[str]]", said: "deque[str]"
) -> None:
    # Read to the end: a server whose pipe is full stands still.
    for line in output:
        said.append(line)
        match = ready.search(line)
        if match and not found.done():
            found.set_result(match)
    if not found.done():
        found.set_exception(EOFError())


def _end(process: "subprocess.Popen[str]") -> None:
    # Its whole session, which bears its pid until it was waited for: a child would hold its pipe open.
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(_END_TIMEOUT_S)
