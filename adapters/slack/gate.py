"""What happens to a delivery before any code of the bot sees it, whatever the library's kind."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from adapters.doors import Door
from adapters.errors import Unreadable
from adapters.slack import visit
from adapters.slack.directs import Directs, Look
from adapters.slack.inbound import parse
from adapters.slack.tokens import Ask, Tokens
from adapters.taken import Taken
from adapters.wire import Deleted
from firewall.core.errors import BadIdentifier, Denied, SessionBusy
from firewall.core.identity import ConversationKind
from firewall.core.message import Message

# The library's own business: it answers these itself, or hears of an installation that ended.
_SYSTEM = frozenset(
    {"url_verification", "ssl_check", "app_uninstalled", "tokens_revoked", "team_access_revoked"}
)

# Shows a text to one person: by a response URL, or by a method of the Web API.
Respond = Callable[[str], Awaitable[object]]
Post = Callable[[str, dict[str, Any]], Awaitable[object]]


class Gate:
    """Opens the turn of each delivery, or says that it stops here.

    Args:
        door: The wall.
        tokens: Knows whose a token is.
    """

    def __init__(self, door: Door, tokens: Tokens) -> None:
        self._door = door
        self._tokens = tokens
        self._directs = Directs()
        self._taken = Taken()

    async def admits(
        self,
        body: Mapping[str, Any],
        *,
        verified: bool,
        token: str | None,
        ask: Ask,
        look: Look,
        respond: Respond,
        post: Post,
    ) -> bool:
        """Open the turn of a delivery and give True, or give False where the bot must not see it.

        Args:
            body: The delivery, as the bot's handlers would see it.
            verified: True if the transport proved that it comes from Slack.
            token: The token that was resolved for it.
            ask: Says whose a token is.
            look: Says what Slack knows of a channel that the bot is in.
            respond: Shows a text by the delivery's response URL, unjudged.
            post: Calls a method of the Web API, unjudged.
        """
        kind = _kind(body)
        if kind in _SYSTEM and verified:
            return True
        try:
            found = parse(body, app=_app(body), verified=verified)
        except (Unreadable, BadIdentifier) as error:
            self._door.drop(kind, str(error))
            return False
        # Bolt compares nothing: what one company wrote it would answer with another company's token, in the
        # channel of the same id.
        if await self._tokens.team(token, ask) != found.conversation.realm:
            self._door.drop(kind, "the token that was resolved for it is not of its workspace")
            return False
        if isinstance(found, Deleted):
            await self._door.forget(found)
            return False
        placed = await self._directs.placed(found, own=_told_to_the_bot(body), look=look)
        return await self._entered(placed, body, respond, post)

    async def _entered(self, message: Message, body: Mapping[str, Any], respond: Respond, post: Post) -> bool:
        async def tell(text: str) -> None:
            if body.get("response_url"):
                await respond(text)
            else:
                await post(*_notice(message, text))

        try:
            with self._taken.once(message) as new:
                if not new:
                    self._door.drop(_kind(body), "it was delivered before")
                    return False
                turn = await self._door.enter(message, tell)
        except (Denied, SessionBusy):
            return False
        visit.begin(turn, message, body)
        return True


def _notice(message: Message, text: str) -> tuple[str, dict[str, Any]]:
    """Give the call that shows a text to the sender of a message, alone."""
    place = message.conversation
    given: dict[str, Any] = {"channel": place.id, "text": text}
    if place.thread is not None:
        given["thread_ts"] = place.thread
    if place.kind is ConversationKind.DM:
        return "chat.postMessage", given
    return "chat.postEphemeral", {**given, "user": message.sender.id}


def _kind(body: Mapping[str, Any]) -> str:
    if isinstance(body.get("command"), str):
        return "command"
    kind = body.get("type")
    if kind == "event_callback":
        event = body.get("event")
        kind = cast("Mapping[str, object]", event).get("type") if isinstance(event, Mapping) else None
    return kind if isinstance(kind, str) else "unknown"


def _told_to_the_bot(body: Mapping[str, Any]) -> bool:
    """Say whether an event was delivered because the bot is there, and not on behalf of some person."""
    named = body.get("authorizations")
    several = (
        cast("list[object]", named)
        if body.get("type") == "event_callback" and isinstance(named, list)
        else []
    )
    return any(
        isinstance(one, Mapping) and cast("Mapping[str, object]", one).get("is_bot") is True
        for one in several
    )


def _app(body: Mapping[str, Any]) -> str:
    """Give the bot that Slack names; one application may serve only one, and its turns bear its name."""
    app = body.get("api_app_id")
    return app if isinstance(app, str) and app else "slack"
