"""What is taken out of a request is put back, and nothing stays behind unseen."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import chat_shape
from adapters.errors import Unreadable
from firewall.core.subject import leaf

Strategy = st.SearchStrategy[Any]

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.sampled_from(["acme_read", "globex_read"])
ids = st.sampled_from(["call_1", "call_2"])
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), text
)
trees: Strategy = st.recursive(
    scalars, lambda one: st.lists(one, max_size=3) | st.dictionaries(text, one, max_size=3), max_leaves=6
)
arguments: Strategy = st.one_of(
    trees.map(json.dumps), trees.map(lambda one: json.dumps(one, indent=1, ensure_ascii=False)), text
)
calls: Strategy = st.fixed_dictionaries(
    {
        "id": ids,
        "type": st.just("function"),
        "function": st.fixed_dictionaries({"name": names, "arguments": arguments}),
    }
)
image: Strategy = st.fixed_dictionaries(
    {"type": st.just("image_url"), "image_url": st.fixed_dictionaries({"url": text})}
)
parts: Strategy = st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": text}) | image, max_size=3)
said: Strategy = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "developer", "user"]), "content": text | parts},
    optional={"name": text},
)
answered: Strategy = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": st.none() | text},
    optional={"tool_calls": st.lists(calls, min_size=1, max_size=2), "refusal": st.none() | text},
)
results: Strategy = st.fixed_dictionaries({"role": st.just("tool"), "tool_call_id": ids, "content": text})
tools: Strategy = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.just("function"),
            "function": st.fixed_dictionaries(
                {"name": names, "description": text, "parameters": st.dictionaries(text, trees, max_size=3)}
            ),
        }
    ),
    max_size=2,
)
requests: Strategy = st.fixed_dictionaries(
    {"model": st.just("fake/one"), "messages": st.lists(said | answered | results, max_size=6)},
    optional={
        "tools": tools,
        "stop": text | st.lists(text, max_size=2),
        "temperature": st.floats(0, 2),
        "response_format": st.dictionaries(text, trees, max_size=2),
    },
)


def shown(content: Any) -> set[str]:
    """The words and addresses of a message's content."""
    if content is None or isinstance(content, str):
        return {content} if content is not None else set()
    return {one["text"] if "text" in one else one["image_url"]["url"] for one in content}


def strings(value: Any) -> set[str]:
    """Every key and string that a reader of the payload could find."""
    if isinstance(value, str):
        return {value}
    if not isinstance(value, dict | list):
        return set()
    inner: list[Any] = [*value]
    inner += value.values() if isinstance(value, dict) else []
    return {one for item in inner for one in strings(item)}


@given(requests)
def test_rebuilding_what_was_flattened_gives_the_same_request(request: dict[str, Any]) -> None:
    flat = chat_shape.flatten_request(request)
    assert chat_shape.rebuild_request(request, flat, flat.leaves) == request


@given(requests)
def test_slots_are_unique_and_every_content_string_is_a_leaf(request: dict[str, Any]) -> None:
    flat = chat_shape.flatten_request(request)
    assert len({one.slot for one in flat.leaves}) == len(flat.leaves)
    found = {one.text for one in flat.leaves}
    for message in request["messages"]:
        for call in message.pop("tool_calls", []):
            assert {call["id"], call["function"]["name"]} <= found
        assert shown(message["content"]) <= found


@given(trees)
def test_every_string_key_and_number_of_the_arguments_is_a_leaf(tree: Any) -> None:
    raw = json.dumps(tree)
    function = {"name": "acme_read", "arguments": raw}
    message = {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": function}]}
    flat = chat_shape.flatten_request({"model": "m", "messages": [message]})
    found = [one.text for one in flat.leaves]
    assert strings(tree) <= set(found)


@given(
    st.dictionaries(text, text, min_size=1, max_size=4),
    st.sampled_from(["[X]", '"', "\\", "\n", "}", "\u2028"]),
)
def test_no_redaction_breaks_the_json_of_arguments(given_arguments: dict[str, str], marker: str) -> None:
    function = {"name": "f", "arguments": json.dumps(given_arguments)}
    request = {
        "model": "m",
        "messages": [
            {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": function}]}
        ],
    }
    flat = chat_shape.flatten_request(request)
    judged = [
        one if one.fixed or ".arguments." not in one.slot else leaf(one.slot, marker, None, group=one.group)
        for one in flat.leaves
    ]
    rebuilt: Any = chat_shape.rebuild_request(request, flat, judged)
    sent = rebuilt["messages"][0]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(sent) == dict.fromkeys(given_arguments, marker)


@given(requests, st.data())
def test_dropping_whole_exchanges_leaves_every_other_message_alone(
    request: dict[str, Any], data: st.DataObject
) -> None:
    flat = chat_shape.flatten_request(request)
    count = len(request["messages"])
    dropped = data.draw(st.sets(st.integers(0, count - 1)) if count else st.just(set[int]()))
    for exchange in flat.exchanges:
        dropped = dropped | exchange if dropped & exchange else dropped
    # One round may reach a second exchange only if they share a message, which positions rule out.
    assert all(not (one & other) for one in flat.exchanges for other in flat.exchanges if one is not other)
    rebuilt: Any = chat_shape.rebuild_request(request, flat, flat.leaves, dropped)
    assert rebuilt["messages"] == [one for i, one in enumerate(request["messages"]) if i not in dropped]


@given(requests, text, text)
def test_a_field_that_nobody_knows_is_refused_wherever_it_stands(
    request: dict[str, Any], key: str, value: str
) -> None:
    places: list[dict[str, Any]] = [request, *request["messages"]]
    for place in places:
        if f"x{key}" in place:
            continue
        place[f"x{key}"] = value
        with pytest.raises(Unreadable) as caught:
            chat_shape.flatten_request(request)
        del place[f"x{key}"]
        # The error lists the fields it knows, of which a drawn word may be a piece.
        told = str(caught.value).split("; the covered ones are ")[0]
        assert len(value) < 6 or value not in told
