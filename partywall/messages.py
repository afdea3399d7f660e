"""Messages for a loop of your own."""

from firewall.core.identity import Conversation, ConversationKind, Sender, SenderKind
from firewall.core.ids import MessageId
from firewall.core.message import Message


def message(
    text: str,
    *,
    channel: str,
    realm: str,
    sender: str,
    conversation: str,
    kind: str = "dm",
    app: str = "bot",
    thread: str | None = None,
    sender_realm: str | None = None,
    sender_kind: str = "human",
    private: bool = False,
    id: str = "1",
) -> Message:
    """Make a message for a loop of your own; you vouch that the sender is who you say.

    Raises:
        BadIdentifier: An id is empty, a placeholder or malformed.
    """
    return Message(
        id=MessageId(id),
        delivery=id,
        sender=Sender(
            channel=channel,
            app=app,
            realm=sender_realm or realm,
            id=sender,
            kind=SenderKind(sender_kind),
            verified=True,
        ),
        conversation=Conversation(
            channel=channel,
            app=app,
            realm=realm,
            id=conversation,
            thread=thread,
            kind=ConversationKind(kind),
        ),
        text=text,
        private=private,
    )
