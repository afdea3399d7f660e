"""What the bot said and did, in order, as it reached Discord."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from tests.fakes.discord.people import Json
from tests.fakes.discord.watch import PATIENCE_S, Watch

EPHEMERAL: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that came with a request."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One request that changed something.

    `order` counts from 0. `route` is the method and the template of the path, such as
    `POST /channels/{channel}/messages`; `path` is the real one. A thread's message has the thread's parent
    as `channel`. `message` is the message that was made or changed, `edit_of` the one that was changed.
    `payload` is the body as it came.
    """

    order: int
    route: str
    path: str
    channel: str | None
    thread: str | None
    content: str
    embeds: tuple[Json, ...]
    files: tuple[Upload, ...]
    allowed_mentions: Json | None
    ephemeral: bool
    interaction: str | None
    edit_of: str | None
    message: str | None
    status: int
    payload: Any

    @property
    def says(self) -> bool:
        """Say whether people see something new: a message or an edit of one."""
        return bool(self.content or self.embeds or self.files)


class Outbox:
    """All that was sent, oldest first."""

    def __init__(self, watch: Watch) -> None:
        self._all: list[Sent] = []
        self._watch = watch

    def __iter__(self) -> Iterator[Sent]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    @property
    def contents(self) -> list[str]:
        """All texts, oldest first."""
        return [one.content for one in self._all if one.content]

    def add(self, one: Sent) -> None:
        self._all.append(one)
        self._watch.notify()

    async def until(
        self, fits: Callable[[Sent], bool] | str, *, since: int = 0, timeout_s: float = PATIENCE_S
    ) -> Sent:
        """Give the first that fits, or has this very content, when it is there.

        Args:
            fits: The condition, or the content.
            since: Those of a lower `order` do not count.
            timeout_s: Longest wait, in seconds.

        Raises:
            TimeoutError: There was none, in time.
        """

        def wanted(one: Sent) -> bool:
            return fits(one) if callable(fits) else one.content == fits

        def found() -> Sent | None:
            return next((one for one in self._all[since:] if wanted(one)), None)

        return await self._watch.until(found, timeout_s=timeout_s)


def spoken(payload: Any) -> Mapping[str, Any]:
    """Give the part of a body that holds the words.

    It is the body itself, the data of an interaction's answer, or the first message of a forum's thread.
    """
    if not isinstance(payload, dict):
        return {}
    body = cast("Json", payload)
    for inner in ("data", "message"):
        if isinstance(body.get(inner), dict):
            return cast("Json", body[inner])
    return body
