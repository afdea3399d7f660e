"""Where messages stand: their topics, which a call that names a message by its number does not say."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, cast

from adapters.telegram.inbound import realm
from firewall.core.identity import Conversation, ConversationKind

# A number of this size and below names a supergroup or a channel, which may have topics
# (core.telegram.org/api/bots/ids).
_SUPERGROUPS = -1_000_000_000_000
_KEPT = 10_000

Parameters = Mapping[str, Any]


class Unplaced(Exception):
    """The call does not say where it takes effect, or says two things."""


class Places:
    """The places of one bot, and the topics of the messages that it lately heard or wrote.

    A number without a topic would let a turn of one topic write into the message of another.

    Args:
        app: The bot's own id.
    """

    def __init__(self, app: str) -> None:
        self._app = app
        self._threads: OrderedDict[tuple[str, str, str], str | None] = OrderedDict()

    def remember(self, place: Conversation, messages: Iterable[str]) -> None:
        """Note that these messages stand in this place."""
        for number in messages:
            # A message never moves; a press on one that Telegram no longer shows names no topic for it.
            self._threads.setdefault((place.realm, place.id, number), place.thread)
            self._threads.move_to_end((place.realm, place.id, number))
        while len(self._threads) > _KEPT:
            self._threads.popitem(last=False)

    def chat(self, said: Parameters) -> Conversation:
        """Give where something new will stand.

        Raises:
            Unplaced: The chat is missing, or it replies to a message that stands elsewhere.
            BadIdentifier: An id is malformed.
        """
        named = [
            str(said[name])
            for name in ("message_thread_id", "direct_messages_topic_id")
            if said.get(name) is not None
        ]
        if len(named) > 1:
            raise Unplaced
        thread = named[0] if named else None
        answered = said.get("reply_parameters")
        if answered is not None:
            thread = self._beside(said, _reply(said, answered), thread)
        return self._place(said, thread)

    def message(self, said: Parameters) -> Conversation:
        """Give where the messages stand that a call names by number.

        Raises:
            Unplaced: They stand in several topics, or nobody knows in which.
            BadIdentifier: An id is malformed.
        """
        many: object = said.get("message_ids")
        numbers = list(cast("list[object]", many)) if isinstance(many, list) else []
        numbers += [said["message_id"]] if said.get("message_id") is not None else []
        threads = {self._thread(said, number)[0] for number in numbers}
        if len(threads) != 1:
            raise Unplaced
        return self._place(said, threads.pop())

    def _beside(self, said: Parameters, reply: Parameters, named: str | None) -> str | None:
        """Give the topic of a reply: Telegram puts it beside what it replies to."""
        thread, known = self._thread(said, reply.get("message_id"))
        if named is None:
            if thread is not None and reply.get("allow_sending_without_reply"):
                # If the message is gone by then, the reply would stand outside the topic.
                raise Unplaced
            return thread
        if known and thread != named:
            raise Unplaced
        return named

    def _thread(self, said: Parameters, number: object) -> tuple[str | None, bool]:
        chat = str(said.get("chat_id"))
        key = (realm(self._app, said.get("business_connection_id")), chat, str(number))
        if key in self._threads:
            return self._threads[key], True
        try:
            topics = int(chat) <= _SUPERGROUPS
        except ValueError:
            topics = True
        if topics:
            raise Unplaced
        return None, False

    def _place(self, said: Parameters, thread: str | None) -> Conversation:
        chat = said.get("chat_id")
        if not isinstance(chat, int | str):
            raise Unplaced
        return Conversation(
            channel="telegram",
            app=self._app,
            realm=realm(self._app, said.get("business_connection_id")),
            id=str(chat),
            thread=thread,
            kind=ConversationKind.GROUP,
        )


def _reply(said: Parameters, answered: object) -> Parameters:
    if not isinstance(answered, dict):
        raise Unplaced
    reply = cast("Parameters", answered)
    elsewhere = reply.get("chat_id")
    if elsewhere is not None and str(elsewhere) != str(said.get("chat_id")):
        # It would show a message of one chat to the readers of another.
        raise Unplaced
    return reply
