"""LiteLLM's real code path, with models of our own behind it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from adapters import litellm_model
from adapters.chat_shape import flatten_chunk, flatten_reply
from adapters.litellm_model import LiteLLMModel
from adapters.replies import assemble
from firewall.core.errors import ConfigError, MisuseError, ServiceUnavailable
from tests.fakes.models import Call, Echo, Scripted

ACME, GLOBEX = "acme-session", "globex-session"
SECRET = "acme-ledger-77-quartz"
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "lookup",
            "description": "Look a name up.",
            "parameters": {"type": "object", "properties": {"name": {"type": "string"}}},
        },
    }
]


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    model = Scripted([[Call(name="lookup", arguments={"name": "ada"})], "all done here, thank you"])
    litellm_model.register("fakeprov", model)
    yield model
    litellm_model.unregister("fakeprov")


def request(user: str = ACME, **more: object) -> dict[str, object]:
    said = [{"role": "user", "content": "who is ada?"}]
    return {"model": "fakeprov/one", "messages": said, "user": user, **more}


async def collect(chunks: AsyncIterator[Any]) -> list[Any]:
    return [chunk async for chunk in chunks]


async def test_a_call_with_tools_goes_through_litellm_and_comes_back_in_one_shape(scripted: Scripted) -> None:
    reply: Any = await LiteLLMModel().complete(request(tools=TOOLS))
    assert scripted.requests[0]["tools"] == TOOLS
    call = reply["choices"][0]["message"]["tool_calls"][0]
    assert call["function"] == {"name": "lookup", "arguments": '{"name": "ada"}'}
    assert reply["choices"][0]["finish_reason"] == "tool_calls"
    assert flatten_reply(reply).leaves


async def test_ids_and_cache_counters_of_the_provider_never_reach_the_bot(scripted: Scripted) -> None:
    reply: Any = await LiteLLMModel().complete(request(tools=TOOLS))
    assert "provider" not in str({**reply, "model": ""})
    assert "cached" not in str(reply)
    assert (reply["id"], reply["created"]) == ("", 0)
    assert set(reply["usage"]) == {"prompt_tokens", "completion_tokens", "total_tokens"}


async def test_call_ids_are_drawn_per_session_and_never_twice_in_one_context(scripted: Scripted) -> None:
    model = LiteLLMModel()
    first: Any = await model.complete(request(tools=TOOLS))
    asked = first["choices"][0]["message"]
    litellm_model.register("fakeprov", Scripted([[Call(name="lookup"), Call(name="lookup")]]))
    for kept in ([asked], [{"role": "user", "content": "x"}, asked]):
        again: Any = await model.complete(request(tools=TOOLS) | {"messages": kept})
        ids = [call["id"] for call in again["choices"][0]["message"]["tool_calls"]]
        assert len({asked["tool_calls"][0]["id"], *ids}) == 3
    # A bot that cuts the head off its list must not get an id that the rest of the list still holds.
    second: Any = await model.complete(request(tools=TOOLS) | {"messages": [asked]})
    rest = second["choices"][0]["message"]
    third: Any = await model.complete(
        request(tools=TOOLS) | {"messages": [{**rest, "tool_calls": rest["tool_calls"][:1]}]}
    )
    ids = [call["id"] for call in third["choices"][0]["message"]["tool_calls"]]
    assert rest["tool_calls"][0]["id"] not in ids
    other: Any = await model.complete(request(GLOBEX, tools=TOOLS))
    assert other["choices"][0]["message"]["tool_calls"][0]["id"] != asked["tool_calls"][0]["id"]


@pytest.mark.parametrize("tools", [None, TOOLS], ids=["text", "tool-calls"])
async def test_a_stream_assembles_to_what_a_whole_call_gives(tools: object) -> None:
    steps = [
        [Call(name="lookup", arguments={"name": "ada"}), Call(name="lookup")]
        if tools
        else "hello from a stream"
    ]
    more: dict[str, Any] = {"tools": tools} if tools else {}
    litellm_model.register("fakeprov", Scripted(steps))
    try:
        whole: Any = await LiteLLMModel().complete(request(**more))
        chunks = await collect(LiteLLMModel().stream(request(**more)))
    finally:
        litellm_model.unregister("fakeprov")
    assert len(chunks) > 2
    assert "provider" not in str(chunks).replace("fakeprov", "")
    assert all(flatten_chunk(chunk) is not None for chunk in chunks)
    joined: Any = assemble(chunks)
    ours = joined["choices"][0]
    assert (ours["message"], ours["finish_reason"]) == (
        whole["choices"][0]["message"],
        whole["choices"][0]["finish_reason"],
    )


async def test_a_stream_that_is_left_early_closes_the_provider(scripted: Scripted) -> None:
    closed: list[bool] = []

    class Endless(Scripted):
        async def astreaming(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            try:
                async for one in super().astreaming(*args, **kwargs):
                    yield one
            finally:
                closed.append(True)

    litellm_model.register("fakeprov", Endless(["a long story " * 50]))
    stream: Any = LiteLLMModel().stream(request())
    await anext(stream)
    await stream.aclose()
    assert closed == [True]


@pytest.mark.parametrize(
    "name",
    [
        "cache",
        "callbacks",
        "success_callback",
        "failure_callback",
        "_async_success_callback",
        "post_call_rules",
    ],
)
async def test_a_process_wide_cache_or_callback_is_refused_before_the_model_is_asked(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(f"litellm.{name}", [print])
    with pytest.raises(ConfigError, match=name):
        await LiteLLMModel().complete(request())
    assert scripted.requests == []


@pytest.mark.parametrize("field", ["cache", "mock_response", "success_callback", "extra_body", "fallbacks"])
async def test_a_call_cannot_bring_a_cache_a_callback_or_a_body_of_its_own(
    scripted: Scripted, field: str
) -> None:
    with pytest.raises(MisuseError, match=field):
        await LiteLLMModel().complete(request(**{field: SECRET}))
    assert scripted.requests == []


async def test_the_error_of_a_provider_says_its_class_and_nothing_that_was_said(
    scripted: Scripted, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> str:
        raise ValueError(f"could not answer {SECRET}")

    litellm_model.register("fakeprov", Scripted([fail]))
    with caplog.at_level(logging.DEBUG), pytest.raises(ServiceUnavailable) as caught:
        await LiteLLMModel().complete(request())
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert SECRET not in caplog.text
    assert SECRET not in "".join(capsys.readouterr())


async def test_prompts_and_answers_never_reach_litellms_loggers(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    litellm_model.register("fakeprov", Echo())
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "LiteLLM"):
        await LiteLLMModel().complete(request() | {"messages": [{"role": "user", "content": SECRET}]})
        logging.getLogger("LiteLLM").error("it said %s", SECRET)
    litellm_model.unregister("fakeprov")
    assert SECRET not in caplog.text
    assert "litellm warned at" in caplog.text
    assert SECRET not in "".join(capsys.readouterr())


async def test_a_model_that_never_answers_is_unavailable_in_time(scripted: Scripted) -> None:
    class Silent(Scripted):
        async def acompletion(self, *args: Any, **kwargs: Any) -> Any:
            await asyncio.Event().wait()

    litellm_model.register("fakeprov", Silent([""]))
    with pytest.raises(ServiceUnavailable):
        await LiteLLMModel(timeout_s=0.01).complete(request())


async def test_cancelling_the_caller_passes_through(scripted: Scripted) -> None:
    started = asyncio.Event()

    class Silent(Scripted):
        async def acompletion(self, *args: Any, **kwargs: Any) -> Any:
            started.set()
            await asyncio.Event().wait()

    litellm_model.register("fakeprov", Silent([""]))
    task = asyncio.ensure_future(LiteLLMModel().complete(request()))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_provider_that_litellm_knows_is_not_replaced() -> None:
    with pytest.raises(MisuseError, match="openai"):
        litellm_model.register("openai", Echo())


async def test_an_unknown_provider_is_unavailable_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ServiceUnavailable):
        await LiteLLMModel().complete(request() | {"model": "nobody/knows"})
    assert capsys.readouterr().out == ""


class Empty:
    def model_dump(self) -> dict[str, Any]:
        return {"choices": [*()]}


async def test_the_sessions_own_values_reach_the_providers_that_know_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[dict[str, Any]] = []

    async def provider(**arguments: Any) -> Any:
        sent.append(arguments)
        return Empty()

    monkeypatch.setattr(litellm_model, "_acompletion", provider)
    own = {"prompt_cache_key": ACME, "cache_salt": GLOBEX, "safety_identifier": ACME}
    for name in ("gpt-4o", "hosted_vllm/one", "fakeprov/one"):
        await LiteLLMModel().complete(request(**own) | {"model": name})
    openai, vllm, fake = sent
    assert (openai["user"], openai["prompt_cache_key"], openai["safety_identifier"]) == (ACME, ACME, ACME)
    assert vllm["extra_body"] == {"cache_salt": GLOBEX}
    assert not {"cache_salt", "extra_body"} & (openai.keys() | fake.keys())
    assert "prompt_cache_key" not in fake


async def test_an_answer_that_is_no_completion_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    async def provider(**arguments: Any) -> Any:
        return SECRET

    monkeypatch.setattr(litellm_model, "_acompletion", provider)
    with pytest.raises(ServiceUnavailable) as caught:
        await LiteLLMModel().complete(request())
    assert SECRET not in str(caught.value)


async def test_our_own_errors_pass_through_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    async def provider(**arguments: Any) -> Any:
        raise MisuseError("ours")

    monkeypatch.setattr(litellm_model, "_acompletion", provider)
    with pytest.raises(MisuseError, match="ours"):
        await LiteLLMModel().complete(request())


@pytest.mark.parametrize("model", ["", None, 3])
async def test_a_request_without_a_model_is_a_misuse(model: object) -> None:
    with pytest.raises(MisuseError, match="names no model"):
        await LiteLLMModel().complete(request() | {"model": model})


async def test_the_fakes_answer_alike_without_litellm() -> None:
    echo = Echo()
    calls = await echo(messages=[{"role": "user", "content": "a b"}], tools=TOOLS)
    assert calls["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "lookup"
    said = await echo(messages=[{"role": "user", "content": SECRET}])
    assert SECRET in said["choices"][0]["message"]["content"]
    chunks = await collect(await echo(messages=[{"role": "user", "content": SECRET}], stream=True))
    assert SECRET in "".join(str(chunk["choices"][0]["delta"].get("content", "")) for chunk in chunks)
