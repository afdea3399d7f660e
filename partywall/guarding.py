"""`partywall.guard`: the wall around an application that exists."""

import importlib
from typing import Protocol, cast
from weakref import WeakKeyDictionary

from adapters.doors import Hooks, Row, State
from firewall.core.errors import MisuseError, UnsupportedApp
from partywall.doors import WallDoor
from partywall.passages import Counts
from partywall.sync_doors import ThreadDoor
from partywall.wall import Wall

# The package that an application's class comes from, and the module that knows where it can be hooked.
_CHANNELS = {
    "slack_bolt": "adapters.slack.hooks",
    "telegram": "adapters.telegram.hooks",
    "discord": "adapters.discord.hooks",
}


class _Channel(Protocol):
    counts: Counts

    def install(self, app: object, door: object) -> Hooks: ...


class Guarded:
    """The wall around one application.

    Attributes:
        wall: The wall.
        unguarded_model: True if the bot's model was declared to be unguarded.
    """

    def __init__(self, app: object, wall: Wall, *, unguarded_model: bool) -> None:
        self.wall = wall
        self.unguarded_model = unguarded_model
        channel = _channel(app)
        door = WallDoor(wall, unguarded_model=unguarded_model, counts=channel.counts)
        # Only where handlers run in threads does a channel say so.
        threaded = getattr(channel, "threaded", None)
        self._door = ThreadDoor(wall, door) if threaded is not None and threaded(app) else door
        self._hooks = channel.install(app, self._door)

    def report(self) -> list[Row]:
        """Say of every choke point how far it is covered, looked at now; the model comes last."""
        return [*self._hooks.report(), self._model()]

    def uninstall(self) -> None:
        """Take every hook out; turns that are open end as they would have."""
        self._hooks.uninstall()
        for app in [app for app, guarded in _GUARDED.items() if guarded is self]:
            del _GUARDED[app]

    async def drain(self, timeout_s: float = 30.0) -> None:
        """Wait for the deliveries that are being handled, at most so many seconds; then cancel them."""
        await self._door.drain(timeout_s)

    def _model(self) -> Row:
        if self.wall.guards_a_model:
            return Row(point="model", state=State.COVERED)
        if self.unguarded_model:
            return Row(
                point="model",
                state=State.DETECTION_ONLY,
                remedy="what the bot says is searched and recorded, not isolated; use wall.guard_model",
            )
        return Row(
            point="model",
            state=State.UNCOVERED,
            remedy="wrap the model in wall.guard_model; until then nothing is sent",
        )


_GUARDED: WeakKeyDictionary[object, Guarded] = WeakKeyDictionary()


def guard(app: object, wall: Wall, *, unguarded_model: bool = False) -> Guarded:
    """Put the wall around a bot that exists: what it is told and what it says is judged from now on.

    Args:
        app: A `slack_bolt` `AsyncApp` or `App`, a `telegram.ext.Application`, or a `discord.Client`, before
            it is run. Guarding it again with the same wall gives the same handle.
        wall: The wall.
        unguarded_model: Declares that the bot's model is not wrapped in `wall.guard_model`. Its words are
            then searched and recorded; that is detection and no isolation.

    Raises:
        UnsupportedApp: No guard is known for this kind of application, or one of its choke points is gone.
        MisuseError: It is guarded by another wall, or otherwise.
    """
    found = _GUARDED.get(app)
    if found is not None:
        if found.wall is not wall or found.unguarded_model is not unguarded_model:
            raise MisuseError("this application is guarded already; call uninstall() on its handle first")
        return found
    made = Guarded(app, wall, unguarded_model=unguarded_model)
    _GUARDED[app] = made
    return made


def _channel(app: object) -> _Channel:
    for kind in type(app).__mro__:
        name = _CHANNELS.get(kind.__module__.split(".")[0])
        if name is not None:
            return cast("_Channel", importlib.import_module(name))
    raise UnsupportedApp(
        "guard takes a slack_bolt AsyncApp or App, a telegram.ext.Application or a discord.Client; for your "
        "own loop use `async with wall.turn(message)`"
    )
