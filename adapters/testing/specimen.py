"""What an adapter's author tells the kit: how the platform's genuine deliveries look, and what reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

from adapters.wire import Deleted, Moved
from firewall.core.identity import ConversationKind
from firewall.core.message import Message

Read: TypeAlias = Message | Deleted | Moved


class Situation(StrEnum):
    """What can happen on a platform, by name; what a platform does not have is said in `Specimen.without`."""

    DIRECT = "direct"
    GROUP = "group"
    PUBLIC = "public"
    THREAD = "thread"
    ELSEWHERE = "elsewhere"
    MENTION = "mention"
    EDIT = "edit"
    FOREIGN_EDIT = "foreign-edit"
    DELETION = "deletion"
    REACTION = "reaction"
    BUTTON = "button"
    COMMAND = "command"
    FORWARD = "forward"
    QUOTE = "quote"
    RELAY = "relay"
    PROXY = "proxy"
    ANONYMOUS = "anonymous"
    STRANGER = "stranger"
    OWN = "own"


MEANINGS: Mapping[Situation, str] = {
    Situation.DIRECT: "`who` writes to the bot alone",
    Situation.GROUP: "`who` writes in a group that people are invited to",
    Situation.PUBLIC: "`who` writes in a place that more than its invited members may read",
    Situation.THREAD: "`who` answers in thread `thread` of a room",
    Situation.ELSEWHERE: "`who` writes in a room of realm `realm`, which the same bot serves too",
    Situation.MENTION: "a second event for the same message of a room, because it names the bot",
    Situation.EDIT: "`who` changes an own message `message` to `words`, for the `version`-th time",
    Situation.FOREIGN_EDIT: "`other` changes the message `message` of `who` to `words`",
    Situation.DELETION: "message `message` of a room is taken back",
    Situation.REACTION: "`who` reacts to message `earlier` of `other`",
    Situation.BUTTON: "`who` presses the button with the value `words` beneath message `earlier` of the bot",
    Situation.COMMAND: "`who` gives a command with the argument `words` in a room",
    Situation.FORWARD: "`who` forwards the message `quoted` of `other` and adds nothing",
    Situation.QUOTE: "`who` writes `words` in answer to message `earlier` of `other`, which says `quoted`",
    Situation.RELAY: "the foreign bot `who` posts under the name of the person `other`",
    Situation.PROXY: "the webhook `who` posts under the name of the person `other`",
    Situation.ANONYMOUS: "somebody writes in a room under an account that many people share",
    Situation.STRANGER: "`who`, of realm `home`, writes in a room of realm `realm` that both share",
    Situation.OWN: "the bot's own message in a room comes back to it",
}


class IdKind(StrEnum):
    """What an id names."""

    APP = "app"
    REALM = "realm"
    PERSON = "person"
    BOT = "bot"
    WEBHOOK = "webhook"
    OWN = "own"
    DIRECT = "direct"
    GROUP = "group"
    PUBLIC = "public"
    THREAD = "thread"
    MESSAGE = "message"
    DELIVERY = "delivery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one delivery tells; its ids come from the kit and stand in the delivery as they are.

    Where the platform has numbers, an id that is no number is written as the text that it is. A field of None
    is left out of the delivery altogether.

    Attributes:
        app: The bot it is delivered to.
        realm: The platform's unit where it is said.
        home: The unit that the sender belongs to.
        who: The platform's id of who acts.
        name: What the sender calls itself.
        place: The platform's id of the conversation.
        kind: What sort of place that is.
        thread: The thread's id, for `THREAD` only.
        message: The platform's id of the message.
        delivery: What the platform repeats when it delivers this again; where it has no such id, unused.
        words: What is written, or the value of the button, or the argument of the command.
        other: Somebody else: the author of what is quoted, the person a program claims to be, the editor.
        quoted: Words of `other`.
        earlier: The id of the message that is answered, reacted to, or bears the button.
        version: How often it was changed, from 1; 0 for the original.
    """

    app: str
    realm: str | None
    home: str | None
    who: str | None
    name: str
    place: str | None
    kind: ConversationKind
    thread: str | None = None
    message: str
    delivery: str
    words: str
    other: str
    quoted: str
    earlier: str
    version: int = 0


class Specimen(Protocol):
    """A platform's genuine deliveries, and the adapter that reads them."""

    @property
    def without(self) -> Mapping[Situation, str]:
        """The situations this platform does not have, each with the reason in one sentence."""
        ...

    def id(self, kind: IdKind, number: int) -> str:
        """Give the genuine id of the `number`-th thing of a kind, from 1; two of a kind never share one.

        The `number`-th direct place is that of the `number`-th person.
        """
        ...

    def raw(self, situation: Situation, said: Said) -> bytes:
        """Give the body that the platform delivers then, as it stands on the wire."""
        ...

    def contradictions(self, said: Said) -> Sequence[bytes]:
        """Give deliveries that contradict themselves about the kind of `said.place`.

        They are like those of `said`, and some of their fields say that the place is direct where it is a
        room, or a room where it is direct. Empty if the platform says it in one field only.
        """
        ...

    def unknown(self, said: Said) -> Sequence[bytes]:
        """Give deliveries of at least two kinds that are nobody's words and that the adapter must refuse."""
        ...

    def read(self, payload: bytes, *, app: str, verified: bool) -> Read:
        """Parse one delivery with the adapter under examination.

        Raises:
            Unreadable: It is not understood.
            BadIdentifier: An id in it is missing or malformed.
        """
        ...
