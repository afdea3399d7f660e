"""Requests to the Bot API as our own channel makes them: patient, raw, and without the token in any log."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from adapters.telegram.library import HTTPXRequest, RequestData, TelegramError

Sleep = Callable[[float], Awaitable[object]]

# Under this name an update keeps what Telegram sent, byte for byte.
RAW: Final = "raw"

_HTTPX: Final = logging.getLogger("httpx")
# The longest that one call waits because it was asked to, all times together.
_PATIENCE_S: Final = 60
_SAME: Final = b"message is not modified"
_DONE: Final = (200, b'{"ok":true,"result":true}')


class TooManyRequests(TelegramError):
    """Telegram asks for a longer wait than a call has patience for."""


class _Wait(msgspec.Struct, frozen=True):
    retry_after: int


class _Busy(msgspec.Struct, frozen=True):
    parameters: _Wait


class _Batch(msgspec.Struct, frozen=True):
    result: list[msgspec.Raw]


class _Number(msgspec.Struct, frozen=True):
    update_id: int


class Patient(HTTPXRequest):
    """Waits as long as Telegram asks for, up to a minute in all, and asks again.

    An answer to 429 does not get as far as the library: its exception warns of a change to come. And what
    an edit would leave as it is, stands there already.
    """

    def __init__(self, sleep: Sleep, *, connections: int) -> None:
        super().__init__(
            connection_pool_size=connections,
            read_timeout=20.0,
            write_timeout=20.0,
            connect_timeout=10.0,
            pool_timeout=20.0,
        )
        self._sleep = sleep

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> tuple[int, bytes]:
        """Give the status and the body; see the library.

        Raises:
            TooManyRequests: It would have to wait for too long.
        """
        left_s = _PATIENCE_S
        while True:
            code, payload = await super().do_request(url, method, request_data, *args, **kwargs)
            if code == 400 and _SAME in payload:
                return _DONE
            wait_s = _asked_s(payload) if code == 429 else None
            if wait_s is None:
                return code, payload
            if wait_s > left_s:
                raise TooManyRequests("429")
            left_s -= wait_s
            await self._sleep(wait_s)

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Give an answer as JSON; the library's own way logs what it cannot read.

        Raises:
            TelegramError: It is not JSON.
        """
        try:
            return msgspec.json.decode(payload, type=dict[str, Any])
        except (ValueError, RecursionError):
            pass
        raise TelegramError("an answer that is not JSON")


class Raw(Patient):
    """Fetches updates that the library does not read: each has its number, and its bytes under `RAW`.

    An update that the library could not read would be fetched for ever, and logged whole each time.
    """

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Give an answer; a list of updates with their bytes.

        Raises:
            TelegramError: It is not JSON, or an update has no number.
        """
        try:
            batch = msgspec.json.decode(payload, type=_Batch)
        except (ValueError, RecursionError):
            # A refusal, or what deletes the webhook.
            return Patient.parse_json_payload(payload)
        try:
            return {"result": [{"update_id": _number(one), RAW: bytes(one)} for one in batch.result]}
        except (ValueError, RecursionError):
            pass
        raise TelegramError("an update without a number")


class Hidden:
    """Keeps a bot's token out of the addresses that httpx logs."""

    def __init__(self, token: str) -> None:
        self._token = token

    def put(self) -> None:
        """Begin."""
        _HTTPX.addFilter(self._hide)

    def take(self) -> None:
        """End."""
        _HTTPX.removeFilter(self._hide)

    def _hide(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if self._token in said:
            record.msg, record.args = said.replace(self._token, "(token)"), None
        return True


def _number(update: msgspec.Raw) -> int:
    return msgspec.json.decode(update, type=_Number).update_id


def _asked_s(payload: bytes) -> int | None:
    """Give how long to wait, at least a second; None if that is not said."""
    try:
        return max(1, msgspec.json.decode(payload, type=_Busy).parameters.retry_after)
    except (ValueError, RecursionError):
        return None
