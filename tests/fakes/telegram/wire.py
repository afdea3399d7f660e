"""What goes over the wire: a call as it arrives, a refusal in Telegram's form, the record that is kept.

Source: core.telegram.org/bots/api, "Making requests", and the descriptions that the public server answers.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fakes.telegram.places import Chat, Message

Body = dict[str, Any]


class Refused(Exception):
    """The server answers with an error; `parameters` are Telegram's ResponseParameters."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters

    @property
    def body(self) -> Body:
        told: Body = {"ok": False, "error_code": self.code, "description": self.description}
        return {**told, "parameters": self.parameters} if self.parameters else told


class Dropped(Exception):
    """The connection breaks before the answer."""


def bad(reason: str) -> Refused:
    return Refused(400, f"Bad Request: {reason}")


def forbidden(reason: str) -> Refused:
    return Refused(403, f"Forbidden: {reason}")


def too_many(retry_after_s: int) -> Refused:
    return Refused(429, f"Too Many Requests: retry after {retry_after_s}", retry_after=retry_after_s)


def broken() -> Refused:
    return Refused(500, "Internal Server Error")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file's bytes and what is said about it."""

    kind: str
    name: str
    mime: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request of a bot; `raw` is every parameter as it was typed, before anything is read from it."""

    method: str
    raw: Mapping[str, str]
    uploads: Mapping[str, File] = field(default_factory=dict[str, File])

    def text(self, name: str) -> str:
        return self.raw.get(name, "")

    def number(self, name: str) -> int | None:
        said = self.raw.get(name)
        try:
            return None if said is None else int(said)
        except ValueError:
            raise bad(f'invalid parameter "{name}"') from None

    def value(self, name: str) -> Any:
        """Give a parameter that is an object, a list or a truth value."""
        said = self.raw.get(name)
        try:
            return None if said is None else json.loads(said)
        except ValueError:
            raise bad(f"can't parse {name} JSON object") from None

    def objects(self, name: str) -> list[Body]:
        found: Any = self.value(name)
        return found or []


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a method did: the answer's `result`, and what was touched."""

    result: Any = True
    chat: "Chat | None" = None
    messages: tuple["Message", ...] = ()
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One call that says something, as typed; `ok` is False where it was refused or never took effect."""

    bot: int
    method: str
    chat: int | str | None
    thread: int | None
    text: str
    caption: str
    files: tuple[File, ...]
    markup: Any
    edit_of: int | None
    raw: Mapping[str, str]
    ok: bool
    messages: tuple["Message", ...]

    @property
    def message(self) -> "Message":
        """The one message that was sent or edited."""
        (only,) = self.messages
        return only


def sent(bot: int, call: Call, outcome: Outcome | None) -> Sent:
    """Record a call; what does not parse stays in `raw`."""
    done = outcome or Outcome()
    return Sent(
        bot=bot,
        method=call.method,
        chat=done.chat.id if done.chat else _plain(call.raw.get("chat_id")),
        thread=_number(call.raw.get("message_thread_id")),
        text=call.text("text"),
        caption=call.text("caption"),
        files=done.files or tuple(call.uploads.values()),
        markup=_plain(call.raw.get("reply_markup")),
        edit_of=_number(call.raw.get("message_id")) if call.method.startswith("edit") else None,
        raw=call.raw,
        ok=outcome is not None,
        messages=done.messages,
    )


def _number(said: str | None) -> int | None:
    found = _plain(said)
    return found if isinstance(found, int) else None


def _plain(said: str | None) -> Any:
    try:
        return None if said is None else json.loads(said)
    except ValueError:
        return said
