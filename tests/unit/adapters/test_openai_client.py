"""The real client and a server on loopback: what is guarded goes through the interceptor, or nowhere."""

import asyncio
import copy
import json
import pickle
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, cast

import openai
import pytest

from adapters.openai_client import GuardedAsyncStream, GuardedStream, guard_client
from firewall.core.errors import NotGuarded, UnsupportedModel

ACME, GLOBEX = "acme-amber-1", "globex-cobalt-2"
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}],
}
RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "status": "completed",
    "output": [],
}


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.seen: list[tuple[str, Any]] = []
        self.headers: list[dict[str, str]] = []


class Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Server)
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, json.loads(sent)))
        self.server.headers.append(dict(self.headers.items()))
        body = json.dumps(RESPONSE if self.path.endswith("responses") else COMPLETION).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as one:
        thread = Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield one
        one.shutdown()
        thread.join()


def address(server: Server) -> dict[str, Any]:
    return {"base_url": f"http://127.0.0.1:{server.server_port}/v1", "api_key": "k", "max_retries": 0}


@pytest.fixture
def client(server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(**address(server)) as one:
        yield one


def said(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def never(kind: str, arguments: dict[str, object], call: Callable[..., Any]) -> Any:
    raise AssertionError("nothing may be called")


def test_the_guarded_client_is_of_the_same_type_and_calls_through_the_interceptor(
    client: openai.OpenAI, server: Server
) -> None:
    asked: list[tuple[str, set[str]]] = []

    def interceptor(kind: str, arguments: dict[str, object], call: Callable[..., Any]) -> Any:
        asked.append((kind, set(arguments)))
        return call({**arguments, "user": GLOBEX})

    guarded = guard_client(client, interceptor)
    assert isinstance(guarded, openai.OpenAI)
    assert isinstance(guarded.chat, type(client.chat))
    answer = guarded.chat.completions.create(model="m", messages=said(ACME), temperature=openai.omit)
    assert answer.choices[0].message.content == "hello"
    assert guarded.responses.create(model="m", input=ACME).id == "resp_1"
    assert asked == [("chat", {"model", "messages"}), ("responses", {"model", "input"})]
    assert [(path, body["user"]) for path, body in server.seen] == [
        ("/v1/chat/completions", GLOBEX),
        ("/v1/responses", GLOBEX),
    ]


def test_the_client_itself_stays_as_it_was(client: openai.OpenAI, server: Server) -> None:
    guard_client(client, never)
    client.chat.completions.create(model="m", messages=said(ACME))
    assert server.seen[0][1]["messages"] == said(ACME)


async def test_the_interceptor_of_an_async_client_runs_when_the_member_is_called(server: Server) -> None:
    order: list[str] = []

    def interceptor(kind: str, arguments: dict[str, object], call: Callable[..., Any]) -> Any:
        order.append("called")

        async def later() -> Any:
            order.append("awaited")
            return await call(arguments)

        return later()

    async with guard_client(openai.AsyncOpenAI(**address(server)), interceptor) as guarded:
        assert isinstance(guarded, openai.AsyncOpenAI)
        pending = guarded.chat.completions.create(model="m", messages=said(ACME))
        assert order == ["called"]
        assert (await asyncio.wait_for(pending, 10)).choices[0].message.content == "hello"
    assert order == ["called", "awaited"]
    assert len(server.seen) == 1


WAYS: dict[str, Callable[[Any], object]] = {
    "embeddings": lambda one: one.embeddings.create(model="m", input=ACME),
    "files": lambda one: one.files.create(file=b"x", purpose="assistants"),
    "beta": lambda one: one.beta.threads.create(),
    "batches": lambda one: one.batches,
    "legacy-completions": lambda one: one.completions.create(model="m", prompt=ACME),
    "raw-post": lambda one: one.post("/chat/completions", body={}, cast_to=object),
    "raw-request": lambda one: one.request,
    "private-client": lambda one: one._client,
    "raw-response": lambda one: one.with_raw_response.embeddings,
    "raw-chat": lambda one: one.with_raw_response.chat.completions.list,
    "raw-responses": lambda one: one.with_raw_response.responses.retrieve,
    "streaming-response": lambda one: one.with_streaming_response,
    "chat-raw-parse": lambda one: one.chat.completions.with_raw_response.parse,
    "chat-streaming-response": lambda one: one.chat.completions.with_streaming_response,
    "responses-raw-retrieve": lambda one: one.responses.with_raw_response.retrieve,
    "responses-parse": lambda one: one.responses.parse,
    "responses-stream": lambda one: one.responses.stream,
    "body-of-a-call": lambda one: one.chat.completions.create(model="m", extra_body={"x": ACME}),
    "query-of-a-call": lambda one: one.chat.completions.create(model="m", extra_query={"x": ACME}),
    "headers-of-a-call": lambda one: one.responses.create(model="m", extra_headers={"X-Note": ACME}),
    "chat-namespace-raw": lambda one: one.chat.with_raw_response,
    "chat-parse": lambda one: one.chat.completions.parse,
    "chat-stream": lambda one: one.chat.completions.stream,
    "chat-private-post": lambda one: one.chat.completions._post,
    "chat-private-client": lambda one: one.chat.completions._client,
    "chat-stored": lambda one: one.chat.completions.list(),
    "responses-retrieve": lambda one: one.responses.retrieve("resp_1"),
    "responses-items": lambda one: one.responses.input_items,
    "conversations": lambda one: one.conversations,
    "api-key": lambda one: one.api_key,
    "headers": lambda one: one.default_headers,
    "copy": lambda one: one.copy().embeddings,
    "with-options": lambda one: one.with_options(timeout=3).embeddings,
    "copied-create": lambda one: one.copy().chat.completions._post,
    "set": lambda one: setattr(one, "base_url", "http://x.test"),
    "delete": lambda one: delattr(one, "chat"),
    "copy-module": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": pickle.dumps,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_there_is_no_other_way_to_the_provider(
    client: openai.OpenAI, server: Server, way: Callable[[Any], object]
) -> None:
    with pytest.raises(NotGuarded) as caught:
        way(guard_client(client, never))
    assert server.seen == []
    assert ACME not in str(caught.value)


def through(kind: str, arguments: dict[str, object], call: Callable[..., Any]) -> Any:
    return call(arguments)


def test_a_raw_answer_can_be_parsed_and_holds_nothing_else(client: openai.OpenAI) -> None:
    guarded: Any = guard_client(client, through)
    chat, responses = guarded.chat.completions.with_raw_response, guarded.responses.with_raw_response
    raw = chat.create(model="m", messages=said(ACME))
    assert raw.parse().choices[0].message.content == "hello"
    assert raw.headers == {}
    assert not hasattr(raw, "unheard_of")
    for name in ("http_response", "text", "content", "request_id"):
        with pytest.raises(NotGuarded):
            getattr(raw, name)
    assert responses.create(model="m", input=ACME).parse().id == "resp_1"
    assert guarded.with_raw_response.responses.create(model="m", input=ACME).parse().id == "resp_1"


async def test_a_raw_answer_of_an_async_client_is_awaited(server: Server) -> None:
    async with guard_client(openai.AsyncOpenAI(**address(server)), through) as guarded:
        raw: Any = await guarded.with_raw_response.chat.completions.create(model="m", messages=said(ACME))
        assert raw.parse().choices[0].message.content == "hello"


def test_the_name_of_a_framework_stays_here_and_empty_extras_say_nothing(
    client: openai.OpenAI, server: Server
) -> None:
    asked: list[set[str]] = []

    def interceptor(kind: str, arguments: dict[str, object], call: Callable[..., Any]) -> Any:
        asked.append(set(arguments))
        return call(arguments)

    create: Any = guard_client(client, interceptor).chat.completions.create
    create(
        model="m",
        messages=said(ACME),
        extra_headers={"User-Agent": GLOBEX},
        extra_body=None,
        extra_query=openai.omit,
    )
    assert asked == [{"model", "messages"}]
    assert GLOBEX not in str(server.headers)


def test_settings_of_the_client_can_be_read_and_what_it_never_had_is_missing(client: openai.OpenAI) -> None:
    guarded: Any = guard_client(client, through)
    assert (guarded.max_retries, guarded.timeout) == (0, client.timeout)
    assert not guarded.is_closed()
    assert not hasattr(guarded, "unheard_of")


def test_a_guarded_stream_is_of_the_librarys_type_and_closes_what_it_reads() -> None:
    closed: list[str] = []

    def chunks() -> Iterator[Any]:
        try:
            yield from "ab"
        finally:
            closed.append("now")

    with GuardedStream(cast("Any", chunks())) as stream:
        assert isinstance(stream, openai.Stream)
        assert next(stream) == "a"
        assert not hasattr(stream, "get_final_completion")
        with pytest.raises(NotGuarded):
            _ = stream.response
    assert closed == ["now"]


async def test_a_guarded_async_stream_is_of_the_librarys_type_and_closes_what_it_reads() -> None:
    closed: list[str] = []

    async def chunks() -> AsyncIterator[Any]:
        try:
            for each in "ab":
                yield each
        finally:
            closed.append("now")

    async with GuardedAsyncStream(cast("Any", chunks())) as stream:
        assert isinstance(stream, openai.AsyncStream)
        assert await anext(stream) == "a"
        assert not hasattr(stream, "get_final_completion")
        with pytest.raises(NotGuarded):
            _ = stream.response
    assert closed == ["now"]


@pytest.mark.parametrize("make", ["copy", "with_options"])
def test_a_changed_copy_is_guarded_too(client: openai.OpenAI, make: str) -> None:
    kinds: list[str] = []

    def interceptor(kind: str, arguments: dict[str, object], call: Callable[..., Any]) -> Any:
        kinds.append(kind)
        return call(arguments)

    changed = getattr(guard_client(client, interceptor), make)(timeout=5)
    changed.chat.completions.create(model="m", messages=said(ACME))
    assert kinds == ["chat"]


def test_closing_and_entering_a_guarded_client_close_and_enter_the_real_one(client: openai.OpenAI) -> None:
    with guard_client(client, never) as guarded:
        assert str(guarded.base_url) == str(client.base_url)
        with pytest.raises(NotGuarded):
            _ = guarded.embeddings
    assert client.is_closed()


def test_its_attributes_do_not_lead_to_the_real_client(client: openai.OpenAI) -> None:
    guarded = guard_client(client, never)
    with pytest.raises(TypeError):
        vars(guarded)
    assert not hasattr(guarded, "__wrapped__")
    assert repr(guarded)


@pytest.mark.parametrize("other", [object(), None, "client"])
def test_another_kind_of_client_is_refused(other: Any) -> None:
    with pytest.raises(UnsupportedModel):
        guard_client(other, never)
