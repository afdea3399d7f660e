"""What a provider answered, without the provider: one shape, and nothing in it that tells of other callers.

Ids, fingerprints and cache counters are drawn from state that all callers of a provider share.
`cached_tokens` above zero says that somebody has sent this prefix before, so none of it reaches a bot.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from adapters.chat_shape import FINISH_REASONS
from adapters.errors import Unreadable
from adapters.flat import JsonObject, as_list, as_object
from adapters.json_leaves import plain
from firewall.core.ids import canonical

_COUNTERS = ("prompt_tokens", "completion_tokens", "total_tokens")
_TEXTS = ("content", "refusal", "reasoning_content")
# Content that no field of ours can hold: dropped silently it would be an answer with a hole in it.
# Thinking blocks are dropped: `reasoning_content` says the same.
_UNCOVERED = ("function_call", "audio", "images")
_FINISH = {
    "eos": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallIds:
    """Ids for the tool calls of one reply: a function of the session and of what it has already seen.

    Attributes:
        owner: The session, as the caller names it to the provider; ids of two owners never meet.
        first: How many calls the request already holds.
        taken: Their ids.
    """

    owner: str
    first: int
    taken: frozenset[str]

    @classmethod
    def of(cls, request: Mapping[str, object]) -> "CallIds":
        """Give the ids that are free in a request; its `user` is the owner."""
        messages = as_list(plain(request.get("messages", [])), "messages")
        calls = [call for one in messages for call in _calls(as_object(one, "messages"))]
        user = request.get("user")
        taken = frozenset(str(call.get("id")) for call in calls)
        return cls(owner=user if isinstance(user, str) else "", first=len(calls), taken=taken)

    def id(self, position: int) -> str:
        """Give the id of the call at this position of the reply; the same for equal arguments.

        A bot that cuts the head off its list lowers `first`, so the numbers start behind the first free run.
        """
        number, free = self.first, -1
        while True:
            name = (
                "call_" + hashlib.sha256(canonical("call", self.owner, str(number)).encode()).hexdigest()[:24]
            )
            free += name not in self.taken
            if free == position:
                return name
            number += 1


def _calls(message: JsonObject) -> list[JsonObject]:
    calls = message.get("tool_calls")
    return [] if calls is None else [as_object(one, "tool_calls") for one in as_list(calls, "tool_calls")]


def normalise_reply(reply: Mapping[str, object], *, model: str, ids: CallIds) -> JsonObject:
    """Give the reply in the one shape that `chat_shape.flatten_reply` takes.

    Args:
        reply: A chat completion as a provider or client library gives it.
        model: The name the caller asked for; the one a provider answers with may name a machine.
        ids: For the tool calls, in order over all choices.

    Raises:
        Unreadable: It holds content that has no place in that shape.
    """
    whole = as_object(plain(reply), "reply")
    count = 0
    choices: list[object] = []
    for index, one in enumerate(as_list(whole.get("choices"), "choices")):
        choice = as_object(one, f"choices.{index}")
        message = _message(as_object(choice.get("message"), f"choices.{index}.message"), ids, count)
        count += len(_calls(message))
        choices.append({"index": index, "finish_reason": _finish(choice), "message": message})
    return {**_envelope("chat.completion", model), "choices": choices, "usage": _usage(whole.get("usage"))}


def normalise_chunk(chunk: Mapping[str, object], *, model: str, ids: CallIds) -> JsonObject:
    """Give a chunk in the one shape that `chat_shape.flatten_chunk` takes; see `normalise_reply`.

    Only one choice streams: the calls of several could not be numbered before all had ended.
    """
    whole = as_object(plain(chunk), "chunk")
    choices: list[object] = []
    for one in as_list(whole.get("choices") or [], "choices"):
        choice = as_object(one, "choices")
        if choice.get("index", 0) != 0:
            raise Unreadable("a stream carries one choice; ask for n=1", where="choices")
        delta = _delta(as_object(choice.get("delta") or {}, "delta"), ids)
        choices.append({"index": 0, "finish_reason": _finish(choice), "delta": delta})
    usage = whole.get("usage")
    tail: JsonObject = {} if usage is None else {"usage": _usage(usage)}
    return {**_envelope("chat.completion.chunk", model), "choices": choices, **tail}


def assemble(chunks: Iterable[Mapping[str, object]]) -> JsonObject:
    """Give the whole reply of a normalised stream, as `complete` would have given it."""
    message: JsonObject = {"role": "assistant", "content": None}
    calls: dict[int, JsonObject] = {}
    model, finish, usage = "", None, cast("object", None)
    for chunk in chunks:
        model = str(chunk.get("model", ""))
        usage = chunk.get("usage") or usage
        for one in as_list(chunk.get("choices"), "choices"):
            choice = as_object(one, "choices")
            finish = choice.get("finish_reason") or finish
            _grow(message, calls, as_object(choice.get("delta"), "delta"))
    if calls:
        message["tool_calls"] = [calls[index] for index in sorted(calls)]
        message["content"] = message["content"] or None
    choice = {"index": 0, "finish_reason": finish, "message": message}
    return {**_envelope("chat.completion", model), "choices": [choice], "usage": usage}


def _grow(message: JsonObject, calls: dict[int, JsonObject], delta: JsonObject) -> None:
    for name in _TEXTS:
        if isinstance(text := delta.get(name), str):
            message[name] = str(message.get(name) or "") + text
    for one in _calls(delta):
        index = cast("int", one["index"])
        call = calls.setdefault(
            index, {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
        )
        call["id"] = one.get("id") or call["id"]
        whole, piece = as_object(call["function"], "function"), as_object(one["function"], "function")
        for name in ("name", "arguments"):
            whole[name] = str(whole[name]) + str(piece.get(name) or "")


def _envelope(kind: str, model: str) -> JsonObject:
    return {"id": "", "object": kind, "created": 0, "model": model}


def _finish(choice: JsonObject) -> object:
    reason = choice.get("finish_reason")
    reason = _FINISH.get(reason, reason) if isinstance(reason, str) else reason
    # An unknown word says that it ended and could say anything else; that it ended is all that is passed on.
    return reason if reason in FINISH_REASONS else "stop"


def _usage(value: object) -> object:
    if value is None:
        return None
    usage = as_object(value, "usage")
    return {name: number if isinstance(number := usage.get(name), int) else 0 for name in _COUNTERS}


def _texts(message: JsonObject, where: str) -> JsonObject:
    if any(message.get(name) for name in _UNCOVERED):
        raise Unreadable("the answer holds audio, images or a function_call", where=where)
    found: JsonObject = {}
    for name in _TEXTS:
        text = _joined(message.get(name), f"{where}.{name}") if name == "content" else message.get(name)
        if isinstance(text, str):
            found[name] = text
        elif text is not None:
            raise Unreadable("text was expected", where=f"{where}.{name}")
    return found


def _joined(content: object, where: str) -> object:
    """Give content in parts as one text, which is what it says; so nothing in it is split."""
    if not isinstance(content, list):
        return content
    parts = [as_object(one, where) for one in cast("list[object]", content)]
    if any(one.keys() != {"type", "text"} or one["type"] != "text" for one in parts):
        raise Unreadable("only parts that are text are covered", where=where)
    texts = [one["text"] for one in parts]
    if not all(isinstance(one, str) for one in texts):
        raise Unreadable("text was expected", where=where)
    return "".join(map(str, texts))


def _message(message: JsonObject, ids: CallIds, count: int) -> JsonObject:
    calls = [_call(one, ids.id(count + i)) for i, one in enumerate(_calls(message))]
    found: JsonObject = {"role": "assistant", "content": None, **_texts(message, "message")}
    return {**found, "tool_calls": calls} if calls else found


def _function(call: JsonObject) -> JsonObject:
    if call.get("type", "function") not in ("function", None):
        raise Unreadable("only calls of functions are covered", where="tool_calls")
    function = as_object(call.get("function"), "tool_calls.function")
    texts = (function.get("name"), function.get("arguments"))
    if not all(one is None or isinstance(one, str) for one in texts):
        raise Unreadable("a name or arguments that are no text", where="tool_calls.function")
    return {"name": texts[0], "arguments": texts[1]}


def _call(call: JsonObject, name: str) -> JsonObject:
    function = {key: one or "" for key, one in _function(call).items()}
    return {"id": name, "type": "function", "function": function}


def _delta(delta: JsonObject, ids: CallIds) -> JsonObject:
    found = _texts(delta, "delta")
    if delta.get("role"):
        found["role"] = "assistant"
    calls: list[JsonObject] = []
    for one in _calls(delta):
        index = one.get("index", 0)
        if not isinstance(index, int):
            raise Unreadable("a number was expected", where="tool_calls.index")
        named: JsonObject = {"id": ids.id(index), "type": "function"} if one.get("id") else {}
        calls.append({"index": index, **named, "function": _function(one)})
    return {**found, "tool_calls": calls} if calls else found
