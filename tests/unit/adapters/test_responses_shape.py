"""The Responses API told as chat completions and back: what is copied, what is refused, what is dropped."""

from typing import Any

import pytest

from adapters.errors import Unreadable
from adapters.responses_reply import read_reply, write_reply
from adapters.responses_shape import UNKNOWN, Told, read_request, write_request
from firewall.core.errors import NotGuarded, ServiceUnavailable

ACME, GLOBEX = "acme-amber-1", "globex-cobalt-2"
EMPTY: list[Any] = []
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "read", "arguments": '{"a": "b"}'}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": ACME}


def read(**more: Any) -> Told:
    return read_request({"model": "m", "input": "hi", **more})


def written(told: Told, **judged: Any) -> dict[str, Any]:
    chat = {**told.chat, "messages": [*told.head, *told.new], "user": "session"}
    return write_request(told, {**chat, **judged})


def messages(*items: Any) -> list[Any]:
    return list(read(input=list(items)).new)


def test_a_text_is_one_message_of_the_user() -> None:
    told = read(input=ACME, instructions="be kind")
    assert told.head == ({"role": "system", "content": "be kind"},)
    assert told.new == ({"role": "user", "content": ACME},)
    asked = written(told)
    assert (asked["instructions"], asked["input"]) == ("be kind", [{"role": "user", "content": ACME}])


def test_calls_and_their_outputs_come_back_without_the_providers_ids() -> None:
    told = read(input=[{"role": "user", "content": ACME}, CALL, {**CALL, "call_id": "c2"}, OUTPUT])
    assert [each["role"] for each in told.new] == ["user", "assistant", "tool"]
    call = {"type": "function_call", "call_id": "c1", "name": "read", "arguments": '{"a": "b"}'}
    assert written(told)["input"] == [
        {"role": "user", "content": ACME},
        call,
        {**call, "call_id": "c2"},
        {"type": "function_call_output", "call_id": "c1", "output": ACME},
    ]


def test_words_that_stand_in_parts_are_one_text_and_what_is_no_text_is_unknown() -> None:
    parts = [{"type": "input_text", "text": "a"}, {"type": "refusal", "refusal": "b"}]
    found = messages(
        {"role": "user", "content": parts},
        {"type": "function_call_output", "call_id": "c", "output": parts},
        {"role": "user", "content": [{"type": "input_image", "image_url": "https://x.test"}]},
        {"role": "user", "content": 7},
        {"type": "message", "role": "user"},
        {"type": "item_reference", "id": "msg_1"},
        {"type": "web_search_call", "id": "ws_1"},
        {"type": EMPTY},
        "words",
    )
    assert found[:2] == [
        {"role": "user", "content": "ab"},
        {"role": "tool", "tool_call_id": "c", "content": "ab"},
    ]
    assert found[2:] == [UNKNOWN] * 7


def test_a_thought_is_not_sent_again() -> None:
    assert messages({"type": "reasoning", "summary": [{"type": "summary_text", "text": ACME}]}) == []


def test_the_words_of_a_reply_are_sent_once_though_its_calls_hold_them_too() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "read", "arguments": "{}"}}
    told = [
        {"role": "assistant", "content": ACME},
        {"role": "assistant", "content": ACME, "tool_calls": [call]},
    ]
    items = written(read(), messages=told)["input"]
    assert [each.get("content") for each in items] == [ACME, None]


def test_nothing_is_left_behind_at_the_provider_and_the_wall_says_who_asks() -> None:
    told = read(user=GLOBEX, metadata={"a": GLOBEX}, store=False, prompt_cache_key=GLOBEX, include=EMPTY)
    asked = written(told)
    assert (asked["store"], asked["user"]) == (False, "session")
    assert GLOBEX not in str(asked)
    assert "previous_response_id" not in written(read(previous_response_id="resp_1"))


def test_settings_and_tools_are_told_and_come_back() -> None:
    settings: dict[str, Any] = {
        "temperature": 0.5,
        "max_output_tokens": 9,
        "reasoning": {"effort": "low", "summary": "auto"},
        "truncation": "auto",
    }
    told = read(
        **settings,
        tools=[{"type": "function", "name": "read", "description": ACME}],
        tool_choice={"type": "function", "name": "read"},
        text={"verbosity": "low", "format": {"type": "json_schema", "name": "n", "schema": {}}},
        stream=True,
    )
    assert told.chat["tools"] == [{"type": "function", "function": {"name": "read"}}]
    entry: dict[str, Any] = {"name": "read", "description": "Read.", "parameters": {}}
    asked = written(told, tools=[{"type": "function", "function": entry}])
    assert settings.items() <= asked.items()
    assert asked["tools"] == [{"type": "function", "strict": False, **entry}]
    assert asked["tool_choice"] == {"type": "function", "name": "read"}
    form: dict[str, Any] = {"type": "json_schema", "name": "n", "schema": {}}
    assert asked["text"] == {"verbosity": "low", "format": form}
    assert asked["stream"] is True
    assert written(read(tool_choice="none"))["tool_choice"] == "none"
    assert "text" not in written(read(text={"format": {"type": "text"}}))


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"store": True}, id="store"),
        pytest.param({"conversation": "conv_1"}, id="conversation"),
        pytest.param({"prompt": {"id": "p"}}, id="stored-prompt"),
        pytest.param({"background": True}, id="background"),
        pytest.param({"context_management": [{"type": "compaction"}]}, id="compaction"),
        pytest.param({"include": ["file_search_call.results"]}, id="include"),
        *(
            pytest.param({"tools": [{"type": kind}]}, id=kind)
            for kind in ("web_search", "file_search", "code_interpreter", "computer_use_preview", "mcp")
        ),
        pytest.param({"tools": [{"type": "shell", "environment": {"type": "container_auto"}}]}, id="shell"),
        pytest.param({"tool_choice": {"type": "mcp", "server_label": "x"}}, id="choice"),
    ],
)
def test_what_runs_or_is_kept_at_the_provider_is_refused_with_a_remedy(more: dict[str, Any]) -> None:
    with pytest.raises(NotGuarded, match=r"leave it out|pass its|ask and wait|declare a function"):
        read(**more)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"unheard_of": ACME}, id="field"),
        pytest.param({"previous_response_id": 7}, id="id-is-number"),
        pytest.param({"instructions": [ACME]}, id="instructions-are-items"),
        pytest.param({"input": {"role": "user"}}, id="input-is-object"),
        pytest.param({"temperature": ACME}, id="setting-is-text"),
        pytest.param({"reasoning": {"effort": ACME}}, id="unknown-word"),
        pytest.param({"text": {"stowaway": ACME}}, id="text-field"),
    ],
)
def test_what_is_not_covered_is_refused_in_words_that_hold_nothing_of_it(more: dict[str, Any]) -> None:
    with pytest.raises(Unreadable) as caught:
        read(**more)
    assert ACME not in str(caught.value)


RESPONSE: dict[str, Any] = {
    "id": "resp_theirs",
    "model": "host-7",
    "status": "completed",
    "instructions": GLOBEX,
    "output": [
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
        {
            "type": "message",
            "content": [
                {"type": "output_text", "text": ACME, "annotations": [{"a": GLOBEX}]},
                {"type": "refusal", "refusal": "no"},
            ],
        },
        CALL,
    ],
    "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3, "input_tokens_details": {"x": 9}},
}


def test_a_response_is_made_anew_from_what_was_judged() -> None:
    reply = read_reply(RESPONSE)
    message = reply["choices"][0]["message"]
    assert (message["content"], message["refusal"], message["reasoning_content"]) == (ACME, "no", "hm")
    assert message["tool_calls"][0]["function"] == {"name": "read", "arguments": '{"a": "b"}'}
    message["tool_calls"][0]["id"] = "call_ours"
    made = write_reply({**reply, "model": "m"}, "resp_ours")
    assert [each["type"] for each in made["output"]] == ["message", "reasoning", "function_call"]
    assert [each["id"] for each in made["output"]] == ["msg_ours", "rs_ours", "fc_ours_0"]
    assert made["output"][2]["call_id"] == "call_ours"
    assert (made["id"], made["model"], made["status"]) == ("resp_ours", "m", "completed")
    assert made["usage"]["input_tokens_details"]["cached_tokens"] == 0
    assert not any(theirs in str(made) for theirs in ("theirs", "host-7", GLOBEX, "rs_1", "fc_1"))


@pytest.mark.parametrize(
    ("reason", "finish"), [("max_output_tokens", "length"), ("content_filter", "content_filter")]
)
def test_an_incomplete_response_stays_incomplete(reason: str, finish: str) -> None:
    reply = read_reply({"status": "incomplete", "incomplete_details": {"reason": reason}, "output": EMPTY})
    assert reply["choices"][0]["finish_reason"] == finish
    made = write_reply({**reply, "model": "m"}, "resp_1")
    assert (made["status"], made["incomplete_details"], made["usage"]) == (
        "incomplete",
        {"reason": reason},
        None,
    )


@pytest.mark.parametrize(
    "broken", [{"status": "failed"}, {"status": "queued"}, {"error": {"message": ACME}}], ids=str
)
def test_a_response_that_did_not_come_is_an_error_without_its_words(broken: dict[str, Any]) -> None:
    with pytest.raises(ServiceUnavailable) as caught:
        read_reply({**RESPONSE, **broken})
    assert ACME not in str(caught.value)


@pytest.mark.parametrize(
    "item",
    [
        pytest.param({"type": "web_search_call", "id": "ws"}, id="ran-there"),
        pytest.param({"type": "message", "content": [{"type": "output_audio", "data": "x"}]}, id="audio"),
        pytest.param({"type": "message", "content": [{"type": "output_text", "text": 7}]}, id="number"),
    ],
)
def test_a_response_with_something_that_is_not_covered_is_refused(item: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        read_reply({"output": [item]})
