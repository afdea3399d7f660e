"""Where text stands in a chat request, and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from adapters import chat_shape
from adapters.errors import Unreadable
from adapters.flat import REQUEST
from adapters.json_leaves import plain
from adapters.replies import CallIds, normalise_chunk, normalise_reply
from firewall.core.subject import Leaf, leaf

ACME, GLOBEX = "acme-amber-1", "globex-cobalt-2"
EMPTY: dict[str, Any] = {}


def call(name: str, raw: str, call_id: str = "call_1") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": raw}}


def request(*messages: dict[str, Any], **more: object) -> dict[str, object]:
    return {"model": "fake/one", "messages": list(messages), **more}


def user(content: object) -> dict[str, Any]:
    return {"role": "user", "content": content}


def test_leaves_come_in_reading_order_with_the_message_they_belong_to() -> None:
    flat = chat_shape.flatten_request(
        request(
            {"role": "system", "content": "be kind"},
            user(
                [
                    {"type": "text", "text": ACME},
                    {"type": "image_url", "image_url": {"url": "https://x.test/i"}},
                ]
            ),
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [call("read", '{"path": "a", "n": 4111111111111111}')],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": GLOBEX},
        )
    )
    assert [(one.slot, one.text, one.group, one.fixed) for one in flat.leaves] == [
        ("messages.0.content", "be kind", 0, False),
        ("messages.1.content.0.text", ACME, 1, False),
        ("messages.1.content.1.image_url.url", "https://x.test/i", 1, True),
        ("messages.2.tool_calls.0.id", "call_1", 2, True),
        ("messages.2.tool_calls.0.function.name", "read", 2, True),
        ("messages.2.tool_calls.0.function.arguments.0", "path", 2, True),
        ("messages.2.tool_calls.0.function.arguments.1", "a", 2, False),
        ("messages.2.tool_calls.0.function.arguments.2", "n", 2, True),
        ("messages.2.tool_calls.0.function.arguments.3", "4111111111111111", 2, True),
        ("messages.3.tool_call_id", "call_1", 3, True),
        ("messages.3.content", GLOBEX, 3, False),
    ]
    assert flat.system == {0}
    assert flat.exchanges == (frozenset({2, 3}),)
    assert [one.slot for one in flat.leaves if chat_shape.is_program_id(one.slot)] == [
        "messages.2.tool_calls.0.id",
        "messages.3.tool_call_id",
    ]


def test_the_catalogue_belongs_to_the_request_and_cannot_be_dropped() -> None:
    offered = {
        "name": "read",
        "description": "Read a file.",
        "parameters": {"type": "object", "properties": {"path": {"type": "string", "description": "Where."}}},
    }
    payload = request(user("hi"), tools=[{"type": "function", "function": offered}])
    flat = chat_shape.flatten_request(payload)
    catalogue = [(one.text, one.fixed) for one in flat.leaves if one.group == REQUEST]
    assert catalogue == [("read", True), ("Read a file.", False), ("path", True), ("Where.", False)]
    assert flat.tools == ("read",)
    with pytest.raises(ValueError, match="cannot be dropped"):
        chat_shape.rebuild_request(payload, flat, flat.leaves, {REQUEST})


def test_a_reused_call_id_does_not_tie_two_peoples_exchanges_together() -> None:
    said: list[dict[str, Any]] = [
        {"role": "assistant", "tool_calls": [call("read", "{}")]},
        {"role": "tool", "tool_call_id": "call_1", "content": ACME},
        {"role": "assistant", "tool_calls": [call("read", "{}")]},
        {"role": "tool", "tool_call_id": "call_1", "content": GLOBEX},
    ]
    assert chat_shape.flatten_request(request(*said)).exchanges == (frozenset({0, 1}), frozenset({2, 3}))


def test_a_tool_call_and_its_results_stay_or_go_together() -> None:
    payload = request(
        {"role": "assistant", "tool_calls": [call("read", "{}")]},
        {"role": "tool", "tool_call_id": "call_1", "content": ACME},
    )
    flat = chat_shape.flatten_request(payload)
    with pytest.raises(ValueError, match="together"):
        chat_shape.rebuild_request(payload, flat, flat.leaves, {1})
    assert chat_shape.rebuild_request(payload, flat, (), {0, 1})["messages"] == []


def swap(leaves: tuple[Leaf, ...], slot: str, text: str) -> list[Leaf]:
    return [
        leaf(one.slot, text, None, group=one.group, fixed=one.fixed) if one.slot == slot else one
        for one in leaves
    ]


def test_a_fixed_leaf_that_was_altered_is_refused() -> None:
    payload = request(user([{"type": "image_url", "image_url": {"url": "https://x.test"}}]))
    flat = chat_shape.flatten_request(payload)
    with pytest.raises(ValueError, match="fixed"):
        chat_shape.rebuild_request(payload, flat, swap(flat.leaves, flat.leaves[0].slot, "https://y.test"))


Leaves = list[Leaf]
CHANGES: dict[str, tuple[Callable[[Leaves], Leaves], str]] = {
    "a-leaf-is-missing": (lambda leaves: leaves[:-1], "no judged text"),
    "one-too-many": (lambda leaves: [*leaves, leaf("messages.9.content", "x", None)], "no slot"),
    "one-twice": (lambda leaves: [*leaves, leaves[0]], "one slot"),
}


@pytest.mark.parametrize(("change", "words"), CHANGES.values(), ids=CHANGES.keys())
def test_only_the_leaves_of_this_request_go_back(change: Any, words: str) -> None:
    payload = request(user(ACME), user(GLOBEX))
    flat = chat_shape.flatten_request(payload)
    with pytest.raises(ValueError, match=words):
        chat_shape.rebuild_request(payload, flat, change(list(flat.leaves)))


@pytest.mark.parametrize(
    "raw",
    ['{"a": NaN}', '{"a": 1, "a": 2}', "{not json", "", '{"a": "b"'],
    ids=["nan", "doubled-key", "no-json", "empty", "cut"],
)
def test_arguments_that_are_no_strict_json_are_one_raw_leaf(raw: str) -> None:
    flat = chat_shape.flatten_request(request({"role": "assistant", "tool_calls": [call("f", raw)]}))
    assert (flat.leaves[-1].slot, flat.leaves[-1].text) == ("messages.0.tool_calls.0.function.arguments", raw)


def test_an_escape_does_not_hide_a_value_and_a_number_keeps_its_digits_when_a_neighbour_is_cut() -> None:
    raw = '{"mail": "a\\u0040acme.test", "n": 1.10, "big": 12345678901234567890123}'
    payload = request({"role": "assistant", "tool_calls": [call("f", raw)]})
    flat = chat_shape.flatten_request(payload)
    slot = next(one.slot for one in flat.leaves if one.text == "a@acme.test")
    rebuilt: Any = chat_shape.rebuild_request(payload, flat, swap(flat.leaves, slot, "[EMAIL_ADDRESS]"))
    sent = rebuilt["messages"][0]["tool_calls"][0]["function"]["arguments"]
    assert sent == '{"mail": "[EMAIL_ADDRESS]", "n": 1.10, "big": 12345678901234567890123}'


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(request({"role": "wizard", "content": ACME}), id="role"),
        pytest.param(request({"role": "user", "content": ACME, "secret": ACME}), id="message-field"),
        pytest.param(request(user([{"type": "input_audio", "input_audio": {"data": ACME}}])), id="audio"),
        pytest.param(request(user([{"type": "file", "file": {"file_data": ACME}}])), id="file"),
        pytest.param(
            request(user([{"type": "text", "text": "x", "cache_control": {"type": ACME}}])), id="part-field"
        ),
        pytest.param(request(user([{"text": ACME}])), id="part-without-type"),
        pytest.param(request(user(ACME), functions=[{"name": ACME}]), id="functions"),
        pytest.param(request(user(ACME), web_search_options={}), id="server-search"),
        pytest.param(request(user(ACME), tools=[{"type": "mcp", "server_url": ACME}]), id="server-tool"),
        pytest.param(request(user(ACME), extra_body={"a": ACME}), id="extra-body"),
        pytest.param(request(user(ACME), api_key=[ACME]), id="key-is-list"),
        pytest.param(request({"role": "assistant", "tool_calls": ACME}), id="calls-are-text"),
        pytest.param(request(user(ACME), temperature=ACME), id="text-for-a-number"),
        pytest.param(request(user(ACME), tool_choice=ACME), id="tool-choice"),
        pytest.param(request(user(ACME), model=f"model {ACME} with a sentence"), id="model"),
        pytest.param(request({"role": "assistant", "audio": {"id": ACME}}), id="audio-reference"),
        pytest.param(request(user(object())), id="object"),
        pytest.param(request(user(["\ud800" + ACME])), id="list-of-text"),
        pytest.param(request(user("\ud800" + ACME)), id="lone-surrogate"),
        pytest.param({"model": "m", "messages": ACME}, id="messages-are-text"),
        pytest.param({"model": "m", "messages": [ACME]}, id="message-is-text"),
        pytest.param({"model": "m", "messages": [{1: ACME}]}, id="key-is-number"),
        pytest.param(
            request({"role": "assistant", "tool_calls": [call("f", "[" * 10_000)]}), id="deep-arguments"
        ),
        pytest.param(
            request({"role": "assistant", "tool_calls": [call("f", "[" * 90 + "]" * 90)]}), id="nested"
        ),
        pytest.param(request({"role": "assistant", "tool_calls": [call("f", 7)]}), id="arguments-are-number"),  # type: ignore[arg-type] # wrong on purpose
    ],
)
def test_what_is_not_covered_is_refused_without_a_word_of_it(payload: dict[str, object]) -> None:
    with pytest.raises(Unreadable) as caught:
        chat_shape.flatten_request(payload)
    assert ACME not in str(caught.value)
    assert ACME not in repr(caught.value.__dict__)


def test_a_payload_nested_ten_thousand_deep_is_refused() -> None:
    deep: object = "x"
    for _ in range(10_000):
        deep = [deep]
    with pytest.raises(Unreadable, match="too deep"):
        plain(deep)


def test_what_a_bot_says_about_who_asks_can_be_taken_away_first() -> None:
    payload = request(user("hi"), user=ACME, metadata={"who": GLOBEX}, prompt_cache_key=ACME)
    assert chat_shape.without_identity(payload) == request(user("hi"))
    assert {ACME, GLOBEX} <= {one.text for one in chat_shape.flatten_request(payload).leaves}


def test_where_the_provider_is_stays_with_the_transport() -> None:
    payload = request(user("hi"), api_key="k" * 40, api_base="https://models.test/v1", api_version=None)
    flat = chat_shape.flatten_request(payload)
    assert [one.text for one in flat.leaves] == ["hi"]
    assert chat_shape.rebuild_request(payload, flat, flat.leaves) == payload


def test_a_schema_shows_its_numbers_and_is_refused_when_nested_too_deep() -> None:
    shape = {
        "type": "json_schema",
        "json_schema": {"name": "a", "schema": {"type": "object", "maxProperties": 77}},
    }
    texts = [
        one.text for one in chat_shape.flatten_request(request(user("hi"), response_format=shape)).leaves
    ]
    assert "77" in texts
    deep: dict[str, object] = {"description": "x"}
    for _ in range(60):
        deep = {"items": deep}
    with pytest.raises(Unreadable, match="too deep"):
        chat_shape.flatten_request(
            request(user("hi"), response_format={"schema": {"a": {"b": [[[[deep]]]]}}})
        )


def test_settings_choices_and_stops_pass() -> None:
    named = {"type": "function", "function": {"name": "read"}}
    payload = request(
        user("hi"),
        stop=["END"],
        tool_choice=named,
        stream=True,
        stream_options={"include_usage": True},
        n=1,
        tools=None,
    )
    flat = chat_shape.flatten_request(payload)
    assert chat_shape.rebuild_request(payload, flat, flat.leaves) == payload
    assert [one.text for one in flat.leaves if one.group == REQUEST] == ["END", "read"]


IDS = CallIds(owner=ACME, first=0, taken=frozenset())


def test_a_provider_reply_is_normalised_and_comes_back() -> None:
    raw = {
        "id": "chatcmpl-77",
        "created": 1_700_000_000,
        "model": "one-2024-host7",
        "system_fingerprint": "fp_1",
        "choices": [
            {
                "index": 0,
                "finish_reason": "end_turn",
                "logprobs": {"content": [{"token": ACME}]},
                "message": {
                    "role": "assistant",
                    "content": ACME,
                    "reasoning_content": "hm",
                    "annotations": [{"type": "url_citation"}],
                    "tool_calls": [call("read", "{}", "toolu_9")],
                },
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "cached": 9},
    }
    reply = normalise_reply(raw, model="fake/one", ids=IDS)
    flat = chat_shape.flatten_reply(reply)
    assert chat_shape.rebuild_reply(reply, flat, flat.leaves) == reply
    assert {ACME, "hm", "read"} <= {one.text for one in flat.leaves}
    assert not [
        word for word in ("chatcmpl", "host7", "fp_1", "toolu", "cached", "logprobs") if word in str(reply)
    ]


@pytest.mark.parametrize("field", ["audio", "images", "function_call"])
def test_a_reply_with_content_of_another_kind_is_refused(field: str) -> None:
    message = {"role": "assistant", "content": "x", field: {"data": ACME}}
    with pytest.raises(Unreadable):
        normalise_reply({"choices": [{"message": message}]}, model="m", ids=IDS)
    with pytest.raises(Unreadable):
        normalise_chunk({"choices": [{"delta": message}]}, model="m", ids=IDS)


@pytest.mark.parametrize(
    "choice",
    [
        pytest.param({"index": 1, "delta": {"content": ACME}}, id="second-choice"),
        pytest.param({"delta": {"content": 7}}, id="content-is-number"),
        pytest.param({"delta": {"tool_calls": [{"index": "0", "function": EMPTY}]}}, id="index-is-text"),
        pytest.param(
            {"delta": {"tool_calls": [{"type": "custom", "custom": {"input": ACME}}]}}, id="custom-tool"
        ),
        pytest.param(
            {"delta": {"tool_calls": [{"function": {"arguments": EMPTY}}]}}, id="arguments-are-object"
        ),
    ],
)
def test_a_chunk_of_another_form_is_refused(choice: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        normalise_chunk({"choices": [choice]}, model="m", ids=IDS)


def test_a_chunk_comes_back_and_its_pieces_of_arguments_are_fixed() -> None:
    piece = {"index": 0, "id": "toolu_1", "function": {"name": "read", "arguments": '{"pa'}}
    raw = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ACME, "tool_calls": [piece]}}]}
    chunk = normalise_chunk(raw, model="m", ids=IDS)
    flat = chat_shape.flatten_chunk(chunk)
    assert chat_shape.rebuild_chunk(chunk, flat, flat.leaves) == chunk
    assert [one.fixed for one in flat.leaves if one.text == '{"pa'] == [True]


def test_an_ended_stream_says_how_it_ended_and_never_in_words_of_its_own() -> None:
    raw: dict[str, Any] = {
        "choices": [{"index": 0, "delta": {}, "finish_reason": ACME}],
        "usage": {"prompt_tokens": 1},
    }
    chunk: Any = normalise_chunk(raw, model="m", ids=IDS)
    assert chunk["choices"][0]["finish_reason"] == "stop"
    assert chunk["usage"] == {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 0}


@pytest.mark.parametrize("kept", [True, 1, "yes", [True]])
def test_no_reply_is_kept_at_the_provider(kept: object) -> None:
    request = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    with pytest.raises(Unreadable, match="store: nothing is kept"):
        chat_shape.flatten_request({**request, "store": kept})
    plain_one = chat_shape.flatten_request(request)
    assert chat_shape.flatten_request({**request, "store": False}).leaves == plain_one.leaves
