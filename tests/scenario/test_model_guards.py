"""Two tenants and one bot that keeps one list for everybody, through each kind of model that is guarded.

The clients are the libraries' own, unmodified; the provider is a server on loopback that repeats every word
it is sent. Without the guard the list leaks; with it the second tenant's model never hears of the first.
"""

import asyncio
import importlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import openai
import pytest
from openai.types.responses import Response, ResponseCompletedEvent

import partywall as pw
from adapters import litellm_model
from firewall.core.ids import Ref
from firewall.core.message import Message
from partywall.config import load
from partywall.fixed import FixedClock, FixedIds
from partywall.wall import Wall
from tests.fakes.openai_server import Provider, provider

SYSTEM = "You are Otto."
SECRET = "kelp-47-lantern"
ACME_SAYS, GLOBEX_SAYS = f"My locker code is {SECRET}.", "Whose code do you know?"
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])

# Given a model and the one list, answers as a bot does: with the text the model gave.
Bot = Callable[[list[Any], bool], Awaitable[str]]


@pytest.fixture
def server() -> Iterator[Provider]:
    with provider() as one:
        yield one


@pytest.fixture
async def wall(tmp_path: Path) -> AsyncIterator[Wall]:
    settings: dict[str, object] = {"profile": "light", "store": {"path": ":memory:"}, "prompts": [SYSTEM]}
    async with pw.open({**settings, "files": {"path": str(tmp_path / "files")}}) as opened:
        yield opened


@pytest.fixture
def waiting(server: Provider) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(**server.options) as client:
        yield client


@pytest.fixture
async def client(server: Provider) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(**server.options) as one:
        yield one


def acme(text: str = ACME_SAYS) -> Message:
    return pw.message(text, channel="slack", realm="ACME", sender="ann", conversation="D1")


def globex(text: str = GLOBEX_SAYS) -> Message:
    return pw.message(text, channel="telegram", realm="GLOBEX", sender="bob", conversation="bob")


def said(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def chat_text(answer: Any, stream: bool) -> str:
    if not stream:
        return str(answer.choices[0].message.content)
    return "".join(each.choices[0].delta.content or "" for each in answer if each.choices)


def response_text(answer: Any, stream: bool) -> str:
    if not stream:
        return str(answer.output_text)
    return "".join(each.delta for each in answer if each.type == "response.output_text.delta")


async def dropped(wall: Wall, ref: str) -> list[int]:
    """Give how many foreign messages each model call of a turn lost, where it lost any."""
    runtime = await wall.runtime()
    rows = await runtime.vault.records.why(Ref(ref))
    return [each.record.count for each in rows if each.record.layer == "history_reset"]


async def whole(answer: Any, stream: bool) -> Any:
    if not stream:
        return answer
    chunks: list[Any] = [each async for each in answer]
    return chunks


def chat_of(asked: Any) -> Bot:
    async def bot(shared: list[Any], stream: bool) -> str:
        messages = [{"role": "system", "content": SYSTEM}, *shared]
        answer = await asked.chat.completions.create(model="m", messages=messages, stream=stream)
        return chat_text(await whole(answer, stream), stream)

    return bot


def responses_of(asked: Any) -> Bot:
    async def bot(shared: list[Any], stream: bool) -> str:
        answer = await asked.responses.create(model="m", instructions=SYSTEM, input=shared, stream=stream)
        return response_text(await whole(answer, stream), stream)

    return bot


def waiting_chat_of(asked: Any) -> Bot:
    def answer(shared: list[Any], stream: bool) -> str:
        messages = [{"role": "system", "content": SYSTEM}, *shared]
        return chat_text(asked.chat.completions.create(model="m", messages=messages, stream=stream), stream)

    return lambda shared, stream: asyncio.to_thread(answer, shared, stream)


def waiting_responses_of(asked: Any) -> Bot:
    def answer(shared: list[Any], stream: bool) -> str:
        given = asked.responses.create(model="m", instructions=SYSTEM, input=shared, stream=stream)
        return response_text(given, stream)

    return lambda shared, stream: asyncio.to_thread(answer, shared, stream)


def function_of(complete: Any) -> Bot:
    def answer(shared: list[Any], stream: bool) -> str:
        messages = [{"role": "system", "content": SYSTEM}, *shared]
        return chat_text(complete(model="m", messages=messages, stream=stream), stream)

    return lambda shared, stream: asyncio.to_thread(answer, shared, stream)


def raw_of(asked: Any) -> Bot:
    def answer(shared: list[Any], stream: bool) -> str:
        messages = [{"role": "system", "content": SYSTEM}, *shared]
        raw = asked.chat.completions.with_raw_response
        return chat_text(raw.create(model="m", messages=messages, stream=stream).parse(), stream)

    return lambda shared, stream: asyncio.to_thread(answer, shared, stream)


KINDS: dict[str, tuple[str, Callable[[Any], Bot]]] = {
    "async-chat": ("client", chat_of),
    "async-responses": ("client", responses_of),
    "sync-chat": ("waiting", waiting_chat_of),
    "sync-responses": ("waiting", waiting_responses_of),
    "sync-function": ("function", function_of),
    "sync-raw": ("waiting", raw_of),
}


async def play(wall: Wall, bot: Bot, stream: bool) -> list[str]:
    """Let both tenants talk to a bot with one list, twice each; give the answers."""
    shared: list[Any] = []
    answers: list[str] = []
    for message in (acme(), globex(), acme("And again?"), globex("Anything new?")):
        async with wall.turn(message):
            shared.append(said(message.text))
            answers.append(await bot(shared, stream))
            shared.append({"role": "assistant", "content": answers[-1]})
    return answers


@STREAMED
@pytest.mark.parametrize(("target", "made"), KINDS.values(), ids=KINDS.keys())
async def test_one_list_for_everybody_leaks_without_the_guard_and_does_not_with_it(
    wall: Wall,
    server: Provider,
    client: openai.AsyncOpenAI,
    waiting: openai.OpenAI,
    target: str,
    made: Callable[[Any], Bot],
    stream: bool,
) -> None:
    create: Any = waiting.chat.completions.create

    def function(**request: Any) -> Any:
        return create(**request)

    model: Any = {"client": client, "waiting": waiting, "function": function}[target]
    bare = await play(wall, made(model), stream)
    assert [SECRET in each for each in bare] == [True, True, True, True]
    heard = len(server.requests)
    first, second, again, last = await play(wall, made(wall.guard_model(model)), stream)
    assert SECRET in first
    assert SECRET in again, "the returning sender has the own history back"
    assert SECRET not in second + last
    assert SYSTEM in second
    sent = [json.dumps(body) for body in server.bodies[heard:]]
    assert [SECRET in each for each in sent] == [True, False, True, False]
    assert "And again?" not in last


def looks_up(body: Any) -> Any:
    """Call a tool first, then repeat what it gave."""
    told = [each for each in body["input"] if each.get("type") == "function_call_output"]
    return json.dumps(told) if told else [("lookup", {"text": "rain"})]


@pytest.fixture
def lookup(wall: Wall) -> Callable[..., Any]:
    @wall.tool(reads="public")
    async def lookup(text: pw.Text) -> str:
        """Look something up."""
        return f"about {text}"

    return lookup


OFFER: list[Any] = [{"type": "function", "name": "lookup", "parameters": {}}]


@STREAMED
async def test_a_tool_loop_goes_on_by_the_id_of_a_reply_that_the_wall_gave(
    wall: Wall, server: Provider, client: openai.AsyncOpenAI, lookup: Callable[..., Any], stream: bool
) -> None:
    server.answer = looks_up
    guarded: Any = wall.guard_model(client)

    async def ask(**request: Any) -> Any:
        answer = await guarded.responses.create(model="m", tools=OFFER, stream=stream, **request)
        return [each async for each in answer][-1].response if stream else answer

    async with wall.turn(acme("How is the weather?")):
        first = await ask(instructions=SYSTEM, input="How is the weather?")
        (call,) = first.output
        output = await lookup(**json.loads(call.arguments))
        again = {"type": "function_call_output", "call_id": call.call_id, "output": output}
        second = await ask(previous_response_id=first.id, input=[again])
    assert "about rain" in second.output_text
    asked = server.bodies[1]
    assert [each.get("type") or each["role"] for each in asked["input"]] == [
        "user",
        "function_call",
        "function_call_output",
    ]
    assert (asked["store"], "previous_response_id" in asked) == (False, False)
    assert "theirs" not in first.model_dump_json() + second.model_dump_json()
    assert first.model_dump()["usage"]["input_tokens_details"]["cached_tokens"] == 0


async def test_one_last_id_for_everybody_carries_nothing_over_and_stops_nobody(
    wall: Wall, server: Provider, client: openai.AsyncOpenAI
) -> None:
    guarded, last = wall.guard_model(client), None
    answers: list[str] = []
    refs: list[str] = []
    for message in (acme(), globex(), acme("And again?")):
        async with wall.turn(message) as turn:
            reply: Any = await guarded.responses.create(
                model="m", input=message.text, previous_response_id=last
            )
        answers.append(reply.output_text)
        refs.append(turn.ref)
        last = reply.id
    assert [SECRET in each for each in answers] == [True, False, True]
    counts = [await dropped(wall, ref) for ref in refs]
    assert counts == [[], [1], [1]], "an id of another session is dropped and on record"


async def test_an_id_of_ones_own_is_known_again_and_a_forged_one_is_not(
    wall: Wall, client: openai.AsyncOpenAI
) -> None:
    guarded: Any = wall.guard_model(client)
    async with wall.turn(acme()):
        own = (await guarded.responses.create(model="m", input=ACME_SAYS)).id
    forged = own[:-1] + ("0" if own[-1] != "0" else "1")
    for name, count in ((own, []), (forged, [1]), ("resp_é", [1]), ("", [1])):
        async with wall.turn(acme("And again?")) as turn:
            await guarded.responses.create(model="m", input="And again?", previous_response_id=name)
        assert await dropped(wall, turn.ref) == count


async def test_an_id_alone_opens_nothing(wall: Wall, server: Provider, client: openai.AsyncOpenAI) -> None:
    guarded: Any = wall.guard_model(client)
    async with wall.turn(acme()):
        foreign = (await guarded.responses.create(model="m", input=ACME_SAYS)).id
    async with wall.turn(globex()):
        with pytest.raises(pw.Denied) as denied:
            await guarded.responses.create(model="m", input=[], previous_response_id=foreign)
    assert denied.value.reason == "turn_mismatch"
    assert len(server.requests) == 1


@STREAMED
async def test_the_ids_a_bot_sees_tell_nothing_of_other_sessions(
    tmp_path: Path, client: openai.AsyncOpenAI, stream: bool
) -> None:
    async def observed(others: bool) -> list[Any]:
        base: dict[str, object] = {"profile": "light", "store": {"path": ":memory:"}}
        config = load({**base, "files": {"path": str(tmp_path / f"files-{others}")}})
        async with Wall(config, clock=FixedClock(), ids=FixedIds, master_key=bytes(32)) as wall:
            guarded: Any = wall.guard_model(client)
            seen: list[Any] = []
            last = None
            for message in (acme(), globex(), acme(), globex("Anything new?")):
                if message.sender.realm == "GLOBEX" or others:
                    async with wall.turn(message):
                        reply = await guarded.responses.create(
                            model="m", input=message.text, previous_response_id=last, stream=stream
                        )
                        events = [each async for each in reply] if stream else [reply]
                    last = (events[-1].response if stream else reply).id
                    if message.sender.realm == "GLOBEX":
                        seen += [each.model_dump() for each in events]
            return seen

    assert await observed(True) == await observed(False)


@STREAMED
async def test_a_synchronous_client_on_the_loop_is_a_misuse_before_anything_is_sent(
    wall: Wall, server: Provider, waiting: openai.OpenAI, stream: bool
) -> None:
    guarded: Any = wall.guard_model(waiting)
    complete: Any = wall.guard_model(waiting.chat.completions.create)
    async with wall.turn(acme()):
        for create in (guarded.chat.completions.create, guarded.responses.create, complete):
            with pytest.raises(pw.MisuseError, match="to_thread"):
                create(model="m", messages=[said(ACME_SAYS)], stream=stream)
    assert server.requests == []


async def test_a_thread_without_the_turn_is_told_so(wall: Wall, waiting: openai.OpenAI) -> None:
    guarded: Any = wall.guard_model(waiting)
    loop = asyncio.get_running_loop()
    async with wall.turn(acme()):
        with pytest.raises(pw.NoTurn):
            # Unlike asyncio.to_thread, it copies no context.
            await loop.run_in_executor(None, lambda: guarded.responses.create(model="m", input=ACME_SAYS))


async def test_two_tenants_in_threads_at_once_stay_apart(wall: Wall, waiting: openai.OpenAI) -> None:
    guarded: Any = wall.guard_model(waiting)
    shared: list[Any] = [said(ACME_SAYS), said(GLOBEX_SAYS)]

    def answer(stream: bool) -> str:
        return response_text(guarded.responses.create(model="m", input=shared, stream=stream), stream)

    async def told(message: Message, stream: bool) -> str:
        async with wall.turn(message):
            return await asyncio.to_thread(answer, stream)

    for _ in range(5):
        first, second = await asyncio.gather(told(acme(), True), told(globex(), False))
        assert SECRET in first
        assert SECRET not in second


async def test_a_synchronous_tool_may_ask_a_synchronous_model(wall: Wall, waiting: openai.OpenAI) -> None:
    guarded: Any = wall.guard_model(waiting, history=0)

    @wall.tool(reads="own")
    def summary(text: pw.Text) -> str:
        """Sum up."""
        return str(guarded.responses.create(model="m", input=text).output_text)

    async with wall.turn(globex()) as turn:
        assert GLOBEX_SAYS in await turn.call_tool("summary", {"text": GLOBEX_SAYS})
        assert GLOBEX_SAYS in await asyncio.to_thread(lambda: summary(text=GLOBEX_SAYS))


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_stream_that_is_left_early_lets_the_provider_go(
    wall: Wall, client: openai.AsyncOpenAI, waiting: openai.OpenAI, kind: str
) -> None:
    def left(guarded: Any) -> int:
        with guarded.responses.create(model="m", input=ACME_SAYS, stream=True) as stream:
            return int(next(iter(stream)).sequence_number)

    async with wall.turn(acme()) as turn:
        if kind == "sync":
            assert await asyncio.to_thread(left, wall.guard_model(waiting)) == 0
        else:
            asked: Any = wall.guard_model(client)
            async with await asked.responses.create(model="m", input=ACME_SAYS, stream=True) as stream:
                assert (await anext(stream)).sequence_number == 0
        assert turn.opened.under_way == 0


async def test_a_providers_error_reaches_the_bot_as_its_library_raises_it(
    wall: Wall, server: Provider, waiting: openai.OpenAI
) -> None:
    server.status = 500
    guarded: Any = wall.guard_model(waiting)
    async with wall.turn(acme()):
        with pytest.raises(openai.InternalServerError):
            await asyncio.to_thread(lambda: guarded.responses.create(model="m", input=ACME_SAYS))


async def test_a_synchronous_function_that_gives_something_to_await_is_refused(wall: Wall) -> None:
    async def answer() -> None:
        return

    def complete(**request: Any) -> Any:
        return answer()

    guarded: Any = wall.guard_model(complete)
    async with wall.turn(acme()):
        with pytest.raises(pw.UnsupportedModel, match="to await"):
            await asyncio.to_thread(lambda: guarded(model="m", messages=[said(ACME_SAYS)]))


async def test_the_answer_is_of_the_librarys_own_type(wall: Wall, client: openai.AsyncOpenAI) -> None:
    guarded: Any = wall.guard_model(client)
    async with wall.turn(acme()):
        reply = await guarded.responses.create(model="m", input=ACME_SAYS)
        assert type(reply) is Response
        stream: Any = await guarded.responses.create(model="m", input=ACME_SAYS, stream=True)
        assert isinstance(stream, openai.AsyncStream)
        events: list[Any] = [each async for each in cast("AsyncIterator[Any]", stream)]
    assert isinstance(events[-1], ResponseCompletedEvent)
    assert [each.sequence_number for each in events] == list(range(len(events)))


# Long enough, some of it is decided, and shown, before the stream ends; short, all of it only then.
@pytest.mark.parametrize("more", ["", "Nothing else of note was said. " * 30], ids=["at-the-end", "before"])
async def test_words_that_are_somebody_elses_are_cut_before_they_are_streamed(
    wall: Wall, server: Provider, client: openai.AsyncOpenAI, more: str
) -> None:
    words = "the blue heron nests behind the third lantern near the quay every single spring"
    async with wall.turn(acme(words)):
        pass

    def tells(body: Any) -> str:
        return f"They say {words}. {more}"

    server.answer = tells
    guarded: Any = wall.guard_model(client)
    async with wall.turn(globex()):
        events = [
            each async for each in await guarded.responses.create(model="m", input=GLOBEX_SAYS, stream=True)
        ]
    told = "".join(each.delta for each in events if each.type == "response.output_text.delta")
    assert "heron" not in told
    assert told == events[-1].response.output_text


@STREAMED
async def test_litellms_synchronous_function_is_guarded(wall: Wall, server: Provider, stream: bool) -> None:
    # Loaded before by our adapter, which keeps it off the network.
    litellm_model.quieten()
    complete: Any = wall.guard_model(importlib.import_module("litellm").completion)

    def answer(shared: list[Any]) -> str:
        reached = {"base_url": server.options["base_url"], "api_key": "k"}
        return chat_text(complete(model="openai/m", messages=shared, stream=stream, **reached), stream)

    shared: list[Any] = []
    answers: list[str] = []
    for message in (acme(), globex()):
        async with wall.turn(message):
            shared.append(said(message.text))
            answers.append(await asyncio.to_thread(answer, shared))
    assert [SECRET in each for each in answers] == [True, False]
