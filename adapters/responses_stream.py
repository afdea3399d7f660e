"""The Responses API's streams: read as chunks of a chat completion, and judged chunks written as events.

Text comes in deltas as soon as it is decided. All else is taken from the response that ends a stream, which
holds it whole, and is told in events of its own at the end.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.flat import as_object
from adapters.responses_reply import Event, items, message_item, read_reply, response, text_part
from firewall.core.errors import ServiceUnavailable

_ENDED = ("response.completed", "response.incomplete")
_BROKEN = ("response.failed", "error")


class Hearing:
    """Reads the events of one stream as chunks of a chat completion."""

    def __init__(self) -> None:
        self._heard = ""
        self._ended = False

    def chunk(self, event: Mapping[str, Any]) -> Event | None:
        """Give what an event says, or None where it says nothing by itself.

        Raises:
            ServiceUnavailable: The provider failed.
            Unreadable: The response that ends the stream holds something that is not covered.
        """
        kind = event.get("type")
        if kind in _BROKEN:
            raise ServiceUnavailable("the model's provider broke the stream off; ask again")
        if kind == "response.output_text.delta":
            delta = str(event.get("delta") or "")
            self._heard += delta
            return {"choices": [{"index": 0, "delta": {"content": delta}}]}
        return self._end(event) if kind in _ENDED else None

    def check(self) -> None:
        """Find out whether the stream was whole.

        Raises:
            ServiceUnavailable: It ended without the response that ends it, so calls may be missing.
        """
        if not self._ended:
            raise ServiceUnavailable("the model's stream ended too early; ask again")

    def _end(self, event: Mapping[str, Any]) -> Event:
        self._ended = True
        reply = read_reply(as_object(event.get("response"), "response"))
        choice = reply["choices"][0]
        delta = dict(choice["message"])
        if self._heard:
            # Its words were heard already, and judged as they came.
            delta["content"] = None
        for index, call in enumerate(delta.get("tool_calls") or ()):
            call |= {"id": f"call_{index}", "index": index}
        ending = {"index": 0, "delta": delta, "finish_reason": choice["finish_reason"]}
        return {"choices": [ending], "usage": reply["usage"]}


class Telling:
    """Writes the judged chunks of one reply as the events of one response.

    Args:
        name: The response's id, which the wall drew.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._number = 0
        self._model = ""
        self._ending: Event = {}
        self._begun = False
        self.message: Event = {"role": "assistant", "content": None}

    def events(self, chunk: Mapping[str, Any]) -> Iterator[Event]:
        """Give the events for one judged chunk."""
        choice = chunk["choices"][0]
        if not self._number:
            self._model = chunk["model"]
            yield self._event("response.created", response=self._response([], "in_progress"))
            yield self._event("response.in_progress", response=self._response([], "in_progress"))
        self._ending = {"usage": chunk.get("usage"), "finish": choice["finish_reason"]}
        delta = choice["delta"]
        if text := delta.get("content"):
            yield from self._text(text)
        self.message |= {key: value for key, value in delta.items() if key not in ("role", "content")}

    def end(self) -> Iterator[Event]:
        """Give the events that end the response: what is left of it, item by item, and the whole of it."""
        found = items(self.message, self._name)
        for index, item in enumerate(found):
            yield from self._item(index, item)
        whole = self._response(found)
        yield self._event(f"response.{whole['status']}", response=whole)

    def _text(self, text: str) -> Iterator[Event]:
        if not self._begun:
            self._begun = True
            item = message_item(self._name, [], "in_progress")
            yield self._event("response.output_item.added", output_index=0, item=item)
            yield self._part("added", 0, text_part(""))
        self.message["content"] = (self.message["content"] or "") + text
        yield self._inside("response.output_text.delta", 0, delta=text, logprobs=[])

    def _item(self, index: int, item: Event) -> Iterator[Event]:
        kind = item["type"]
        if kind == "message":
            yield from self._message(item)
        else:
            empty: Event = (
                {"summary": []} if kind == "reasoning" else {"arguments": "", "status": "in_progress"}
            )
            yield self._event("response.output_item.added", output_index=index, item={**item, **empty})
            yield from (self._thought if kind == "reasoning" else self._called)(index, item)
        yield self._event("response.output_item.done", output_index=index, item=item)

    def _message(self, item: Event) -> Iterator[Event]:
        if not self._begun:
            empty: Event = {**item, "content": [], "status": "in_progress"}
            yield self._event("response.output_item.added", output_index=0, item=empty)
        for number, part in enumerate(item["content"]):
            if part["type"] == "refusal":
                refused = part["refusal"]
                yield self._part("added", number, {**part, "refusal": ""})
                yield self._inside("response.refusal.delta", number, delta=refused)
                yield self._inside("response.refusal.done", number, refusal=refused)
            else:
                yield self._inside("response.output_text.done", number, text=part["text"], logprobs=[])
            yield self._part("done", number, part)

    def _thought(self, index: int, item: Event) -> Iterator[Event]:
        part = item["summary"][0]
        place = {"item_id": item["id"], "output_index": index, "summary_index": 0}
        head = "response.reasoning_summary"
        yield self._event(f"{head}_part.added", part={**part, "text": ""}, **place)
        yield self._event(f"{head}_text.delta", delta=part["text"], **place)
        yield self._event(f"{head}_text.done", text=part["text"], **place)
        yield self._event(f"{head}_part.done", part=part, **place)

    def _called(self, index: int, item: Event) -> Iterator[Event]:
        place = {"item_id": item["id"], "output_index": index}
        head, arguments = "response.function_call_arguments", item["arguments"]
        yield self._event(f"{head}.delta", delta=arguments, **place)
        yield self._event(f"{head}.done", name=item["name"], arguments=arguments, **place)

    def _part(self, verb: str, number: int, part: Event) -> Event:
        return self._inside(f"response.content_part.{verb}", number, part=part)

    def _inside(self, kind: str, number: int, **fields: object) -> Event:
        item = message_item(self._name, [], "")["id"]
        return self._event(kind, item_id=item, output_index=0, content_index=number, **fields)

    def _response(self, output: Sequence[Event], status: str = "") -> Event:
        head = {"model": self._model, "usage": self._ending.get("usage")}
        return response(self._name, head, output, finish=self._ending.get("finish"), status=status)

    def _event(self, kind: str, **fields: object) -> Event:
        event = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        return event
