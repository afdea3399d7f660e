"""telemelya, a Telegram Bot API that is not ours, with the Redis and the S3 that it keeps its state in."""

import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.fakes.services import redis_url
from tests.fakes.telegram.accounts import User
from tests.peers.processes import PEERS, PeerFailed, serving

_BIN = PEERS / "telemelya" / "bin"
_WHOLE = "import sys, redis; sys.exit(redis.from_url(sys.argv[1]).dbsize() and 'the database is not empty')"
_EMPTY = "import sys, redis; redis.from_url(sys.argv[1]).flushdb()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemelya:
    """A running server.

    Attributes:
        url: Its address, without a slash at the end.
    """

    url: str

    async def says(self, who: User, text: str, *, token: str) -> dict[str, Any]:
        """Let somebody write to a bot, alone with it; gives what the bot's endpoint answered."""
        body = {"chat_id": who.id, "text": text, "from_user": who.json}
        async with (
            aiohttp.ClientSession(headers=_headers(who)) as client,
            client.post(f"{self.url}/api/v1/test/send_update?bot_token={token}", json=body) as answer,
        ):
            assert answer.status == 200, await answer.text()
            delivery: dict[str, Any] = (await answer.json())["delivery"]
            return delivery

    async def shown(self, who: User) -> list[dict[str, Any]]:
        """Give the calls of all bots that reached somebody's chat, oldest first."""
        async with (
            aiohttp.ClientSession(headers=_headers(who)) as client,
            client.get(f"{self.url}/api/v1/test/responses?session_id=chat-{who.id}") as answer,
        ):
            calls: list[dict[str, Any]] = (await answer.json())["responses"]
            return calls


def _headers(who: User) -> dict[str, str]:
    # telemelya files what it gets under the session whose chat was used last; each chat is one of its own.
    return {"Authorization": "Bearer any", "X-Test-Session": f"chat-{who.id}"}


@contextmanager
def telemelya(folder: Path) -> Generator[Telemelya]:
    """Run telemelya on free ports of loopback until the block ends."""
    with _redis(folder) as redis, _s3(folder) as s3:
        env = {
            "MOCK_SERVER_HOST": "127.0.0.1",
            "MOCK_SERVER_PORT": "0",
            "REDIS_URL": redis,
            "MINIO_ENDPOINT": s3,
        }
        ready = r"running on (http://127\.0\.0\.1:\d+)"
        with serving([_BIN / "telemelya-server"], folder=folder, ready=ready, env=env) as match:
            yield Telemelya(url=match[1])


@contextmanager
def _s3(folder: Path) -> Generator[str]:
    command: list[str | Path] = [_BIN / "moto_server", "-H", "127.0.0.1", "-p", "0"]
    with serving(command, folder=folder, ready=r"Running on http://(127\.0\.0\.1:\d+)") as match:
        yield match[1]


@contextmanager
def _redis(folder: Path) -> Generator[str]:
    program = shutil.which("redis-server")
    if program is None:
        # The database is somebody's: it is used only while nothing is in it, and left as it was.
        _python(_WHOLE, redis_url())
        try:
            yield redis_url()
        finally:
            _python(_EMPTY, redis_url())
        return
    # A socket in a folder of its own and no port: there is none to be taken, and nobody else finds it.
    at = folder / "redis.sock"
    command = [program, "--port", "0", "--unixsocket", str(at), "--save", "", "--appendonly", "no"]
    with serving(command, folder=folder, ready="[Rr]eady to accept connections"):
        yield f"unix://{at}"


def _python(code: str, url: str) -> None:
    ran = subprocess.run(
        [_BIN / "python", "-c", code, url], capture_output=True, text=True, timeout=30, check=False
    )
    if ran.returncode:
        raise PeerFailed(f"Redis at PARTYWALL_TEST_REDIS: {ran.stderr.strip()[-300:]}")
