"""Every place in a model's answer where words can stand, in the shape of OpenAI's chat completions."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from tests.surfaces.seen import escaped, halves

Json = dict[str, Any]


class Fate(StrEnum):
    """What becomes of somebody's own words in a place."""

    KEPT = "kept"
    DROPPED = "dropped"
    REFUSED = "refused"
    DENIED = "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """A place for a text.

    Attributes:
        make: Puts a text there: a whole answer, or the chunks of one.
        fate: What becomes of the reader's own text.
        split: True if the text stands in several places, so that it is told piece by piece.
    """

    make: Callable[[str], Any]
    fate: Fate = Fate.KEPT
    split: bool = False


def _head(kind: str) -> Json:
    return {"id": "r-1", "object": kind, "created": 1, "model": "scripted"}


def whole(*messages: Json, choice: Json | None = None, **more: Any) -> Json:
    """Give an answer with these messages as its choices."""
    choices = [
        {"index": index, "finish_reason": "stop", "message": {"role": "assistant", "content": "Well.", **one}}
        | (choice or {})
        for index, one in enumerate(messages)
    ]
    return {**_head("chat.completion"), "choices": choices, **more}


def streamed(*deltas: Json, choice: Json | None = None, index: int = 0, **more: Any) -> list[Json]:
    """Give an answer in chunks, one for each delta."""
    ended: list[Json] = [{"index": index, "delta": {}, "finish_reason": "stop"}]
    choices = [{"index": index, "delta": one, "finish_reason": None} | (choice or {}) for one in deltas]
    return [{**_head("chat.completion.chunk"), "choices": [one], **more} for one in choices + ended]


def call(arguments: str, *, name: str = "note", id: str = "c1", **more: Any) -> Json:
    """Give one call of a tool."""
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def calls(*made: Json) -> Json:
    """Give an answer that calls tools."""
    return whole({"content": None, "tool_calls": list(made)})


def _said(text: str) -> str:
    return f"Well: {text} is it."


def _args(value: object) -> Json:
    return calls(call(json.dumps(value)))


def _tokens(text: str) -> Json:
    tokens = [{"token": char, "logprob": 0.0, "bytes": list(char.encode())} for char in text]
    return {"logprobs": {"content": [{**one, "top_logprobs": [one]} for one in tokens], "refusal": None}}


def _cited(text: str) -> Json:
    cited = {"url": f"https://a.example/{text}", "title": text, "start_index": 0, "end_index": 1}
    return {"annotations": [{"type": "url_citation", "url_citation": cited}]}


def _deltas(field: str, pieces: Sequence[str]) -> list[Json]:
    return streamed({"role": "assistant"}, *({field: one} for one in pieces))


def _args_streamed(text: str, size: int) -> list[Json]:
    written = json.dumps({"text": text})
    pieces = [written[at : at + size] for at in range(0, len(written), size)]
    first = {"tool_calls": [{**call(""), "index": 0}]}
    return streamed(
        first, *({"tool_calls": [{"index": 0, "function": {"arguments": one}}]} for one in pieces)
    )


def _named_streamed(text: str) -> list[Json]:
    first = {"tool_calls": [{**call("{}", name=""), "index": 0}]}
    return streamed(first, *({"tool_calls": [{"index": 0, "function": {"name": one}}]} for one in text))


def _cut(text: str, size: int) -> list[str]:
    said = _said(text)
    return [said[at : at + size] for at in range(0, len(said), size)]


_DROPPED, _REFUSED = Fate.DROPPED, Fate.REFUSED
WHOLE: Final[Mapping[str, Surface]] = {
    "content": Surface(make=lambda text: whole({"content": _said(text)})),
    "content alone": Surface(make=lambda text: whole({"content": text})),
    "content twice": Surface(make=lambda text: whole({"content": f"{_said(text)}\n{_said(text)}"})),
    "content as parts": Surface(
        make=lambda text: whole({"content": [{"type": "text", "text": _said(text)}]})
    ),
    "content halved into parts": Surface(
        make=lambda text: whole({"content": [{"type": "text", "text": one} for one in halves(text)]})
    ),
    "refusal": Surface(make=lambda text: whole({"content": None, "refusal": _said(text)})),
    "reasoning": Surface(make=lambda text: whole({"reasoning_content": _said(text)})),
    "halved over reasoning and content": Surface(
        make=lambda text: whole({"reasoning_content": halves(text)[0], "content": halves(text)[1]}),
        split=True,
    ),
    "halved over content and refusal": Surface(
        make=lambda text: whole({"content": halves(text)[0], "refusal": halves(text)[1]}), split=True
    ),
    "thinking blocks": Surface(
        make=lambda text: whole({"thinking_blocks": [{"type": "thinking", "thinking": text}]}), fate=_DROPPED
    ),
    "fields of the provider": Surface(
        make=lambda text: whole({"provider_specific_fields": {"a": {text: text}}}), fate=_DROPPED
    ),
    "name of a speaker": Surface(make=lambda text: whole({"name": text}), fate=_DROPPED),
    "role": Surface(make=lambda text: whole({"role": text}), fate=_DROPPED),
    "annotations": Surface(make=lambda text: whole(_cited(text)), fate=_DROPPED),
    "audio transcript": Surface(
        make=lambda text: whole({"audio": {"id": "a", "data": "", "transcript": text, "expires_at": 1}}),
        fate=_REFUSED,
    ),
    "images": Surface(
        make=lambda text: whole({"images": [{"image_url": {"url": f"https://a.example/{text}"}}]}),
        fate=_REFUSED,
    ),
    "function_call": Surface(
        make=lambda text: whole({"function_call": {"name": "note", "arguments": text}}), fate=_REFUSED
    ),
    "logprobs": Surface(make=lambda text: whole({}, choice=_tokens(text)), fate=_DROPPED),
    "finish reason": Surface(make=lambda text: whole({}, choice={"finish_reason": text}), fate=_DROPPED),
    "second choice": Surface(make=lambda text: whole({}, {"content": _said(text)})),
    "halved over choices": Surface(
        make=lambda text: whole(*({"content": one} for one in halves(text))), split=True
    ),
    "id": Surface(make=lambda text: whole({}, id=text), fate=_DROPPED),
    "model": Surface(make=lambda text: whole({}, model=text), fate=_DROPPED),
    "fingerprint": Surface(make=lambda text: whole({}, system_fingerprint=text), fate=_DROPPED),
    "usage": Surface(make=lambda text: whole({}, usage={"total_tokens": 1, text: text}), fate=_DROPPED),
    "unknown field": Surface(make=lambda text: whole({}, citations=[text]), fate=_DROPPED),
    "tool name": Surface(make=lambda text: calls(call("{}", name=text))),
    "tool call's id": Surface(make=lambda text: calls(call("{}", id=text)), fate=_DROPPED),
    "tool argument": Surface(make=lambda text: _args({"text": _said(text)})),
    "tool argument, escaped": Surface(make=lambda text: calls(call(f'{{"text": "{escaped(text)}"}}'))),
    "nested argument": Surface(make=lambda text: _args({"a": [{"b": [1, {"c": text}]}]})),
    "key of an argument": Surface(make=lambda text: _args({"a": {text: 1}})),
    "arguments that are no JSON": Surface(make=lambda text: calls(call(f"{{{text}"))),
    "arguments inside a text": Surface(make=lambda text: _args({"body": json.dumps({"note": text})})),
    "halved over arguments": Surface(
        make=lambda text: _args(dict(zip(("a", "b"), halves(text), strict=True))), split=True
    ),
    "halved over a list": Surface(make=lambda text: _args({"a": list(halves(text))}), split=True),
    "letter by letter in a list": Surface(make=lambda text: _args({"a": list(text)}), split=True),
    "halved over key and value": Surface(make=lambda text: _args({"a": dict([halves(text)])}), split=True),
    "halved over calls": Surface(
        make=lambda text: calls(*(call(json.dumps({"a": one})) for one in halves(text))), split=True
    ),
}
STREAMED: Final[Mapping[str, Surface]] = {
    "content, letter by letter": Surface(make=lambda text: _deltas("content", _cut(text, 1))),
    "content in pieces": Surface(make=lambda text: _deltas("content", _cut(text, 5))),
    "content at the end": Surface(make=lambda text: _deltas("content", ["Well: ", *text])),
    "refusal in pieces": Surface(make=lambda text: _deltas("refusal", _cut(text, 3))),
    "reasoning in pieces": Surface(make=lambda text: _deltas("reasoning_content", _cut(text, 1))),
    "halved over reasoning and content": Surface(
        make=lambda text: streamed({"reasoning_content": halves(text)[0]}, {"content": halves(text)[1]}),
        split=True,
    ),
    "second choice": Surface(make=lambda text: streamed({"content": text}, index=1), fate=_REFUSED),
    "content as parts": Surface(
        make=lambda text: streamed(*({"content": [{"type": "text", "text": one}]} for one in halves(text)))
    ),
    "thinking blocks": Surface(
        make=lambda text: streamed({"thinking_blocks": [{"type": "thinking", "thinking": text}]}),
        fate=_DROPPED,
    ),
    "logprobs": Surface(make=lambda text: streamed({}, choice=_tokens(text)), fate=_DROPPED),
    "finish reason": Surface(make=lambda text: streamed({}, choice={"finish_reason": text}), fate=_DROPPED),
    "id": Surface(make=lambda text: streamed({}, id=text), fate=_DROPPED),
    "fingerprint": Surface(make=lambda text: streamed({}, system_fingerprint=text), fate=_DROPPED),
    "tool argument, letter by letter": Surface(make=lambda text: _args_streamed(text, 1)),
    "tool argument in pieces": Surface(make=lambda text: _args_streamed(_said(text), 7)),
    "tool name, letter by letter": Surface(make=_named_streamed),
    "tool call's id": Surface(
        make=lambda text: streamed({"tool_calls": [{**call("{}", id=text), "index": 0}]}), fate=_DROPPED
    ),
}
