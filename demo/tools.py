"""The bot's own tools: files in one folder for everybody, and a shell under three names.

The annotations are all that the wall needs; without it they mean nothing.
"""

import asyncio
import shlex
from collections.abc import Awaitable, Callable
from pathlib import Path

import partywall as pw

Tool = Callable[..., Awaitable[str]]
# The bot's own, one of a tool server, one of a plugin: names differ, what they do does not.
SHELLS = ("exec", "mcp__shell__Bash", "run_shell")
_LENT = Path("/proc/self/fd")


def file_tools(folder: Path) -> dict[str, Tool]:
    """Give the tools that read and write files."""

    async def read(path: pw.ReadPath) -> str:
        """Read a file."""
        return await asyncio.to_thread(_reached(folder, path).read_text, encoding="utf-8")

    async def write(path: pw.WritePath, text: pw.Text) -> str:
        """Write a file."""
        await asyncio.to_thread(_reached(folder, path).write_text, text, encoding="utf-8")
        return "saved"

    return {"read": read, "write": write}


def shells(folder: Path) -> dict[str, Tool]:
    """Give the shells; they know `cat` and nothing else, so that no model can do harm with them."""
    return {name: _shell(name, folder) for name in SHELLS}


def _shell(name: str, folder: Path) -> Tool:
    async def run(command: pw.Command) -> str:
        """Run a shell command."""
        program, *paths = shlex.split(command)
        if program != "cat":
            return f"{program}: command not found"
        texts = [
            await asyncio.to_thread(_reached(folder, each).read_text, encoding="utf-8") for each in paths
        ]
        return "\n".join(texts)

    run.__name__ = name
    return run


def _reached(folder: Path, path: str) -> Path:
    """Give a file of the folder, or the open file that the wall lends; nothing else of this machine.

    A real model (`--model`) may name any path in the run without the wall, and what it reads goes to its
    provider.
    """
    target = folder / path
    if target.parent == _LENT or target.resolve().is_relative_to(folder.resolve()):
        return target
    raise FileNotFoundError
