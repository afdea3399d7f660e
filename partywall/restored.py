"""Requests and replies with the values in the place of their placeholders; see `firewall.placeholders`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from adapters.chat_shape import flatten_reply, rebuild_reply
from adapters.errors import Unreadable
from adapters.json_leaves import parse_strict, write
from firewall.core.subject import Json
from firewall.placeholders import Placeholders
from firewall.tools import ToolTable


def restored_reply(
    placeholders: Placeholders, reply: Mapping[str, object], tools: ToolTable
) -> Mapping[str, Any]:
    """Give what a model answered a hidden request, restored: once, and before anything of it is judged.

    Raises:
        Unreadable: It holds something that is not covered.
    """
    if not placeholders.live:
        return reply
    flat = flatten_reply(reply)
    leaves = [
        each
        if each.fixed or ".tool_calls." in each.slot
        else replace(
            each, spans=tuple(replace(span, text=placeholders.restored(span.text)) for span in each.spans)
        )
        for each in flat.leaves
    ]
    whole = cast("dict[str, Any]", rebuild_reply(reply, flat, leaves))
    for choice in whole["choices"]:
        for call in choice["message"].get("tool_calls") or ():
            call["function"] = _restored_call(placeholders, call["function"], tools)
    return whole


def _restored_call(placeholders: Placeholders, function: dict[str, Any], tools: ToolTable) -> dict[str, Any]:
    """Restore values and not the text they stand in: a quotation mark in one would end a string there."""
    tool = tools.get(str(function.get("name")))
    try:
        given = parse_strict(str(function.get("arguments")))
    except (ValueError, Unreadable):
        return function
    if not isinstance(given, dict):
        return function
    arguments = cast("dict[str, Json]", given)
    found = placeholders.arguments(arguments, None if tool is None else tool.spec, again=False)
    return function if found == given else {**function, "arguments": write(found)}


def resolved_messages(placeholders: Placeholders, messages: object) -> object:
    """Give what a bot presents as it is on record; what was admitted for a model of its own is hidden."""
    if not placeholders.live or not isinstance(messages, list):
        return messages
    return [_resolved(placeholders, each) for each in cast("list[object]", messages)]


def _resolved(placeholders: Placeholders, message: object) -> object:
    if not isinstance(message, dict):
        return message
    fields = cast("dict[str, object]", message)
    content = fields.get("content")
    return {**fields, "content": placeholders.resolved(content)} if isinstance(content, str) else fields
