"""How one request of a client is judged, whatever way it leaves by."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from adapters.discord.body import Body, Texts
from adapters.discord.library import Client, DMChannel
from adapters.discord.places import cached, here
from adapters.discord.routes import Kind
from adapters.doors import Act, Door
from adapters.errors import Unreadable
from firewall.core.errors import NoTurn, TurnClosed
from firewall.core.identity import Conversation, ConversationKind, Sender, SenderKind
from firewall.core.ids import PrincipalId
from firewall.core.subject import Form

_LOG = logging.getLogger("partywall")
Request = Callable[..., Awaitable[Any]]


class _Altered(Exception):
    """What was judged cannot be sent: a text was cut that must stay whole."""


class Judge:
    """Brings one client's requests before the wall.

    Args:
        client: The client.
        door: The wall.
    """

    def __init__(self, client: Client, door: Door) -> None:
        self._client = client
        self._door = door

    @property
    def app(self) -> str:
        """The application that the client is, once it has logged in."""
        return str(self._client.application_id or (self._client.user.id if self._client.user else ""))

    async def say(
        self,
        act: Act,
        body: Body,
        send: Callable[[Body, str | None], Awaitable[Any]],
        reason: str | None = None,
    ) -> Any:  # noqa: ANN401  the library's own
        """Judge every text of a request and send it with what was judged.

        Args:
            act: What it is; its texts are read from the body.
            body: The request.
            send: Sends a body, with the reason for the guild's audit log.
            reason: That reason, if there is one: people read it too.

        Raises:
            Denied: It may not be shown.
        """
        try:
            texts = body.texts(reason)
        except Unreadable as error:
            return await self.refuse(act.method, act.destination, error.problem)

        async def do(judged: Mapping[str, str]) -> Any:  # noqa: ANN401  the library's own
            if texts.altered(judged):
                raise _Altered
            return await send(body.judged(judged), judged.get("reason", reason))

        try:
            return await self._door.send(
                replace(act, texts=texts.by_slot, opaque=body.opaque, names=body.names), do
            )
        except _Altered:
            pass
        return await self.refuse(act.method, act.destination, "a finding where nothing may be altered")

    async def act(self, name: str, place: Conversation, request: Request, how: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """Judge a sign without words by where it stands; only its reason is a text."""
        texts = Texts()
        if how.get("reason"):
            texts.visit("reason", str(how["reason"]), False)

        async def do(judged: Mapping[str, str]) -> Any:  # noqa: ANN401  the library's own
            return await request(**{**how, **judged})

        return await self._door.send(Act(method=name, destination=place, texts=texts.by_slot), do)

    async def refuse(self, name: str, place: Conversation, problem: str) -> Any:  # noqa: ANN401  it only raises
        """Have a request denied and recorded that nobody could judge.

        Raises:
            Denied: Always, in a turn.
            NoTurn: Outside of one.
        """
        _LOG.info("refused %s: %s", name, problem)
        act = Act(method=name, destination=place, form=Form.UNKNOWN, texts={})

        async def never(_: Mapping[str, str]) -> None:
            raise Unreadable("what could not be read was to be sent")

        return await self._door.send(act, never)

    def passes(self, kind: Kind) -> bool:
        """True for what needs no turn, where none is open."""
        if kind not in (Kind.OPERATES, Kind.TAKES_BACK):
            return False
        try:
            self._door.turn()
        except TurnClosed:
            return kind is Kind.TAKES_BACK
        except NoTurn:
            return True
        return False

    def place(self, number: object) -> Conversation:
        """Give the place with this id; ids are unique in all of Discord."""
        id = str(number or "everywhere")
        try:
            turn = self._door.turn()
        except (NoTurn, TurnClosed):
            turn = None
        # A thread has the id of the message it was opened on, and is read by who could read that.
        if turn is not None and id in (here(turn.destination), turn.message):
            return turn.destination
        channel = self._client.get_channel(int(id)) if id.isdecimal() else None
        guild = getattr(channel, "guild", None)
        place = Conversation(
            channel="discord",
            app=self.app or "discord",
            realm=str(guild.id) if guild is not None else "dm",
            id=id,
            kind=ConversationKind.GROUP,
        )
        return cached(self._client, place) or place

    def alone(self, number: object) -> Conversation | None:
        """Give where the open turn was asked, if a channel is the bot's own chat with its very sender.

        What the room would be shown may be shown to one person in it. The client knows whose a chat is from
        Discord alone: it is told so when the chat is opened.
        """
        id = str(number or "")
        channel = self._client.get_channel(int(id)) if id.isdecimal() else None
        try:
            destination = self._door.turn().destination
        except (NoTurn, TurnClosed):
            return None
        if not isinstance(channel, DMChannel) or here(destination) == id or len(channel.recipients) != 1:
            return None
        who = Sender(
            channel="discord",
            app=self.app,
            realm=destination.realm,
            id=str(channel.recipients[0].id),
            kind=SenderKind.HUMAN,
            verified=True,
        )
        return destination if self.speaks(who.principal_id) else None

    def speaks(self, who: PrincipalId) -> bool:
        """True if the turn that is open here is this person's."""
        try:
            return self._door.turn().principal.id == who
        except (NoTurn, TurnClosed):
            return False


def form_of(body: Body, *, edit: bool) -> Form:
    """Say what kind of thing a request shows."""
    if body.files:
        return Form.FILE
    return Form.EDIT if edit else Form.MESSAGE
