"""The wall's hooks in an application of slack_bolt: with asyncio (`AsyncApp`) or in threads (`App`)."""

from collections.abc import Coroutine
from typing import Any, cast

from adapters.doors import Door, Hooks, SyncDoor
from adapters.slack.async_hooks import AsyncHooks
from adapters.slack.library import App, AsyncApp
from adapters.slack.sync_hooks import SyncHooks
from firewall.core.errors import UnsupportedApp


def counts(started: Coroutine[Any, Any, object]) -> bool:
    """Say whether a turn lasts as long as a task that a handler started: Bolt starts none of its own."""
    del started
    return True


def threaded(app: object) -> bool:
    """Say whether the handlers of an application run in threads; `install` then takes a `SyncDoor`."""
    return isinstance(app, App)


def install(app: object, door: Door | SyncDoor) -> Hooks:
    """Put the hooks into an application; none is left in it where one of them has no place.

    Raises:
        UnsupportedApp: A choke point is gone, or something would answer before the gate.
    """
    hooks: AsyncHooks | SyncHooks
    if isinstance(app, AsyncApp):
        hooks = AsyncHooks(app, cast("Door", door))
    elif isinstance(app, App):
        hooks = SyncHooks(app, cast("SyncDoor", door))
    else:
        raise UnsupportedApp("guard takes an AsyncApp or an App of slack_bolt")
    hooks.install()
    return hooks
