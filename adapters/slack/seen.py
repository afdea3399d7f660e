"""What a bot has shown where, as far as this process knows: a later call may name it by its id alone.

`chat.update` names a message by its timestamp, which does not say in which thread it stands or who sees it;
`views.update` a view, `files.completeUploadExternal` a file. What is not known here is not touched.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

from firewall.core.identity import Conversation
from firewall.core.ids import PrincipalId, TurnId

T = TypeVar("T")
# Some days of a busy bot; each entry is a few hundred bytes.
_MAX_KEPT = 20_000


class Kept(Generic[T]):
    """The youngest things of one kind, by the ids that name them; at most 20,000."""

    def __init__(self, limit: int = _MAX_KEPT) -> None:
        self._limit = limit
        self._kept: OrderedDict[tuple[str, ...], T] = OrderedDict()

    def put(self, value: T, *key: str) -> None:
        """Keep something, and let go of the oldest where there are too many."""
        self._kept[key] = value
        self._kept.move_to_end(key)
        while len(self._kept) > self._limit:
            self._kept.popitem(last=False)

    def get(self, *key: str) -> T | None:
        """Give what is kept under these ids."""
        return self._kept.get(key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A message of the bot.

    Attributes:
        conversation: Where it stands.
        alone: Who alone sees it, or None where the whole place does.
        turn: In which turn it was posted.
    """

    conversation: Conversation
    alone: PrincipalId | None
    turn: TurnId


class Seen:
    """What one application has shown; realms are workspaces of Slack.

    Attributes:
        messages: By realm, channel and timestamp.
        views: Who sees a view, by realm and id.
        directs: Whose direct messages a channel is, by realm and id.
        files: In which turn an upload was begun, by realm and file.
        uploads: The same, by the address that Slack gave out for its bytes.
    """

    def __init__(self) -> None:
        self.messages: Kept[Posted] = Kept()
        self.views: Kept[PrincipalId] = Kept()
        self.directs: Kept[PrincipalId] = Kept()
        self.files: Kept[TurnId] = Kept()
        self.uploads: Kept[TurnId] = Kept()
