"""The Responses API, told as chat completions: one shape is judged, and this module translates.

Only what is named here is copied. A field, an item or a tool that is not named reaches neither the model nor
the bot. What the provider keeps (replies by id, conversations, files) is never used: it holds text as it was
before it was judged, and whoever knows an id can have it read back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from adapters.chat_shape import IDENTITY
from adapters.errors import Unreadable
from adapters.flat import JsonObject, Rule, as_list, as_object, keep, optional, table, word
from firewall.core.errors import NotGuarded

# A message that the prompt's composer can only count and drop: a neighbour's odd item must not stop a turn.
UNKNOWN: Mapping[str, object] = {"role": "unknown"}

_ENCRYPTED = "reasoning.encrypted_content"
_OWN_RECORDS = "the wall keeps each session's conversation, and previous_response_id names it"
_REFUSED = {
    "store": f"leave it out: {_OWN_RECORDS}",
    "conversation": f"leave it out: {_OWN_RECORDS}",
    "context_management": f"leave it out: {_OWN_RECORDS}",
    "background": "a reply that comes later would come to no turn; ask and wait inside the turn",
    "prompt": "pass its text as instructions= and register it with trusted_system=",
}
_EFFORT = word(None, "none", "minimal", "low", "medium", "high", "xhigh", "max")
_SETTINGS: dict[str, Rule] = {
    **dict.fromkeys(("temperature", "top_p", "max_output_tokens", "max_tool_calls"), keep),
    **dict.fromkeys(("parallel_tool_calls", "timeout"), keep),
    "truncation": word(None, "auto", "disabled"),
    "service_tier": word(None, "auto", "default", "flex", "scale", "priority"),
    "stream_options": optional(table({"include_obfuscation": keep})),
    "reasoning": optional(table({"effort": _EFFORT, "summary": word(None, "auto", "concise", "detailed")})),
}
_READ = ("model", "instructions", "input", "previous_response_id", "tools", "tool_choice", "text", "stream")
_IGNORED = IDENTITY | {"include", "prompt_cache_retention", "prompt_cache_options"}
_VERBOSITY = word(None, "low", "medium", "high")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A Responses request as a chat completion says it.

    Attributes:
        chat: The request without its messages.
        head: The instructions as a message; empty where there are none.
        new: The messages of `input`, which a later reply continues.
        settings: Numbers and closed words that chat has no name for.
        previous: The reply to continue, as the bot names it.
    """

    chat: JsonObject
    head: tuple[Mapping[str, object], ...]
    new: tuple[Mapping[str, object], ...]
    settings: JsonObject
    previous: str | None


def read_request(request: Mapping[str, object]) -> Told:
    """Tell a request as a chat completion.

    Raises:
        NotGuarded: It asks for something that runs or is kept at the provider; the message names the remedy.
        Unreadable: It holds a field that is not covered.
    """
    given = {key: value for key, value in request.items() if value is not None}
    _refuse(given)
    instructions, previous = given.get("instructions"), given.get("previous_response_id")
    if not isinstance(instructions, str | None) or not isinstance(previous, str | None):
        raise Unreadable("text was expected", where="instructions, previous_response_id")
    settings = {key: rule(key, given[key]) for key, rule in _SETTINGS.items() if key in given}
    chat: JsonObject = {"model": given.get("model"), **_offered(given)}
    if given.get("stream"):
        chat["stream"] = True
    return Told(
        chat={**chat, **_format(given, settings)},
        head=() if instructions is None else ({"role": "system", "content": instructions},),
        new=tuple(_messages(given.get("input"))),
        settings=settings,
        previous=previous,
    )


def write_request(told: Told, judged: Mapping[str, object]) -> JsonObject:
    """Give the judged chat request as a Responses request that leaves nothing behind at the provider."""
    messages = [as_object(each, "messages") for each in as_list(judged["messages"], "messages")]
    asked: JsonObject = {**told.settings, "model": judged["model"], "store": False, "user": judged["user"]}
    if told.head and messages and messages[0].get("role") == "system":
        asked["instructions"] = messages.pop(0)["content"]
    asked["input"] = _items(messages)
    if "tools" in judged:
        # Without `strict: false` the provider would ask schemas for more than our declarations say.
        asked["tools"] = [{"type": "function", "strict": False, **each} for each in _functions(judged)]
    if isinstance(choice := judged.get("tool_choice"), dict):
        chosen = cast("JsonObject", choice)
        asked["tool_choice"] = {"type": "function", **as_object(chosen["function"], "tool_choice")}
    elif choice is not None:
        asked["tool_choice"] = choice
    if "response_format" in judged:
        wanted = as_object(judged["response_format"], "text.format")
        schema = cast("JsonObject", wanted.get("json_schema") or {})
        text = cast("JsonObject", asked.get("text") or {})
        asked["text"] = {**text, "format": {"type": wanted["type"], **schema}}
    return {**asked, "stream": True} if judged.get("stream") else asked


def _refuse(given: Mapping[str, object]) -> None:
    for name, remedy in _REFUSED.items():
        if given.get(name):
            raise NotGuarded(f"responses.create({name}=...) moves data past the wall; {remedy}")
    if given.get("include") not in (None, [], [_ENCRYPTED]):
        raise NotGuarded("responses.create(include=...) asks for what the provider keeps; leave it out")
    unknown = given.keys() - {*_READ, *_SETTINGS, *_REFUSED, *_IGNORED}
    if unknown:
        raise Unreadable(f"{len(unknown)} fields are not covered; the covered ones are {', '.join(_COVERED)}")


_COVERED = (*_READ, *_SETTINGS)


def _offered(given: Mapping[str, object]) -> JsonObject:
    found: JsonObject = {}
    if tools := given.get("tools"):
        found["tools"] = [_function(as_object(each, "tools")) for each in as_list(tools, "tools")]
    choice = given.get("tool_choice")
    if isinstance(choice, dict):
        found["tool_choice"] = _function(cast("JsonObject", choice))
    elif choice is not None:
        found["tool_choice"] = choice
    return found


def _function(tool: JsonObject) -> JsonObject:
    if tool.get("type") != "function":
        raise NotGuarded(
            "tools that run at the provider (searches, files, code, computers, MCP, containers) read and "
            "write past the wall; declare a function with @wall.tool and offer that"
        )
    return {"type": "function", "function": {"name": tool.get("name")}}


def _functions(judged: Mapping[str, object]) -> list[JsonObject]:
    tools = [as_object(each, "tools") for each in as_list(judged["tools"], "tools")]
    return [as_object(each["function"], "tools") for each in tools]


def _format(given: Mapping[str, object], settings: JsonObject) -> JsonObject:
    """Tell `text=` as chat's response format, and keep its verbosity among the settings."""
    text = as_object(given.get("text") or {}, "text")
    if text.keys() - {"format", "verbosity"}:
        raise Unreadable("fields of text= that are not covered", where="text")
    if "verbosity" in text:
        settings["text"] = {"verbosity": _VERBOSITY("text.verbosity", text["verbosity"])}
    wanted = as_object(text.get("format") or {"type": "text"}, "text.format")
    schema = {key: value for key, value in wanted.items() if key != "type"}
    if wanted.get("type") == "text" and not schema:
        return {}
    more: JsonObject = {"json_schema": schema} if schema else {}
    return {"response_format": {"type": wanted.get("type"), **more}}


def _messages(given: object) -> list[JsonObject]:
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    messages: list[JsonObject] = []
    calls: list[object] = []
    for each in as_list([] if given is None else given, "input"):
        item = cast("JsonObject", each) if isinstance(each, dict) else dict(UNKNOWN)
        kind = item.get("type", "message")
        if kind == "function_call":
            if not calls:
                calls = []
                messages.append({"role": "assistant", "content": None, "tool_calls": calls})
            function = {"name": item.get("name"), "arguments": item.get("arguments")}
            calls.append({"id": item.get("call_id"), "type": "function", "function": function})
        elif kind != "reasoning":
            # What a model thought is not sent again: no record says whether a call may be told of it.
            calls = []
            messages.append(_message(item, kind))
    return messages


def _message(item: JsonObject, kind: object) -> JsonObject:
    said = _content(item.get("output" if kind == "function_call_output" else "content"))
    if said is None or kind not in ("message", "function_call_output"):
        return dict(UNKNOWN)
    if kind == "message":
        return {"role": item.get("role"), "content": said}
    return {"role": "tool", "tool_call_id": item.get("call_id"), "content": said}


def _content(content: object) -> str | None:
    """Give the words of a content; None where it holds something besides words."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    texts = [words(each) for each in cast("list[object]", content)]
    return None if None in texts else "".join(str(each) for each in texts)


def words(part: object) -> str | None:
    """Give the words of one part of a content; None where it has none."""
    one = cast("JsonObject", part) if isinstance(part, dict) else {}
    text = one.get("refusal") if one.get("type") == "refusal" else one.get("text")
    return text if isinstance(text, str) else None


def _items(messages: Sequence[JsonObject]) -> list[object]:
    items: list[object] = []
    for message in messages:
        calls = [as_object(each, "tool_calls") for each in as_list(message.get("tool_calls") or [], "calls")]
        said: JsonObject = {"role": message["role"], "content": message.get("content") or ""}
        if message["role"] == "tool":
            call, output = message["tool_call_id"], said["content"]
            items.append({"type": "function_call_output", "call_id": call, "output": output})
        elif (said["content"] or not calls) and not (calls and items[-1:] == [said]):
            # A reply's words are presented as an item of their own and stand beside its calls as well.
            items.append(said)
        for call in calls:
            function = as_object(call["function"], "tool_calls")
            items.append({"type": "function_call", "call_id": call["id"], **function})
    return items
