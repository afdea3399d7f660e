"""Tools that come with the wall: files, the vault, and, once granted, commands and fetches."""

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from firewall.core.errors import NoTurn
from firewall.core.ids import TenantId
from firewall.core.ports import Fetcher, FileStore, Runner, VaultStore
from firewall.executor import owner_of
from firewall.kinds import Command, CurrentTurn, PlacedRead, PlacedWrite, Text, Url
from firewall.layers.tool_denial import NOTHING, Grants
from firewall.tools import Tool, declare
from firewall.turns import current


@runtime_checkable
class Shows(Protocol):
    """What a turn's handle offers to the tools."""

    async def show(self, placed: str) -> None:
        """Show a file of the turn's compartment, by a path that was judged."""
        ...


def file_tools(files: FileStore) -> list[Tool]:
    """Give the file tools; each works in the compartment of the turn that calls it."""

    async def read(path: PlacedRead, turn: CurrentTurn) -> object:
        """Read one of your files as text."""
        return await files.verb(owner_of(turn), "read", {"path": path})

    async def write(path: PlacedWrite, text: Text, turn: CurrentTurn) -> object:
        """Write a file, in the place of an older one of that name."""
        return await files.verb(owner_of(turn), "write", {"path": path, "text": text})

    async def append(path: PlacedWrite, text: Text, turn: CurrentTurn) -> object:
        """Add text at the end of a file."""
        return await files.verb(owner_of(turn), "append", {"path": path, "text": text})

    async def edit(path: PlacedWrite, old: Text, new: Text, turn: CurrentTurn) -> object:
        """Replace a text that stands exactly once in a file."""
        return await files.verb(owner_of(turn), "edit", {"path": path, "old": old, "new": new})

    async def delete(path: PlacedWrite, turn: CurrentTurn) -> object:
        """Delete a file or an empty folder."""
        return await files.verb(owner_of(turn), "delete", {"path": path})

    async def move(source: PlacedWrite, target: PlacedWrite, turn: CurrentTurn) -> object:
        """Give a file another name."""
        return await files.verb(owner_of(turn), "move", {"source": source, "target": target})

    async def ls(turn: CurrentTurn, path: PlacedRead = ".") -> object:
        """List a folder of yours."""
        return await files.verb(owner_of(turn), "list", {"path": path})

    async def glob(pattern: PlacedRead, turn: CurrentTurn) -> object:
        """Find your files by a pattern such as `notes/**/*.txt`."""
        return await files.verb(owner_of(turn), "glob", {"pattern": pattern})

    async def grep(text: Text, turn: CurrentTurn, path: PlacedRead = ".") -> object:
        """Find the lines of your files that hold a text."""
        return await files.verb(owner_of(turn), "grep", {"path": path, "text": text})

    changing: list[Callable[..., object]] = [write, append, edit, delete, move]
    return [declare(read), declare(ls, name="list"), declare(glob), declare(grep)] + [
        declare(each, effect=True) for each in changing
    ]


def attach_tool() -> Tool:
    """Give the tool by which a model shows a file; a path that it merely mentions shows none."""

    async def attach(path: PlacedRead, turn: CurrentTurn) -> str:
        """Show one of your files to whoever you answer."""
        opened = current()
        if opened.turn.id != turn.id or not isinstance(opened.handle, Shows):
            raise NoTurn("the tool runs outside of the turn that called it")
        await opened.handle.show(path)
        return "It is shown."

    return declare(attach, effect=True)


def vault_tools(vault: VaultStore) -> list[Tool]:
    """Give the vault's tool, which finds only what the turn's whole audience may read."""

    async def vault_lookup(name: Text, turn: CurrentTurn) -> str:
        """Look up one of the entries you may read, by its name."""
        entry = await vault.lookup(turn.audience, name)
        return "There is no such entry." if entry is None else entry.value

    return [declare(vault_lookup)]


def granted_tools(runner: Runner, fetcher: Fetcher, grants: Mapping[TenantId, Grants]) -> list[Tool]:
    """Give the tools that are denied until an operator grants them by name."""

    async def exec(command: Command, turn: CurrentTurn) -> str:
        """Run a shell command in your own folder, without network."""
        return await runner.run(owner_of(turn), command)

    async def fetch(url: Url, turn: CurrentTurn) -> str:
        """Fetch a page from one of the granted hosts."""
        return await fetcher.fetch(url, grants.get(turn.principal.tenant, NOTHING).hosts)

    return [declare(exec, effect=True), declare(fetch, effect=True)]
