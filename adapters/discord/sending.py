"""What leaves through one client: every call is read, judged, and sent with what was judged."""

from collections.abc import Awaitable, Callable
from typing import Any

from adapters.discord import shared
from adapters.discord.answering import SAY, Answering
from adapters.discord.asked import EPHEMERAL, Asked, Desk
from adapters.discord.body import NO_MENTIONS, Body, opened, points_nowhere_else
from adapters.discord.judging import Judge, form_of
from adapters.discord.library import Client, Route, adapter, member, webhook_route
from adapters.discord.routes import ANSWER, CREATE, EDIT, FOLLOW_UP, Kind, kind_of
from adapters.doors import Act, Door
from adapters.errors import Unreadable

Request = Callable[..., Awaitable[Any]]


class Sending:
    """Everything that leaves through one client (`shared.Owner`).

    Args:
        client: The client.
        door: The wall.
        desk: The interactions that the client was given.
    """

    def __init__(self, client: Client, door: Door, desk: Desk) -> None:
        self._client = client
        self._desk = desk
        self._judge = Judge(client, door)
        self._answering = Answering(self._judge, desk)
        self._request: Request = member(client, "http.request")
        self._presence: Request = member(client, "change_presence")

    @property
    def app(self) -> str:
        """The application that the client is, once it has logged in."""
        return self._judge.app

    def claims(self, route: Any, session: object) -> bool:  # noqa: ANN401  the library's own
        """Say whether a webhook request is this client's, by its address, its token or its connection."""
        number, token = getattr(route, "webhook_id", None), getattr(route, "webhook_token", None)
        named = number is not None and str(number) == self.app
        return named or self._desk.find(token) is not None or session is self._session()

    def owns(self, state: object) -> bool:
        """Say whether this is the state of this client."""
        return state is not None and state is member(self._client, "_connection")

    def _session(self) -> object:
        return member(self._client, "http._HTTPClient__session")

    async def http(self, route: Route, *, files: object = None, form: Any = None, **how: Any) -> Any:  # noqa: ANN401
        """Judge one call with the bot's own token and send it, if it may be sent.

        Raises:
            Denied: It may not.
            NoTurn: It shows something, and no turn is open here.
        """
        name, request, judge = f"{route.method} {route.path}", self._request, self._judge
        kind = kind_of(name)
        # Whatever it is, a reason is a text: people read it in the guild's audit log.
        silent = kind is Kind.READS or not how.get("reason")
        if silent and (kind in (Kind.READS, Kind.QUIET) or judge.passes(kind)):
            return await request(route, files=files, form=form, **how)
        place = judge.place(route.channel_id)
        if kind in (Kind.ACTS, Kind.TAKES_BACK):

            async def act(**now: Any) -> Any:  # noqa: ANN401  the library's own
                return await request(route, **now)

            return await judge.act(name, place, act, how)
        if kind is not Kind.SAYS:
            return await judge.refuse(name, place, "a call that is not known, or not for a turn")
        try:
            body = opened(how.get("json"), form, "message" if name in (CREATE, EDIT) else "thread")
            points_nowhere_else(body.payload, str(route.channel_id))
        except Unreadable as error:
            return await judge.refuse(name, place, error.problem)
        rest = {key: one for key, one in how.items() if key not in ("json", "reason")}

        async def send(judged: Body, reason: str | None) -> Any:  # noqa: ANN401  the library's own
            more = rest if reason is None else {**rest, "reason": reason}
            if (parts := judged.multipart) is not None:
                return await request(route, form=parts, **more)
            return await request(route, json=judged.payload, **more)

        asked = judge.alone(route.channel_id) if name in (CREATE, EDIT) else None
        act_of = Act(
            method=name,
            destination=asked or place,
            private=asked is not None,
            form=form_of(body, edit=name == EDIT),
            texts={},
        )
        return await judge.say(act_of, body, send, how.get("reason"))

    async def webhook(self, request: Request, route: Any, **how: Any) -> Any:  # noqa: ANN401  the library's own
        """Judge one call that a token authorizes, and send it, if it may be sent."""
        return await self._answering.request(request, route, how)

    async def presence(self, **how: Any) -> None:
        """Let the operator's own words through; in a turn they could be a model's, for everybody to see."""
        if how.get("activity") is not None and not self._judge.passes(Kind.OPERATES):
            await self._judge.refuse("change_presence", self._judge.place(None), "not for a turn")
        await self._presence(**how)

    async def voice(self, channel: Any) -> None:  # noqa: ANN401  a voice channel
        """Refuse to speak: nobody judges sound."""
        place = self._judge.place(getattr(channel, "id", None))
        await self._judge.refuse("Connectable.connect", place, "nobody judges sound")

    async def tell(self, text: str, *, asked: Asked | None, person: str, direct: str | None) -> None:
        """Show a constant text to one person alone, by the library's own calls.

        Args:
            text: The text.
            asked: The interaction that is answered, if it is one: by an answer that only they see.
            person: Otherwise by a direct message to this person.
            direct: Their direct channel, if it is known.
        """
        said: dict[str, Any] = {"content": text, "allowed_mentions": dict(NO_MENTIONS)}
        if asked is not None:
            said["flags"] = EPHEMERAL
            send = shared.original(shared.ASYNC)
            if asked.answered:
                route = webhook_route(FOLLOW_UP.split()[1], self.app, asked.token)
                await send(adapter(), route, self._session(), payload=said)
            else:
                route = webhook_route(ANSWER.split()[1], asked.number, asked.token)
                await send(adapter(), route, self._session(), payload={"type": SAY, "data": said})
            return
        if direct is None:
            opened_dm = await self._request(
                Route("POST", "/users/@me/channels"), json={"recipient_id": person}
            )
            direct = str(opened_dm["id"])
        method, path = CREATE.split()
        await self._request(Route(method, path, channel_id=int(direct)), json=said)
