"""Discord's host of files: what was uploaded lies under an address that is signed and authorizes by itself.

Source: discord.com/developers/docs/reference, Signed Attachment CDN URLs.
"""

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from urllib.parse import quote

from aiohttp import web

from tests.fakes.discord.people import Ids, Json
from tests.fakes.discord.sent import Upload

_GONE: Final = "This content is no longer available."


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """One request for a file: which, and what it carried."""

    id: str
    headers: Mapping[str, str]


class Cdn:
    """Everything that was uploaded.

    Attributes:
        fetched: Every request for a file, oldest first.
        moved: Addresses to which requests for a file are sent on, by its id.
        cut: Ids of files that break off after their first half.
    """

    def __init__(self, ids: Ids, url: str) -> None:
        self._ids, self._url = ids, url
        self._files: dict[str, bytes] = {}
        self.fetched: list[Fetched] = []
        self.moved: dict[str, str] = {}
        self.cut: set[str] = set()

    def keep(self, channel: str, file: Upload, *, hidden: bool = False) -> Json:
        """Keep a file and give its attachment; one that a command was given is gone with its answer."""
        id = self._ids.new()
        self._files[id] = file.data
        folder = "ephemeral-attachments" if hidden else "attachments"
        # No browser would ask for a name of dots alone.
        name = quote(file.name, safe="") if file.name.strip(".") else "unknown"
        address = f"{self._url}/{folder}/{channel}/{id}/{name}"
        signed = f"{address}?ex=7f000000&is=7e000000&hm={_signature(channel, id)}&"
        kind, _ = mimetypes.guess_type(file.name)
        kept = {"id": id, "filename": file.name, "size": len(file.data), "url": signed, "proxy_url": signed}
        return {**kept, **({"content_type": kind} if kind else {}), **({"ephemeral": True} if hidden else {})}

    def routes(self, app: web.Application) -> None:
        """Serve the files."""
        for folder in ("attachments", "ephemeral-attachments"):
            app.router.add_get(f"/{folder}/{{channel}}/{{id}}/{{name}}", self._serve)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        id, channel = request.match_info["id"], request.match_info["channel"]
        self.fetched.append(Fetched(id=id, headers=dict(request.headers)))
        found = self._files.get(id)
        if found is None or request.query.get("hm") != _signature(channel, id):
            return web.Response(status=404, text=_GONE)
        if id in self.moved:
            return web.Response(status=302, headers={"Location": self.moved[id]})
        if id not in self.cut:
            return web.Response(body=found)
        answer = web.StreamResponse(headers={"Content-Length": str(len(found))})
        await answer.prepare(request)
        await answer.write(found[: len(found) // 2])
        assert request.transport is not None
        request.transport.close()
        return answer


def _signature(channel: str, id: str) -> str:
    return sha256(f"signed {channel} {id}".encode()).hexdigest()
