"""Events without words: a reaction, a Home tab that was opened, an assistant's thread.

Each is a message with no text, of who did it and where, so that whatever a bot does about it is judged in a
turn of that person. The message it is about is not its own: its id is the delivery's.
"""

from adapters.errors import Unreadable
from adapters.slack.form import Assistants, Delivered, HomesOpened, Reactions, Said
from adapters.slack.where import alone_with, place_of, realm_of, stamp, team_of
from adapters.wire import decode
from firewall.core.identity import Conversation, ConversationKind, Sender, SenderKind
from firewall.core.ids import MessageId
from firewall.core.message import Message

REACTIONS = frozenset({"reaction_added", "reaction_removed"})
ASSISTANT = frozenset({"assistant_thread_started", "assistant_thread_context_changed"})
HOME = "app_home_opened"
GESTURES = REACTIONS | ASSISTANT | {HOME}


def gesture(data: bytes, kind: str, app: str, verified: bool) -> Message:
    """Give what one such event says.

    Raises:
        Unreadable: It is not in the documented form.
    """
    if kind in REACTIONS:
        return _reaction(decode(data, Reactions), app, verified)
    if kind in ASSISTANT:
        return _assistant(decode(data, Assistants), app, verified)
    return _home(decode(data, HomesOpened), app, verified)


def _reaction(delivered: Reactions, app: str, verified: bool) -> Message:
    event = delivered.event
    if event.item.type != "message" or event.item.channel is None:
        raise Unreadable("the reaction is to no message", where="event.item")
    stamp(event.item.ts, "event.item.ts")
    return _by(delivered, event.user, place_of(delivered, app, event.item.channel), verified)


def _home(delivered: HomesOpened, app: str, verified: bool) -> Message:
    event = delivered.event
    if event.tab == "messages":
        place = place_of(delivered, app, event.channel)
        if place.kind is not ConversationKind.DM:
            raise Unreadable("the messages tab is no direct message", where="event.channel")
        return _by(delivered, event.user, place, verified, alone=True)
    place = alone_with(event.user, app=app, realm=realm_of(delivered))
    return _by(delivered, event.user, place, verified, alone=True)


def _assistant(delivered: Assistants, app: str, verified: bool) -> Message:
    event = delivered.event.assistant_thread
    thread = stamp(event.thread_ts, "event.assistant_thread.thread_ts")
    place = place_of(delivered, app, event.channel_id, thread=thread)
    if place.kind is not ConversationKind.DM:
        raise Unreadable("an assistant's thread is no direct message", where="event.assistant_thread")
    return _by(delivered, event.user_id, place, verified, alone=True)


def _by(
    delivered: Delivered, user: str, place: Conversation, verified: bool, *, alone: bool = False
) -> Message:
    """Give the message of somebody whom Slack names by id only.

    Where the channel may be shared the id may be a stranger's, so its owner is unknown. What one person does
    with the app itself (`alone`) is done in a workspace where the app is installed.
    """
    team = place.realm if alone else team_of(delivered, Said(), place.realm)
    return Message(
        id=MessageId(delivered.event_id),
        delivery=delivered.event_id,
        sender=Sender(
            channel="slack",
            app=place.app,
            realm=team or "unknown",
            id=user,
            kind=SenderKind.HUMAN if team else SenderKind.UNKNOWN,
            verified=verified and team is not None,
        ),
        conversation=place,
        text="",
    )
