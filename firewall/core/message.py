"""One delivery from a platform, and the labelled parts that text is made of."""

from dataclasses import dataclass
from enum import StrEnum

from firewall.core.identity import Conversation, Sender
from firewall.core.ids import MessageId, PartId
from firewall.core.label import Label, Operator


class Origin(StrEnum):
    """Where a piece of text came from; a fact for the record, never a permission."""

    SENDER = "sender"
    MODEL = "model"
    TOOL = "tool"
    CALL = "call"
    OPERATOR = "operator"
    QUOTED = "quoted"
    NAME = "name"
    FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of text with its label.

    `repr` shows the length only, so that a part in a traceback gives nothing away.

    Attributes:
        id: Drawn per session; names the part for `derived_from` and for deletion.
        text: The text exactly as it passed.
        label: Whose it is and who may read it.
        origin: Where it came from.
        derived_from: Parts it was made of, in no order; empty for what came from outside.
    """

    id: PartId
    text: str
    label: Label
    origin: Origin
    derived_from: tuple[PartId, ...] = ()

    def __repr__(self) -> str:
        return f"Part(id={self.id!r}, {len(self.text)} code points, {self.origin.value})"


# What the wall itself writes into a text: markers, and the constant pieces of registered templates.
WALL_PART_ID = PartId("wall")


def operator_part(text: str) -> Part:
    """Label text that an operator registered, which anybody may read."""
    return Part(id=WALL_PART_ID, text=text, label=Operator(), origin=Origin.OPERATOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Text by somebody else inside a message: a forward, a quotation, a back-filled thread.

    Attributes:
        text: What is quoted.
        message: The quoted message, if the platform says which; its recorded label is kept.
        author: Its author, if the platform says who. A claim inside a relayed text is not an author.
    """

    text: str
    message: MessageId | None = None
    author: Sender | None = None

    def __repr__(self) -> str:
        return f"Quote({len(self.text)} code points)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that came with a message, as the platform tells of it; all of it but `id` is a claim.

    Attributes:
        id: By what the channel fetches it; never shown to a model.
        name: What the sender called it; it is never part of a path.
        media_type: What it is said to be (`text/plain`); empty if nothing is said.
        size_bytes: How long it is said to be; None if nothing is said.
    """

    id: str
    name: str = ""
    media_type: str = ""
    size_bytes: int | None = None

    def __repr__(self) -> str:
        return f"Attachment({self.size_bytes} bytes)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One delivery, as an adapter normalised it.

    Attributes:
        id: The platform's message id.
        delivery: What the platform repeats when it delivers the same thing again.
        sender: Who wrote it.
        conversation: Where.
        text: The sender's own words.
        quotes: Other people's words inside it, in reading order; at most 20.
        private: The sender asked for an answer that only they see (ephemeral command).
        edit: 0 for the original, then the platform's edit count or time.
        name: What the platform shows the sender as: a claim, told to models as quoted data; empty if unknown.
        command: The slash command it was given by, without the slash; empty if it was none.
        attachments: The files that came with it, in reading order.
    """

    id: MessageId
    delivery: str
    sender: Sender
    conversation: Conversation
    text: str
    quotes: tuple[Quote, ...] = ()
    private: bool = False
    edit: int = 0
    name: str = ""
    command: str = ""
    attachments: tuple[Attachment, ...] = ()

    def __repr__(self) -> str:
        return f"Message({len(self.text)} code points, {len(self.quotes)} quotes, edit={self.edit})"
