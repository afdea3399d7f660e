"""What Slack delivers to a bot of managed mode, handed over as messages.

Each delivery is committed, and only then acknowledged. What could not be committed is not acknowledged, so
Slack delivers it again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, cast

from adapters.channels import Accept, Drop, Forget
from adapters.errors import Unreadable
from adapters.privately import PRIVATELY, asked_privately
from adapters.slack.answering import ALONE, DM, ROOM, Answering
from adapters.slack.asking import Team
from adapters.slack.gestures import GESTURES
from adapters.slack.inbound import parse
from adapters.slack.library import AsyncBoltRequest, AsyncMiddleware, BoltResponse
from adapters.slack.points import unchecked
from adapters.wire import Deleted
from firewall.core.arrival import Arrival
from firewall.core.errors import BadIdentifier
from firewall.core.identity import ConversationKind, SenderKind
from firewall.core.message import Message

_LOG = logging.getLogger("partywall")
HUSH_TIMEOUT_S = 5.0


class Intake(AsyncMiddleware):
    """Hands over what Slack delivers, behind Bolt's own verification and authorization.

    Args:
        answering: Knows the workspaces and the bot's own ids there.
        accept: Takes a message on.
        forget: Purges what was taken back.
        drop: Is told of what was not passed on.
        privately: What a message in a room begins with whose answer its sender alone shall see.
    """

    def __init__(
        self,
        answering: Answering,
        *,
        accept: Accept,
        forget: Forget,
        drop: Drop,
        privately: Collection[str] = PRIVATELY,
    ) -> None:
        self._answering = answering
        self._accept = accept
        self._forget = forget
        self._drop = drop
        self._privately = privately
        self._listens = True
        self._busy: set[asyncio.Task[Any]] = set()

    def stop(self) -> None:
        """Take nothing on from here on; Slack delivers it again to whoever comes next."""
        self._listens = False

    async def settled(self) -> None:
        """Wait until what is being taken on is acknowledged."""
        if self._busy:
            await asyncio.wait(self._busy, timeout=HUSH_TIMEOUT_S)

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,
        next: Callable[[], Awaitable[BoltResponse]],
    ) -> BoltResponse:
        """Take a delivery on; a status other than 200 makes Slack deliver it again."""
        del resp, next  # nothing stands behind this
        if not self._listens:
            return BoltResponse(status=503, body="")
        task = asyncio.current_task()
        if req.mode == "socket_mode" and task is not None:
            # The library's task of this one delivery, which ends when the acknowledgement is written.
            self._busy.add(task)
            task.add_done_callback(self._busy.discard)
        try:
            verified = not unchecked(req.mode, req.body)
            await self._take(req.body, verified=verified, enterprise=req.context.enterprise_id)
        except Exception as error:  # noqa: BLE001  whatever it was, Slack must deliver again; by its name only
            _LOG.error("a delivery was not taken on: %s", type(error).__name__)
            return BoltResponse(status=500, body="")
        return BoltResponse(status=200, body="")

    async def _take(self, body: Mapping[str, Any], *, verified: bool, enterprise: str | None) -> None:
        kind = _kind(body)
        try:
            found = parse(body, app=_app(body), verified=verified)
        except (Unreadable, BadIdentifier) as error:
            return self._drop(kind, str(error))
        team = await self._answering.team(found.conversation.realm, enterprise)
        if team is None:
            return self._drop(kind, "there is no token for its workspace")
        if isinstance(found, Deleted):
            return await self._forget(found)
        if _is_own(found, team):
            return None
        problem = _problem(found, body, kind)
        if problem is not None:
            return self._drop(kind, problem)
        return await self._accept(_arrival(self._narrowed(found), body, enterprise))

    def _narrowed(self, message: Message) -> Message:
        """Give a message whose sender asks, in words, for an answer of their own as a private one."""
        in_a_room = message.conversation.kind is not ConversationKind.DM
        asked = in_a_room and asked_privately(message.text, self._privately)
        return replace(message, private=True) if asked else message


def _is_own(message: Message, team: Team) -> bool:
    """Say whether the bot wrote it; Slack tells it of its own edits, too."""
    who = message.sender
    return who.kind is SenderKind.BOT and who.realm == team.id and who.id in team.own


def _problem(message: Message, body: Mapping[str, Any], kind: str) -> str | None:
    """Say why a message has no answer, or None where it has one."""
    if kind in GESTURES:
        return "nobody says anything with it"
    if message.edit and _part(_part(body, "event"), "message").get("edited") is None:
        # A preview of a link was added: the words are the same, and answered.
        return "nobody edited it"
    if _is_event(body) and _is_direct(message) and not _told_to_the_bot(body):
        # An app that somebody authorized hears what they write to others, as well.
        return "it was told to a person and not to the bot"
    return None


def _arrival(message: Message, body: Mapping[str, Any], enterprise: str | None) -> Arrival:
    said = None
    if _is_event(body):
        # One mention comes as `app_mention` and as `message`, under two event ids.
        said = f"{message.conversation.id}:{message.id}:{message.edit}"
    elif _is_direct(message):
        # Commands, buttons and shortcuts work in the direct messages of two people, too, whose id looks
        # like that of the bot's own: only who used them sees the answer.
        message = replace(message, private=True)
    route = _route(message, body) | ({} if enterprise is None else {"enterprise": enterprise})
    return Arrival(message=message, route=route, said=said)


def _route(message: Message, body: Mapping[str, Any]) -> dict[str, str]:
    place = message.conversation
    kind = DM if place.kind is ConversationKind.DM else ROOM
    if message.private and place.id != message.sender.id:
        kind = ALONE
    route = {"team": place.realm, "channel": place.id, "user": message.sender.id, "kind": kind}
    if place.thread is not None:
        route["thread"] = place.thread
    url = body.get("response_url")
    if isinstance(url, str) and url:
        route["response_url"] = url
    return route


def _is_event(body: Mapping[str, Any]) -> bool:
    return body.get("type") == "event_callback"


def _is_direct(message: Message) -> bool:
    place = message.conversation
    return place.kind is ConversationKind.DM and place.id.startswith("D")


def _told_to_the_bot(body: Mapping[str, Any]) -> bool:
    named = cast("list[Mapping[str, object]]", body.get("authorizations") or [])
    return any(one.get("is_bot") is True for one in named)


def _kind(body: Mapping[str, Any]) -> str:
    kind = "command" if isinstance(body.get("command"), str) else body.get("type")
    if kind == "event_callback":
        kind = _part(body, "event").get("type")
    return kind if isinstance(kind, str) else "unknown"


def _app(body: Mapping[str, Any]) -> str:
    app = body.get("api_app_id")
    return app if isinstance(app, str) and app else "slack"


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = body.get(name)
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}
