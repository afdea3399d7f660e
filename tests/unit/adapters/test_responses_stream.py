"""A stream of the Responses API, read and written: its order, its ids and its numbers hold together."""

from typing import Any

import openai
import pytest
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent

from adapters.openai_client import event as made
from adapters.responses_stream import Hearing, Telling
from firewall.core.errors import ServiceUnavailable

ACME = "acme-amber-1"


def delta(finish: str | None = None, usage: Any = None, **fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"role": "assistant", **fields}, "finish_reason": finish}
    return {"model": "m", "choices": [choice], "usage": usage}


def told(*chunks: dict[str, Any]) -> list[dict[str, Any]]:
    telling = Telling("resp_1")
    return [*(each for chunk in chunks for each in telling.events(chunk)), *telling.end()]


CALL = {"id": "call_1", "type": "function", "function": {"name": "read", "arguments": '{"a": 1}'}}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
WHOLE = [
    delta(content="hel"),
    delta(content="lo"),
    delta("tool_calls", USAGE, reasoning_content="hm", refusal="no", tool_calls=[CALL, CALL]),
]


def test_the_numbers_rise_by_one_and_the_whole_response_ends_the_stream() -> None:
    events = told(*WHOLE)
    assert [each["sequence_number"] for each in events] == list(range(len(events)))
    assert [each["type"] for each in events[:3]] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
    ]
    last = events[-1]
    assert last["type"] == "response.completed"
    kinds = [each["type"] for each in last["response"]["output"]]
    assert kinds == ["message", "reasoning", "function_call", "function_call"]
    assert last["response"]["usage"]["total_tokens"] == 3


def test_what_the_events_tell_piece_by_piece_is_what_the_response_holds() -> None:
    events = told(*WHOLE)
    output = events[-1]["response"]["output"]
    assert [each["item"] for each in events if each["type"] == "response.output_item.done"] == output
    added = [each for each in events if each["type"] == "response.output_item.added"]
    assert [(each["output_index"], each["item"]["id"]) for each in added] == [
        (index, item["id"]) for index, item in enumerate(output)
    ]
    for each in events:
        if "item_id" in each:
            assert each["item_id"] == output[each["output_index"]]["id"]
    pieces = [each["delta"] for each in events if each["type"] == "response.output_text.delta"]
    assert "".join(pieces) == output[0]["content"][0]["text"] == "hello"


def test_the_librarys_own_reader_understands_the_events() -> None:
    state: Any = ResponseStreamState(input_tools=[], text_format=openai.omit)
    for each in told(*WHOLE):
        event: ResponseStreamEvent | Any = made(each)
        assert event.type == each["type"]
        state.handle_event(event)


def test_a_refusal_alone_and_nothing_at_all_are_told_too() -> None:
    refused = told(delta("stop", refusal="no"))
    assert refused[-1]["response"]["output"][0]["content"] == [{"type": "refusal", "refusal": "no"}]
    assert [each["output_index"] for each in refused if each["type"].endswith("item.added")] == [0]
    cut = told(delta("length"))
    assert (cut[-1]["type"], cut[-1]["response"]["output"]) == ("response.incomplete", [])


def response(**more: Any) -> dict[str, Any]:
    item = {"type": "message", "content": [{"type": "output_text", "text": "hello"}]}
    call = {"type": "function_call", "call_id": "c", "name": "read", "arguments": "{}"}
    return {"status": "completed", "output": [item, call], "usage": None, **more}


def test_words_are_heard_as_they_come_and_all_else_at_the_end() -> None:
    hearing = Hearing()
    assert hearing.chunk({"type": "response.created", "response": response()}) is None
    assert hearing.chunk({"type": "response.something_new", "text": ACME}) is None
    heard = hearing.chunk({"type": "response.output_text.delta", "delta": "hello"})
    assert heard is not None
    assert heard["choices"][0]["delta"] == {"content": "hello"}
    end = hearing.chunk({"type": "response.completed", "response": response()})
    assert end is not None
    assert end["choices"][0]["delta"]["content"] is None, "heard already"
    assert end["choices"][0]["delta"]["tool_calls"][0]["index"] == 0
    hearing.check()


def test_words_that_never_came_piece_by_piece_are_heard_at_the_end() -> None:
    end = Hearing().chunk({"type": "response.completed", "response": response()})
    assert end is not None
    assert end["choices"][0]["delta"]["content"] == "hello"


@pytest.mark.parametrize("kind", ["error", "response.failed"])
def test_a_broken_stream_is_an_error_without_its_words(kind: str) -> None:
    with pytest.raises(ServiceUnavailable) as caught:
        Hearing().chunk({"type": kind, "message": ACME})
    assert ACME not in str(caught.value)


def test_a_stream_that_ends_too_early_is_an_error() -> None:
    hearing = Hearing()
    hearing.chunk({"type": "response.output_text.delta", "delta": "hel"})
    with pytest.raises(ServiceUnavailable):
        hearing.check()
