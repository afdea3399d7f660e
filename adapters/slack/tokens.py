"""Which workspace a token belongs to, as Slack itself says.

Bolt answers with the token that an application's own code resolved. Where that code is wrong, one company's
message is answered in the other company's channel of the same id; so the token is asked, once.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from adapters.slack.seen import Kept

# Asks `auth.test` with a token, unjudged, and gives what Slack says.
Ask = Callable[[str], Awaitable[Mapping[str, Any]]]

_MAX_KEPT = 10_000


class Tokens:
    """Remembers the workspace of each token, by the token's digest."""

    def __init__(self) -> None:
        self._teams: Kept[str] = Kept(_MAX_KEPT)

    async def team(self, token: str | None, ask: Ask) -> str | None:
        """Give the workspace of a token, or None where it has none or Slack does not say."""
        if not token:
            return None
        digest = hashlib.sha256(token.encode()).hexdigest()
        known = self._teams.get(digest)
        if known is not None:
            return known
        said = await ask(token)
        team = said.get("team_id") if said.get("ok") is True else None
        if not isinstance(team, str) or not team:
            return None
        self._teams.put(team, digest)
        return team
