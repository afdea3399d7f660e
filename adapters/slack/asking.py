"""One call of Slack's Web API, and whose a token is; an error holds Slack's own code and nothing else."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from adapters.slack.library import AsyncWebClient, SlackApiError
from firewall.core.errors import ServiceUnavailable

_CODE = re.compile(r"[A-Za-z0-9_.]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A workspace and the bot in it; `own` are the bot's ids there."""

    id: str
    user: str
    bot: str
    client: AsyncWebClient

    @property
    def own(self) -> frozenset[str]:
        """The ids under which Slack tells of the bot itself."""
        return frozenset({self.user, self.bot})


# Finds a workspace by its id and that of its organisation.
Find = Callable[[str | None, str | None], Awaitable[Team | None]]


async def asked(client: AsyncWebClient, whose: str) -> Team:
    """Ask Slack whose a client's token is.

    Raises:
        ServiceUnavailable: Slack does not take it, or it is a whole organisation's.
    """
    said = await call(client, "auth.test", {}, remedy=f"look at the bot token (xoxb-…) of {whose}")
    if said.get("is_enterprise_install") is True:
        raise ServiceUnavailable(
            "a token is of a whole Enterprise organisation; install the app by workspace"
        )
    return Team(
        id=text_of(said, "team_id"), user=text_of(said, "user_id"), bot=text_of(said, "bot_id"), client=client
    )


async def call(
    client: AsyncWebClient,
    method: str,
    given: dict[str, Any],
    *,
    carrier: Literal["json", "data"] = "json",
    remedy: str = "see Slack's page of it",
) -> Mapping[str, Any]:
    """Call a method of the Web API and give what Slack says.

    Args:
        client: Makes the call, with its own token.
        method: The method's name.
        given: Its arguments; a method that reads no JSON needs a form (`data`) of texts.
        carrier: How they are sent.
        remedy: What an operator can look at if it fails.

    Raises:
        ServiceUnavailable: It failed; the error holds Slack's own code, and nothing of what was said.
    """
    try:
        untyped: Any = client  # slack_sdk types its calls in part
        return cast("Mapping[str, Any]", (await untyped.api_call(method, **{carrier: given})).data)
    except Exception as error:  # noqa: BLE001  whatever the library raises may quote what was said
        problem = problem_of(error)
    raise ServiceUnavailable(f"Slack did not do {method} ({problem}); {remedy}")


def problem_of(error: Exception) -> str:
    """Give Slack's own code of what went wrong, or the kind of the error; nothing of what was said."""
    if not isinstance(error, SlackApiError):
        return type(error).__name__
    untyped: Any = error  # slack_sdk does not type its response
    response: Any = untyped.response
    said = getattr(response, "data", None)
    code = cast("Mapping[str, object]", said).get("error") if isinstance(said, Mapping) else None
    if isinstance(code, str) and _CODE.fullmatch(code):
        return code
    return f"HTTP {getattr(response, 'status_code', None) or getattr(response, 'status', 'unknown')}"


def text_of(said: Mapping[str, Any], name: str) -> str:
    """Give a text of what Slack said, or an empty one."""
    found = said.get(name)
    return found if isinstance(found, str) else ""
