"""One HTTP request over one pinned connection. Blocking: runs in a thread that can be cut off."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address

from sandbox.addresses import Address
from sandbox.errors import EgressFailed, EgressFailure, EgressFault, EgressRefused
from sandbox.urls import Target

Resolve = Callable[[str, int], Sequence[str]]
"""Every address of a host, as text, best first."""
Connect = Callable[[str, int, float], socket.socket]
"""A connection to one address and port, within so many seconds."""

_ADDRESSES_TRIED = 4
_READ_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One hop, already judged but for its addresses."""

    target: Target
    method: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back on one hop."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def system_resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver for every address of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def system_connect(address: str, port: int, timeout_s: float) -> socket.socket:
    """Connect to exactly this address; it is numeric, so nothing is resolved again."""
    return socket.create_connection((address, port), timeout=timeout_s)


class Cut:
    """Ends a thread's connection from outside, whether it has one yet or not."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: socket.socket | None = None
        self._is_cut = False

    def hold(self, connection: socket.socket) -> None:
        """Name the connection to be shut.

        Raises:
            EgressFailed: It was cut already.
        """
        with self._lock:
            self._held = connection
            if self._is_cut:
                raise EgressFailed(EgressFailure.TIMEOUT)

    def cut(self) -> None:
        """Shut the connection, which wakes a thread that waits for it. The thread closes it."""
        with self._lock:
            self._is_cut = True
            if self._held is not None:
                # The plain socket's shutdown: the TLS one would drop its state under the reading thread,
                # which might then go on in the clear.
                with suppress(OSError):
                    socket.socket.shutdown(self._held, socket.SHUT_RDWR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The ways to the network, and what one exchange may take."""

    resolve: Resolve
    connect: Connect
    admits: Callable[[Address], bool]
    tls: ssl.SSLContext
    timeout_s: float
    max_response_bytes: int

    def exchange(self, request: Request, cut: Cut) -> Answer:
        """Send one request to a checked address of its host and read the whole answer.

        Raises:
            EgressRefused: An address of the host is not admitted; nothing was connected.
            EgressFailed: No usable answer.
        """
        addresses = self._addresses(request.target)
        with _worded():
            connection = self._connected(addresses, request.target.port)
            try:
                cut.hold(connection)
                if request.target.scheme == "https":
                    connection = self.tls.wrap_socket(
                        connection, server_hostname=request.target.host, do_handshake_on_connect=False
                    )
                    cut.hold(connection)
                    connection.do_handshake()
                return self._asked(connection, request)
            finally:
                connection.close()

    def _addresses(self, target: Target) -> Sequence[str]:
        """Give the addresses of a host if all of them are admitted.

        One that is not spoils all: a name that answers with a public and a private address is an attempt to
        have the check see the one and the connection use the other.
        """
        try:
            found = self.resolve(target.host, target.port)
            parsed = [ip_address(text) for text in found]
        except (OSError, ValueError):
            raise EgressFailed(EgressFailure.UNRESOLVED) from None
        if not parsed:
            raise EgressFailed(EgressFailure.UNRESOLVED)
        if not all(self.admits(address) for address in parsed):
            raise EgressRefused(EgressFault.ADDRESS)
        return found[:_ADDRESSES_TRIED]

    def _connected(self, addresses: Sequence[str], port: int) -> socket.socket:
        for address in addresses[:-1]:
            with suppress(OSError):
                return self.connect(address, port, self.timeout_s)
        return self.connect(addresses[-1], port, self.timeout_s)

    def _asked(self, connection: socket.socket, request: Request) -> Answer:
        client = http.client.HTTPConnection(request.target.host, request.target.port)
        client.auto_open = 0  # http.client would connect again by name, past every check
        client.sock = connection
        headers = {"Host": request.target.host_header, "Accept-Encoding": "identity", "Connection": "close"}
        client.request(request.method, request.target.request, request.body, headers | dict(request.headers))
        with client.getresponse() as response:
            body = self._body(response)
            return Answer(status=response.status, headers=tuple(response.getheaders()), body=body)

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        """Read to the end or refuse: a part would look like the whole."""
        body = bytearray()
        while chunk := response.read(_READ_BYTES):
            body += chunk
            if len(body) > self.max_response_bytes:
                raise EgressFailed(EgressFailure.TOO_LARGE)
        if response.length:
            raise EgressFailed(EgressFailure.PROTOCOL)
        return bytes(body)


@contextmanager
def _worded() -> Generator[None]:
    """Say in the sandbox's words what the network did; its own words may quote the URL or the answer."""
    try:
        yield
    except ssl.SSLError:
        raise EgressFailed(EgressFailure.TLS) from None
    except TimeoutError:
        raise EgressFailed(EgressFailure.TIMEOUT) from None
    except OSError:
        raise EgressFailed(EgressFailure.UNREACHABLE) from None
    except (http.client.HTTPException, ValueError):
        raise EgressFailed(EgressFailure.PROTOCOL) from None
