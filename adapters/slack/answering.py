"""How a bot of managed mode speaks on Slack: each answer by the token of its own workspace.

A route says where an answer goes: `team`, `channel`, `user`, `kind`, and where there is one `enterprise`,
`thread` and `response_url`. Nothing else is needed, so a process that starts later can answer by it.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any

import aiohttp

from adapters.slack.asking import Find, Team, asked, call, text_of
from adapters.slack.library import (
    AsyncRateLimitErrorRetryHandler,
    AsyncWebClient,
    AsyncWebhookClient,
    HttpRequest,
    HttpResponse,
    RetryState,
)
from adapters.slack.words import calm
from firewall.core.errors import ServiceUnavailable

# The kinds of a route: words for whoever is in the place, for the one person of a direct message, and for
# one person in a place where others are.
ROOM, DM, ALONE = "room", "dm", "alone"

_STATUS = "is thinking…"
_UNFURLED = {"unfurl_links": False, "unfurl_media": False}
# In all, for one call; what Slack wants to have waited longer fails instead.
_PATIENCE_S = 60
_PERSON = re.compile(r"<@\s*([A-Za-z0-9]+)[^>]*>")


class _Quiet(logging.Logger):
    """Passes on that Slack's libraries warned, and where: their texts quote deliveries and addresses."""

    def handle(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0] if record.exc_info else None
        record.msg = "Slack's library warned in %s (%s)"
        record.args = (record.funcName, error.__name__ if error is not None else "no error")
        record.exc_info = record.exc_text = record.stack_info = None
        super().handle(record)


# Of its own and not one that others find by name: Bolt would give its filters to all of Bolt's loggers.
LIBRARY: logging.Logger = _Quiet("partywall.slack", logging.WARNING)
LIBRARY.parent = logging.getLogger("partywall")


class Patience(AsyncRateLimitErrorRetryHandler):
    """Waits as long as Slack asks for, a minute at most for one call."""

    async def can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        """Say whether to wait; what fails in another way may have been shown, so it is not repeated."""
        del request, error  # the library's signature
        if response is None or response.status_code != 429:
            return False
        asked = next((each for name, each in response.headers.items() if name.lower() == "retry-after"), "")
        named = asked if isinstance(asked, str) else asked[0]
        asked_s = int(named) if named.isdecimal() else _PATIENCE_S + 1
        waited_s: int = (state.custom_values or {}).get("waited_s", 0) + asked_s
        state.custom_values = {"waited_s": waited_s}
        # A server that says 0 for ever is not asked for ever.
        return waited_s <= _PATIENCE_S and state.current_attempt < _PATIENCE_S


class Answering:
    """The bot's way out, in every workspace that it has a token for.

    Args:
        base_url: Slack's Web API.
        session: Carries all calls; whoever made it closes it.
    """

    def __init__(self, *, base_url: str, session: aiohttp.ClientSession) -> None:
        self._base_url = base_url
        self._session = session
        self._teams: dict[str, Team] = {}
        self._find: Find | None = None
        self._statusless: set[str] = set()

    def client(self, token: str | None = None) -> AsyncWebClient:
        """Give a client that says nothing in logs and waits where Slack asks for it."""
        return AsyncWebClient(
            token=token,
            base_url=self._base_url,
            session=self._session,
            logger=LIBRARY,
            retry_handlers=[Patience()],
        )

    def find_by(self, find: Find) -> None:
        """Serve the workspaces that this finds, in the place of those that joined."""
        self._find = find

    async def team(self, id: str | None, enterprise: str | None = None) -> Team | None:
        """Give a workspace, or None where there is no token for it."""
        if self._find is not None:
            return await self._find(id, enterprise)
        return self._teams.get(id or "")

    async def join(self, tokens: str | Mapping[str, str]) -> None:
        """Ask Slack whose each token is.

        Raises:
            ServiceUnavailable: Slack does not take one, or it is not of the workspace that it stands for.
        """
        named = {None: tokens} if isinstance(tokens, str) else tokens
        for wanted, token in named.items():
            team = await asked(self.client(token), wanted or "the bot")
            if wanted not in (None, team.id):
                raise ServiceUnavailable(f"the token for {wanted} is one of {team.id}; look at the mapping")
            self._teams[team.id] = team

    async def post(self, route: Mapping[str, str], text: str) -> str:
        """Show a text where the route leads; see `adapters.channels.Channel`."""
        text = harmless(text)
        if route["kind"] == ALONE:
            await self._tell(route, text)
            return ""
        given = {**_place(route), **_words(text), **_UNFURLED}
        said = await self._call(route, "chat.postMessage", given)
        # Words for a person's id stand in another channel than that.
        return f"{text_of(said, 'channel')}:{text_of(said, 'ts')}"

    async def edit(self, route: Mapping[str, str], posted: str, text: str) -> None:
        """Show another text in the place of one that was posted.

        Raises:
            ServiceUnavailable: One person alone sees it, which Slack lets nobody edit.
        """
        if route["kind"] == ALONE:
            raise ServiceUnavailable("what one person alone sees on Slack cannot be edited")
        channel, _, ts = posted.partition(":")
        await self._call(route, "chat.update", {"channel": channel, "ts": ts, **_words(harmless(text))})

    async def typing(self, route: Mapping[str, str]) -> None:
        """Show in a thread of an assistant that an answer is made.

        Slack does not say which threads are; a workspace where it refuses this is not asked again.
        """
        thread = route.get("thread")
        if route["kind"] != DM or thread is None or route["team"] in self._statusless:
            return
        try:
            status = {"channel_id": route["channel"], "thread_ts": thread, "status": _STATUS}
            await self._call(route, "assistant.threads.setStatus", status)
        except ServiceUnavailable:
            self._statusless.add(route["team"])

    async def whisper(self, route: Mapping[str, str], text: str) -> None:
        """Show a constant text to the sender alone."""
        if route["kind"] == DM:
            await self.post(route, text)
        else:
            await self._tell(route, text)

    async def _tell(self, route: Mapping[str, str], text: str) -> None:
        """Show a text to one person: by the response URL, and where that is used up as an ephemeral."""
        if "response_url" not in route or not await self._responded(route, text):
            given = {**_place(route), **_words(text), "user": route["user"]}
            await self._call(route, "chat.postEphemeral", given)

    async def _responded(self, route: Mapping[str, str], text: str) -> bool:
        """Show a text by a response URL; False where its 30 minutes or its five uses are over."""
        await self.at(route)
        client = AsyncWebhookClient(
            route["response_url"], session=self._session, logger=LIBRARY, retry_handlers=[Patience()]
        )
        given = {"text": text, "response_type": "ephemeral", "replace_original": False, **_UNFURLED}
        try:
            # Its place is known to Slack, but for the thread.
            answer = await client.send_dict({**given, "thread_ts": route.get("thread")})
            return answer.status_code == 200 and '"ok":false' not in answer.body.replace(" ", "")
        except Exception as error:  # noqa: BLE001  an error's text may quote the address, which is a token
            problem = type(error).__name__
        # It may have been shown, so it is not shown in another way.
        raise ServiceUnavailable(f"Slack did not answer at a response URL: {problem}")

    async def _call(self, route: Mapping[str, str], method: str, given: dict[str, Any]) -> Mapping[str, Any]:
        return await call((await self.at(route)).client, method, given)

    async def at(self, route: Mapping[str, str]) -> Team:
        """Give the workspace of a route.

        Raises:
            ServiceUnavailable: There is no token for it any more.
        """
        team = await self.team(route["team"], route.get("enterprise"))
        if team is None:
            raise ServiceUnavailable("there is no token any more for the workspace of this delivery")
        return team


def harmless(text: str) -> str:
    """Give the same text with nobody called: no channel, no user group and no person is notified by it."""
    return _PERSON.sub("@\u200b\\1", str(calm(text)))


def _place(route: Mapping[str, str]) -> dict[str, Any]:
    thread = route.get("thread")
    return {"channel": route["channel"], **({} if thread is None else {"thread_ts": thread})}


def _words(text: str) -> dict[str, Any]:
    # Slack looks for names in plain words unless it is told not to.
    return {"text": text, "parse": "none", "link_names": False}
