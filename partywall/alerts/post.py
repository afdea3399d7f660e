"""One HTTP POST to a receiver: pinned to a checked address, never redirected, never longer than its time.

Each receiver has threads of its own. The attack is a receiver that hangs: in the event loop's common threads
its requests would take the place of what turns wait for.
"""

import asyncio
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from ipaddress import IPv6Address, IPv6Network, ip_address

from firewall.core.errors import ConfigError
from partywall.alerts.outcome import Gone, Later, Outcome, Refused, Sent
from sandbox.addresses import Address, is_public
from sandbox.errors import EgressFailed, EgressRefused, SandboxError
from sandbox.exchange import Answer, Cut, Network, Request, system_connect, system_resolve
from sandbox.urls import Target, parse_url

AT_ONCE = 4
_MAX_ANSWER_BYTES = 1_000_000
_TRANSIENT = frozenset({408, 425, 429})
_THROTTLED_S = 60.0
_LONGEST_WAIT_S = 86_400.0
# Where clouds keep their metadata, or serve the host, beside the link: Alibaba, Azure, Oracle, Amazon.
_METADATA = frozenset(
    map(ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"))
)
# The attack: an IPv6 address that carries the link's IPv4 one past the check; see `sandbox.addresses`.
_CARRYING = tuple(map(IPv6Network, ("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16")))


class Post:
    """The way to one address.

    Args:
        url: Where to; https, or http too where private addresses are allowed.
        private: Addresses inside may be reached, but for those of the link, where clouds keep their metadata.
        timeout_s: For one whole request.
        tls: Trust in certificates; the system's by default.

    Raises:
        ConfigError: The address cannot be one.
    """

    def __init__(
        self, url: str, *, private: bool, timeout_s: float, tls: ssl.SSLContext | None = None
    ) -> None:
        self._target = _target(url, private=private)
        self._timeout_s = timeout_s
        self._network = Network(
            resolve=system_resolve,
            connect=system_connect,
            admits=inside if private else is_public,
            tls=tls or ssl.create_default_context(),
            timeout_s=timeout_s,
            max_response_bytes=_MAX_ANSWER_BYTES,
        )
        self._threads = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="partywall alert")

    @property
    def url(self) -> str:
        """The canonical address."""
        return self._target.url

    @property
    def endpoint(self) -> tuple[str, int]:
        """The host that is asked for, and the port."""
        return self._target.host, self._target.port

    async def send(self, body: bytes, headers: Mapping[str, str]) -> Answer | Later:
        """Send one request and give its answer, or say why there is none."""
        given = (("Content-Type", "application/json"), *headers.items())
        request = Request(target=self._target, method="POST", headers=given, body=body)
        cut = Cut()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s):
                return await loop.run_in_executor(self._threads, self._network.exchange, request, cut)
        except TimeoutError:
            return Later(fault="timeout")
        except SandboxError as error:
            return Later(fault=_named(error))
        finally:
            # Neither a time-out nor a cancellation stops a thread; its socket is shut, which does.
            cut.cut()

    def close(self) -> None:
        """Take no more work."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def judged(answer: Answer, now_ms: int, *, patient: bool = False) -> Outcome:
    """Say what an answer means by its status.

    Args:
        answer: What came back.
        now_ms: When, for a receiver that names a moment to wait for.
        patient: Other refusals (400, 401, 404) are tried again as well: the receiver may be under repair.
    """
    status, fault = answer.status, f"http {answer.status}"
    if 200 <= status < 300:
        return Sent()
    if status == 410:
        return Gone(fault=fault)
    if status in _TRANSIENT or status >= 500 or status < 400 or patient:
        asked = _retry_after(answer, now_ms)
        return Later(fault=fault, after_s=_THROTTLED_S if asked is None and status == 429 else asked)
    return Refused(fault=fault)


def inside(address: Address) -> bool:
    """True for any address but those of the link, of nobody, of many, and where clouds keep metadata."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    if mapped is not None:
        return inside(mapped)
    if address.is_link_local or address.is_multicast or address.is_unspecified or address in _METADATA:
        return False
    return address.is_loopback or not any(address in network for network in _CARRYING)


def _target(url: str, *, private: bool) -> Target:
    try:
        target = parse_url(url)
    except EgressRefused as error:
        # Not chained, and not repeated: an address may be a secret.
        fault = error.fault.value
    else:
        if target.scheme == "https" or private:
            return target
        fault = "a receiver outside is reached by https only"
    raise ConfigError(f"the address of an alert route cannot be used: {fault}")


def _retry_after(answer: Answer, now_ms: int) -> float | None:
    """Read how long to wait: seconds, or a date; at most a day, and nonsense is no wish."""
    text = next((value for name, value in answer.headers if name.lower() == "retry-after"), "")
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now_ms / 1000
        except (ValueError, OverflowError):
            return None
    return min(seconds, _LONGEST_WAIT_S) if seconds > 0 else None


def _named(error: SandboxError) -> str:
    if isinstance(error, EgressFailed):
        return error.failure.name.lower()
    return f"{error.fault.name.lower()} refused" if isinstance(error, EgressRefused) else "refused"
