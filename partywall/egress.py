"""Fetching what a grant allows: the firewall's egress port, carried out by the sandbox."""

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.egress import EgressClient, EgressPolicy
from sandbox.errors import SandboxError
from sandbox.urls import parse_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """Implements `ports.Fetcher`.

    Attributes:
        max_response_bytes: A longer answer is refused, not cut.
        timeout_s: For the whole exchange, redirects included.
    """

    max_response_bytes: int
    timeout_s: float

    def allows(self, url: str, hosts: Sequence[str]) -> bool:
        """True if the URL is well-formed https and its host is granted."""
        try:
            target = parse_url(url)
        except SandboxError:
            return False
        return target.scheme == "https" and any(
            target.host == host or (host.startswith(".") and target.host.endswith(host)) for host in hosts
        )

    async def fetch(self, url: str, hosts: Sequence[str]) -> str:
        """Give the body as text, or an error in constant words; nothing private is ever reached."""
        policy = EgressPolicy(
            hosts=frozenset(hosts),
            schemes=frozenset({"https"}),
            ports=frozenset({443}),
            max_redirects=3,
            max_response_bytes=self.max_response_bytes,
            timeout_s=self.timeout_s,
        )
        try:
            fetched = await EgressClient(policy).fetch(url)
        except SandboxError as error:
            return f"error: {error}"
        return fetched.body.decode("utf-8", "replace")


def host_of(url: str) -> str | None:
    """Give the host that a fetch of this URL would ask, or None where it would ask nobody."""
    try:
        return parse_url(url).host
    except SandboxError:
        return None
