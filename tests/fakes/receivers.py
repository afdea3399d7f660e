"""Receivers of alerts on loopback: real servers that answer as they are told, or do not."""

import asyncio
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """An HTTP answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b"ok"


# Hangs until the test ends; resets the connection; speaks no HTTP.
Behaviour: TypeAlias = Says | Literal["hang", "reset", "garbage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class _Server(ThreadingHTTPServer):
    """A server that does not mind who hangs up on it."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Receiver:
    """One HTTP server; answers by `script`, one entry a request, and then by `otherwise`.

    Attributes:
        requests: All of them, in the order in which they came.
        taken: Those that are answered with a yes.
    """

    def __init__(
        self, *script: Behaviour, otherwise: Behaviour | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.script: list[Behaviour] = list(script)
        self.otherwise: Behaviour = otherwise or Says()
        self.requests: list[Heard] = []
        self.taken: list[Heard] = []
        self._changed = threading.Condition()
        self._ended = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                body = self.rfile.read(size)
                if len(body) < size:
                    # Its sender was killed in the middle of it: to a server that is no request.
                    return
                heard = Heard(
                    path=self.path, headers={k.lower(): v for k, v in self.headers.items()}, body=body
                )
                owner.answer(self, heard)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://localhost:{self._server.server_port}/hook"

    def answer(self, handler: BaseHTTPRequestHandler, heard: Heard) -> None:
        with self._changed:
            self.requests.append(heard)
            behaviour = self.script.pop(0) if self.script else self.otherwise
            self._changed.notify_all()
        match behaviour:
            case "hang":
                self._ended.wait(_PATIENCE_S)
            case "reset":
                handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            case "garbage":
                handler.wfile.write(b"\x00\xff no http at all\r\n\r\n")
            case Says(status=status, headers=headers, body=body):
                if status < 300:
                    self.taken.append(heard)
                handler.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    handler.send_header(name, value)
                handler.end_headers()
                handler.wfile.write(body)

    async def heard(self, count: int) -> list[Heard]:
        """Wait until so many requests came, and give them all."""
        await asyncio.to_thread(self._wait, count)
        return list(self.requests)

    def _wait(self, count: int) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests) >= count, _PATIENCE_S):
                raise AssertionError(f"{len(self.requests)} of {count} requests came")

    def close(self) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def receiver(
    *script: Behaviour, otherwise: Behaviour | None = None, tls: ssl.SSLContext | None = None
) -> Generator[Receiver]:
    made = Receiver(*script, otherwise=otherwise, tls=tls)
    try:
        yield made
    finally:
        made.close()


def certificate(folder: Path, name: str = "localhost") -> Path:
    """Make a certificate of our own for one name, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "host.pem"
    path.write_bytes(private + made.public_bytes(encoding))
    return path


def sealed_by(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Give a server's side of TLS for localhost, and trust in that server alone."""
    path = certificate(folder)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))


@dataclass(slots=True)
class Mailbox:
    """An SMTP server with STARTTLS, or with TLS from the start; keeps what it is sent, envelope and letter.

    Attributes:
        letters: The letters, as sent after DATA, in order.
        logins: What AUTH PLAIN gave.
        refuses: What RCPT is answered with instead of a yes.
        plain: It knows no TLS.
    """

    tls: ssl.SSLContext
    implicit: bool = False
    refuses: bytes = b""
    plain: bool = False
    letters: list[bytes] = field(default_factory=list[bytes])
    logins: list[str] = field(default_factory=list[str])
    in_the_clear: list[bytes] = field(default_factory=list[bytes])
    port: int = 0
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        tls = self.tls if self.implicit else None
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sealed = self.implicit
        writer.write(b"220 mailbox\r\n")
        try:
            while line := await reader.readline():
                verb = line.split()[0].upper()
                if not sealed:
                    self.in_the_clear.append(line)
                if verb == b"EHLO":
                    extra = b"250 AUTH PLAIN\r\n" if sealed or self.plain else b"250 STARTTLS\r\n"
                    writer.write(b"250-mailbox\r\n" + extra)
                elif verb == b"STARTTLS":
                    writer.write(b"220 go\r\n")
                    await writer.drain()
                    await writer.start_tls(self.tls)
                    sealed = True
                elif verb == b"AUTH":
                    self.logins.append(line.split()[-1].decode())
                    writer.write(b"235 yes\r\n")
                elif verb == b"RCPT":
                    writer.write(self.refuses or b"250 yes\r\n")
                elif verb == b"DATA":
                    writer.write(b"354 go on\r\n")
                    self.letters.append(await reader.readuntil(b"\r\n.\r\n"))
                    writer.write(b"250 taken\r\n")
                elif verb == b"QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                else:
                    writer.write(b"250 yes\r\n")
                await writer.drain()
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
