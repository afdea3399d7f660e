"""A hook in an object that takes no attributes: it becomes an instance of a class derived from its own."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.doors import Row, State
from firewall.core.errors import MisuseError, UnsupportedApp

# Given the object's own class, the methods that stand before its own.
Methods = Callable[[type[Any]], Mapping[str, Any]]

_REMEDY = "it was taken off or replaced; uninstall() the guard and install it again, before the start"
_MARK = "_of_the_wall"
_NEWER = "this version of the library works otherwise; docs/channels/telegram.md names the versions"


@dataclass(slots=True, kw_only=True, eq=False)
class Swap:
    """One hooked object.

    Attributes:
        point: The library's name of the choke point; its last word is the method.
        find: Gives the object that stands there now.
        methods: Gives what is put before the object's own methods.
        target: The object, while it is hooked.
        before: Its own class, while it is hooked.
        after: The class that it was put under.
    """

    point: str
    find: Callable[[], Any]
    methods: Methods
    target: Any = None
    before: type[Any] | None = None
    after: type[Any] | None = None

    @property
    def method(self) -> str:
        """The name of the hooked method."""
        return self.point.rpartition(".")[2]

    def install(self) -> None:
        """Put the hook in.

        Raises:
            UnsupportedApp: The method is gone or answers elsewhere, or the object cannot be hooked.
        """
        target: object = self.find()
        before: type[Any] = type(target)
        if not inspect.iscoroutinefunction(getattr(before, self.method, None)):
            raise UnsupportedApp(f"{self.point} is gone; {_NEWER}")
        if self._covered_up(target):
            raise UnsupportedApp(
                f"{self.point} was set on the object itself and would answer first; undo that"
            )
        if getattr(before, _MARK, False):
            raise UnsupportedApp(f"{self.point} is shared by two guarded applications; give each its own")
        # No slots of its own: an object can only change to a class of the same layout.
        after = type(before.__name__, (before,), {"__slots__": (), _MARK: True, **self.methods(before)})
        try:
            target.__class__ = after
        except TypeError as error:
            raise UnsupportedApp(
                f"{self.point} cannot be hooked: {before.__name__} keeps its class"
            ) from error
        self.target, self.before, self.after = target, before, after

    def uninstall(self) -> None:
        """Take the hook out, if it is in.

        Raises:
            MisuseError: Somebody put another class over it.
        """
        if self.before is None:
            return
        if type(self.target) is not self.after:
            raise MisuseError(f"{self.point} was hooked by somebody else since; take that off first")
        self.target.__class__ = self.before
        self.target = self.before = self.after = None

    def row(self) -> Row:
        """Say whether the hook is in and comes first, looked at now."""
        target = self.find()
        there = self.after is not None and target is self.target and type(target) is self.after
        if there and not self._covered_up(target):
            return Row(point=self.point, state=State.COVERED)
        return Row(point=self.point, state=State.UNCOVERED, remedy=_REMEDY)

    def _covered_up(self, target: object) -> bool:
        return self.method in getattr(target, "__dict__", {})
