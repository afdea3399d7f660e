"""The Responses API's answers: read as chat completions, and judged ones written as its own objects.

A response is made anew from what was judged. Its id is the wall's, and so are those of its items: a
provider's ids are drawn from state that all its callers share.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.errors import Unreadable
from adapters.flat import JsonObject, as_list, as_object
from adapters.responses_shape import words
from firewall.core.errors import ServiceUnavailable

Event = dict[str, Any]


def read_reply(reply: Mapping[str, object]) -> Event:
    """Tell a response as a chat completion.

    Raises:
        ServiceUnavailable: The provider failed or has not finished.
        Unreadable: It holds an item that is not covered.
    """
    status = reply.get("status") or "completed"
    if reply.get("error") or status not in ("completed", "incomplete"):
        raise ServiceUnavailable("the model's provider gave no finished response; ask again")
    message: JsonObject = {"role": "assistant", "content": None}
    calls: list[object] = []
    for each in as_list(reply.get("output") or [], "output"):
        item = as_object(each, "output")
        if item.get("type") == "function_call":
            function = {"name": item.get("name"), "arguments": item.get("arguments")}
            calls.append({"id": "", "type": "function", "function": function})
        else:
            _hear(message, item)
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "finish_reason": _finish(reply, calls), "message": message}
    return {"object": "chat.completion", "choices": [choice], "usage": _counted(reply.get("usage"))}


def _hear(message: JsonObject, item: JsonObject) -> None:
    kind = item.get("type")
    if kind not in ("message", "reasoning"):
        raise Unreadable("the response holds an item that ran at the provider", where="output")
    for each in as_list(item.get("summary" if kind == "reasoning" else "content") or [], "output"):
        part = as_object(each, "output")
        name = {"output_text": "content", "refusal": "refusal", "summary_text": "reasoning_content"}.get(
            str(part.get("type"))
        )
        text = words(part)
        if name is None or text is None:
            raise Unreadable("the response holds content that is not covered", where="output")
        message[name] = str(message.get(name) or "") + text


def _finish(reply: Mapping[str, object], calls: Sequence[object]) -> str:
    if reply.get("status") == "incomplete":
        reason = as_object(reply.get("incomplete_details") or {}, "incomplete_details").get("reason")
        return "content_filter" if reason == "content_filter" else "length"
    return "tool_calls" if calls else "stop"


def _counted(usage: object) -> object:
    if usage is None:
        return None
    counted = as_object(usage, "usage")
    told = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens"}
    return {name: counted.get(told.get(name, name), 0) for name in (*told, "total_tokens")}


def write_reply(reply: Mapping[str, Any], name: str) -> Event:
    """Write a judged chat completion as a response of this id."""
    choice = reply["choices"][0]
    return response(name, reply, items(choice["message"], name), finish=choice["finish_reason"])


def response(
    name: str, head: Mapping[str, Any], output: Sequence[Event], *, finish: str | None, status: str = ""
) -> Event:
    """Write a response with these items; its status is what the finish reason says, unless one is given."""
    reason = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(finish or "")
    return {
        "id": name,
        "object": "response",
        "created_at": 0,
        "model": head["model"],
        "status": status or ("incomplete" if reason else "completed"),
        "error": None,
        "incomplete_details": None if reason is None else {"reason": reason},
        "output": list(output),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": _usage(head.get("usage")),
    }


def _usage(usage: Mapping[str, Any] | None) -> Event | None:
    if usage is None:
        return None
    return {
        "input_tokens": usage["prompt_tokens"],
        "output_tokens": usage["completion_tokens"],
        "total_tokens": usage["total_tokens"],
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }


def items(message: Mapping[str, Any], name: str) -> list[Event]:
    """Write a judged message as the items of a response: what it says, what it thought, what it calls."""
    parts = [text_part(message["content"])] if message.get("content") else []
    if message.get("refusal"):
        parts.append({"type": "refusal", "refusal": message["refusal"]})
    found = [message_item(name, parts, "completed")] if parts else []
    if thought := message.get("reasoning_content"):
        summary = [{"type": "summary_text", "text": thought}]
        found.append({"type": "reasoning", "id": f"rs_{_suffix(name)}", "summary": summary})
    calls = enumerate(message.get("tool_calls") or ())
    return [*found, *(_call(f"fc_{_suffix(name)}_{index}", call) for index, call in calls)]


def _call(item: str, call: Mapping[str, Any]) -> Event:
    function = call["function"]
    known = {"type": "function_call", "id": item, "call_id": call["id"], "status": "completed"}
    return {**known, "name": function["name"], "arguments": function["arguments"]}


def message_item(name: str, parts: Sequence[Event], status: str) -> Event:
    """Write the message of a response; a response has one."""
    known = {"type": "message", "id": f"msg_{_suffix(name)}", "role": "assistant"}
    return {**known, "status": status, "content": list(parts)}


def text_part(text: str) -> Event:
    """Write words as a part of a message."""
    return {"type": "output_text", "text": text, "annotations": []}


def _suffix(name: str) -> str:
    return name.removeprefix("resp_")
