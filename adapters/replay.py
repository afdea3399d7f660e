"""A recorded chat, one message a line. The form is documented in `docs/replay.md`."""

import gzip
import io
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from adapters.errors import Unreadable
from adapters.wire import MAX_BODY_BYTES, MAX_QUOTES, decode
from firewall.core.errors import BadIdentifier, ConfigError
from firewall.core.identity import Conversation, ConversationKind, Sender, SenderKind
from firewall.core.ids import MessageId
from firewall.core.message import Message, Quote

_GZIP_MAGIC = b"\x1f\x8b"


class Quoted(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody else's words inside a message."""

    text: str
    message: str | int | None = None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line: four fields that must be there, and what they mean where nothing more is said."""

    id: str | int
    sender: str | int
    conversation: str | int
    text: str
    delivery: str | int | None = None
    channel: str = "replay"
    app: str = "replay"
    realm: str = "replay"
    sender_realm: str | None = None
    thread: str | int | None = None
    kind: ConversationKind = ConversationKind.GROUP
    sender_kind: SenderKind = SenderKind.HUMAN
    closed: bool = False
    private: bool = False
    edit: int = 0
    quotes: list[Quoted] = []


FIELDS = tuple(Line.__struct_fields__)


def read(path: Path, mapping: Mapping[str, str] | None = None) -> Iterator[Message]:
    """Give the messages of a file in its order; the file may be compressed by gzip.

    Senders count as verified: whoever replays a file vouches for it, and the file itself cannot.

    Args:
        path: JSON lines; empty lines are skipped, unknown fields ignored.
        mapping: Names of the file's fields by our names. A field of the file that is mapped is read under our
            name only.

    Raises:
        Unreadable: A line is malformed or over 1 MB, with its number and nothing of its content.
        ConfigError: The mapping names a field that a message does not have.
    """
    names = dict(mapping or {})
    unknown = names.keys() - set(FIELDS)
    if unknown:
        raise ConfigError(f"{len(unknown)} mapped fields are unknown; known are {', '.join(FIELDS)}")
    with path.open("rb") as raw:
        for number, line in _lines(_opened(raw)):
            yield _message(line, names, number)


def _opened(raw: BinaryIO) -> BinaryIO:
    packed = raw.read(2) == _GZIP_MAGIC
    raw.seek(0)
    return cast("BinaryIO", io.BufferedReader(gzip.GzipFile(fileobj=raw))) if packed else raw


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Give numbered lines; a file that is one endless line is refused after a megabyte of it."""
    number = 0
    while True:
        number += 1
        try:
            line = stream.readline(MAX_BODY_BYTES + 1)
            problem = f"over {MAX_BODY_BYTES} bytes" if len(line) > MAX_BODY_BYTES else ""
        except (OSError, EOFError, zlib.error) as error:
            line, problem = b"", f"the file cannot be read on ({type(error).__name__})"
        if problem:
            raise Unreadable(problem, line=number)
        if not line:
            return
        if line.strip():
            yield number, line


def _message(line: bytes, names: Mapping[str, str], number: int) -> Message:
    try:
        return _built(_line(line, names))
    except Unreadable as error:
        problem, where = error.problem, error.where
    except BadIdentifier as error:
        problem, where = str(error), ""
    raise Unreadable(f"{where}: {problem}" if where else problem, line=number)


def _line(line: bytes, names: Mapping[str, str]) -> Line:
    if not names:
        return decode(line, Line)
    found = decode(line, dict[str, msgspec.Raw])
    taken = set(names.values())
    renamed = {name: value for name, value in found.items() if name not in taken and name not in names}
    renamed |= {ours: found[theirs] for ours, theirs in names.items() if theirs in found}
    return decode(msgspec.json.encode(renamed), Line)


def _built(line: Line) -> Message:
    if len(line.quotes) > MAX_QUOTES:
        raise Unreadable(f"{len(line.quotes)} quotes; at most {MAX_QUOTES} are read")
    return Message(
        id=MessageId(str(line.id)),
        delivery=str(line.id if line.delivery is None else line.delivery),
        sender=Sender(
            channel=line.channel,
            app=line.app,
            realm=line.sender_realm or line.realm,
            id=str(line.sender),
            kind=line.sender_kind,
            verified=True,
        ),
        conversation=Conversation(
            channel=line.channel,
            app=line.app,
            realm=line.realm,
            id=str(line.conversation),
            thread=None if line.thread is None else str(line.thread),
            kind=line.kind,
            closed=line.closed,
        ),
        text=line.text,
        quotes=tuple(
            Quote(text=one.text, message=None if one.message is None else MessageId(str(one.message)))
            for one in line.quotes
        ),
        private=line.private,
        edit=line.edit,
    )
