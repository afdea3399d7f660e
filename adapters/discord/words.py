"""Every text that a reader could see in a request, taken out and put back.

The forms below name each field of each object that may be sent. A field that nobody has read yet makes the
whole request unreadable: it is refused, never passed on.

Source: discord.com/developers/docs/resources, Message, Channel, Poll; /components/reference.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from adapters.errors import Unreadable

# What a field is: a text that may be altered; a text that may not (an address, a file's name, a value that
# comes back); an id, a number or a flag; a name that Discord itself gives or checks; a name that the bot gave
# and no client shows, though whoever asks for the message reads it; what Discord ignores when it is sent.
_TEXT, _FIXED, _ID, _KEY, _NAME, _IGNORED = "text", "fixed", "id", "key", "name", "ignored"
_MARK: Final = re.compile(r"[\w:.+-]{0,64}", re.ASCII)
_MAX_DEPTH: Final = 12


def _form(
    text: str = "",
    fixed: str = "",
    ids: str = "",
    key: str = "",
    named: str = "",
    ignored: str = "",
    **objects: str,
) -> dict[str, str]:
    groups = {_TEXT: text, _FIXED: fixed, _ID: ids, _KEY: key, _NAME: named, _IGNORED: ignored}
    return {name: what for what, names in groups.items() for name in names.split()} | objects


_MEDIA: Final = _form(
    text="description name",
    fixed="url proxy_url",
    ids="id width height flags size content_type placeholder_version loading_state attachment_id spoiler",
    key="placeholder",
)
FORMS: Final[Mapping[str, Mapping[str, str]]] = {
    "message": _form(
        text="content thread_name username",
        fixed="avatar_url",
        ids="tts flags sticker_ids enforce_nonce applied_tags",
        key="nonce",
        ignored="allowed_mentions",
        embeds="embed",
        components="component",
        attachments="attachment",
        poll="poll",
        message_reference="reference",
    ),
    "thread": _form(
        text="name",
        ids="type auto_archive_duration rate_limit_per_user invitable applied_tags",
        message="message",
    ),
    "embed": _form(
        text="title description",
        fixed="url",
        ids="type color timestamp flags content_scan_version",
        footer="signature",
        author="signature",
        provider="signature",
        image="media",
        thumbnail="media",
        video="media",
        fields="pair",
    ),
    "signature": _form(text="text name", fixed="url icon_url proxy_icon_url"),
    "pair": _form(text="name value", ids="inline"),
    "media": _MEDIA,
    "attachment": _form(
        text="description",
        fixed="filename title",
        ids="id is_spoiler spoiler",
        ignored="url proxy_url size height width content_type ephemeral flags duration_secs waveform "
        "placeholder placeholder_version clip_created_at clip_participants application original_content_type",
    ),
    "poll": _form(
        ids="duration allow_multiselect layout_type expiry", question="answer", answers="numbered_answer"
    ),
    "numbered_answer": _form(ids="answer_id", poll_media="answer"),
    "answer": _form(text="text", emoji="emoji"),
    "emoji": _form(ids="id animated", key="name"),
    "reference": _form(ids="message_id channel_id guild_id fail_if_not_exists type"),
    "component": _form(
        text="label placeholder content value description title",
        fixed="url",
        ids="type id style disabled sku_id min_values max_values channel_types min_length max_length "
        "required spoiler divider spacing accent_color default",
        named="custom_id",
        emoji="emoji",
        options="option",
        default_values="default_value",
        components="component",
        component="component",
        accessory="component",
        media="media",
        items="item",
        file="media",
    ),
    "option": _form(text="label description", fixed="value", ids="default", emoji="emoji"),
    "default_value": _form(ids="id type"),
    "item": _form(text="description", ids="spoiler", media="media"),
    "form": _form(text="title", named="custom_id", components="component"),
}

Visit = Callable[[str, str, bool], str]


def rewritten(value: Any, form: str, visit: Visit, *, slot: str = "", depth: int = 0) -> Any:  # noqa: ANN401
    """Give a copy of a JSON value in which every text was shown to `visit` and stands as that gave it.

    Args:
        value: An object, or a list of such.
        form: Which of `FORMS` it has.
        visit: Called with the slot, the text, and whether it must stay as it is.
        slot: Where the value stands, as program structure.
        depth: How deep that is.

    Raises:
        Unreadable: It holds a field or a value that no form names.
    """
    if depth > _MAX_DEPTH:
        raise Unreadable("nested too deep", where=slot)
    if value is None:
        return None
    if isinstance(value, list):
        return [
            rewritten(one, form, visit, slot=f"{slot}.{number}" if slot else str(number), depth=depth + 1)
            for number, one in enumerate(cast("list[object]", value))
        ]
    if not isinstance(value, dict):
        raise Unreadable("not of a documented form", where=slot)
    fields, made = FORMS[form], dict[str, Any]()
    for name, one in cast("dict[str, Any]", value).items():
        what = fields.get(name)
        if what is None:
            raise Unreadable(f"a field of `{form}` that is not known", where=slot)
        place = f"{slot}.{name}" if slot else name
        if what == _IGNORED:
            continue
        if what in FORMS:
            made[name] = rewritten(one, what, visit, slot=place, depth=depth + 1)
        else:
            made[name] = _leaf(one, what, visit, place)
    return made


def names(value: object) -> dict[str, str]:
    """Give what a bot calls its parts, by slot, of a value that has one of the forms; all else is a text.

    No client shows it, but whoever asks Discord for the message reads it.
    """
    found: dict[str, str] = {}
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            fields = cast("dict[str, object]", one)
            name = fields.get("custom_id")
            if isinstance(name, str) and name and _MARK.fullmatch(name):
                found[f"names.{len(found)}"] = name
            pending += reversed(list(fields.values()))
        elif isinstance(one, list):
            pending += reversed(cast("list[object]", one))
    return found


def _leaf(value: object, what: str, visit: Visit, slot: str) -> object:
    if value is None or value == "":
        return value
    if what == _NAME:
        # A bot that keeps a question in the name of a button shows it.
        what = _ID if isinstance(value, str) and _MARK.fullmatch(value) else _FIXED
    if what in (_TEXT, _FIXED):
        # A number in the place of a text would be shown and never searched.
        if not isinstance(value, str):
            raise Unreadable("not a text", where=slot)
        return visit(slot, value, what == _FIXED)
    if isinstance(value, list):
        if what != _ID:
            raise Unreadable("a list where there is none", where=slot)
        return [_leaf(one, what, visit, slot) for one in cast("list[object]", value)]
    marked = isinstance(value, str) and (what == _KEY or _MARK.fullmatch(value) is not None)
    if not marked and not isinstance(value, bool | int | float):
        raise Unreadable("not an id", where=slot)
    return value
