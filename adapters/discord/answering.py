"""Answers to interactions, and webhooks: what a token authorizes, and not the bot itself."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, cast

from adapters.discord.asked import EPHEMERAL, Asked, Desk
from adapters.discord.body import Body, opened, points_nowhere_else
from adapters.discord.judging import Judge, form_of
from adapters.discord.places import here
from adapters.discord.routes import ANSWER, ANSWERS, ANSWERS_TAKEN_BACK, FOLLOW_UP, Kind, kind_of
from adapters.doors import Act
from adapters.errors import Unreadable

SAY: Final = 4
_THINK, _THINK_UPDATE, _UPDATE, _FORM = 5, 6, 7, 9
Request = Callable[..., Awaitable[Any]]


class Answering:
    """Everything that one client answers by a token.

    Args:
        judge: The wall.
        desk: The interactions that the client was given.
    """

    def __init__(self, judge: Judge, desk: Desk) -> None:
        self._judge = judge
        self._desk = desk

    async def request(self, request: Request, route: Any, how: dict[str, Any]) -> Any:  # noqa: ANN401
        """Judge one call and send it, if it answers an interaction that this client was given.

        Args:
            request: Sends it.
            route: The library's name of it.
            how: What it carries: `payload` or `multipart`, `params`, `reason`.

        Raises:
            Denied: It may not be sent.
        """
        name = f"{route.method} {route.path}"
        if kind_of(name) is Kind.READS:
            return await request(**how)
        asked = self._desk.find(route.webhook_token)
        if asked is None or _params(how).get("thread_id"):
            # A webhook's address does not say in which room it speaks, and its room can be changed any time.
            place = self._judge.place(route.webhook_id)
            return await self._judge.refuse(name, place, "it answers no interaction of this client")
        if name in ANSWERS_TAKEN_BACK:
            if self._judge.passes(Kind.TAKES_BACK):
                return await request(**how)
            return await self._judge.act(name, asked.place, request, how)
        if name not in ANSWERS:
            return await self._judge.refuse(name, asked.place, "a call that nobody has read yet")
        if name == ANSWER:
            return await self._first(request, asked, how)
        return await self._further(request, asked, name, how)

    async def _first(self, request: Request, asked: Asked, how: Mapping[str, Any]) -> Any:  # noqa: ANN401
        try:
            body = _answer(how)
        except Unreadable as error:
            return await self._judge.refuse(ANSWER, asked.place, error.problem)
        kind, form = body.payload["type"], body.form == "form"
        hidden = bool(_flags(body.spoken) & EPHEMERAL)

        async def send(judged: Body, _: str | None) -> Any:  # noqa: ANN401  the library's own
            done = await request(**_replaced(how, judged))
            asked.answered, asked.waiting, asked.hidden = True, kind == _THINK, hidden
            return done

        if kind in (_THINK, _THINK_UPDATE):
            return await send(body, None)
        act = Act(
            method=ANSWER,
            destination=asked.place,
            private=(hidden or form) and self._judge.speaks(asked.who),
            form=form_of(body, edit=kind == _UPDATE),
            texts={},
        )
        return await self._judge.say(act, body, send)

    async def _further(self, request: Request, asked: Asked, name: str, how: Mapping[str, Any]) -> Any:  # noqa: ANN401
        try:
            body = opened(how.get("payload"), how.get("multipart"), "message")
            points_nowhere_else(body.payload, here(asked.place))
        except Unreadable as error:
            return await self._judge.refuse(name, asked.place, error.problem)
        # What is said after "thinking" takes its place, and with it its flag.
        hidden = asked.hidden if asked.waiting else bool(_flags(body.payload) & EPHEMERAL)

        async def send(judged: Body, _: str | None) -> Any:  # noqa: ANN401  the library's own
            done = await request(**_replaced(how, judged))
            asked.waiting = False
            return done

        act = Act(
            method=name,
            destination=asked.place,
            private=hidden and self._judge.speaks(asked.who),
            form=form_of(body, edit=name != FOLLOW_UP),
            texts={},
        )
        return await self._judge.say(act, body, send)


def _answer(how: Mapping[str, Any]) -> Body:
    """Read a first answer: its type, and its data."""
    body = opened(how.get("payload"), how.get("multipart"), "message", within="data")
    kind = body.payload.get("type")
    data: dict[str, Any] = body.spoken or {}
    if set(body.payload) - {"type", "data"} or kind not in (SAY, _THINK, _THINK_UPDATE, _UPDATE, _FORM):
        raise Unreadable("a kind of answer that is not known")
    if kind in (_THINK, _THINK_UPDATE) and (set(data) - {"flags"} or body.files):
        raise Unreadable("words in an answer that has none")
    if kind != _FORM:
        points_nowhere_else(data, "")
        return body
    return Body(payload=body.payload, files=body.files, form="form", within="data")


def _params(how: Mapping[str, Any]) -> Mapping[str, Any]:
    return how.get("params") or {}


def _flags(payload: Any) -> int:  # noqa: ANN401  any JSON value
    flags: Any = cast("dict[str, Any]", payload).get("flags") if isinstance(payload, dict) else None
    return flags if isinstance(flags, int) else 0


def _replaced(how: Mapping[str, Any], body: Body) -> dict[str, Any]:
    rest = {key: one for key, one in how.items() if key not in ("payload", "multipart", "files")}
    parts = body.multipart
    return {**rest, "payload": body.payload} if parts is None else {**rest, "multipart": parts}
