"""Messages for a loop of your own."""

from collections.abc import Sequence

from firewall.core.identity import Conversation, ConversationKind, Sender, SenderKind
from firewall.core.ids import MessageId
from firewall.core.message import Attachment, Message


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
    name: str = "",
    attachments: Sequence[Attachment] = (),
) -> Message:
    """Make a message for a loop of your own; you vouch that the sender is who you say.

    Args:
        text: The sender's own words.
        channel: The platform's name.
        realm: The platform's own unit.
        sender: Who wrote, by the platform's id.
        conversation: Where, by the platform's id.
        kind: `dm`, `group` or `public`.
        app: The bot it was written to, by the platform's id.
        thread: The thread's id, if it stands in one.
        sender_realm: The sender's own unit, where it is another one.
        sender_kind: `human`, or what else the platform says.
        private: True if only the sender will see the answer.
        id: The message's id.
        name: What the platform shows the sender as; told to the model as quoted data.
        attachments: The files that came with it; `turn.keep` puts their bytes where tools find them.

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
        name=name,
        attachments=tuple(attachments),
    )
