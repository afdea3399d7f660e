"""No test reaches another machine, even where the code swallows the refusal."""

import socket

import pytest

from tests.fakes.network import LoopbackOnly, OutsideNetworkError, is_outside

# 192.0.2.0/24 is set aside for documentation (RFC 5737): nothing answers there.
ELSEWHERE = ("192.0.2.1", 9)


def test_a_connection_beyond_loopback_is_refused_and_remembered(loopback: LoopbackOnly) -> None:
    with loopback.expecting_attempts() as seen, socket.socket() as client:
        client.settimeout(0.01)
        with pytest.raises(OutsideNetworkError):
            client.connect(ELSEWHERE)
    assert seen == ["socket.connect"]
    assert loopback.attempts == []


def test_a_datagram_beyond_loopback_is_refused(loopback: LoopbackOnly) -> None:
    with (
        loopback.expecting_attempts(),
        socket.socket(type=socket.SOCK_DGRAM) as client,
        pytest.raises(OutsideNetworkError),
    ):
        client.sendto(b"x", ELSEWHERE)


def test_a_name_is_not_looked_up(loopback: LoopbackOnly) -> None:
    with loopback.expecting_attempts() as seen, pytest.raises(OutsideNetworkError):
        socket.getaddrinfo("acme.example", 443)
    assert seen == ["socket.getaddrinfo"]


def test_loopback_stays_open() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5) as client,
    ):
        assert client.getpeername() == server.getsockname()


@pytest.mark.parametrize(
    ("host", "outside"),
    [
        pytest.param("localhost", False, id="localhost-is-inside"),
        pytest.param(None, False, id="no-host-is-inside"),
        pytest.param(b"::1", False, id="digits-ask-no-name-server"),
        pytest.param("localhost.evil.example", True, id="a-name-that-begins-with-localhost-is-outside"),
    ],
)
def test_lookups_are_judged_by_their_host(host: object, outside: bool) -> None:
    assert is_outside("socket.getaddrinfo", (host, 1)) is outside


@pytest.mark.parametrize(
    ("address", "outside"),
    [
        pytest.param(("127.8.9.10", 1), False, id="all-of-127"),
        pytest.param(("127.0.0.1.evil.example", 1), True, id="a-name-that-begins-with-loopback"),
        pytest.param(("169.254.169.254", 80), True, id="the-clouds-metadata-address"),
    ],
)
def test_connections_are_judged_by_their_address(address: tuple[str, int], outside: bool) -> None:
    with socket.socket() as client:
        assert is_outside("socket.connect", (client, address)) is outside
