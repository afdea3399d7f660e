"""A provider on loopback that speaks OpenAI's wire format, for the unmodified clients of other people.

It repeats every word it is sent, or plays what a test tells it to; what it was sent is recorded.
"""

import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, cast

Body = dict[str, Any]
# A text, or calls of tools as pairs of a name and arguments.
Answer = str | Sequence[tuple[str, Mapping[str, Any]]]
_PIECE = 7


def repeats(body: Mapping[str, Any]) -> Answer:
    """Repeat all that was said, as the most talkative model does."""
    said = [body.get("instructions"), body.get("messages"), body.get("input")]
    return json.dumps([each for each in said if each])


class Provider(ThreadingHTTPServer):
    """Answers on loopback and records each request as its path and its body."""

    daemon_threads = True

    def __init__(self, answer: Callable[[Mapping[str, Any]], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.status = 200
        self.requests: list[tuple[str, Body]] = []
        self.headers: list[dict[str, str]] = []

    @property
    def options(self) -> dict[str, Any]:
        """What leads a client here."""
        return {"base_url": f"http://127.0.0.1:{self.server_port}/v1", "api_key": "k", "max_retries": 0}

    @property
    def bodies(self) -> list[Body]:
        """What was asked, in order."""
        return [body for _, body in self.requests]


@contextmanager
def provider(answer: Callable[[Mapping[str, Any]], Answer] = repeats) -> Generator[Provider]:
    """Serve as long as the block lasts."""
    with Provider(answer) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        served = self.server
        assert isinstance(served, Provider)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        served.requests.append((self.path, body))
        served.headers.append(dict(self.headers.items()))
        if served.status != 200:
            self._send("application/json", b'{"error": {"message": "not now"}}')
            return
        if self.path.endswith("/embeddings"):
            self._send("application/json", json.dumps(_embedding(body)).encode())
            return
        answer, number = served.answer(body), len(served.requests)
        responses = self.path.endswith("/responses")
        whole = _response(body, answer, number) if responses else _completion(answer, number)
        if not body.get("stream"):
            self._send("application/json", json.dumps(whole).encode())
        elif responses:
            lines = [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in _events(whole)]
            self._send("text/event-stream", "".join(lines).encode())
        else:
            lines = [f"data: {json.dumps(each)}\n\n" for each in _chunks(whole, answer)]
            self._send("text/event-stream", ("".join(lines) + "data: [DONE]\n\n").encode())

    def _send(self, kind: str, data: bytes) -> None:
        assert isinstance(self.server, Provider)
        self.send_response(self.server.status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        return


def _embedding(body: Mapping[str, Any]) -> Body:
    """Count the letters of one text: alike texts lie close to each other, and that is all a test needs."""
    counted = [float(str(body["input"]).lower().count(letter)) for letter in "abcdefghijklmnopqrstuvwxyz"]
    data = [{"object": "embedding", "index": 0, "embedding": counted}]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return {"object": "list", "model": body["model"], "data": data, "usage": usage}


def _completion(answer: Answer, number: int) -> Body:
    text = isinstance(answer, str)
    message: Body = {"role": "assistant", "content": answer if text else None}
    if not isinstance(answer, str):
        message["tool_calls"] = [
            {"id": f"theirs-{number}-{index}", "type": "function", "function": _function(name, arguments)}
            for index, (name, arguments) in enumerate(answer)
        ]
    choice = {"index": 0, "message": message, "finish_reason": "stop" if text else "tool_calls"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    head = {"id": f"chatcmpl-{number}", "object": "chat.completion", "created": 1, "model": "machine-7"}
    return {**head, "choices": [choice], "usage": usage}


def _function(name: str, arguments: Mapping[str, Any]) -> Body:
    return {"name": name, "arguments": json.dumps(arguments)}


def _chunks(whole: Body, answer: Answer) -> Iterator[Body]:
    choice = whole["choices"][0]
    if isinstance(answer, str):
        deltas: list[Body] = [{"content": piece} for piece in _pieces(answer)]
    else:
        calls = cast("list[Body]", choice["message"]["tool_calls"])
        deltas = [{"tool_calls": [{**call, "index": index} for index, call in enumerate(calls)]}]
    head = {**whole, "object": "chat.completion.chunk", "usage": None}
    for delta in [{"role": "assistant"}, *deltas]:
        yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]}
    yield {**head, "choices": [], "usage": whole["usage"]}


def _pieces(text: str) -> list[str]:
    return [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]


def _response(body: Mapping[str, Any], answer: Answer, number: int) -> Body:
    if isinstance(answer, str):
        part: Body = {"type": "output_text", "text": answer, "annotations": [], "logprobs": []}
        message: Body = {"type": "message", "role": "assistant", "status": "completed", "content": [part]}
        output: list[Body] = [{**message, "id": f"msg_theirs_{number}"}]
    else:
        output = [
            {
                "type": "function_call",
                "id": f"fc_theirs_{number}_{index}",
                "call_id": f"theirs_{number}_{index}",
                "status": "completed",
                **_function(name, arguments),
            }
            for index, (name, arguments) in enumerate(answer)
        ]
    return {
        "id": f"resp_theirs_{number}",
        "object": "response",
        "created_at": 1,
        "model": "machine-7",
        "status": "completed",
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "instructions": body.get("instructions"),
        "metadata": {},
        "usage": {
            "input_tokens": 3,
            "output_tokens": 2,
            "total_tokens": 5,
            "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 1},
        },
    }


def _events(whole: Body) -> Iterator[Body]:
    begun: Body = {**whole, "status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "sequence_number": 0, "response": begun}
    for index, item in enumerate(whole["output"]):
        place = {"item_id": item["id"], "output_index": index, "sequence_number": 1}
        yield {
            "type": "response.output_item.added",
            "output_index": index,
            "sequence_number": 1,
            "item": item if item["type"] == "function_call" else {**item, "content": []},
        }
        if item["type"] == "message":
            for piece in _pieces(item["content"][0]["text"]):
                kind: Body = {"type": "response.output_text.delta", "content_index": 0, "logprobs": []}
                yield {**kind, "delta": piece, **place}
    yield {"type": "response.completed", "sequence_number": 2, "response": whole}
