"""The answers that an application gives to Slack's deliveries, which may show words to somebody."""

import logging
from collections.abc import Mapping
from typing import Any

from adapters.errors import Unreadable
from adapters.slack.acts import decoded
from adapters.slack.library import BoltResponse
from adapters.slack.outlet import Outlet
from firewall.core.errors import Denied, NoTurn, PartywallError

_LOG = logging.getLogger("partywall")


class Answers:
    """Judges what an acknowledgement says.

    Args:
        outlet: The way out of the application.
    """

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet

    async def judged(self, body: Mapping[str, Any], response: BoltResponse | None) -> BoltResponse | None:
        """Give an answer that may go out: the same one, with judged words, or an empty one.

        An error's body is for nobody's eyes, and Slack shows nobody the answer to an event; both go out
        empty. What is answered outside of a turn is the library's own, and empty but for Slack's challenge.
        """
        if response is None or not response.body or _is_challenge(body, response):
            return response
        if response.status != 200 or body.get("type") == "event_callback":
            return emptied(response)
        try:
            return await self._shown(response)
        except (Denied, NoTurn, Unreadable):
            return emptied(response)
        except PartywallError as error:
            _LOG.error("an answer was withheld: %s", error)
            return emptied(response)

    async def _shown(self, response: BoltResponse) -> BoltResponse:
        form = response.body.lstrip().startswith("{")

        async def show(judged: dict[str, Any]) -> BoltResponse:
            body = judged if form else str(judged["text"])
            return BoltResponse(status=response.status, body=body, headers=response.headers)

        return await self._outlet.respond("", decoded(response.body), do=show, method="ack")


def emptied(response: BoltResponse) -> BoltResponse:
    """Give the same answer without words."""
    return BoltResponse(status=response.status, body="")


def _is_challenge(body: Mapping[str, Any], response: BoltResponse) -> bool:
    if body.get("type") != "url_verification":
        return False
    try:
        return decoded(response.body) == {"challenge": body.get("challenge")}
    except Unreadable:
        return False
