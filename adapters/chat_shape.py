"""Chat Completions: where text stands in a request, a reply and a chunk.

Every shape is a closed table of fields. A field, a role or a kind of content that is not in the table is
refused, because it would reach the model or the bot without having been judged.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial

from adapters.errors import Unreadable
from adapters.flat import (
    REQUEST,
    Flat,
    JsonObject,
    Rule,
    Walk,
    absent,
    as_list,
    as_object,
    by_type,
    each,
    either,
    flatten,
    keep,
    optional,
    rebuild,
    table,
    token,
    word,
)
from firewall.core.subject import Leaf

ROLES = ("system", "developer", "user", "assistant", "tool")
OPERATOR_ROLES = frozenset({"system", "developer"})
FINISH_REASONS = (None, "stop", "length", "tool_calls", "content_filter", "function_call")

# Who is asking is the wall's to say: what a bot puts here is dropped before judgement and set per session.
IDENTITY = frozenset({"user", "metadata", "prompt_cache_key", "safety_identifier", "litellm_session_id"})

_SETTINGS = (
    *("temperature", "top_p", "n", "seed", "max_tokens", "max_completion_tokens", "presence_penalty"),
    *("frequency_penalty", "stream", "parallel_tool_calls", "timeout", "num_retries", "max_retries"),
    "drop_params",
)
# How to reach the provider. The values go to the transport, never to the model.
_TRANSPORT = ("api_key", "api_base", "base_url", "api_version", "organization", "custom_llm_provider")


def _unstored(where: str, value: object) -> object:
    """Refuse to have a reply kept at the provider, where it stands as it was before it was judged."""
    if value not in (None, False):
        raise Unreadable("nothing is kept at the provider; leave it out", where=where)
    return value


def without_identity(request: Mapping[str, object]) -> JsonObject:
    """Give the request without what a bot says about who is asking; call this before `flatten_request`."""
    return {key: value for key, value in request.items() if key not in IDENTITY}


def is_program_id(slot: str) -> bool:
    """True if the leaf is the id of a tool call: drawn by a program, never prose."""
    return slot.endswith((".tool_call_id", ".call_id")) or (slot.endswith(".id") and "tool_calls." in slot)


def flatten_request(request: Mapping[str, object]) -> Flat:
    """Take every string out of a request.

    Raises:
        Unreadable: It holds a field, a role or a kind of content that is not covered.
    """
    return flatten(_request, request)


def rebuild_request(
    request: Mapping[str, object], flat: Flat, leaves: Sequence[Leaf], dropped: AbstractSet[int] = frozenset()
) -> JsonObject:
    """Give the request with judged text and without the dropped messages.

    Args:
        request: What was flattened.
        flat: What `flatten_request` gave.
        leaves: Judged leaves, found by slot; those of dropped messages may be among them.
        dropped: Indices of messages, whole exchanges only.

    Raises:
        ValueError: The leaves are not those of this request.
    """
    return rebuild(_request, request, flat, leaves, dropped)


def flatten_reply(reply: Mapping[str, object]) -> Flat:
    """Take every string out of a normalised reply; see `flatten_request`."""
    return flatten(_reply, reply)


def rebuild_reply(reply: Mapping[str, object], flat: Flat, leaves: Sequence[Leaf]) -> JsonObject:
    """Give the reply with judged text; see `rebuild_request`."""
    return rebuild(_reply, reply, flat, leaves)


def flatten_chunk(chunk: Mapping[str, object]) -> Flat:
    """Take every string out of a normalised chunk; see `flatten_request`.

    Fragments of arguments are fixed: half a JSON text is none, so judge them in the assembled reply.
    """
    return flatten(_chunk, chunk)


def rebuild_chunk(chunk: Mapping[str, object], flat: Flat, leaves: Sequence[Leaf]) -> JsonObject:
    """Give the chunk with judged text; see `rebuild_request`."""
    return rebuild(_chunk, chunk, flat, leaves)


def _request(walk: Walk, request: JsonObject) -> object:
    return table({**_REQUEST, **_spoken(walk)})("", request)


def _spoken(walk: Walk) -> Mapping[str, Rule]:
    """Give the rules for what a request says; those that are rarely needed are made when they are."""
    return {
        "messages": partial(_messages, walk),
        "tools": partial(_tools, walk),
        "tool_choice": partial(_tool_choice, walk),
        "response_format": partial(_schema, walk),
        "stop": partial(_stop, walk),
        **dict.fromkeys(IDENTITY, partial(_schema, walk)),
    }


def _transport(where: str, value: object) -> object:
    if value is None or isinstance(value, str):
        return value
    raise Unreadable("text was expected", where=where)


# What says nothing that is judged: settings, closed words and how to reach the provider.
_REQUEST: dict[str, Rule] = {
    "model": token,
    "stream_options": optional(table({"include_usage": keep, "include_obfuscation": keep})),
    "reasoning_effort": word(None, "none", "minimal", "low", "medium", "high", "xhigh"),
    "verbosity": word(None, "low", "medium", "high"),
    "service_tier": word(None, "auto", "default", "flex", "scale", "priority"),
    **dict.fromkeys(_SETTINGS, keep),
    "store": _unstored,
    **dict.fromkeys(_TRANSPORT, _transport),
}


def _schema(walk: Walk, where: str, value: object) -> object:
    return optional(walk.schema(REQUEST))(where, value)


def _stop(walk: Walk, where: str, value: object) -> object:
    one = walk.text(REQUEST, fixed=True)
    return either(list, each(one), optional(one))(where, value)


def _tools(walk: Walk, where: str, value: object) -> object:
    offered = table({"type": word("function"), "function": partial(_offered, walk)})
    return optional(each(offered))(where, value)


def _messages(walk: Walk, where: str, value: object) -> object:
    pending: dict[str, set[int]] = {}
    kept: list[object] = []
    for index, one in enumerate(as_list(value, where)):
        message = as_object(one, f"{where}.{index}")
        _note(walk, index, message, pending)
        if index not in walk.dropped:
            kept.append(_message(walk, index)(f"{where}.{index}", message))
    return kept


def _note(walk: Walk, index: int, message: JsonObject, pending: dict[str, set[int]]) -> None:
    """Note who claims to speak, and which results answer which call.

    By position: a result belongs to the latest call of its id, so a bot that reuses `call_1` for two people
    does not tie their exchanges together.
    """
    if message.get("role") in OPERATOR_ROLES:
        walk.system.add(index)
    calls = message.get("tool_calls")
    if calls not in (None, []):
        exchange = {index}
        walk.exchanges.append(exchange)
        for call in as_list(calls, f"messages.{index}.tool_calls"):
            pending[str(as_object(call, f"messages.{index}.tool_calls").get("id"))] = exchange
    if message.get("role") == "tool":
        pending.get(str(message.get("tool_call_id")), set()).add(index)


def _message(walk: Walk, group: int) -> Rule:
    text = optional(walk.text(group))
    return table(
        {
            **_MESSAGE,
            "content": partial(_content, walk, group),
            **dict.fromkeys(("name", "refusal", "reasoning_content"), text),
            "tool_calls": partial(_calls, walk, group),
            "tool_call_id": walk.text(group, fixed=True),
        }
    )


def _calls(walk: Walk, group: int, where: str, value: object) -> object:
    fixed = walk.text(group, fixed=True)
    called = table({"name": fixed, "arguments": walk.json_text(group)})
    call = table({"id": fixed, "type": word("function"), "index": keep, "function": called})
    return optional(each(call))(where, value)


# Fields that clients fill with null or nothing. What they could say is not covered.
_EMPTY = ("function_call", "audio", "annotations", "images", "thinking_blocks", "provider_specific_fields")
_MESSAGE: dict[str, Rule] = {"role": word(*ROLES), **dict.fromkeys(_EMPTY, absent)}


def _content(walk: Walk, group: int, where: str, value: object) -> object:
    return either(list, partial(_parts, walk, group), optional(walk.text(group)))(where, value)


def _parts(walk: Walk, group: int, where: str, value: object) -> object:
    text, url = walk.text(group), walk.text(group, fixed=True)
    image = table({"url": url, "detail": word(None, "auto", "low", "high")})
    kinds = by_type({"text": {"text": text}, "refusal": {"refusal": text}, "image_url": {"image_url": image}})
    return each(kinds)(where, value)


def _offered(walk: Walk, where: str, value: object) -> object:
    name = as_object(value, where).get("name")
    walk.tools.append(name if isinstance(name, str) else "")
    return table(function_rules(walk))(where, value)


def function_rules(walk: Walk) -> Mapping[str, Rule]:
    """Give the closed table of an offered function."""
    return {
        "name": walk.text(REQUEST, fixed=True),
        "description": optional(walk.text(REQUEST)),
        "parameters": optional(walk.schema(REQUEST)),
        "strict": keep,
    }


def _tool_choice(walk: Walk, where: str, value: object) -> object:
    named = table({"type": word("function"), "function": table({"name": walk.text(REQUEST, fixed=True)})})
    return either(dict, named, word(None, "none", "auto", "required"))(where, value)


_USAGE = table(dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens"), keep))
_ENVELOPE: dict[str, Rule] = {
    "id": token,
    "object": word("chat.completion", "chat.completion.chunk"),
    "created": keep,
    "model": token,
    **dict.fromkeys(("system_fingerprint", "service_tier"), absent),
    "usage": optional(_USAGE),
}
_CHOICE: dict[str, Rule] = {"index": keep, "finish_reason": word(*FINISH_REASONS), "logprobs": absent}


def _reply(walk: Walk, reply: JsonObject) -> object:
    choice = table({**_CHOICE, "message": _message(walk, 0)})
    return table({**_ENVELOPE, "choices": each(choice)})("", reply)


def _chunk(walk: Walk, chunk: JsonObject) -> object:
    text, fixed = optional(walk.text(0)), optional(walk.text(0, fixed=True))
    function = table({"name": fixed, "arguments": fixed})
    call = table({"index": keep, "id": fixed, "type": word(None, "function"), "function": function})
    delta = table(
        {
            "role": word(None, *ROLES),
            **dict.fromkeys(("content", "refusal", "reasoning_content"), text),
            "tool_calls": optional(each(call)),
            **dict.fromkeys(_EMPTY, absent),
        }
    )
    return table({**_ENVELOPE, "choices": each(table({**_CHOICE, "delta": delta}))})("", chunk)
