"""The choke points of an application of Bolt, and one way to hook an attribute and to take it out again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from adapters.doors import Row, State
from firewall.core.errors import UnsupportedApp

# Bolt's own middleware, which may stand before the gate: it verifies, authorizes and answers Slack itself.
_BUILT_IN = frozenset(
    f"{prefix}{name}"
    for prefix in ("", "Async")
    for name in (
        *("SslCheck", "RequestVerification", "SingleTeamAuthorization", "MultiTeamsAuthorization"),
        *("IgnoringSelfEvents", "UrlVerification", "AttachingFunctionToken"),
    )
)
_REINSTALL = "something replaced it after guard(); call guard() last, or uninstall() and guard() again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A method of an object, hooked by an attribute of the object itself.

    Attributes:
        name: The library's name of it.
        holder: The object.
        attribute: The method.
        hook: What is called in its place.
    """

    name: str
    holder: Any
    attribute: str
    hook: Callable[..., Any]

    def install(self) -> None:
        """Put the hook in.

        Raises:
            UnsupportedApp: There is no such method.
        """
        if not callable(getattr(self.holder, self.attribute, None)):
            raise UnsupportedApp(f"{self.name} is gone in this version of the library; it is not supported")
        if self.attribute in vars(self.holder):
            raise UnsupportedApp(f"{self.name} is replaced already; guard the application before that")
        setattr(self.holder, self.attribute, self.hook)

    def uninstall(self) -> None:
        """Take the hook out, if it is still there."""
        if self._there:
            delattr(self.holder, self.attribute)

    def row(self) -> Row:
        """Look whether the hook is there."""
        return row(self.name, self._there)

    @property
    def _there(self) -> bool:
        own = cast("dict[str, object]", vars(self.holder))
        return own.get(self.attribute) is self.hook


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """A value of an object that another stands in for.

    Attributes:
        name: The library's name of it.
        holder: The object.
        attribute: Where the value stands.
        before: The application's own.
        after: What stands in for it.
    """

    name: str
    holder: Any
    attribute: str
    before: object
    after: object

    def install(self) -> None:
        """Put the other value in."""
        setattr(self.holder, self.attribute, self.after)

    def uninstall(self) -> None:
        """Put the application's own back, if ours is still there."""
        if getattr(self.holder, self.attribute, None) is self.after:
            setattr(self.holder, self.attribute, self.before)

    def row(self) -> Row:
        """Look whether ours is there."""
        return row(self.name, getattr(self.holder, self.attribute, None) is self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The gate's place in the list of middleware: behind what is Bolt's own, before all that is not.

    Attributes:
        name: The library's name of the list.
        middleware: The list.
        gate: The gate.
    """

    name: str
    middleware: list[Any]
    gate: object

    def install(self) -> None:
        """Put the gate in.

        Raises:
            UnsupportedApp: Something of the application's own stands before the authorization.
        """
        at = _built_in(self.middleware)
        if not any("Authorization" in type(one).__name__ for one in self.middleware[:at]):
            raise UnsupportedApp(
                f"{self.name}: code of the application would run before the gate (before_authorize); "
                "make it a middleware"
            )
        self.middleware.insert(at, self.gate)

    def uninstall(self) -> None:
        """Take the gate out."""
        self.middleware[:] = [one for one in self.middleware if one is not self.gate]

    def row(self) -> Row:
        """Look whether the gate is there and still comes first."""
        at = _built_in(self.middleware)
        return row(self.name, at < len(self.middleware) and self.middleware[at] is self.gate)


def row(name: str, covered: bool) -> Row:
    """Give the row of one choke point."""
    return (
        Row(point=name, state=State.COVERED)
        if covered
        else Row(point=name, state=State.UNCOVERED, remedy=_REINSTALL)
    )


def _built_in(middleware: Sequence[object]) -> int:
    """Count what is Bolt's own at the beginning of the list."""
    for at, one in enumerate(middleware):
        kind = type(one)
        if not (kind.__module__.startswith("slack_bolt.middleware.") and kind.__name__ in _BUILT_IN):
            return at
    return len(middleware)


def verifies(middleware: Sequence[object], mode: str, body: Mapping[str, Any]) -> bool:
    """Say whether the transport proved that a delivery comes from Slack.

    Socket Mode is a connection that the bot opened. By HTTP a signature proves it, if it is checked, and with
    a secret: an empty one is a key that everybody has.
    """
    if mode == "socket_mode":
        return True
    if unchecked(mode, body):
        return False
    checks = [one for one in middleware if type(one).__name__.endswith("RequestVerification")]
    return any(bool(getattr(getattr(one, "verifier", None), "signing_secret", None)) for one in checks)


def unchecked(mode: str, body: Mapping[str, Any]) -> bool:
    """Say whether Bolt may have let a delivery pass without looking at its signature.

    Older versions check none of what calls itself so (bolt-python issue 1494, of 2026).
    """
    return mode != "socket_mode" and "ssl_check" in body
