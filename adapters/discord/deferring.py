"""Calls of Discord's API by a bot of ours, and interactions: answered by a token, within fifteen minutes.

Discord waits three seconds for a first answer, and a model is slower. So the first answer says that the bot
thinks, to everybody or to the sender alone; what is said first takes its place, and with it its readers.

Source: discord.com/developers/docs/interactions, Receiving and Responding.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import aiohttp

from adapters.discord.filing import Upload
from adapters.discord.library import Client, DiscordException, Route
from adapters.discord.routes import ANSWER, FOLLOW_UP
from firewall.core.errors import ServiceUnavailable

_LOG = logging.getLogger("partywall")

# The library waits as Discord asks for it, and refuses at once where that is longer than its own limit.
PATIENCE_S: Final = 60.0
_THINK: Final = 5
_NO_PREVIEW: Final = 1 << 2
_EPHEMERAL: Final = 1 << 6
_BY_TOKEN: Final = "/webhooks/{webhook_id}/{webhook_token}/messages"  # noqa: S105  a path, with a place for it
_EDIT_FIRST: Final = f"PATCH {_BY_TOKEN}/@original"
_DELETE_FIRST: Final = f"DELETE {_BY_TOKEN}/@original"
_EDIT: Final = f"PATCH {_BY_TOKEN}/{{message_id}}"
# Unknown webhook, unknown interaction, invalid webhook token.
_EXPIRED: Final = frozenset({10015, 10062, 50027})
_ANSWERED_BEFORE: Final = 40060
_MOST: Final = 20_000


class Unanswered(ServiceUnavailable):
    """Discord did not do what it was asked; `code` is its own number for why, or 0."""

    def __init__(self, problem: str, *, code: int = 0) -> None:
        super().__init__(problem)
        self.code = code


class Calls:
    """Calls of Discord's API; nothing of what they carried stands in an error.

    Args:
        client: The client, which has logged in.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    async def do(self, name: str, body: Mapping[str, object] | Sequence[object], **where: str) -> str:
        """Do one call and give the id of what it made, or "".

        Args:
            name: The method, and the path with its placeholders.
            body: The JSON.
            where: What stands in the placeholders.

        Raises:
            Unanswered: It was not done, or nobody knows whether it was.
        """
        return await self._asked(name, where, json=body)

    async def show(self, name: str, body: Mapping[str, object], upload: Upload | None, **where: str) -> str:
        """Show a message, with a file if there is one, and give its id.

        Raises:
            Unanswered: As for `do`.
        """
        if upload is None:
            return await self._asked(name, where, json=body)
        return await self._asked(name, where, form=upload.form(body))

    async def _asked(self, name: str, where: Mapping[str, str], **how: Any) -> str:
        method, path = name.split(" ")
        try:
            async with asyncio.timeout(PATIENCE_S):
                made: object = await self._client.http.request(Route(method, path, **where), **how)
        except (DiscordException, aiohttp.ClientError, OSError) as error:
            raise refused(error) from None
        return str(cast("dict[str, Any]", made)["id"]) if isinstance(made, dict) else ""


def refused(error: BaseException) -> Unanswered:
    """Give what Discord or the network said, by its numbers alone; its text may hold what was sent."""
    status, code = getattr(error, "status", None), getattr(error, "code", None)
    if isinstance(status, int):
        number = code if isinstance(code, int) else 0
        return Unanswered(f"Discord answered {status} (error {number})", code=number)
    if isinstance(code, int):
        return Unanswered(f"Discord's gateway closed the connection ({code})", code=code)
    if isinstance(error, DiscordException):
        return Unanswered(f"Discord asks for more patience than the bot has ({type(error).__name__})")
    return Unanswered(f"Discord did not answer ({type(error).__name__})")


def spoken(text: str, *, hidden: bool = False) -> dict[str, object]:
    """Give a message that pings nobody and fetches no page: a model can be talked into either."""
    flags = _NO_PREVIEW | (_EPHEMERAL if hidden else 0)
    return {"content": text, "allowed_mentions": {"parse": [], "replied_user": False}, "flags": flags}


@dataclass(slots=True, eq=False)
class _Asked:
    """How far an interaction is answered.

    Attributes:
        deferred: Set once Discord was told that the bot thinks, or could not be told.
        thinking: True while that stands where the first answer goes.
        expired: True once the token is good for nothing.
    """

    deferred: asyncio.Event = field(default_factory=asyncio.Event)
    thinking: bool = True
    expired: bool = False


class Deferring:
    """Answers interactions, each by the token in its route.

    Args:
        calls: The way out.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._open: OrderedDict[str, _Asked] = OrderedDict()

    def expect(self, token: str) -> bool:
        """Have answers wait until `defer` is done; False if the interaction is known from before."""
        if token in self._open:
            return False
        self._keep(token, _Asked())
        return True

    def decline(self, token: str) -> None:
        """Forget an interaction that was not taken on: it may be delivered again."""
        self._open.pop(token, None)

    async def defer(self, number: str, route: Mapping[str, str]) -> None:
        """Tell Discord that the bot thinks; never raises what Discord says to that."""
        asked = self._found(route)
        data = {"flags": _EPHEMERAL if "private" in route else 0}
        token = route["token"]
        try:
            await self._calls.do(
                ANSWER, {"type": _THINK, "data": data}, webhook_id=number, webhook_token=token
            )
        except Unanswered as error:
            # Where the first answer was there already, the token works.
            asked.expired = error.code in _EXPIRED
            if error.code != _ANSWERED_BEFORE:
                _LOG.warning("an interaction could not be deferred: %s", error)
        finally:
            asked.deferred.set()

    async def say(self, route: Mapping[str, str], text: str, upload: Upload | None = None) -> str | None:
        """Show a text, or a file, and give its id, or None where the token has expired."""
        asked = await self._ready(route)
        if asked.thinking:
            posted = await self._by_token(asked, _EDIT_FIRST, spoken(text), route, upload)
        else:
            body = spoken(text, hidden="private" in route)
            posted = await self._by_token(asked, FOLLOW_UP, body, route, upload)
        asked.thinking = asked.thinking and posted is None
        return posted

    async def change(self, route: Mapping[str, str], posted: str, text: str) -> bool:
        """Show another text in the place of one; False where the token has expired."""
        asked = await self._ready(route)
        return await self._by_token(asked, _EDIT, spoken(text), route, message_id=posted) is not None

    async def over(self, route: Mapping[str, str]) -> None:
        """Take away that the bot thinks, where it said nothing."""
        asked = await self._ready(route)
        if asked.thinking:
            asked.thinking = False
            await self._by_token(asked, _DELETE_FIRST, {}, route)

    async def whisper(self, route: Mapping[str, str], text: str) -> bool:
        """Show a text to the sender alone; False where the token has expired."""
        asked = await self._ready(route)
        if asked.thinking and "private" not in route:
            # It would take the place of what everybody sees, and be seen by everybody.
            await self._by_token(asked, _DELETE_FIRST, {}, route)
        asked.thinking = False
        return await self._by_token(asked, FOLLOW_UP, spoken(text, hidden=True), route) is not None

    async def _by_token(
        self,
        asked: _Asked,
        name: str,
        body: Mapping[str, object],
        route: Mapping[str, str],
        upload: Upload | None = None,
        **where: str,
    ) -> str | None:
        if asked.expired:
            return None
        named = {"webhook_id": route["app"], "webhook_token": route["token"], **where}
        try:
            return await self._calls.show(name, body, upload, **named)
        except Unanswered as error:
            if error.code not in _EXPIRED:
                raise
        asked.expired = True
        return None

    async def _ready(self, route: Mapping[str, str]) -> _Asked:
        asked = self._found(route)
        await asked.deferred.wait()
        return asked

    def _found(self, route: Mapping[str, str]) -> _Asked:
        """Give what is known of an interaction; one of a process that died was deferred, and not answered."""
        asked = self._open.get(route["token"])
        if asked is None:
            asked = self._keep(route["token"], _Asked())
            asked.deferred.set()
        return asked

    def _keep(self, token: str, asked: _Asked) -> _Asked:
        self._open[token] = asked
        while len(self._open) > _MOST:
            self._open.popitem(last=False)
        return asked
