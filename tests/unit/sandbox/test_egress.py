"""Requests reach allow-listed hosts at public addresses, by real sockets on loopback."""

import asyncio
import gzip
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.addresses import Address
from sandbox.egress import EgressClient, EgressPolicy
from sandbox.errors import (
    EgressFailed,
    EgressFailure,
    EgressFault,
    EgressRefused,
    SetupFault,
    SetupRefused,
)
from sandbox.exchange import Cut, system_connect, system_resolve
from sandbox.urls import parse_url
from tests.fakes.services import data_root, needs

Script = Callable[[socket.socket, bytes], None]


@dataclass
class Host:
    """A real server on loopback that keeps what it was asked."""

    listener: socket.socket
    script: Script
    tls: ssl.SSLContext | None = None
    asked: list[bytes] = field(default_factory=list[bytes])

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with suppress(OSError), connection:
                if self.tls:
                    with self.tls.wrap_socket(connection, server_side=True) as wrapped:
                        self._answer(wrapped)
                else:
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            chunk = connection.recv(4096)
            if not chunk:
                return
            request += chunk
        self.asked.append(request)
        self.script(connection, request)


Start = Callable[..., Host]


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[tuple[Host, threading.Thread]] = []

    def begin(script: Script, tls: ssl.SSLContext | None = None) -> Host:
        host = Host(listener=socket.create_server(("127.0.0.1", 0)), script=script, tls=tls)
        thread = threading.Thread(target=host.serve)
        thread.start()
        running.append((host, thread))
        return host

    yield begin
    for host, thread in running:
        host.listener.shutdown(socket.SHUT_RDWR)
        host.listener.close()
        thread.join()


def _says(*lines: str, body: bytes = b"") -> Script:
    head = "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"
    return lambda connection, _: connection.sendall(head + body)


def _ok(body: bytes) -> Script:
    return _says("HTTP/1.1 200 OK", f"Content-Length: {len(body)}", "X-A: b", body=body)


def _to(location: str, status: int = 302) -> Script:
    return _says(f"HTTP/1.1 {status} Found", f"Location: {location}", "Content-Length: 0")


def _policy(*ports: int, **changes: object) -> EgressPolicy:
    policy = EgressPolicy(
        hosts=frozenset({"api.acme.test", ".cdn.acme.test"}),
        schemes=frozenset({"http", "https"}),
        ports=frozenset(ports),
        max_redirects=2,
        max_response_bytes=1000,
        timeout_s=30.0,
    )
    return replace(policy, **changes)  # type: ignore[arg-type]


@dataclass
class Names:
    """A resolver that gives the next answer of a list each time, the last one for ever."""

    answers: Sequence[Sequence[str]] = (("127.0.0.1",),)
    asked: list[str] = field(default_factory=list[str])

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


@dataclass
class Dialled:
    """A connector that keeps where it was sent."""

    to: list[str] = field(default_factory=list[str])

    def __call__(self, address: str, port: int, timeout_s: float) -> socket.socket:
        self.to.append(address)
        return system_connect(address, port, timeout_s)


def _this_machine_only(address: Address) -> bool:
    return address == ip_address("127.0.0.1")


def _any_loopback(address: Address) -> bool:
    return address.is_loopback


def _hangs_up(connection: socket.socket, request: bytes) -> None:
    """Close without a word."""


def _client(policy: EgressPolicy, names: Names | None = None, **ways: object) -> EgressClient:
    given: dict[str, object] = {"resolve": names or Names(), "admits": _this_machine_only, **ways}
    return EgressClient(policy, **given)  # type: ignore[arg-type]


async def _refusal(client: EgressClient, url: str, **request: object) -> EgressFault:
    with pytest.raises(EgressRefused) as refused:
        await client.fetch(url, **request)  # type: ignore[arg-type]
    return refused.value.fault


async def _failure(client: EgressClient, url: str) -> EgressFailure:
    with pytest.raises(EgressFailed) as failed:
        await client.fetch(url)
    assert str(failed.value) == failed.value.failure.value
    assert failed.value.__context__ is None or failed.value.__suppress_context__
    return failed.value.failure


async def test_an_allowed_host_answers_under_its_name(start: Start) -> None:
    host = start(_ok(b"hello"))
    names, dialled = Names(), Dialled()
    client = _client(_policy(host.port), names, connect=dialled)
    fetched = await client.fetch(f"http://api.acme.test:{host.port}/a?b=c", headers={"X-Key": "k"})
    assert (fetched.status, fetched.body) == (200, b"hello")
    assert ("X-A", "b") in fetched.headers
    assert fetched.url == f"http://api.acme.test:{host.port}/a?b=c"
    (asked,) = host.asked
    assert asked.startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert f"Host: api.acme.test:{host.port}\r\n".encode() in asked
    assert b"X-Key: k\r\n" in asked
    assert b"Accept-Encoding: identity\r\n" in asked
    assert (names.asked, dialled.to) == (["api.acme.test"], ["127.0.0.1"])


async def test_a_body_is_sent_and_a_head_has_none(start: Start) -> None:
    host = start(_says("HTTP/1.1 204 Done"))
    client = _client(_policy(host.port))
    url = f"http://x.cdn.acme.test:{host.port}/"
    assert (await client.fetch(url, method="POST", body=b"data")).status == 204
    assert (await client.fetch(url, method="HEAD")).body == b""
    assert b"Content-Length: 4\r\n" in host.asked[0]


async def test_proxies_of_the_environment_are_ignored(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    host, proxy = start(_ok(b"direct")), start(_ok(b"proxied"))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    fetched = await _client(_policy(host.port)).fetch(f"http://api.acme.test:{host.port}/")
    assert (fetched.body, proxy.asked) == (b"direct", [])


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://globex.test/", EgressFault.HOST),
        ("http://api.acme.test.evil.test/", EgressFault.HOST),
        ("http://evilapi.acme.test/", EgressFault.HOST),
        ("http://cdn.acme.test/", EgressFault.HOST),
        ("http://xcdn.acme.test/", EgressFault.HOST),
        ("http://localhost/", EgressFault.HOST),
        ("http://api.acme.test:22/", EgressFault.PORT),
        ("ftp://api.acme.test/", EgressFault.SCHEME),
    ],
)
async def test_what_is_not_named_is_refused_before_its_name_is_looked_up(
    url: str, fault: EgressFault
) -> None:
    names = Names()
    assert await _refusal(_client(_policy(80, 443), names), url) is fault
    assert names.asked == []


async def test_a_scheme_that_is_not_named_is_refused() -> None:
    client = _client(_policy(80, schemes=frozenset({"https"})))
    assert await _refusal(client, "http://api.acme.test/") is EgressFault.SCHEME


@pytest.mark.parametrize(
    "answer",
    [
        ("10.0.0.1",),
        ("127.0.0.1",),
        ("169.254.169.254",),
        ("::ffff:10.0.0.1",),
        ("fe80::1%lo",),
        ("93.184.216.34", "10.0.0.1"),
        ("10.0.0.1", "93.184.216.34"),
    ],
)
async def test_one_address_inside_refuses_the_name_before_connecting(answer: Sequence[str]) -> None:
    dialled = Dialled()
    client = EgressClient(_policy(80), resolve=Names([answer]), connect=dialled)
    assert await _refusal(client, "http://api.acme.test/") is EgressFault.ADDRESS
    assert dialled.to == []


async def test_a_name_that_rebinds_after_the_check_is_not_asked_again(start: Start) -> None:
    host = start(_ok(b"first"))
    names, dialled = Names([["127.0.0.1"], ["169.254.169.254"]]), Dialled()
    client = _client(_policy(host.port), names, connect=dialled)
    assert (await client.fetch(f"http://api.acme.test:{host.port}/")).body == b"first"
    assert (len(names.asked), dialled.to) == (1, ["127.0.0.1"])
    assert await _refusal(client, f"http://api.acme.test:{host.port}/") is EgressFault.ADDRESS
    assert dialled.to == ["127.0.0.1"]


async def test_a_redirect_to_a_name_that_rebound_is_refused(start: Start) -> None:
    host = start(_to("/again"))
    names = Names([["127.0.0.1"], ["10.0.0.1"]])
    assert (
        await _refusal(_client(_policy(host.port), names), f"http://api.acme.test:{host.port}/")
        is EgressFault.ADDRESS
    )
    assert len(host.asked) == 1


@pytest.mark.parametrize(
    ("location", "fault"),
    [
        ("http://127.0.0.1/", EgressFault.NUMERIC_HOST),
        ("http://169.254.169.254/latest/", EgressFault.NUMERIC_HOST),
        ("http://[::1]/", EgressFault.NUMERIC_HOST),
        ("http://[x/", EgressFault.MALFORMED),
        ("http://globex.test/", EgressFault.HOST),
        ("//globex.test/", EgressFault.HOST),
        ("http://api.acme.test:22/", EgressFault.PORT),
        ("http://api.acme.test@globex.test/", EgressFault.CREDENTIALS),
        ("gopher://api.acme.test/", EgressFault.SCHEME),
        ("file:///etc/passwd", EgressFault.SCHEME),
        ("\\\\globex.test/", EgressFault.MALFORMED),
    ],
)
async def test_a_redirect_is_judged_like_the_first_url(
    start: Start, location: str, fault: EgressFault
) -> None:
    host = start(_to(location))
    client = _client(_policy(host.port, 80, 443))
    url = f"http://api.acme.test:{host.port}/"
    assert await _refusal(client, url) is fault


async def test_redirects_are_followed_up_to_their_number(start: Start) -> None:
    def twice(connection: socket.socket, request: bytes) -> None:
        path = request.split()[1].decode()
        (_to(path + "x") if len(path) < 3 else _ok(path.encode()))(connection, request)

    host = start(twice)
    url = f"http://api.acme.test:{host.port}/"
    assert (await _client(_policy(host.port)).fetch(url)).body == b"/xx"
    assert await _refusal(_client(_policy(host.port, max_redirects=1)), url) is EgressFault.REDIRECT


async def test_headers_go_to_the_first_origin_only(start: Start) -> None:
    other = start(_ok(b"there"))

    def script(connection: socket.socket, request: bytes) -> None:
        where = "/same" if b"GET / " in request else f"http://x.cdn.acme.test:{other.port}/"
        _to(where)(connection, request)

    host = start(script)
    client = _client(_policy(host.port, other.port))
    await client.fetch(f"http://api.acme.test:{host.port}/", headers={"Authorization": "acme-key"})
    assert [b"acme-key" in asked for asked in host.asked] == [True, True]
    assert [b"acme-key" in asked for asked in other.asked] == [False]


async def test_an_effect_is_never_repeated_by_a_redirect(start: Start) -> None:
    host = start(_to("/elsewhere", 307))
    client = _client(_policy(host.port))
    url = f"http://api.acme.test:{host.port}/"
    assert await _refusal(client, url, method="POST", body=b"x") is EgressFault.REDIRECT
    assert len(host.asked) == 1


async def test_a_redirect_status_without_a_place_is_an_answer(start: Start) -> None:
    host = start(_says("HTTP/1.1 302 Found", "Content-Length: 0"))
    assert (await _client(_policy(host.port)).fetch(f"http://api.acme.test:{host.port}/")).status == 302


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "globex.test"},
        {"content-length": "5"},
        {"Transfer-Encoding": "chunked"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"Proxy-Authorization": "x"},
        {"X-A": "b\r\nHost: globex.test"},
        {"X-A\r\nHost": "x"},
        {"X A": "x"},
        {"": "x"},
        {"X-A": "\u00fc"},
    ],
)
async def test_headers_that_frame_a_message_are_refused(headers: Mapping[str, str]) -> None:
    client = _client(_policy(80))
    assert await _refusal(client, "http://api.acme.test/", headers=headers) is EgressFault.METHOD


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "get", "GET / HTTP/1.1\r\nX:"])
async def test_other_methods_are_refused(method: str) -> None:
    assert await _refusal(_client(_policy(80)), "http://api.acme.test/", method=method) is EgressFault.METHOD


@pytest.mark.parametrize(
    ("script", "failure"),
    [
        pytest.param(_ok(b"x" * 1001), EgressFailure.TOO_LARGE, id="too-large"),
        pytest.param(
            _says("HTTP/1.1 200 OK", body=b"x" * 9999), EgressFailure.TOO_LARGE, id="no-length-too-large"
        ),
        pytest.param(
            _says("HTTP/1.1 200 OK", "Content-Length: 50", body=b"x"), EgressFailure.PROTOCOL, id="cut-short"
        ),
        pytest.param(
            _says("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", body=b"5\r\nab"),
            EgressFailure.PROTOCOL,
            id="chunk-cut-short",
        ),
        pytest.param(_says("SSH-2.0-OpenSSH"), EgressFailure.PROTOCOL, id="another-protocol"),
        pytest.param(_says("HTTP/1.1 200 OK", "A: " + "x" * 70000), EgressFailure.PROTOCOL, id="huge-header"),
        pytest.param(_hangs_up, EgressFailure.UNREACHABLE, id="nothing-at-all"),
    ],
)
async def test_an_unusable_answer_is_an_error_and_never_a_part(
    start: Start, script: Script, failure: EgressFailure
) -> None:
    host = start(script)
    assert await _failure(_client(_policy(host.port)), f"http://api.acme.test:{host.port}/") is failure


async def test_an_answer_of_exactly_the_limit_is_whole(start: Start) -> None:
    host = start(_ok(b"x" * 1000))
    fetched = await _client(_policy(host.port)).fetch(f"http://api.acme.test:{host.port}/")
    assert len(fetched.body) == 1000


def _drips(connection: socket.socket, _: bytes) -> None:
    """Send one header byte whenever the other side took the last, and never end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        connection.sendall(b"x")
        if not _still_open(connection):
            return


def _still_open(connection: socket.socket) -> bool:
    connection.settimeout(0.01)
    try:
        return bool(connection.recv(1))
    except TimeoutError:
        return True
    except OSError:
        return False


async def test_a_host_that_drips_is_cut_at_the_time_limit(start: Start) -> None:
    host = start(_drips)
    client = _client(_policy(host.port, timeout_s=0.2))
    assert await _failure(client, f"http://api.acme.test:{host.port}/") is EgressFailure.TIMEOUT


async def test_cancellation_cuts_the_connection(start: Start) -> None:
    reached, ended = threading.Event(), threading.Event()

    def waits(connection: socket.socket, _: bytes) -> None:
        reached.set()
        connection.recv(1)
        ended.set()

    host = start(waits)
    task = asyncio.create_task(_client(_policy(host.port)).fetch(f"http://api.acme.test:{host.port}/"))
    await asyncio.to_thread(reached.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(ended.wait, 30)


async def test_a_cut_before_the_connection_ends_it_at_once() -> None:
    cut = Cut()
    cut.cut()
    with socket.socket() as connection, pytest.raises(EgressFailed):
        cut.hold(connection)
    done = Cut()
    with socket.socket() as never_connected:
        done.hold(never_connected)
        done.cut()


async def test_the_time_limit_holds_for_a_slow_name_lookup() -> None:
    asked = threading.Event()

    def slow(host: str, port: int) -> Sequence[str]:
        asked.wait(30)
        return ("127.0.0.1",)

    client = _client(_policy(80, timeout_s=0.05), resolve=slow)
    assert await _failure(client, "http://api.acme.test/") is EgressFailure.TIMEOUT
    asked.set()


async def test_a_connection_that_times_out_is_a_timeout() -> None:
    def silent(address: str, port: int, timeout_s: float) -> socket.socket:
        raise TimeoutError

    client = _client(_policy(80), connect=silent)
    assert await _failure(client, "http://api.acme.test/") is EgressFailure.TIMEOUT


@pytest.mark.parametrize("answer", [(), ("no address",)])
async def test_a_name_without_a_usable_address_is_unresolved(answer: Sequence[str]) -> None:
    assert (
        await _failure(_client(_policy(80), Names([answer])), "http://api.acme.test/")
        is EgressFailure.UNRESOLVED
    )


async def test_a_name_that_does_not_exist_is_unresolved() -> None:
    def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(f"unknown: {host}")

    assert (
        await _failure(_client(_policy(80), resolve=unknown), "http://api.acme.test/")
        is EgressFailure.UNRESOLVED
    )


async def test_the_next_address_is_tried_and_all_were_checked(start: Start) -> None:
    host = start(_ok(b"second"))
    dialled: list[str] = []

    def first_is_down(address: str, port: int, timeout_s: float) -> socket.socket:
        dialled.append(address)
        if address == "127.0.0.2":
            raise ConnectionRefusedError
        return system_connect(address, port, timeout_s)

    client = _client(
        _policy(host.port),
        Names([["127.0.0.2", "127.0.0.1"]]),
        connect=first_is_down,
        admits=_any_loopback,
    )
    assert (await client.fetch(f"http://api.acme.test:{host.port}/")).body == b"second"
    assert dialled == ["127.0.0.2", "127.0.0.1"]
    down = _client(
        _policy(80),
        Names([["127.0.0.2", "127.0.0.2"]]),
        connect=first_is_down,
        admits=_any_loopback,
    )
    assert await _failure(down, "http://api.acme.test/") is EgressFailure.UNREACHABLE


def test_the_systems_resolver_gives_plain_addresses_once_each() -> None:
    found = system_resolve("localhost", 80)
    assert set(found) <= {"127.0.0.1", "::1"}
    assert len(found) == len(set(found))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of our own for api.acme.test and nobody else."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "api.acme.test")])
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("api.acme.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "host.pem"
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(encoding))
    return path


def _server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_tls_checks_the_name_and_not_the_pinned_address(start: Start, certificate: Path) -> None:
    seen: list[str | None] = []
    tls = _server_tls(certificate)
    tls.sni_callback = lambda _, name, __: seen.append(name)
    host = start(_ok(b"sealed"), tls)
    trust = ssl.create_default_context(cafile=str(certificate))
    client = _client(_policy(host.port), tls=trust)
    assert (await client.fetch(f"https://api.acme.test:{host.port}/")).body == b"sealed"
    assert seen == ["api.acme.test"]
    assert await _failure(client, f"https://x.cdn.acme.test:{host.port}/") is EgressFailure.TLS


async def test_a_certificate_that_nobody_vouches_for_is_refused(start: Start, certificate: Path) -> None:
    host = start(_ok(b"sealed"), _server_tls(certificate))
    assert (
        await _failure(_client(_policy(host.port)), f"https://api.acme.test:{host.port}/")
        is EgressFailure.TLS
    )
    assert host.asked == []


async def test_a_redirect_from_https_to_http_is_refused(start: Start, certificate: Path) -> None:
    host = start(_to("http://api.acme.test/"), _server_tls(certificate))
    trust = ssl.create_default_context(cafile=str(certificate))
    client = _client(_policy(host.port, 80), tls=trust)
    assert await _refusal(client, f"https://api.acme.test:{host.port}/") is EgressFault.DOWNGRADE


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"hosts": frozenset({"*"})}, SetupFault.NOT_A_HOST),
        ({"hosts": frozenset({""})}, SetupFault.NOT_A_HOST),
        ({"hosts": frozenset({"."})}, SetupFault.NOT_A_HOST),
        ({"hosts": frozenset({".com"})}, SetupFault.NOT_A_HOST),
        ({"hosts": frozenset({"API.acme.test"})}, SetupFault.NOT_A_HOST),
        ({"hosts": frozenset({"127.0.0.1"})}, SetupFault.NOT_A_HOST),
        ({"hosts": frozenset({"a.test:80"})}, SetupFault.NOT_A_HOST),
        ({"schemes": frozenset({"ftp"})}, SetupFault.NOT_A_SCHEME),
        ({"ports": frozenset({0})}, SetupFault.NOT_A_SCHEME),
        ({"max_redirects": -1}, SetupFault.BAD_LIMIT),
        ({"max_response_bytes": 0}, SetupFault.BAD_LIMIT),
        ({"timeout_s": 0.0}, SetupFault.BAD_LIMIT),
    ],
)
def test_a_policy_that_allows_more_than_it_says_is_refused(
    changes: dict[str, object], fault: SetupFault
) -> None:
    with pytest.raises(SetupRefused) as refused:
        _policy(80, **changes)
    assert refused.value.fault is fault


def _recorded_urls() -> list[str]:
    path = data_root() / "ssrf/patt_ssrf_urls.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [str(json.loads(line)["text"]) for line in lines]


@needs("data")
async def test_every_recorded_attack_is_refused_before_a_name_is_looked_up() -> None:
    urls = _recorded_urls()
    names, dialled = Names(), Dialled()
    client = EgressClient(_policy(80, 443), resolve=names, connect=dialled)
    for url in urls:
        await _refusal(client, url)
    assert (len(urls), names.asked, dialled.to) == (216, [], [])


@needs("data")
async def test_every_recorded_attack_is_refused_before_connecting_even_where_its_host_is_allowed() -> None:
    dialled, tls = Dialled(), ssl.create_default_context()
    reached = 0
    for url in _recorded_urls():
        try:
            target = parse_url(url)
        except EgressRefused:
            continue
        policy = _policy(target.port, hosts=frozenset({target.host}))
        client = EgressClient(policy, resolve=Names([["169.254.169.254"]]), connect=dialled, tls=tls)
        assert await _refusal(client, url) is EgressFault.ADDRESS
        reached += 1
    assert dialled.to == []
    assert reached > 20
