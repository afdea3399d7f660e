"""E-mail: SMTP with TLS, to a mail server at a checked address.

Source: RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 8314 (TLS from the start).
"""

import asyncio
import smtplib
import socket
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate
from ipaddress import ip_address
from typing import BinaryIO

from firewall.core.errors import ConfigError
from partywall.alerts.outcome import Later, Outcome, Refused, Sent
from partywall.alerts.post import AT_ONCE, inside
from partywall.alerts.words import facts, plain, title
from sandbox.addresses import is_public
from sandbox.errors import EgressFailed
from sandbox.exchange import Cut, system_connect, system_resolve
from sandbox.urls import is_host_name
from vault.delivery import Delivery

_PERMANENT = range(500, 600)
_MAX_REPLIES_BYTES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail goes in, and as whom; the password is never shown.

    Attributes:
        implicit: TLS from the start (port 465), else STARTTLS, without which nothing is sent.
        private: The server may be at an address inside.
    """

    host: str
    port: int
    implicit: bool
    private: bool
    timeout_s: float
    user: str | None = None
    password: str = field(default="", repr=False)


class _Replies:
    """What a server says, up to a bound: a reply may have any number of lines, and smtplib keeps them all."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left_bytes = _MAX_REPLIES_BYTES

    def readline(self, most: int) -> bytes:
        """Give the next line, or nothing, as at the end, when all that may be said was said."""
        line = self._file.readline(min(most, self._left_bytes))
        self._left_bytes -= len(line)
        return line

    def close(self) -> None:
        """Let go of the connection."""
        self._file.close()


class _Smtp(smtplib.SMTP):
    """A session over a connection that was made already, to an address that was checked."""

    def __init__(self, server: MailServer, connection: socket.socket) -> None:
        self._given = connection
        super().__init__(server.host, server.port, local_hostname="localhost", timeout=server.timeout_s)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002 - smtplib's hook
        return self._given

    def getreply(self) -> tuple[int, bytes]:
        """Read a reply; smtplib makes `file` where there is none, with no bound."""
        if self.file is None and self.sock is not None:
            self.file = _Replies(self.sock.makefile("rb"))
        return super().getreply()


class Mail:
    """Sends each message by itself, from a thread of its own; a mailbox shows an incident as one thread."""

    def __init__(
        self, server: MailServer, sender: str, to: Sequence[str], *, tls: ssl.SSLContext | None = None
    ) -> None:
        if not is_host_name(server.host):
            raise ConfigError("the mail server of an alert route is named by its host name, in small letters")
        self._server = server
        self._sender = sender
        self._to = tuple(to)
        self._tls = tls or ssl.create_default_context()
        self._threads = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="partywall mail")

    @property
    def address(self) -> str:
        """The server and who gets it."""
        return " ".join((self._server.host, str(self._server.port), *self._to))

    @property
    def endpoint(self) -> tuple[str, int]:
        """The host that is asked for, and the port."""
        return self._server.host, self._server.port

    async def send(self, delivery: Delivery, now_ms: int) -> Outcome:
        """Hand it to the mail server once."""
        letter = mail(delivery, self._sender, self._to, now_ms)
        cut = Cut()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._server.timeout_s):
                return await loop.run_in_executor(self._threads, self._handed, letter, cut)
        except TimeoutError:
            return Later(fault="timeout")
        finally:
            cut.cut()

    def close(self) -> None:
        """Take no more work."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _handed(self, letter: EmailMessage, cut: Cut) -> Outcome:
        try:
            return self._spoken(letter, cut)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            fault = f"smtp {max(codes, default=0)}"
            return Refused(fault=fault) if all(each in _PERMANENT for each in codes) else Later(fault=fault)
        except smtplib.SMTPResponseException as error:
            fault = f"smtp {error.smtp_code}"
            return Refused(fault=fault) if error.smtp_code in _PERMANENT else Later(fault=fault)
        except ssl.SSLError:
            return Later(fault="tls")
        except smtplib.SMTPNotSupportedError:
            return Later(fault="smtp without tls or login")
        except (OSError, smtplib.SMTPException, EgressFailed, ValueError):
            return Later(fault="unreachable")

    def _spoken(self, letter: EmailMessage, cut: Cut) -> Outcome:
        server = self._server
        found = system_resolve(server.host, server.port)
        admits: Callable[..., bool] = inside if server.private else is_public
        # One that is not admitted spoils all, as for any request: see `sandbox.exchange`.
        if not found or not all(admits(ip_address(each)) for each in found):
            return Later(fault="address refused")
        connection = system_connect(found[0], server.port, server.timeout_s)
        try:
            cut.hold(connection)
            if server.implicit:
                connection = self._tls.wrap_socket(connection, server_hostname=server.host)
                cut.hold(connection)
            session = _Smtp(server, connection)
            try:
                self._given(session, letter, cut)
            finally:
                session.close()
        finally:
            connection.close()
        return Sent()

    def _given(self, session: smtplib.SMTP, letter: EmailMessage, cut: Cut) -> None:
        server = self._server
        if not server.implicit:
            session.starttls(context=self._tls)
            if session.sock is not None:
                cut.hold(session.sock)
        if server.user is not None:
            session.login(server.user, server.password)
        session.send_message(letter)
        # The letter is taken; how the server takes leave changes nothing of that.
        with suppress(OSError, smtplib.SMTPException):
            session.quit()


def mail(delivery: Delivery, sender: str, to: Sequence[str], now_ms: int) -> EmailMessage:
    """Give the mail of a delivery; its Message-ID is the delivery's id, so a second copy is known as one."""
    letter = EmailMessage()
    letter["From"] = sender
    letter["To"] = ", ".join(to)
    letter["Subject"] = f"[Partywall] {title(delivery)}"
    letter["Date"] = formatdate(now_ms / 1000)
    letter["Message-ID"] = f"<{delivery.id}@partywall.invalid>"
    letter["References"] = f"<{delivery.incident}@partywall.invalid>"
    letter["Auto-Submitted"] = "auto-generated"
    lines = [f"{name}: {value}" for name, value in facts(delivery).items() if value != ""]
    letter.set_content("\n".join(map(plain, lines)) + "\n")
    return letter
