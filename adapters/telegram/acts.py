"""One call of a bot, read for every text that somebody could see, and written again with the judged ones.

Every string is such a text, at any depth, but for the values of a few keys that Telegram checks against a
list of its own. So a parameter that is added to a button tomorrow is judged without being known here.
"""

import html
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from adapters.content import digest_of

Parameters = Mapping[str, Any]
# What a library uploads beside a call, by the name of the part: file name, content, media type.
Parts = Mapping[str, tuple[Any, ...]]
_Change = Callable[[str, str], str]

# Ids and choices that Telegram refuses if they are not its own.
_NEUTRAL = frozenset(
    {
        *("chat_id", "message_thread_id", "direct_messages_topic_id", "business_connection_id"),
        *("message_id", "callback_query_id", "draft_id", "message_effect_id", "parse_mode", "type"),
        *("quote_parse_mode", "question_parse_mode", "explanation_parse_mode", "text_parse_mode"),
        *("description_parse_mode", "custom_emoji_id", "icon_custom_emoji_id", "style", "emoji"),
    }
)
_NAME = re.compile(r"[a-z0-9_]{1,64}")
_FILES = frozenset({"document", "media", "photo", "video", "audio", "voice", "animation"})
# Parameters that are objects or lists. As JSON in a string their texts could stand there in escapes, which
# nobody here would recognise and Telegram would show.
_SHAPED = frozenset({"reply_markup", "options", "reaction", "reply_parameters", "link_preview_options"})
_ATTACHED = "attach://"
# What a reader does not see of a text with a parse mode; of what stands escaped, the group is seen.
_TAG = re.compile(r"""<(?:[^<>"']|"[^"]*"|'[^']*')*>""")
_MARK = re.compile(r"\\(.)|[*_~`|\[\]]", re.DOTALL)
_LINK = re.compile(r"\[((?:[^\[\]\\]|\\.){0,999})\]\((?:[^()\\]|\\.){0,999}\)", re.DOTALL)
_SHOWN = ".shown"


class Opaque(Exception):
    """The call holds something whose texts, or whose bytes, cannot be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One parameter, or all uploads, as a library's request takes them (`telegram.request.RequestData`)."""

    name: str
    value: object = None
    parts: Parts | None = None

    @property
    def json_value(self) -> str | None:
        """What stands in the form."""
        if self.value is None or isinstance(self.value, str):
            return self.value
        return json.dumps(self.value)

    @property
    def input_files(self) -> list[str]:
        """Empty if nothing is uploaded with it."""
        return list(self.parts or {})

    @property
    def multipart_data(self) -> Parts | None:
        """What is uploaded with it."""
        return self.parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a bot asks for: parameters as plain values, and uploads."""

    parameters: Parameters
    parts: Parts

    def __repr__(self) -> str:
        return f"Call({len(self.parameters)} parameters, {len(self.parts)} parts)"

    def texts(self) -> dict[str, str]:
        """Give every text by slot, in reading order.

        Raises:
            Opaque: It shows a file whose content is not here.
        """
        found: dict[str, str] = dict(_shown(self.parameters, ""))
        for name, value in self.parameters.items():
            if isinstance(value, str) and (name in _SHAPED or name.endswith("entities")):
                raise Opaque
            found.update(self._read(value, name, name))
        named = set(_attached(list(self.parameters.values())))
        for index, (key, part) in enumerate(self.parts.items()):
            if key not in named | _FILES:
                raise Opaque
            name, text = _file(part)
            found |= {f"files.{index}.name": name}
            found |= {} if text is None else {f"files.{index}.content": text}
        return found

    def opaque(self) -> frozenset[str]:
        """Give the SHA-256 of each upload that is no text, of exactly the bytes that `rewritten` leaves."""
        plain = (part[1] for part in self.parts.values() if _file(part)[1] is None)
        return frozenset(digest_of(content) for content in plain)

    def rewritten(self, judged: Mapping[str, str]) -> "Call":
        """Give the call with these texts in their places, and without markup that no longer fits them."""
        judged = self._seen(judged)
        parameters = {name: _put(value, name, judged) for name, value in self.parameters.items()}
        parts = {
            part: (
                judged[f"files.{index}.name"],
                _content(judged.get(f"files.{index}.content"), held),
                *held[2:],
            )
            for index, (part, held) in enumerate(self.parts.items())
        }
        return Call(parameters=_bare(parameters, self.parameters), parts=parts)

    def fields(self) -> list[Field]:
        """Give what a library's request is made of."""
        fields = [Field(name=name, value=value) for name, value in self.parameters.items()]
        return [*fields, Field(name="files", parts=self.parts)] if self.parts else fields

    def _seen(self, judged: Mapping[str, str]) -> Mapping[str, str]:
        """Put what is seen of a text in its place, without its markup, where something was cut from that."""
        before = dict(_shown(self.parameters, ""))
        cut = [slot for slot, text in before.items() if judged[slot] != text]
        return {**judged, **{slot.removesuffix(_SHOWN): judged[slot] for slot in cut}}

    def _read(self, value: object, slot: str, key: str) -> Iterator[tuple[str, str]]:
        if key in _FILES and isinstance(value, str):
            # An id or an address in the place of bytes is content that nobody here has read.
            if not value.startswith(_ATTACHED) or value.removeprefix(_ATTACHED) not in self.parts:
                raise Opaque
        elif isinstance(value, str):
            if key not in _NEUTRAL:
                yield slot, value
        else:
            for name, inner, each in _inside(value, slot, key):
                yield from self._read(each, inner, name)


def _inside(value: object, slot: str, key: str) -> Iterator[tuple[str, str, object]]:
    """Yield the key, the slot and the value of everything one level below; scalars have nothing there."""
    if isinstance(value, Mapping):
        for name, each in cast("Mapping[str, object]", value).items():
            if not _NAME.fullmatch(name):
                # A name with a dot in it could make two texts share a slot: one would be judged for both.
                raise Opaque
            yield name, f"{slot}.{name}", each
    elif isinstance(value, list | tuple):
        for index, each in enumerate(cast("list[object]", value)):
            yield key, f"{slot}.{index}", each
    elif not isinstance(value, bool | int | float | None):
        raise Opaque


def _shown(value: object, slot: str) -> Iterator[tuple[str, str]]:
    """Yield what a reader sees of each text that is parsed, where that differs: tags, escapes."""
    if isinstance(value, str):
        return
    for _, inner, each in _inside(value, slot.removesuffix("."), ""):
        yield from _shown(each, f"{inner.removeprefix('.')}.")
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, object]", value)
        for name, text in pairs.items():
            mode = pairs.get("parse_mode" if name in ("text", "caption") else f"{name}_parse_mode")
            mode = pairs.get(f"{name}_parse_mode", mode)
            if isinstance(text, str) and isinstance(mode, str) and (seen := _unmarked(text, mode)) != text:
                yield f"{slot}{name}{_SHOWN}", seen


def _unmarked(text: str, mode: str) -> str:
    if mode.lower() == "html":
        return html.unescape(_TAG.sub("", text))
    return _MARK.sub(lambda found: found[1] or "", _LINK.sub(r"\1", text))


def _attached(value: object) -> Iterator[str]:
    """Yield the names of uploads that a value refers to."""
    if isinstance(value, str):
        if value.startswith(_ATTACHED):
            yield value.removeprefix(_ATTACHED)
    else:
        for _, _, each in _inside(value, "", ""):
            yield from _attached(each)


def _put(value: object, slot: str, judged: Mapping[str, str]) -> Any:  # noqa: ANN401  the same kind of value
    if isinstance(value, str):
        return judged.get(slot, value)
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, object]", value)
        changed = {name: _put(each, f"{slot}.{name}", judged) for name, each in pairs.items()}
        return _bare(changed, pairs)
    if isinstance(value, list | tuple):
        items = cast("list[object]", value)
        return [_put(each, f"{slot}.{index}", judged) for index, each in enumerate(items)]
    return value


def _bare(changed: dict[str, Any], before: Mapping[str, object]) -> dict[str, Any]:
    """Take the markup from an object of which a text was altered: its offsets point somewhere else now."""
    if not any(isinstance(each, str) and changed[name] != each for name, each in before.items()):
        return changed
    return {name: each for name, each in changed.items() if not name.endswith(("entities", "parse_mode"))}


def _content(judged: str | None, part: tuple[Any, ...]) -> bytes:
    content: bytes = part[1] if judged is None else judged.encode()
    return content


def _file(part: tuple[Any, ...]) -> tuple[str, str | None]:
    """Give the name of an upload, and its content if that is text."""
    name, content = part[:2]
    if not isinstance(content, bytes) or not isinstance(name, str):
        # A handle that is read here is at its end when the library reads it.
        raise Opaque
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return name, None
    return name, None if "\0" in text else text
