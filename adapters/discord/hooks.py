"""The wall around a discord.py client: what is hooked, what is reported, and how it is taken out again."""

import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from typing import Any, Final

from adapters.discord import shared
from adapters.discord.asked import Desk
from adapters.discord.gate import DELETIONS, PASSED, TURNS, Gate, Parser
from adapters.discord.library import PACKAGE, SHARED, Client, member
from adapters.discord.logs import Logs
from adapters.discord.sending import Sending
from adapters.doors import Door, Row, State
from firewall.core.errors import UnsupportedApp

_LOG = logging.getLogger("partywall")
_GONE: Final = object()
# What the library awaits before it logs in.
_START: Final = "_async_setup_hook"
_AGAIN: Final = "something took the wall's hook away or hooked in before it; guard the client last"

# The handlers that the library runs for an event. All else it starts is a timer or a worker of its own: a
# view waits three minutes to be pressed, `typing` and `delete_after` sleep, a loop never ends.
_HANDLERS: Final = frozenset(
    {
        "Client._run_event",
        "CommandTree._from_interaction.<locals>.wrapper",
        "View._scheduled_task",
        "BaseView._scheduled_task",
        "Modal._scheduled_task",
        "ViewStore.schedule_dynamic_item_call",
    }
)


def counts(started: Coroutine[Any, Any, object]) -> bool:
    """Say whether a turn lasts as long as what was started in it: the library's own timers do not count."""
    code: Any = getattr(started, "cr_code", None)
    if code is None or not str(code.co_filename).startswith(PACKAGE):
        return True
    return code.co_qualname in _HANDLERS


class _Patch:
    """One attribute of one object, replaced."""

    def __init__(self, holder: object, name: str, hook: object, point: str) -> None:
        self.point = point
        self._holder, self._name, self._hook = holder, name, hook
        self._before: object = vars(holder).get(name, _GONE)
        setattr(holder, name, hook)

    def stands(self) -> bool:
        """True if it is still ours."""
        now: object = vars(self._holder).get(self._name)
        return now is self._hook

    def undo(self) -> None:
        """Put back what was there, unless somebody has put something else there since."""
        if not self.stands():
            return
        if self._before is _GONE:
            delattr(self._holder, self._name)
        else:
            setattr(self._holder, self._name, self._before)


class Installed:
    """The hooks in one client."""

    def __init__(self, client: Client, door: Door) -> None:
        self._client = client
        desk = Desk()
        self._sending = Sending(client, door, desk)
        gate = Gate(client, door, desk, self._sending)
        self._parsers = _parsers(client)
        self._before = {name: each for name, each in self._parsers.items() if name not in PASSED}
        self._hooks = {name: gate.parser(name, each) for name, each in self._before.items()}
        self._parsers.update(self._hooks)
        self._patches = [
            _Patch(member(client, "http"), "request", self._sending.http, "client.http.request"),
            _Patch(client, "change_presence", self._sending.presence, "client.change_presence"),
        ]
        # No choke point: an interaction has three seconds, and the first one may not have to open the wall.
        # Not at `setup_hook`, in whose place a bot puts its own.
        opening = _opening(member(client, _START), door)
        self._opening = _Patch(client, _START, opening, f"client.{_START}")
        shared.join(self._sending)
        self._logs = Logs()

    def report(self) -> Sequence[Row]:
        """Look at every choke point again, in the order in which a delivery meets them."""
        return [_row(point, covered=covered) for point, covered in self._points()]

    def _points(self) -> Iterator[tuple[str, bool]]:
        parsers = _parsers(self._client)
        sockets = [each for each in _sockets(self._client) if each is not None]
        yield "gateway", all(member(each, "_discord_parsers") is parsers for each in sockets)
        first = [*sorted(TURNS), *sorted(DELETIONS)]
        for name in sorted(self._hooks, key=lambda name: (name not in first, name)):
            yield f"gateway {name}", parsers.get(name) is self._hooks[name]
        for patch in self._patches:
            yield patch.point, patch.stands()
        for point in SHARED:
            yield point, shared.intact(point, self._sending)

    def uninstall(self) -> None:
        """Take every hook out; the client is as it was before."""
        for name, hook in self._hooks.items():
            if self._parsers[name] is hook:
                self._parsers[name] = self._before[name]
        for patch in (*self._patches, self._opening):
            patch.undo()
        shared.leave(self._sending)
        self._logs.leave()


def _opening(before: Callable[[], Awaitable[None]], door: Door) -> Callable[[], Awaitable[None]]:
    async def start() -> None:
        await before()
        await door.ready()

    return start


def install(app: object, door: Door) -> Installed:
    """Hook a client: what it is told and what it says goes through the door from now on.

    Args:
        app: A `discord.Client`, or one of its kinds (`Bot`, `AutoShardedClient`, …), logged in or not.
        door: The wall.

    Raises:
        UnsupportedApp: One of its choke points is gone, or something would hear what nobody has judged.
    """
    if not isinstance(app, Client):
        raise UnsupportedApp("this is no discord.Client; guard the client or bot itself")
    for needed in ("_connection.dispatch", "http._HTTPClient__session", "application_id"):
        member(app, needed)
    for holder, name in SHARED.values():
        member(holder, name)
    if member(app, "_enable_debug_events"):
        raise UnsupportedApp(
            "this client was made with enable_debug_events=True: `on_socket_raw_receive` would hear what "
            "nobody has judged; make it without"
        )
    if not member(app, "intents.message_content"):
        _LOG.warning(
            "this client does not ask for the message content intent: what is said in guilds without a "
            "mention of the bot has no text, and is not passed on"
        )
    return Installed(app, door)


def _parsers(client: Client) -> dict[str, Parser]:
    found: dict[str, Parser] = member(client, "_connection.parsers")
    missing = [name for name in sorted(TURNS | DELETIONS) if name not in found]
    if missing:
        raise UnsupportedApp(f"discord.py has no parser for {missing[0]}; see docs/channels/discord.md")
    return found


def _sockets(client: Client) -> Iterator[Any]:
    yield getattr(client, "ws", None)
    shards: dict[int, Any] = vars(client).get("_AutoShardedClient__shards") or {}
    for shard in shards.values():
        yield getattr(shard, "ws", None)


def _row(point: str, *, covered: bool) -> Row:
    if covered:
        return Row(point=point, state=State.COVERED)
    return Row(point=point, state=State.UNCOVERED, remedy=_AGAIN)
