"""Bytes from a platform, turned once into typed values, and what an edge gives besides a `Message`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from adapters.errors import Unreadable
from firewall.core.identity import Conversation
from firewall.core.ids import MessageId, checked
from firewall.core.message import Message

# Platforms' own limits are far below (Telegram 4 KB of text, Slack 40 KB, Discord 2 KB).
MAX_BODY_BYTES = 1_000_000
MAX_QUOTES = 20
MAX_NAME = 100

T = TypeVar("T")
Read = TypeVar("Read", bound="Message | Deleted | Moved")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """Messages were taken back.

    Attributes:
        ids: The platform's ids, at least one.
        conversation: Where they stood.
        delivery: What the platform repeats when it delivers the same thing again.
        verified: As for a sender: the transport proved where this came from.
    """

    ids: tuple[MessageId, ...]
    conversation: Conversation
    delivery: str
    verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A conversation goes on under another id (a Telegram group that became a supergroup).

    The platform says it twice, once in the old place and once in the new one.
    """

    before: Conversation
    after: Conversation
    delivery: str
    verified: bool


def shown_name(*pieces: str | None) -> str:
    """Give what a platform shows somebody as, on one line of at most 100 code points; it is no id."""
    words = " ".join(" ".join(piece for piece in pieces if piece).split())
    plain = "".join(ch for ch in words if ch.isprintable())
    return plain[:MAX_NAME].rstrip()


def identified(found: Read) -> Read:
    """Give what was read, if each id in it can name something.

    An empty id of a message or of a delivery would be the same as the next one's, which would then pass
    for the first one delivered again.

    Raises:
        BadIdentifier: One is empty, a placeholder or malformed.
    """
    ids: dict[str, list[str]] = {"delivery": [found.delivery]}
    if isinstance(found, Message):
        ids["message"] = [found.id]
        ids["quoted message"] = [one.message for one in found.quotes if one.message is not None]
    elif isinstance(found, Deleted):
        ids["message"] = list(found.ids)
    for what, texts in ids.items():
        for text in texts:
            checked(text, what=f"{what} id")
    return found


def body(payload: bytes | Mapping[str, object]) -> bytes:
    """Give a payload as the bytes it is judged by.

    A mapping that a client library has already parsed is written out again, so that size, depth and text are
    examined in one place.

    Raises:
        Unreadable: Over 1 MB, or a value that no JSON holds, such as a lone surrogate.
    """
    problem = ""
    data = b""
    if isinstance(payload, bytes):
        data = payload
    else:
        # The codec's errors carry the whole input, so they are left behind here, not chained.
        try:
            data = msgspec.json.encode(payload)
        except (ValueError, TypeError, RecursionError, OverflowError) as error:
            problem = f"this is not JSON data ({type(error).__name__})"
    if len(data) > MAX_BODY_BYTES:
        problem = f"{len(data)} bytes; at most {MAX_BODY_BYTES} are read"
    if problem:
        raise Unreadable(problem)
    return data


def decode(data: bytes, form: type[T]) -> T:
    """Give the typed value that these bytes are.

    Raises:
        Unreadable: Malformed JSON or UTF-8, nested too deep, or a field of the wrong type; the field is
            named.
    """
    try:
        return msgspec.json.decode(data, type=form)
    except msgspec.ValidationError as error:
        where, problem = _path(str(error)), "not of the documented type"
    except (ValueError, RecursionError) as error:
        where, problem = "", f"malformed JSON ({type(error).__name__})"
    raise Unreadable(problem, where=where)


def _path(text: str) -> str:
    """Give the place a codec names, without what it says of the value there."""
    found = re.search(r" - at `\$([.\w\[\]]*)`$", text)
    return found.group(1).lstrip(".") if found else ""
