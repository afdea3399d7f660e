"""Native streams: what is appended to a message is seen at once, so only what is decided is let out."""

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from adapters.doors import Cutting
from adapters.slack.seen import Kept
from adapters.slack.words import calm
from firewall.core.ids import TurnId

# A call to a crowd is at most so long; split over two pieces it would be whole again in the message.
_MAX_MARK = 80
_MENTION = re.compile(r"@\w*\Z")


class Stream:
    """The words of one streamed message, cut where nothing can be part of a match any more."""

    def __init__(self, cutting: Cutting, turn: TurnId) -> None:
        self.turn = turn
        self._cutting = cutting
        self._held = ""

    def cut(self, arguments: Mapping[str, Any], *, last: bool) -> dict[str, Any]:
        """Give the arguments of one call with what is decided of its words, and of those before them."""
        given = dict(arguments)
        words = given.pop("markdown_text", None)
        chunks = given.pop("chunks", None)
        decided = self._feed(words) if isinstance(words, str) else ""
        others: list[object] = []
        for chunk in cast("list[object]", chunks) if isinstance(chunks, list) else []:
            text = _spoken(chunk)
            if text is None:
                others.append(chunk)
            else:
                decided += self._feed(text)
        decided += self._rest() if last else ""
        if others:
            spoken = [{"type": "markdown_text", "text": decided}] if decided else []
            return given | {"chunks": [*spoken, *others]}
        return given | ({"markdown_text": decided} if decided else {})

    def _feed(self, text: str) -> str:
        return self._whole(self._cutting.feed(text))

    def _rest(self) -> str:
        held, self._held = self._held + self._cutting.finish(), ""
        return str(calm(held))

    def _whole(self, decided: str) -> str:
        """Hold back a mark that has begun and not ended; one that does not end in time is broken."""
        text = self._held + decided
        at = _begun(text)
        while len(text) - at > _MAX_MARK:
            text = f"{text[: at + 1]}\u200b{text[at + 1 :]}" if text[at + 1 :].lstrip()[:1] == "!" else text
            at = _begun(text, at + 1)
        self._held = text[at:]
        return str(calm(text[:at]))


def _begun(text: str, start: int = 0) -> int:
    """Give where a mark begins that has not ended, at or after a place; the end where there is none."""
    at = text.find("<", max(text.rfind(">") + 1, start))
    if at >= 0:
        return at
    found = _MENTION.search(text, start)
    return found.start() if found else len(text)


def _spoken(chunk: object) -> str | None:
    if not isinstance(chunk, Mapping):
        return None
    pairs = cast("Mapping[str, object]", chunk)
    text = pairs.get("text")
    return text if pairs.get("type") == "markdown_text" and isinstance(text, str) else None


class Streams:
    """The streams that are open, by realm, channel and timestamp."""

    def __init__(self, cutting: Callable[[], Cutting]) -> None:
        self._cutting = cutting
        self._open: Kept[Stream] = Kept(2_000)

    def begin(self, turn: TurnId) -> Stream:
        """Begin a stream; it has no name before Slack gives it one."""
        return Stream(self._cutting(), turn)

    def keep(self, stream: Stream, realm: str, channel: str, ts: str) -> None:
        """Name a stream."""
        self._open.put(stream, realm, channel, ts)

    def find(self, realm: str, channel: str, ts: str) -> Stream | None:
        """Give the stream of this name, if it is open."""
        return self._open.get(realm, channel, ts)
