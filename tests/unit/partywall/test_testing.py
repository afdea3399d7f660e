"""What owners of bots test with: the fixture, the model without a key, and the two worlds."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import partywall as pw
from firewall.layers.history_reset import HistoryReset
from partywall.handle import TurnHandle
from partywall.testing import Bot, EchoModel, assert_no_leak, memory_wall
from partywall.testing import wall as wall_fixture
from partywall.wall import Wall
from tests.noninterference.mutants import MUTANTS

wall = wall_fixture
PLANTED = ("my order is AB-12345 and the code of the door is 4711-KX", "and my cat is called Mirabelle Quast")
SYSTEM = "You are Otto."


def said(sender: str, text: str = "hello") -> Any:
    return pw.message(text, channel="telegram", realm="r", sender=sender, conversation=sender)


async def never(**_: Any) -> Any:
    raise AssertionError("assert_no_leak never asks the bot's own model")


def shared_list_bot(wall: Wall) -> Callable[[TurnHandle], Awaitable[object]]:
    """The bot as most people write it: one list for everybody."""
    ask = wall.guard_model(never, trusted_system=[SYSTEM])
    memory: list[dict[str, str]] = [{"role": "system", "content": SYSTEM}]

    async def handle(turn: TurnHandle) -> None:
        memory.append({"role": "user", "content": turn.text})
        answer = await ask(model="gpt", messages=memory)
        text = answer["choices"][0]["message"]["content"]
        memory.append({"role": "assistant", "content": text})
        await turn.reply(text)

    return handle


def managed_bot(wall: Wall) -> Callable[[TurnHandle], Awaitable[object]]:
    async def handle(turn: TurnHandle) -> str:
        await turn.remember("last", turn.text)
        await turn.call_tool("append", {"path": "log.txt", "text": turn.text})
        answer = await turn.complete()
        await turn.recall()
        return await turn.reply(answer["choices"][0]["message"]["content"])

    return handle


def streaming_bot(wall: Wall) -> Callable[[TurnHandle], Awaitable[object]]:
    async def handle(turn: TurnHandle) -> str:
        return "".join([chunk["choices"][0]["delta"].get("content") or "" async for chunk in turn.stream()])

    return handle


@pytest.mark.parametrize(
    "bot",
    [
        pytest.param(shared_list_bot, id="one-list-for-everybody"),
        pytest.param(managed_bot, id="managed-with-notes-and-files"),
        pytest.param(streaming_bot, id="streaming"),
    ],
)
async def test_a_guarded_bot_shows_nobody_what_somebody_else_wrote(bot: Bot) -> None:
    await assert_no_leak(bot, planted=PLANTED)


async def test_a_bot_that_speaks_past_the_wall_is_found() -> None:
    def gossip(wall: Wall) -> Callable[[TurnHandle], Awaitable[object]]:
        heard: list[str] = []

        async def handle(turn: TurnHandle) -> str:
            heard.append(turn.text)
            return await turn.reply(" ".join(heard))

        return handle

    with pytest.raises(AssertionError, match="depends on somebody else"):
        await assert_no_leak(gossip, planted=PLANTED)


async def test_a_wall_that_no_longer_drops_history_is_found() -> None:
    mutant = next(each for each in MUTANTS if each.swaps[0][0] is HistoryReset)
    with mutant.applied(), pytest.raises(AssertionError, match="depends on somebody else"):
        await assert_no_leak(shared_list_bot, planted=PLANTED)


async def test_a_bot_that_does_nothing_proves_nothing() -> None:
    def silent(wall: Wall) -> Callable[[TurnHandle], Awaitable[object]]:
        async def handle(turn: TurnHandle) -> None:
            raise ValueError("this bot is broken")

        return handle

    with pytest.raises(AssertionError, match="nothing was compared"):
        await assert_no_leak(silent, planted=PLANTED)


async def test_nothing_planted_proves_nothing() -> None:
    with pytest.raises(AssertionError, match="plant at least one text"):
        await assert_no_leak(managed_bot, planted=())


async def test_the_fixture_draws_the_same_ids_in_every_run(wall: Wall, tmp_path: Path) -> None:
    seen: list[str] = []
    for each in (wall, memory_wall(tmp_path / "other")):
        async with each, each.turn(said("alice")) as turn:
            seen += [turn.session_id, turn.ref]
    assert seen[:2] == seen[2:]


@pytest.mark.wall(profile="observe", model="none", prompts=[SYSTEM], pii={"entities": []})
async def test_the_marker_configures_the_fixture(wall: Wall) -> None:
    assert (wall.config.profile.value, wall.config.prompts) == ("observe", (SYSTEM,))


async def test_the_echo_repeats_what_it_was_told_and_tries_the_tools(wall: Wall) -> None:
    model = EchoModel()
    async with wall, wall.turn(said("alice", "the sky is green")) as turn:
        ask = wall.guard_model(model.__call__)
        tools = [{"type": "function", "function": {"name": "read"}}]
        messages = [{"role": "user", "content": "the sky is green"}]
        tried = (await ask(model="m", messages=messages, tools=tools))["choices"][0]["message"]["tool_calls"]
        assert tried[0]["function"] == {"name": "read", "arguments": '{"path": "green"}'}
        told = (await ask(model="m", messages=messages))["choices"][0]["message"]["content"]
        assert "the sky is green" in told
        assert turn.text == "the sky is green"
    assert [request["messages"] for request in model.requests] == [messages, messages]


async def test_the_echo_streams_what_it_would_have_said(wall: Wall) -> None:
    model = EchoModel()
    async with wall, wall.turn(said("alice", "a word")):
        ask = wall.guard_model(model.__call__)
        messages = [{"role": "user", "content": "a word"}]
        whole = (await ask(model="m", messages=messages))["choices"][0]["message"]["content"]
        chunks = [chunk async for chunk in await ask(model="m", messages=messages, stream=True)]
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks) == whole


DOCUMENT = Path(__file__).parents[3] / "docs" / "testing.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)


async def test_the_documented_test_passes(wall: Wall) -> None:
    names: dict[str, Any] = {}
    exec(EXAMPLES[0], names)  # noqa: S102  our own documentation
    await names["test_my_bot_remembers"](wall)


def test_the_documented_comparison_passes() -> None:
    exec(EXAMPLES[1], {})  # noqa: S102  our own documentation


def test_the_documented_comparison_fails_without_the_wall_between() -> None:
    unguarded = EXAMPLES[1].replace("turn.reply(text)", "turn.reply(str(memory))")
    assert unguarded != EXAMPLES[1]
    with pytest.raises(AssertionError, match="depends on somebody else"):
        exec(unguarded, {})  # noqa: S102  our own documentation
