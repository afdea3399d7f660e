"""Running commands of ours as an operator does, in this process or in one of its own."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

from partywall.cli.app import main
from tests.fakes.services import ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str


class Screen(io.StringIO):
    """Standard output that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


@contextlib.contextmanager
def _input(data: bytes) -> Generator[None]:
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(data))
    try:
        yield
    finally:
        sys.stdin = before


def ran(*words: str, stdin: bytes = b"", screen: bool = False) -> Ran:
    """Run a command here, in the working directory; fast, and counted by coverage."""
    out, err = Screen() if screen else io.StringIO(), io.StringIO()
    code = -1
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), _input(stdin):
        try:
            main(words)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else -1
    return Ran(code=code, out=out.getvalue(), err=err.getvalue())


def process(
    *words: str, cwd: Path, stdin: bytes = b"", env: Mapping[str, str] | None = None, user: int | None = None
) -> Ran:
    """Run `python -m partywall` in a process of its own, with the tree as its only installation."""
    done = subprocess.run(
        [sys.executable, "-m", "partywall", *words],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
        user=user,
        check=False,
        timeout=100,
    )
    return Ran(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())
