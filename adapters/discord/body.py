"""What a request carries, read once: the texts are judged, and what was judged is what is sent."""

import copy
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from adapters.content import digest_of
from adapters.discord.words import names, rewritten
from adapters.errors import Unreadable

# A longer text is refused: nobody judges it. A file that is no text counts by its hash alone.
MAX_TEXT_BYTES: Final = 1_000_000
# Discord takes 10 MB of a bot, and up to this in a guild that pays for it.
MAX_FILE_BYTES: Final = 100_000_000
_JSON: Final = "payload_json"
# Nobody is pinged by what a bot says: a model can be talked into writing `@everyone`.
NO_MENTIONS: Final[Mapping[str, object]] = {"parse": [], "replied_user": False}
_NO_PREVIEW: Final = 1 << 2
_LINK: Final = re.compile(r"(?<!<)(https?://[^\s<>)]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that goes out: its place in the request, its name, its bytes, and its text if it is one."""

    part: str
    name: str
    content: bytes
    text: str | None

    def __repr__(self) -> str:
        return f"File({len(self.content)} bytes)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The texts of a request by slot; `fixed` are those that must stay as they are."""

    by_slot: dict[str, str] = field(default_factory=dict[str, str])
    fixed: set[str] = field(default_factory=set[str])

    def visit(self, slot: str, text: str, fixed: bool) -> str:
        """Keep one."""
        self.by_slot[slot] = text
        if fixed:
            self.fixed.add(slot)
        return text

    def altered(self, judged: Mapping[str, str]) -> bool:
        """True if a judgement changed what cannot be changed."""
        return any(judged[slot] != self.by_slot[slot] for slot in self.fixed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A request's JSON and files; copies, so that nobody changes them while they are judged.

    Attributes:
        payload: The JSON.
        files: The files, in order.
        form: Which of `words.FORMS` the spoken part has.
        within: Where in the JSON that part stands; empty for all of it.
    """

    payload: Any
    files: tuple[File, ...]
    form: str
    within: str = ""

    @property
    def spoken(self) -> Any:  # noqa: ANN401  any JSON value
        """The part that holds words."""
        return self.payload.get(self.within) if self.within else self.payload

    def texts(self, reason: str | None = None) -> Texts:
        """Give every text of the request.

        Raises:
            Unreadable: There is something in it that nobody can judge.
        """
        found = Texts()
        rewritten(self.spoken or {}, self.form, found.visit)
        for number, one in enumerate(self.files):
            found.visit(f"files.{number}.name", one.name, True)
            if one.text is not None:
                found.visit(f"files.{number}", one.text, True)
        if reason:
            found.visit("reason", reason, False)
        return found

    @property
    def names(self) -> dict[str, str]:
        """What the bot calls its parts, by slot."""
        return names(self.spoken)

    def judged(self, texts: Mapping[str, str]) -> "Body":
        """Give the same request with the texts that were judged, without a ping or a preview in it."""
        said = rewritten(
            self.spoken or {}, self.form, lambda slot, text, fixed: text if fixed else texts[slot]
        )
        message = {"message": said, "thread": said.get("message")}.get(self.form)
        if message is not None:
            message["allowed_mentions"] = dict(NO_MENTIONS)
            _without_previews(message)
        payload = {**self.payload, self.within: said} if self.within else said
        return Body(payload=payload, files=self.files, form=self.form, within=self.within)

    @property
    def opaque(self) -> frozenset[str]:
        """SHA-256 of each file that is no text, over the very bytes that are sent."""
        return frozenset(digest_of(one.content) for one in self.files if one.text is None)

    @property
    def multipart(self) -> list[dict[str, Any]] | None:
        """The request as a form, or None if it has no files."""
        if not self.files:
            return None
        head = {"name": _JSON, "value": json.dumps(self.payload)}
        return [head, *(_part(one) for one in self.files)]


def _without_previews(message: dict[str, Any]) -> None:
    """Have Discord fetch nothing that a text points to.

    A model can be talked into writing a link with somebody's data in it, and a preview follows it at once,
    without a click. The flag against that would hide the bot's own embeds too; beside those, a link stands in
    angle brackets.
    """
    given, content = message.get("flags"), message.get("content") or ""
    flags = given if isinstance(given, int) else 0
    if message.get("embeds"):
        # Said even if it is nothing: an edit may show an embed where a link stood before.
        message["flags"] = flags
        if content:
            message["content"] = _LINK.sub(r"<\1>", content)
    elif "://" in content:
        message["flags"] = flags | _NO_PREVIEW


def opened(payload: Any, multipart: Iterable[Mapping[str, Any]] | None, form: str, within: str = "") -> Body:  # noqa: ANN401
    """Read a request.

    Raises:
        Unreadable: It holds more than can be judged, or a file that cannot be read.
    """
    parts = list(multipart or ())
    files: list[File] = []
    for part in parts:
        if part.get("name") == _JSON:
            payload = json.loads(part["value"])
        else:
            content = _content(part["value"])
            name = part.get("filename") or ""
            files.append(File(part=part["name"], name=name, content=content, text=_text(content)))
    if payload is None:
        payload = {}
    if not isinstance(payload, dict):
        raise Unreadable("not of a documented form")
    return Body(
        payload=copy.deepcopy(cast("dict[str, Any]", payload)), files=tuple(files), form=form, within=within
    )


def _content(value: Any) -> bytes:  # noqa: ANN401  an open file, or bytes
    problem = "a file that is too large"
    try:
        data = value if isinstance(value, bytes) else _read(value)
        if len(data) <= MAX_FILE_BYTES:
            return data
    except (OSError, ValueError) as error:
        problem = f"a file that cannot be read ({type(error).__name__})"
    raise Unreadable(problem, where="files")


def _text(content: bytes) -> str | None:
    """Give a file as the text that it is, or None where it is something else."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    if len(content) > MAX_TEXT_BYTES:
        raise Unreadable("a text that is too long to be judged", where="files")
    return text


def _read(file: Any) -> bytes:  # noqa: ANN401  whatever the bot opened
    start = file.tell()
    data: bytes = file.read(MAX_FILE_BYTES + 1)
    file.seek(start)
    return data


def _part(file: File) -> dict[str, Any]:
    # Bytes and not the bot's open file: it could be written to between the judgement and the sending.
    kind = "application/octet-stream"
    return {"name": file.part, "value": file.content, "filename": file.name, "content_type": kind}


def points_nowhere_else(payload: Mapping[str, Any], channel: str) -> None:
    """Refuse a forward, and an answer to a message of another channel: they show what stands there.

    Raises:
        Unreadable: It is one.
    """
    inner: Any = payload.get("message")
    message = cast("Mapping[str, Any]", inner) if isinstance(inner, dict) else payload
    pointed: Any = message.get("message_reference")
    if pointed and (pointed.get("type") or str(pointed.get("channel_id") or channel) != channel):
        raise Unreadable("it shows a message of another place")
