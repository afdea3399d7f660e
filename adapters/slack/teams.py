"""The workspaces that installed the app by themselves: each is served by its own token while that is kept.

An installation is looked up for each delivery and each answer, so one that is made is served at once, and one
that is gone is served no more, whichever process was told of it.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from adapters.slack.asking import Team, asked
from adapters.slack.installing import Offer, bot_of
from adapters.slack.library import (
    AsyncBoltRequest,
    AsyncMiddleware,
    AsyncTokenRotator,
    AsyncWebClient,
    BoltResponse,
)
from adapters.slack.points import unchecked
from adapters.slack.seen import Kept
from firewall.core.ids import canonical
from firewall.core.installation import Installation, InstallationKey

_LOG = logging.getLogger("partywall")
_MAX_KEPT = 10_000
# Slack's tokens that end last twelve hours; two of them may be good at a time.
_RENEWED_BEFORE_MIN = 120


class Teams:
    """Gives a workspace by its installation, after Slack itself said whose the token is.

    Args:
        offer: The app, and where its installations are kept.
        client: Makes a client of a token.
    """

    def __init__(self, offer: Offer, client: Callable[[str | None], AsyncWebClient]) -> None:
        self._app = offer.client_id
        self._installations = offer.installations
        self._client = client
        self._asked: Kept[Team] = Kept(_MAX_KEPT)
        self._locks: Kept[asyncio.Lock] = Kept(_MAX_KEPT)
        self._rotator = AsyncTokenRotator(
            client_id=offer.client_id, client_secret=offer.client_secret, client=client(None)
        )

    async def team(self, id: str | None, enterprise: str | None) -> Team | None:
        """Give a workspace, or None where it has no installation or its token is another workspace's.

        Raises:
            ServiceUnavailable: Slack does not say whose the token is.
        """
        if not id:
            return None
        key = InstallationKey(app=self._app, enterprise=enterprise, team=id)
        found = await self._installations.find(key)
        if found is None:
            return None
        token = await self._good(found)
        digest = hashlib.sha256(canonical(id, token).encode()).hexdigest()
        known = self._asked.get(digest)
        if known is not None:
            return known
        team = await asked(self._client(token), id)
        if team.id != id:
            # Answered with it, one company's message would be shown in the other company's channel.
            _LOG.error("the token that is kept for %s is one of another workspace; it is not used", id)
            return None
        self._asked.put(team, digest)
        return team

    async def leave(self, id: str, enterprise: str | None, until_ms: int | None) -> None:
        """Delete a workspace's installation, unless it was made later."""
        key = InstallationKey(app=self._app, enterprise=enterprise, team=id)
        if await self._installations.delete(key, until_ms=until_ms):
            _LOG.info("the app was removed from a workspace")

    async def _good(self, found: Installation) -> str:
        """Give the token of an installation; one that is about to end is renewed, once for all who ask."""
        if found.refresh is None:
            return found.token
        async with self._lock(found.key):
            again = await self._installations.find(found.key) or found
            try:
                bot = await self._rotator.perform_bot_token_rotation(
                    bot=bot_of(again), minutes_before_expiration=_RENEWED_BEFORE_MIN
                )
            except Exception as error:  # noqa: BLE001  whatever the library raises may quote a token
                # It is good for a while yet, and the next one who asks tries again.
                _LOG.warning("Slack did not renew a token: %s", type(error).__name__)
                return again.token
            if bot is None:
                return again.token
            end_s = bot.bot_token_expires_at
            renewed = replace(
                again,
                token=bot.bot_token,
                refresh=bot.bot_refresh_token or again.refresh,
                end_ms=None if end_s is None else end_s * 1000,
            )
            await self._installations.save(renewed)
            return renewed.token

    def _lock(self, key: InstallationKey) -> asyncio.Lock:
        name = canonical(*key.fields)
        lock = self._locks.get(name) or asyncio.Lock()
        self._locks.put(lock, name)
        return lock


class Leaving(AsyncMiddleware):
    """Lets go of the installation that Slack says is gone, behind Bolt's own verification."""

    def __init__(self, teams: Teams) -> None:
        self._teams = teams

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,
        next: Callable[[], Awaitable[BoltResponse]],
    ) -> BoltResponse:
        """Delete an installation, or pass the delivery on; Slack delivers again what failed."""
        del resp
        team = req.context.team_id
        if not team or unchecked(req.mode, req.body) or not _is_gone(req.body):
            return await next()
        try:
            await self._teams.leave(team, req.context.enterprise_id, _until_ms(req.body))
        except Exception as error:  # noqa: BLE001  whatever it was, Slack must deliver again; by its name only
            _LOG.error("an installation was not removed: %s", type(error).__name__)
            return BoltResponse(status=500, body="")
        return BoltResponse(status=200, body="")


def _is_gone(body: Mapping[str, Any]) -> bool:
    """Say whether the bot's own token is gone; the tokens of persons are not kept here."""
    event = body.get("event")
    if body.get("type") != "event_callback" or not isinstance(event, Mapping):
        return False
    told = cast("Mapping[str, Any]", event)
    if told.get("type") == "app_uninstalled":
        return True
    tokens = told.get("tokens")
    bots = cast("Mapping[str, Any]", tokens).get("bot") if isinstance(tokens, Mapping) else None
    return told.get("type") == "tokens_revoked" and bool(bots)


def _until_ms(body: Mapping[str, Any]) -> int | None:
    """Give when it was told: a late delivery must not remove what was installed again meanwhile."""
    at_s = body.get("event_time")
    return at_s * 1000 + 999 if isinstance(at_s, int) else None
