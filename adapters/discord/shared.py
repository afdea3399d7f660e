"""What all clients of a process share, hooked once for all that are guarded.

An answer to an interaction, or a webhook, is sent by a class that knows no client. So the class is hooked,
and each call is given to the guarded client it belongs to: by the application in its address, by the token of
an interaction that this client was given, by this client's own connection, or because it is made while one of
its deliveries is handled. A call to which none of this applies is another client's and passes as it is.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final, Protocol

from adapters.discord.library import SHARED
from adapters.discord.routes import Kind, kind_of
from firewall.core.errors import NotGuarded

ASYNC, SYNC, VOICE = SHARED
Request = Callable[..., Any]


class Owner(Protocol):
    """A guarded client, as seen from what it shares."""

    def claims(self, route: Any, session: object) -> bool:  # noqa: ANN401  the library's own
        """Say whether a webhook request is this client's."""
        ...

    def owns(self, state: object) -> bool:
        """Say whether this is the state of this client."""
        ...

    async def webhook(self, request: Request, route: Any, **how: Any) -> Any:  # noqa: ANN401  the library's own
        """Judge a webhook request and send it."""
        ...

    async def voice(self, channel: Any) -> None:  # noqa: ANN401  a voice channel
        """Refuse to speak."""
        ...


# The client whose delivery is handled here; tasks that are started there carry it along.
inside: Final[ContextVar[Owner | None]] = ContextVar("partywall_discord", default=None)

_OWNERS: Final[list[Owner]] = []
_BEFORE: Final[dict[str, Request]] = {}
_HOOKS: Final[dict[str, Request]] = {}


def original(point: str) -> Request:
    """Give the library's own function under one of the names of `SHARED`."""
    return _BEFORE[point]


def join(owner: Owner) -> None:
    """Hook what is shared, if nobody has yet, and take part."""
    if not _OWNERS:
        for point, make in ((ASYNC, _requests), (SYNC, _requests_at_once), (VOICE, _connects)):
            holder, name = SHARED[point]
            _BEFORE[point] = vars(holder)[name]
            _HOOKS[point] = make(_BEFORE[point])
            setattr(holder, name, _HOOKS[point])
    _OWNERS.append(owner)


def leave(owner: Owner) -> None:
    """Take part no longer; the last one to leave puts the library's own back."""
    if owner not in _OWNERS:
        return
    _OWNERS.remove(owner)
    if not _OWNERS:
        for point, (holder, name) in SHARED.items():
            # Somebody may have hooked in behind; then ours stays below theirs and lets everything pass.
            if vars(holder)[name] is _HOOKS[point]:
                setattr(holder, name, _BEFORE[point])


def intact(point: str, owner: Owner) -> bool:
    """True if a shared point is hooked, now, and for this client."""
    holder, name = SHARED[point]
    return owner in _OWNERS and vars(holder)[name] is _HOOKS.get(point)


def _owner(route: Any, session: object) -> Owner | None:  # noqa: ANN401  the library's own
    named = next((one for one in _OWNERS if one.claims(route, session)), None)
    return named if named is not None else inside.get()


def _requests(before: Request) -> Request:
    async def request(adapter: Any, route: Any, session: Any, **how: Any) -> Any:  # noqa: ANN401  the library's own
        owner = _owner(route, session)

        async def send(**judged: Any) -> Any:  # noqa: ANN401  the library's own
            return await before(adapter, route, session, **judged)

        if owner is None or owner not in _OWNERS:
            return await send(**how)
        return await owner.webhook(send, route, **how)

    return request


def _requests_at_once(before: Request) -> Request:
    def request(adapter: Any, route: Any, session: Any, **how: Any) -> Any:  # noqa: ANN401  the library's own
        owner = _owner(route, session)
        reads = kind_of(f"{route.method} {route.path}") is Kind.READS
        if owner is None or owner not in _OWNERS or reads:
            return before(adapter, route, session, **how)
        raise NotGuarded(
            "a synchronous webhook is not judged; answer by `interaction.followup` or `channel.send`"
        )

    return request


def _connects(before: Request) -> Request:
    async def connect(channel: Any, **how: Any) -> Any:  # noqa: ANN401  the library's own
        for owner in _OWNERS:
            if owner.owns(getattr(channel, "_state", None)):
                await owner.voice(channel)
        return await before(channel, **how)

    return connect
