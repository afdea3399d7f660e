"""States: one-time words by which a browser that comes back from an installation is known again."""

import hmac

from firewall.core.ids import derived
from firewall.core.ports import Clock, IdSource
from vault.job import Job
from vault.writer import Writer

LASTS_S = 600
_PURPOSE, _USED = "install-state", "install-state-used"
_NONCE_BYTES = 16
_MAX_CODEPOINTS = 200


class States:
    """The states of one deployment.

    A state is signed and written down only when it is used: whoever asks for many fills nothing.
    """

    def __init__(self, writer: Writer, *, secret: bytes, clock: Clock, ids: IdSource) -> None:
        self._writer = writer
        self._secret = secret
        self._clock = clock
        self._ids = ids

    def issue(self, app: str) -> str:
        """Give a new state of an app, good for ten minutes: ASCII letters, digits and dots."""
        nonce = self._ids.random(_NONCE_BYTES).hex()
        end = str(self._clock.now_ms() + LASTS_S * 1000)
        return f"{nonce}.{end}.{self._signed(app, nonce, end)}"

    async def consume(self, app: str, state: str) -> bool:
        """Use a state up, durably; False if it is over, used, another app's or none of ours."""
        nonce, _, rest = state.partition(".")
        end, _, mac = rest.partition(".")
        if len(state) > _MAX_CODEPOINTS or not self._is_ours(app, nonce, end, mac):
            return False
        now_ms = self._clock.now_ms()
        if int(end) <= now_ms:
            return False
        mark = derived(self._secret, _USED, app, nonce)
        return await self._writer.submit("", lambda: _used(mark, int(end), now_ms))

    def _is_ours(self, app: str, nonce: str, end: str, mac: str) -> bool:
        right = self._signed(app, nonce, end)
        return hmac.compare_digest(right.encode(), mac.encode("utf-8", "surrogatepass"))

    def _signed(self, app: str, nonce: str, end: str) -> str:
        return derived(self._secret, _PURPOSE, app, nonce, end)


def _used(mark: str, end_ms: int, now_ms: int) -> Job[bool]:
    yield ("DELETE FROM install_states WHERE end_ms <= ?", (now_ms,))
    rows = yield (
        "INSERT INTO install_states (mark, end_ms) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING mark",
        (mark, end_ms),
    )
    return bool(rows)
