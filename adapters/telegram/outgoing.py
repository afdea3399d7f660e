"""The last place before the network: every call of a bot is passed on, judged, or refused."""

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast
from urllib.parse import unquote

import msgspec

from adapters.doors import Act, Cutting, Door
from adapters.telegram.acts import Call, Opaque
from adapters.telegram.methods import AT_START, OPERATORS, PLACED, QUIET, SAYS, Place, Says
from adapters.telegram.places import Places, Unplaced
from firewall.core.errors import BadIdentifier, NoTurn
from firewall.core.identity import Conversation, Sender, SenderKind
from firewall.core.session import Turn
from firewall.core.subject import Form

# Status and body, as a library's request object gives them.
Answer = tuple[int, bytes]
Send = Callable[[Call], Awaitable[Answer]]

_DONE: Answer = (200, b'{"ok":true,"result":true}')
_SAME = b"message is not modified"
_METHOD = re.compile(r"[A-Za-z]{1,64}")
_KEPT_DRAFTS = 1_000
_NAMES = {name.lower(): name for name in (*SAYS, *QUIET, *AT_START, *OPERATORS)}


class _Refused(Exception):
    """Telegram answered with an error: nothing was shown, and the record must say so."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


@dataclass(slots=True)
class Proof:
    """What the transport proved about where updates come from.

    Attributes:
        given: True if this process polls for them, or told Telegram the secret that its webhook checks.
        started: True once the application was started: from then on it has heard people.
    """

    given: bool = False
    started: bool = False


@dataclass(slots=True)
class _Draft:
    """A text that grows in front of somebody: how much of it was handed in, and what of it may be shown."""

    cutting: Cutting
    handed: str = ""
    shown: str = ""

    def grow(self, text: str) -> str:
        self.shown += self.cutting.feed(text[len(self.handed) :])
        self.handed = text
        return self.shown


class Outgoing:
    """Judges what one bot asks Telegram to do.

    Args:
        app: The bot's own id.
        door: The wall.
        places: Where messages stand.
        proof: Noted down when the bot sets its webhook.
    """

    def __init__(self, app: str, door: Door, places: Places, proof: Proof) -> None:
        self._app, self._door, self._places, self._proof = app, door, places, proof
        self._drafts: OrderedDict[tuple[str, str], _Draft] = OrderedDict()

    async def called(self, method: str | None, call: Call, send: Send) -> Answer:
        """Pass on one call.

        Args:
            method: The name as the bot wrote it, or None if what it asks for is no method of its own bot.
            call: Its parameters.
            send: Does it.

        Raises:
            Denied: It may not be done; it is on record.
            NoTurn: It says something and no turn is open here.
        """
        known = _NAMES.get((method or "").lower(), "")
        if known in QUIET or (known in OPERATORS and not self._in_turn()):
            return self._noted(known, call, await send(call))
        if known in AT_START and not self._proof.started:
            return await send(call)
        if known in SAYS:
            return await self._said(known, SAYS[known], call, send)
        return await self._unknown(method or "request", call, send)

    def _noted(self, method: str, call: Call, answer: Answer) -> Answer:
        if method == "setWebhook" and answer[0] == 200:
            self._proof.given = bool(call.parameters.get("url") and call.parameters.get("secret_token"))
        return answer

    def _in_turn(self) -> bool:
        """Say whether a turn is open here.

        Raises:
            TurnClosed: One was, and has ended; whose it was is no operator either.
        """
        try:
            self._door.turn()
        except NoTurn:
            return False
        return True

    async def _unknown(self, method: str, call: Call, send: Send) -> Answer:
        """Have the wall refuse and record what nobody here can read."""
        name = method if _METHOD.fullmatch(method) else "request"
        act = Act(method=name, destination=self._door.turn().destination, form=Form.UNKNOWN, texts={})
        return await self._judged(act, call, send, act.destination)

    async def _said(self, method: str, says: Says, call: Call, send: Send) -> Answer:
        turn = self._door.turn()
        try:
            if set(call.parameters) - says.takes - PLACED[says.place]:
                raise Opaque
            if call.parts and says.form is not Form.FILE:
                raise Opaque
            place = self._where(says.place, turn, call)
            if method == "sendMessageDraft":
                call = self._drafted(turn, call)
                if not call.parameters["text"] and place.place == turn.destination.place:
                    # Nothing is decided yet; a draft for another place is refused all the same.
                    return _DONE
            texts, opaque = call.texts(), call.opaque()
        except (Opaque, Unplaced, BadIdentifier):
            return await self._unknown(method, call, send)
        call = replace(call, parameters={**call.parameters, **(says.plain or {})})
        alone = says.place is Place.CHAT and says.form is not Form.CHUNK and self._is_senders(turn, place)
        act = Act(
            method=method,
            # To whoever asked, alone, goes nothing but what the whole room may read.
            destination=turn.destination if alone else place,
            private=alone or says.place is Place.QUERY,
            form=says.form,
            texts=texts,
            opaque=opaque,
        )
        return await self._judged(act, call, send, place)

    def _is_senders(self, turn: Turn, place: Conversation) -> bool:
        """True for the private chat with this very bot of a sender who spoke elsewhere."""
        here = place.place == turn.destination.place
        if here or place.realm != self._app or place.thread is not None:
            return False
        person = Sender(
            channel="telegram",
            app=self._app,
            realm=self._app,
            id=place.id,
            kind=SenderKind.HUMAN,
            verified=True,
        )
        return person.principal_id == turn.principal.id

    def _where(self, place: Place, turn: Turn, call: Call) -> Conversation:
        if place is Place.CHAT:
            return self._places.chat(call.parameters)
        if place is Place.MESSAGE:
            return self._places.message(call.parameters)
        pressed = str(call.parameters.get("callback_query_id"))
        if (turn.destination.app, turn.message) != (self._app, pressed):
            # The answer would show up at whoever pressed that other button.
            raise Unplaced
        return turn.destination

    def _drafted(self, turn: Turn, call: Call) -> Call:
        """Give the call with as much of a growing text as can no longer be part of a match."""
        text = call.parameters.get("text")
        if not isinstance(text, str):
            raise Opaque
        key = (turn.id, str(call.parameters.get("draft_id")))
        draft = self._drafts.get(key)
        if draft is None or not text.startswith(draft.handed):
            draft = _Draft(self._door.cutting())
        self._drafts[key] = draft
        self._drafts.move_to_end(key)
        if len(self._drafts) > _KEPT_DRAFTS:
            self._drafts.popitem(last=False)
        shown = draft.grow(text)
        kept = call.parameters if shown == text else _unmarked(call.parameters)
        return replace(call, parameters={**kept, "text": shown})

    async def _judged(self, act: Act, call: Call, send: Send, place: Conversation) -> Answer:
        async def do(judged: Mapping[str, str]) -> Answer:
            answer = await send(call.rewritten(judged))
            if answer[0] == 200:
                return answer
            if act.form is Form.EDIT and judged != act.texts and _SAME in answer[1]:
                # What was cut out of two different texts left the same one: it stands there already.
                return _DONE
            raise _Refused(answer)

        try:
            answer = await self._door.send(act, do)
        except _Refused as refused:
            return refused.answer
        self._remember(place, answer)
        return answer

    def _remember(self, place: Conversation, answer: Answer) -> None:
        """Note where Telegram says that the new messages stand."""
        result = _result(answer[1])
        for one in result if isinstance(result, list) else [result]:
            if isinstance(one, dict):
                message = cast("dict[str, Any]", one)
                number = message.get("message_id")
                topic: Any = message.get("direct_messages_topic") or {}
                thread = message.get("message_thread_id") if message.get("is_topic_message") else None
                thread = topic.get("topic_id", thread)
                if number is not None:
                    stands = replace(place, thread=None if thread is None else str(thread))
                    self._places.remember(stands, [str(number)])


def is_file(url: str, base: str) -> bool:
    """True for the address of a file that people sent: a read of the bot's own files and nothing else."""
    plain = unquote(url)
    # Two dots would lead from the files to the methods, and a question mark to their parameters.
    return plain.startswith(f"{base}/") and "?" not in url and ".." not in plain.split("/")


def _unmarked(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: one for name, one in parameters.items() if name not in ("entities", "parse_mode")}


def _result(body: bytes) -> Iterable[object] | dict[str, Any] | None:
    try:
        told = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
    return cast("dict[str, Any]", told).get("result") if isinstance(told, dict) else None
