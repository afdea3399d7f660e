"""Every string of a Slack payload that a reader could see, found and put back by one walk.

All strings are words but those under a closed list of keys that hold ids, types and colours, which Slack
shows to nobody as text. A link's target, an image's address and a button's value are words.

A word never calls a crowd: what would notify a channel or a user group is turned into plain text first.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from adapters.errors import Unreadable

See = Callable[[str, str], str]

_MAX_DEPTH = 32
# Structure: what Slack reads and shows to nobody, at any depth.
_UNSEEN = frozenset(
    {
        *("type", "subtype", "block_id", "action_id", "callback_id", "external_id", "private_metadata"),
        *("id", "user_id", "channel_id", "usergroup_id", "team_id", "app_id", "bot_id", "file_id", "ts"),
        *("style", "color", "range", "mrkdwn_in", "response_type", "response_action", "event_type"),
        *("initial_user", "initial_users", "initial_channel", "initial_channels", "initial_date"),
        *("initial_conversation", "initial_conversations", "initial_time", "timezone", "filter", "status"),
    }
)
# Of these, what the bot itself thinks of: it may be anybody's words.
_NAMES = frozenset({"block_id", "action_id", "callback_id", "external_id", "private_metadata", "event_type"})
# Keys whose value is an address; a slot names no other, since a key may be anybody's words.
_ADDRESSES = frozenset(
    {
        *(
            "url",
            "icon_url",
            "image_url",
            "thumb_url",
            "author_icon",
            "author_link",
            "footer_icon",
            "title_link",
        ),
        *("title_url", "video_url", "thumbnail_url", "provider_icon_url", "from_url", "original_url"),
    }
)
# A file of Slack's own, named by id: it may be anybody's, and nothing here says whose.
_BORROWED = frozenset({"slack_file", "file_ids"})
# Given as JSON text by some methods of the SDK.
_STRUCTURED = frozenset(
    {"blocks", "attachments", "view", "metadata", "files", "chunks", "prompts", "loading_messages", "errors"}
)
_CROWD = re.compile(r"<!\s*(channel|here|everyone|group)\b[^>]*>", re.IGNORECASE)
# Where a text object is not `verbatim`, Slack looks for mentions in plain words, too.
_PLAIN_CROWD = re.compile(r"(?<![\w.+-])@(channel|here|everyone)\b", re.IGNORECASE)
_AT = "@\u200b"
_USERGROUP = re.compile(r"<!\s*subteam\b[^>]*>", re.IGNORECASE)


def plain(value: object, *, depth: int = 0) -> Any:  # noqa: ANN401  any JSON value
    """Give the same value as dicts, lists and scalars; the SDK's own objects are written out.

    Raises:
        Unreadable: Something else is in it, a file of somebody is named, or it is nested too deep.
    """
    if depth > _MAX_DEPTH:
        raise Unreadable("nested too deep")
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping):
        return _plain_pairs(cast("Mapping[object, object]", value), depth)
    if isinstance(value, list | tuple):
        return [plain(one, depth=depth + 1) for one in cast("list[object]", value)]
    written = cast("Callable[[], object] | None", getattr(value, "to_dict", None))
    if written is None or isinstance(value, type):
        raise Unreadable(f"a value of type {type(value).__name__} cannot be examined")
    return plain(written(), depth=depth + 1)


def _plain_pairs(pairs: Mapping[object, object], depth: int) -> dict[str, Any]:
    for key in pairs:
        if not isinstance(key, str):
            raise Unreadable("a key is not text")
        if key in _BORROWED:
            raise Unreadable("a file of Slack's is named by its id")
    if pairs.get("type") == "file":
        raise Unreadable("a file of Slack's is named by its id")
    return {str(key): plain(one, depth=depth + 1) for key, one in pairs.items()}


def opened(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Give arguments as plain values, with those that the SDK writes as JSON text read.

    Raises:
        Unreadable: As `plain`, or such a text is no JSON.
    """
    found: dict[str, Any] = {}
    for name, value in arguments.items():
        read = _read(value) if name in _STRUCTURED and isinstance(value, str) else value
        found[name] = calm(plain(read))
    return found


def closed(arguments: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Write as JSON text again what was JSON text before."""
    return {
        name: json.dumps(value) if name in _STRUCTURED and isinstance(before.get(name), str) else value
        for name, value in arguments.items()
    }


def _read(text: str) -> object:
    try:
        return cast("object", json.loads(text))
    except (ValueError, RecursionError):
        pass
    raise Unreadable("a structured argument is no JSON")


def calm(value: object) -> Any:  # noqa: ANN401  any JSON value
    """Give the same value without a call to a whole channel or user group."""
    if isinstance(value, str):
        return _calm_text(value)
    if isinstance(value, list):
        return [calm(one) for one in cast("list[object]", value)]
    if not isinstance(value, Mapping):
        return value
    pairs = cast("Mapping[str, Any]", value)
    if pairs.get("type") == "broadcast":
        return {"type": "text", "text": f"{_AT}{pairs.get('range', 'channel')}"}
    if pairs.get("type") == "usergroup":
        return {"type": "text", "text": f"{_AT}group"}
    return {key: calm(one) for key, one in pairs.items()}


def _calm_text(text: str) -> str:
    if "@" not in text and "<!" not in text:
        return text
    named = _CROWD.sub(lambda found: f"@{found.group(1).lower()}", text)
    return _PLAIN_CROWD.sub(rf"{_AT}\1", _USERGROUP.sub(f"{_AT}group", named))


def walk(arguments: Mapping[str, Any], ids: frozenset[str], see: See) -> dict[str, Any]:
    """Give the same arguments with what `see` gave for every string a reader could see.

    Args:
        arguments: Plain values.
        ids: Arguments that name something or somebody, and are no words.
        see: Is given a slot and its text; slots name arguments of the platform and count what stands in them.
    """
    return {
        name: value
        if name in ids
        else _walked(value, [name, name] if name in _ADDRESSES else [name], see, _Count())
        for name, value in arguments.items()
    }


def collected(arguments: Mapping[str, Any], ids: frozenset[str]) -> dict[str, str]:
    """Give every string a reader could see, by slot, in reading order; arguments as for `walk`."""
    found: dict[str, str] = {}

    def see(slot: str, text: str) -> str:
        found[slot] = text
        return text

    walk(arguments, ids, see)
    return found


def names(arguments: Mapping[str, Any]) -> dict[str, str]:
    """Give what a bot calls its blocks, elements and views, by slot; arguments as for `walk`.

    No client shows it, but whoever asks Slack for the message reads it.
    """
    found: dict[str, str] = {}
    pending: list[object] = [arguments]
    while pending:
        value = pending.pop()
        if isinstance(value, Mapping):
            for key, one in cast("Mapping[str, object]", value).items():
                if key in _NAMES and isinstance(one, str) and one:
                    found[f"names.{len(found)}"] = one
            pending += reversed(list(cast("Mapping[str, object]", value).values()))
        elif isinstance(value, list):
            pending += reversed(cast("list[object]", value))
    return found


class _Count:
    def __init__(self) -> None:
        self.number = 0

    def next(self) -> int:
        self.number += 1
        return self.number - 1


def _walked(value: object, slot: list[str], see: See, count: _Count) -> Any:  # noqa: ANN401  any JSON value
    if isinstance(value, str):
        return see(".".join((slot[0], str(count.next()), *slot[1:])), value) if value else value
    if isinstance(value, list):
        return [_walked(one, slot, see, count) for one in cast("list[object]", value)]
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, Any]", value)
        return {
            key: one
            if _structural(key, pairs)
            else _walked(one, [slot[0], key] if key in _ADDRESSES else slot[:1], see, count)
            for key, one in pairs.items()
        }
    return value


def _structural(key: str, pairs: Mapping[str, Any]) -> bool:
    """Say whether a key holds structure here. A name is words even where an emoji's is meant.

    Slack shows the name of an emoji that it does not have as it stands.
    """
    return key in _UNSEEN or (key == "unicode" and pairs.get("type") == "emoji")
