"""Everything that an application says by Slack's Web API or by a response URL, on its way to the wall.

Nothing here knows a client: what is judged is handed to `do`, which makes the call with the library's own,
unhooked method. So the same code serves a bot with asyncio and one in threads.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast

from adapters.content import digest_of, text_of
from adapters.doors import Act, Door
from adapters.errors import Unreadable
from adapters.slack.acts import Call, Read, act, answer, read, unknown
from adapters.slack.methods import QUIET, Spot
from adapters.slack.seen import Posted, Seen
from adapters.slack.spots import NOWHERE, Scene
from adapters.slack.streams import Streams
from adapters.slack.tokens import Ask, Tokens
from adapters.slack.visit import visit_of
from firewall.core.errors import BadIdentifier
from firewall.core.session import Turn
from firewall.core.subject import Form

T = TypeVar("T")
# Makes the call with these arguments, unhooked.
Do = Callable[[Mapping[str, Any]], Awaitable[Any]]
# Gives an answer of Slack's own kind without a call.
Pretend = Callable[[dict[str, Any]], Any]


class Outlet:
    """The way out of one application.

    Args:
        door: The wall.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._seen = Seen()
        self._streams = Streams(door.cutting)
        self.tokens = Tokens()

    async def call(self, call: Call, *, token: str | None, ask: Ask, do: Do, pretend: Pretend) -> Any:  # noqa: ANN401  Slack's own answer
        """Make a call of the Web API, judged if it shows anything.

        Args:
            call: What the bot asked for.
            token: The client's own token.
            ask: Says whose a token is.
            do: Makes the call.
            pretend: Gives an answer where nothing is to be sent yet.

        Raises:
            Denied: It may not be shown.
            NoTurn: It would show something, and no turn is open here.
        """
        if call.method in QUIET:
            response = await do(call.carried)
            await self._learn(call, response, token, ask)
            return response
        turn = self._door.turn()
        realm = await self.tokens.team(call.token(token), ask) or NOWHERE
        scene = Scene(turn=turn, visit=visit_of(turn), realm=realm, seen=self._seen)
        try:
            found = read(call)
        except Unreadable:
            return await self._refuse(call.method, scene)
        if found.says.form is Form.CHUNK:
            return await self._streamed(call, found, scene, do, pretend)
        return await self._shown(call, found, scene, do)

    async def _shown(self, call: Call, found: Read, scene: Scene, do: Do) -> Any:  # noqa: ANN401  as `call`
        planned = self._planned(call.method, found, scene)

        async def done(judged: Mapping[str, str]) -> Any:  # noqa: ANN401  as `call`
            return await do(found.with_texts(judged))

        response = await self._door.send(planned, done)
        self._remember(found, planned, scene, response)
        return response

    def _planned(self, method: str, found: Read, scene: Scene) -> Act:
        try:
            where = scene.where(found.says.spot, found.arguments)
        except (Unreadable, BadIdentifier):
            where = None
        return act(method, scene, where, found, found.says.form)

    async def _streamed(self, call: Call, found: Read, scene: Scene, do: Do, pretend: Pretend) -> Any:  # noqa: ANN401  as `call`
        channel, ts = str(found.arguments.get("channel")), str(found.arguments.get("ts"))
        starts = call.method == "chat.startStream"
        stream = (
            self._streams.begin(scene.turn.id) if starts else self._streams.find(scene.realm, channel, ts)
        )
        if stream is None or stream.turn != scene.turn.id:
            return await self._refuse(call.method, scene)
        cut = stream.cut(found.arguments, last=call.method == "chat.stopStream")
        carrier = next(iter(found.carriers.values()), "json")
        carriers = {name: found.carriers.get(name, carrier) for name in cut}
        decided = Read(arguments=cut, before=found.before, carriers=carriers, says=found.says)
        if call.method == "chat.appendStream" and not cut.keys() & {"markdown_text", "chunks"}:
            return pretend({"ok": True, "channel": channel, "ts": ts})
        response = await self._shown(call, decided, scene, do)
        if starts:
            self._streams.keep(
                stream, scene.realm, _named(response, "channel") or channel, _named(response, "ts")
            )
        return response

    async def upload(self, url: str, data: object, *, do: Callable[[bytes], Awaitable[T]]) -> T:
        """Send the bytes of a file: text is judged, other bytes must be of the turn's own compartment.

        Raises:
            Denied: They may not be shown, are no text and not the turn's own, or go to an address that this
                turn was not given.
        """
        turn = self._door.turn()
        here = turn.destination
        scene = Scene(turn=turn, visit=visit_of(turn), realm=here.realm, seen=self._seen)
        if not isinstance(data, bytes) or self._seen.uploads.get(url) != turn.id:
            return cast("T", await self._refuse("upload", scene))

        async def done(judged: Mapping[str, str]) -> T:
            return await do(judged["content"].encode() if "content" in judged else data)

        # Nobody sees the bytes before they are shown somewhere, which is an act of its own.
        planned = act("upload", scene, (here, True), None, Form.FILE)
        return await self._door.send(_holding(planned, data), done)

    async def respond(
        self, url: str, given: Mapping[str, Any], *, do: Callable[[dict[str, Any]], Awaitable[T]], method: str
    ) -> T:
        """Answer a delivery where it came from: by its response URL, or by its acknowledgement.

        Args:
            url: The response URL, which must be that of this turn's delivery; empty for an acknowledgement.
            given: What to show.
            do: Shows it.
            method: `respond` or `ack`.
        """
        turn = self._door.turn()
        visit = visit_of(turn)
        scene = Scene(turn=turn, visit=visit, realm=turn.destination.realm, seen=self._seen)
        try:
            found = answer(given, scene)
        except (Unreadable, BadIdentifier):
            return cast("T", await self._refuse(method, scene))
        if url and (visit is None or visit.response_url != url):
            return cast("T", await self._refuse(method, scene))

        async def done(judged: Mapping[str, str]) -> T:
            return await do(found.with_texts(judged))

        return await self._door.send(act(method, scene, found.where, found, Form.MESSAGE), done)

    async def _refuse(self, method: str, scene: Scene) -> Any:  # noqa: ANN401  never gives anything
        async def never(_: Mapping[str, str]) -> Any:  # noqa: ANN401  never called
            raise Unreadable("what cannot be read is not sent")

        return await self._door.send(unknown(method, scene), never)

    # What is known afterwards

    def _remember(self, found: Read, planned: Act, scene: Scene, response: object) -> None:
        turn, realm = scene.turn, scene.realm
        match found.says.spot:
            case Spot.CHANNEL:
                alone = turn.principal.id if planned.private else None
                posted = Posted(conversation=planned.destination, alone=alone, turn=turn.id)
                asked = str(found.arguments.get("channel"))
                self._seen.messages.put(
                    posted, realm, _named(response, "channel") or asked, _named(response, "ts")
                )
            case Spot.TRIGGER | Spot.VIEW | Spot.HOME:
                self._seen.views.put(turn.principal.id, realm, _named(_part(response, "view"), "id"))
            case Spot.UPLOAD:
                self._seen.files.put(turn.id, realm, _named(response, "file_id"))
                self._seen.uploads.put(turn.id, _named(response, "upload_url"))
            case _:
                pass

    async def _learn(self, call: Call, response: object, token: str | None, ask: Ask) -> None:
        """Keep whose direct messages a channel is that was opened for one person in their turn."""
        if call.method != "conversations.open":
            return
        turn, opened = _turn_or_none(self._door), _named(_part(response, "channel"), "id")
        visit = visit_of(turn) if turn is not None else None
        if turn is None or visit is None or not opened.startswith("D"):
            return
        asked = [
            cast("Mapping[str, object]", given)
            for given in call.carried.values()
            if isinstance(given, Mapping)
        ]
        # A channel that is named as well is the one that Slack opens, whoever the people are.
        users = [one.get("users") for one in asked] if not any(one.get("channel") for one in asked) else []
        realm = await self.tokens.team(call.token(token), ask)
        if realm is not None and [one for one in users if one] in ([visit.sender], [[visit.sender]]):
            self._seen.directs.put(turn.principal.id, realm, opened)


def _turn_or_none(door: Door) -> Turn | None:
    try:
        return door.turn()
    except Exception:  # noqa: BLE001  no turn is open, so there is nobody to keep anything for
        return None


def _holding(planned: Act, data: bytes) -> Act:
    """Give the same act with the bytes of a file: as words where they are text, by their digest elsewhere."""
    text = text_of(data)
    if text is not None:
        return replace(planned, texts={"content": text})
    return replace(planned, opaque=frozenset({digest_of(data)}))


def _part(response: object, name: str) -> object:
    get = cast("Callable[[str], object] | None", getattr(response, "get", None))
    return get(name) if get is not None else None


def _named(response: object, name: str) -> str:
    found = _part(response, name)
    return found if isinstance(found, str) else ""
