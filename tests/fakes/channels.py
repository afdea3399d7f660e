"""A channel in memory: takes what a test says, and shows what a bot answers, place by place."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from adapters.channels import Accept, Drop, Forget
from adapters.wire import Deleted
from firewall.core.arrival import Arrival
from firewall.core.message import Attachment, Message


@dataclass(slots=True, kw_only=True, eq=False)
class MemoryChannel:
    """A platform of one process.

    Attributes:
        shown: What stands in each place now, in order.
        whispered: What one person was told alone, by place.
        calls: Every post and edit, in order: the verb, the place and the text.
        ended: Where nothing was said to a delivery, in order.
        broken: Raised by the next post.
        files: What people sent, in pieces, by the platform's id.
        fetched: The ids of the files that were fetched, in order.
        attached: The files that stand in each place: name and content.
    """

    name: str = "memory"
    max_units: int = 200
    edits_every_s: float | None = None
    shown: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    whispered: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    calls: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    typed: list[str] = field(default_factory=list[str])
    ended: list[str] = field(default_factory=list[str])
    broken: Exception | None = None
    files: dict[str, list[bytes]] = field(default_factory=dict[str, list[bytes]])
    fetched: list[str] = field(default_factory=list[str])
    attached: dict[str, list[tuple[str, bytes]]] = field(default_factory=lambda: defaultdict(list))
    listening: bool = False
    _accept: Accept | None = None
    _forget: Forget | None = None

    async def open(self, accept: Accept, forget: Forget, drop: Drop) -> None:
        self._accept, self._forget = accept, forget
        self.listening = True

    async def hush(self) -> None:
        self.listening = False

    async def close(self) -> None:
        self._accept = self._forget = None

    async def post(self, route: Mapping[str, str], text: str) -> str:
        if self.broken is not None:
            error, self.broken = self.broken, None
            raise error
        assert len(text) <= self.max_units, "the platform refuses what is too long"
        self.calls.append(("post", route["place"], text))
        self.shown[route["place"]].append(text)
        return str(len(self.shown[route["place"]]) - 1)

    async def edit(self, route: Mapping[str, str], posted: str, text: str) -> None:
        self.calls.append(("edit", route["place"], text))
        self.shown[route["place"]][int(posted)] = text

    async def fetch(self, route: Mapping[str, str], attachment: Attachment) -> AsyncIterator[bytes]:
        self.fetched.append(attachment.id)
        for piece in self.files[attachment.id]:
            yield piece

    async def attach(self, route: Mapping[str, str], name: str, content: bytes) -> None:
        self.attached[route["place"]].append((name, content))

    async def typing(self, route: Mapping[str, str]) -> None:
        self.typed.append(route["place"])

    async def whisper(self, route: Mapping[str, str], text: str) -> None:
        self.whispered[route["place"]].append(text)

    async def over(self, route: Mapping[str, str]) -> None:
        self.ended.append(route["place"])

    async def says(self, message: Message, *, said: str | None = None) -> None:
        """Deliver a message, as a platform does: it counts as delivered once this returns."""
        assert self._accept is not None, "nobody listens"
        assert self.listening, "the bot takes nothing on any more"
        await self._accept(Arrival(message=message, route={"place": message.conversation.id}, said=said))

    async def takes_back(self, deleted: Deleted) -> None:
        assert self._forget is not None, "nobody listens"
        await self._forget(deleted)
