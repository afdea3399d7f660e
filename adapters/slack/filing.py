"""Files of managed mode on Slack: fetched from Slack alone, shown where a route leads and nowhere else.

A file is asked for by its id. Slack then says where it lies, and it is fetched only from Slack's own file
host, so neither an address in a delivery nor a redirect takes the bot's token elsewhere.

Slack shows no file to one person of a channel. What goes to one person alone is shown in their direct
messages with the bot, which nobody else reads; a room is told nothing of it.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import urlsplit

import aiohttp

from adapters.slack.answering import ALONE, Patience
from adapters.slack.asking import Team, call, text_of
from adapters.slack.library import HttpRequest, HttpResponse, RetryState
from firewall.core.errors import ServiceUnavailable
from firewall.core.message import Attachment

# Finds the workspace of a route, or raises.
At = Callable[[Mapping[str, str]], Awaitable[Team]]

# Slack's Web API, and where files lie that are uploaded to it.
_HOSTS = {"slack.com": "files.slack.com", "slack-gov.com": "files.slack-gov.com"}
# Files that Slack itself keeps; what it only links to, or makes of other things, is not fetched.
_STORED = frozenset({"hosted", "snippet", "space"})
_PAGE = "text/html"
_TRANSFER_TIMEOUT_S = 60.0
_PIECE_BYTES = 65_536
_READ = "look at the scope files:read"
_WRITE = "look at the scope files:write"
_VERBS = {"GET": "give", "POST": "take"}


class Filing:
    """Fetches and shows files, in every workspace that the bot has a token for.

    Args:
        base_url: Slack's Web API; another server than Slack's own keeps its files itself.
        session: Carries all transfers; whoever made it closes it.
        at: Finds the workspace of a route.
    """

    def __init__(self, *, base_url: str, session: aiohttp.ClientSession, at: At) -> None:
        self._origin = origin_of(base_url)
        self._session = session
        self._at = at

    async def fetch(self, route: Mapping[str, str], attachment: Attachment) -> AsyncIterator[bytes]:
        """Give the bytes of a file in pieces; see `adapters.channels.Channel`."""
        client = (await self._at(route)).client
        said = await call(client, "files.info", {"file": attachment.id}, carrier="data", remedy=_READ)
        file = _part(said, "file")
        url = text_of(file, "url_private")
        kept = file.get("is_external") is False and file.get("mode") in _STORED
        if file.get("id") != attachment.id or not kept or not url.startswith(self._origin):
            raise ServiceUnavailable("a file lies elsewhere than at Slack, so it is not fetched")
        headers = {"Authorization": f"Bearer {client.token}"}
        try:
            async with self._answered("GET", url, headers=headers) as answer:
                if answer.content_type == _PAGE and file.get("mimetype") != _PAGE:
                    # Slack sends whoever may not read a file to a page where people sign in.
                    raise ServiceUnavailable(f"Slack gave a page in the place of a file; {_READ}")
                async for piece in answer.content.iter_chunked(_PIECE_BYTES):
                    yield piece
            return
        except (aiohttp.ClientError, TimeoutError) as error:
            # An error's text may quote the address, which holds the file's name.
            problem = type(error).__name__
        raise ServiceUnavailable(f"a file did not come from Slack ({problem})")

    async def attach(self, route: Mapping[str, str], name: str, content: bytes) -> None:
        """Show a file where the route leads; see `adapters.channels.Channel`."""
        client = (await self._at(route)).client

        async def asked(method: str, **given: str) -> Mapping[str, Any]:
            return await call(client, method, given, carrier="data", remedy=_WRITE)

        place = {"channel_id": route["channel"]}
        if route["kind"] == ALONE or route["channel"] == route["user"]:
            opened = await call(
                client, "conversations.open", {"users": route["user"]}, remedy="look at the scope im:write"
            )
            place = {"channel_id": _direct(opened)}
        elif "thread" in route:
            place["thread_ts"] = route["thread"]
        begun = await asked("files.getUploadURLExternal", filename=name, length=str(len(content)))
        await self._upload(text_of(begun, "upload_url"), content)
        shown = json.dumps([{"id": text_of(begun, "file_id"), "title": name}])
        await asked("files.completeUploadExternal", files=shown, **place)

    async def _upload(self, url: str, content: bytes) -> None:
        if not url.startswith(self._origin):
            raise ServiceUnavailable("Slack named a place that is not its own for a file")
        try:
            async with self._answered("POST", url, data=content):
                return
        except (aiohttp.ClientError, TimeoutError) as error:
            problem = type(error).__name__
        raise ServiceUnavailable(f"Slack did not take a file ({problem})")

    # A redirect is not followed: it would carry the token, or the bytes, to wherever it names.
    @asynccontextmanager
    async def _answered(self, method: str, url: str, **given: Any) -> AsyncGenerator[aiohttp.ClientResponse]:
        """Give the answer to a transfer that succeeded; Slack is given the time that it asks for."""
        timeout = aiohttp.ClientTimeout(total=_TRANSFER_TIMEOUT_S)
        patience, state = Patience(), RetryState()
        request = HttpRequest(method=method, url=url, headers={})
        while True:
            async with self._session.request(
                method, url, allow_redirects=False, timeout=timeout, **given
            ) as answer:
                if answer.status == 200:
                    yield answer
                    return
                said = HttpResponse(status_code=answer.status, headers=dict(answer.headers))
            if not await patience.can_retry_async(state=state, request=request, response=said):
                raise ServiceUnavailable(f"Slack did not {_VERBS[method]} a file (HTTP {said.status_code})")
            await patience.prepare_for_next_attempt_async(state=state, request=request, response=said)


def origin_of(base_url: str) -> str:
    """Give what the address of every file begins with, its last slash included."""
    base = urlsplit(base_url)
    host = (base.hostname or "").removeprefix("www.")
    return f"https://{_HOSTS[host]}/" if host in _HOSTS else f"{base.scheme}://{base.netloc}/"


def _direct(said: Mapping[str, Any]) -> str:
    """Give the direct messages that Slack opened.

    Raises:
        ServiceUnavailable: It opened something else, which more than one person may read.
    """
    id = text_of(_part(said, "channel"), "id")
    if not id.startswith("D"):
        raise ServiceUnavailable("Slack opened no direct messages for a file")
    return id


def _part(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = said.get(name)
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}
