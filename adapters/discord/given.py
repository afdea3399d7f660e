"""What a command or a form was given, and the files of a message: words, files, and the command's name.

Source: discord.com/developers/docs/interactions, Application Command Option Type; components, File Upload.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from adapters.discord.form import Attached, Component, Data, Option
from adapters.errors import Unreadable
from firewall.core.message import Attachment

# Discord takes ten in a message, and a forward shows as many again.
MAX_FILES: Final = 20
_SLASH = 1
_SUBCOMMANDS = frozenset({1, 2})
_FILE_OPTION, _FILE_FIELD = 11, 19


def files(found: Sequence[Attached]) -> tuple[Attachment, ...]:
    """Give the files that came with something, in reading order.

    Raises:
        Unreadable: There are more than any message has.
    """
    if len(found) > MAX_FILES:
        raise Unreadable(f"{len(found)} files; at most {MAX_FILES} are read", where="attachments")
    return tuple(one.told for one in found)


def command(data: Data) -> str:
    """Give the name of a slash command with its subcommands, as Discord shows it; empty if it is none."""
    if data.type != _SLASH:
        return ""
    names, inner = [data.name], data.options
    while len(inner) == 1 and inner[0].type in _SUBCOMMANDS:
        names.append(inner[0].name)
        inner = inner[0].options
    return " ".join(name for name in names if name)


def typed(data: Data) -> list[str]:
    """Give what the sender typed: arguments of a command, fields of a form. A file's id is no word."""
    values = [
        str(one.value) for one in _options(data.options) if one.type != _FILE_OPTION and one.value is not None
    ]
    fields = [one for one in _fields(data.components) if one.type != _FILE_FIELD]
    return [*values, *(text for one in fields for text in (one.value, *one.values) if text)]


def handed(data: Data) -> list[Attached]:
    """Give the files that a command or a form was given, in the order of its arguments.

    Raises:
        Unreadable: One is named and not there.
    """
    named = [str(one.value) for one in _options(data.options) if one.type == _FILE_OPTION]
    named += [number for one in _fields(data.components) if one.type == _FILE_FIELD for number in one.values]
    known = data.resolved.attachments if data.resolved is not None else {}
    if not set(named) <= set(known):
        raise Unreadable("a file that is named and not there", where="data.resolved")
    return [known[number] for number in named]


def _options(options: Sequence[Option]) -> Iterator[Option]:
    for one in options:
        yield one
        yield from _options(one.options)


def _fields(rows: Sequence[Component]) -> Iterator[Component]:
    for one in rows:
        yield one
        yield from _fields([*one.components, *([one.component] if one.component is not None else [])])
