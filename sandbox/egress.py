"""HTTP requests that reach allow-listed hosts on the public internet and nothing else.

The attack is server-side request forgery: a URL, a redirect or a DNS answer that turns the bot into a way
to loopback, to the cloud's metadata or to the network behind it. Each hop is therefore judged anew, in this
order: the URL has one meaning; its host, scheme and port are allowed; *every* address of the name is public.
Then the connection is made to an address that was just checked, while TLS and the Host header keep the
name. The name is not resolved a second time, so an answer that changes in between (DNS rebinding) is never
asked for. Proxy settings of the environment are ignored.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from urllib.parse import urljoin

from sandbox.addresses import Address, is_public
from sandbox.errors import EgressFailed, EgressFailure, EgressFault, EgressRefused, SetupFault, SetupRefused
from sandbox.exchange import Answer, Connect, Cut, Network, Request, Resolve, system_connect, system_resolve
from sandbox.urls import Target, is_host_name, parse_url

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_FOLLOWING_METHODS = frozenset({"GET", "HEAD"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")
# Headers that change where a message ends, whom it is for or where it seems to come from.
_OWN_HEADER = re.compile(
    r"host|connection|keep-alive|content-length|transfer-encoding|te|trailer|upgrade|expect|accept-encoding"
    r"|via|forwarded|(?:proxy|x-forwarded|sec)-.*",
    re.IGNORECASE,
)
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressPolicy:
    """What one caller may reach. Nothing is allowed that is not named."""

    hosts: frozenset[str]
    """`api.example.com` for that host, `.example.com` for every host below it (not itself)."""
    schemes: frozenset[str]
    ports: frozenset[int]
    max_redirects: int
    max_response_bytes: int
    timeout_s: float
    """For the whole request with its redirects and name lookups."""

    def __post_init__(self) -> None:
        """Refuse a policy that allows something else than it seems to."""
        if not all(_is_allowable(host) for host in self.hosts):
            raise SetupRefused(SetupFault.NOT_A_HOST)
        if not self.schemes <= {"http", "https"} or not all(0 < port < 65536 for port in self.ports):
            raise SetupRefused(SetupFault.NOT_A_SCHEME)
        if self.max_redirects < 0 or self.max_response_bytes < 1 or self.timeout_s <= 0:
            raise SetupRefused(SetupFault.BAD_LIMIT)

    def require(self, target: Target) -> None:
        """Refuse a target that is not allowed.

        Raises:
            EgressRefused: Its scheme, port or host is not named.
        """
        if target.scheme not in self.schemes:
            raise EgressRefused(EgressFault.SCHEME)
        if target.port not in self.ports:
            raise EgressRefused(EgressFault.PORT)
        if target.host not in self.hosts and not any(_is_below(target.host, host) for host in self.hosts):
            raise EgressRefused(EgressFault.HOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """An answer; the body is as sent, at most `max_response_bytes`."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    url: str
    """Where it came from, after redirects."""


class EgressClient:
    """Makes requests under one policy."""

    def __init__(
        self,
        policy: EgressPolicy,
        *,
        resolve: Resolve = system_resolve,
        connect: Connect = system_connect,
        admits: Callable[[Address], bool] = is_public,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Keep the policy and the ways to the network, which tests replace.

        Args:
            policy: What may be reached.
            resolve: Gives every address of a name.
            connect: Connects to an address that was admitted.
            admits: Says which addresses may be reached.
            tls: Trust in certificates; the system's by default.
        """
        self._policy = policy
        self._network = Network(
            resolve=resolve,
            connect=connect,
            admits=admits,
            tls=tls or ssl.create_default_context(),
            timeout_s=policy.timeout_s,
            max_response_bytes=policy.max_response_bytes,
        )

    async def fetch(
        self, url: str, *, method: str = "GET", headers: Mapping[str, str] = _NO_HEADERS, body: bytes = b""
    ) -> Fetched:
        """Make one request and follow its redirects, each judged like the first.

        Args:
            url: Absolute URL as the model wrote it.
            method: GET and HEAD follow redirects; others do not, since they would repeat their effect.
            headers: Sent to the first origin only. Those that frame a message are refused.
            body: Sent as it is.

        Raises:
            EgressRefused: Policy forbids it; the refused host got nothing.
            EgressFailed: The network brought no usable answer, or not in time.
        """
        request = Request(target=parse_url(url), method=method, headers=_checked_headers(headers), body=body)
        if method not in _METHODS:
            raise EgressRefused(EgressFault.METHOD)
        cut = Cut()
        try:
            async with asyncio.timeout(self._policy.timeout_s):
                return await asyncio.to_thread(self._follow, request, cut)
        except TimeoutError:
            raise EgressFailed(EgressFailure.TIMEOUT) from None
        finally:
            # The thread may be waiting for a host that sends a byte now and then for ever. It cannot be
            # cancelled, but its socket can be shut, on a timeout and on cancellation alike.
            cut.cut()

    def _follow(self, request: Request, cut: Cut) -> Fetched:
        for _ in range(self._policy.max_redirects + 1):
            self._policy.require(request.target)
            answer = self._network.exchange(request, cut)
            location = _location(answer)
            if location is None:
                return Fetched(
                    status=answer.status, headers=answer.headers, body=answer.body, url=request.target.url
                )
            request = _redirected(request, location)
        raise EgressRefused(EgressFault.REDIRECT)


def _location(answer: Answer) -> str | None:
    if answer.status not in _REDIRECTS:
        return None
    return next((value for name, value in answer.headers if name.lower() == "location"), None)


def _redirected(request: Request, location: str) -> Request:
    """Give the next request: same method, and the headers only where they were meant for."""
    if request.method not in _FOLLOWING_METHODS:
        raise EgressRefused(EgressFault.REDIRECT)
    target = parse_url(_joined(request.target.url, location))
    if request.target.scheme == "https" and target.scheme == "http":
        raise EgressRefused(EgressFault.DOWNGRADE)
    headers = request.headers if target.origin == request.target.origin else ()
    return replace(request, target=target, headers=headers)


def _joined(base: str, location: str) -> str:
    try:
        return urljoin(base, location)
    except ValueError:
        raise EgressRefused(EgressFault.MALFORMED) from None


def _checked_headers(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Refuse what would frame the message or smuggle a second one after a line end."""
    for name, value in headers.items():
        plain = _HEADER_NAME.fullmatch(name) and value.isascii() and value.isprintable()
        if not plain or _OWN_HEADER.fullmatch(name):
            raise EgressRefused(EgressFault.METHOD)
    return tuple(headers.items())


def _is_below(host: str, allowed: str) -> bool:
    return allowed.startswith(".") and host.endswith(allowed)


def _is_allowable(host: str) -> bool:
    """A whole top-level domain is no host of anybody's, so a suffix has two labels at least."""
    name = host.removeprefix(".")
    return is_host_name(name) and ("." in name or name == host)
