"""The guard that keeps every test on this machine.

An audit hook sees each connection that Python code of any thread attempts, also through a library that kept
its own reference to `socket.socket`; patching the class would miss those. The attempt is refused and
remembered: code that swallows the refusal and goes on still fails its test. Child processes are not seen.
"""

import ipaddress
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, cast

_NAMES: Final = frozenset({"localhost", "localhost.localdomain", ""})
_LOOKUPS: Final = frozenset({"socket.getaddrinfo", "socket.gethostbyname"})
_SENDS: Final = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


class OutsideNetworkError(RuntimeError):
    """A test tried to leave the machine."""


class LoopbackOnly:
    """Refuses and remembers every attempt to reach another machine, once installed."""

    def __init__(self) -> None:
        self.attempts: list[str] = []
        self._armed = False

    def install(self) -> None:
        """Watch this process from now on; a hook cannot be taken out again, only disarmed."""
        self._armed = True
        sys.addaudithook(self._audit)

    def disarm(self) -> None:
        """Stop watching: the test session is over."""
        self._armed = False

    @contextmanager
    def expecting_attempts(self) -> Generator[list[str]]:
        """Forget, at the end of the block, the attempts that were made in it on purpose."""
        before = len(self.attempts)
        seen: list[str] = []
        try:
            yield seen
        finally:
            seen.extend(self.attempts[before:])
            del self.attempts[before:]

    def _audit(self, event: str, args: tuple[object, ...]) -> None:
        if not self._armed or (event not in _SENDS and event not in _LOOKUPS):
            return
        if is_outside(event, args):
            self.attempts.append(event)
            raise OutsideNetworkError(f"{event} beyond loopback: tests stay on this machine")


def is_outside(event: str, args: tuple[object, ...]) -> bool:
    """Say whether an audited event would reach another machine."""
    if event in _LOOKUPS:
        # An address in digits asks no name server, wherever it points.
        return not (_is_local_name(args[0]) or _is_numeric(args[0]))
    client, address = args[0], args[1]
    if not isinstance(client, socket.socket) or client.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    if not isinstance(address, tuple):
        return False
    host, *_ = cast("tuple[object, ...]", address)
    return not _is_loopback(str(host))


def _is_local_name(host: object) -> bool:
    if isinstance(host, bytes):
        return host.decode("ascii", "replace") in _NAMES
    return host is None or host in _NAMES


def _is_numeric(host: object) -> bool:
    try:
        ipaddress.ip_address(host.decode("ascii", "replace") if isinstance(host, bytes) else str(host))
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    if host in _NAMES:
        return True
    try:
        return ipaddress.ip_address(host.split("%", 1)[0]).is_loopback
    except ValueError:
        return False
