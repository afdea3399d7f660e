"""Files on Discord: fetched from its own hosts without a word of who asks, and uploaded with a message.

Whoever writes a payload, or talks Discord into one, could name any address in it. So an address counts only
by its path: it is put behind one of the hosts that are known, and nothing that names the bot goes along.

Source: discord.com/developers/docs/reference, Uploading Files and Signed Attachment CDN URLs.
"""

import json
import re
from collections.abc import AsyncGenerator, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from firewall.core.errors import ServiceUnavailable
from firewall.core.message import Attachment

HOSTS: Final = ("https://cdn.discordapp.com", "https://media.discordapp.net")
FETCH_S: Final = 60.0
_PIECE_BYTES: Final = 1 << 16
_LONGEST_NAME: Final = 100
_ODD: Final = re.compile(r"[^\w.-]+")
_FOUND: Final = 200


class Files:
    """Fetches what people sent.

    Args:
        hosts: The origins that files are fetched from.
    """

    def __init__(self, hosts: Collection[str] = HOSTS) -> None:
        self._hosts = frozenset(hosts)

    async def fetch(self, attachment: Attachment) -> AsyncGenerator[bytes]:
        """Give the bytes of a file, in order and in pieces.

        Raises:
            ServiceUnavailable: It lies elsewhere, or Discord did not give it in time.
        """
        address = self._address(attachment.id)
        # A session of its own: no cookie and no header of the bot's is in it.
        timeout = aiohttp.ClientTimeout(total=FETCH_S)
        headers = {"Accept-Encoding": "identity"}
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
                session.get(address, headers=headers, allow_redirects=False) as answer,
            ):
                if answer.status != _FOUND:
                    raise ServiceUnavailable(f"Discord's host of files answered {answer.status}")
                async for piece in answer.content.iter_chunked(_PIECE_BYTES):
                    yield piece
        except (aiohttp.ClientError, OSError, ValueError) as error:
            problem = f"Discord's host of files did not give a file ({type(error).__name__})"
        else:
            return
        raise ServiceUnavailable(problem)

    def _address(self, url: str) -> str:
        try:
            found = urlsplit(url)
        except ValueError:
            found = urlsplit("")
        host = f"{found.scheme}://{found.netloc}".lower()
        if host not in self._hosts:
            raise ServiceUnavailable("a file lies on no host of Discord's, so it is not fetched")
        # Behind a host of our own list a path is a path, however somebody else reads the whole address.
        return f"{host}/{found.path.lstrip('/')}?{found.query}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that goes out with a message."""

    name: str
    content: bytes

    def __repr__(self) -> str:
        return f"Upload({len(self.content)} bytes)"

    def form(self, body: Mapping[str, object]) -> list[dict[str, Any]]:
        """Give a message that shows it, as the parts of a form."""
        name = shown_as(self.name)
        told = {**body, "attachments": [{"id": 0, "filename": name}]}
        head = {"name": "payload_json", "value": json.dumps(told), "content_type": "application/json"}
        kind = "application/octet-stream"
        return [head, {"name": "files[0]", "value": self.content, "filename": name, "content_type": kind}]


def shown_as(name: str) -> str:
    """Give a file's name without what could end the header that it stands in, its ending kept."""
    plain = _ODD.sub("_", name)
    stem, dot, ending = plain.rpartition(".")
    kept = plain if len(plain) <= _LONGEST_NAME else f"{stem[: _LONGEST_NAME - 20]}{dot}{ending[:19]}"
    return kept if kept.strip("._-") else "file"
