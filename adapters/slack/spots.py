"""Where the words of a call will stand, and who will see them there."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, assert_never, cast

from adapters.errors import Unreadable
from adapters.slack.methods import Spot
from adapters.slack.seen import Posted, Seen
from adapters.slack.visit import Visit
from adapters.slack.where import alone_with, kind_of
from firewall.core.identity import Conversation, ConversationKind
from firewall.core.session import Turn

# A place, and whether only the sender of the turn sees it there; None where nothing here can say.
Where: TypeAlias = tuple[Conversation, bool] | None

NOWHERE = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A turn, and the token with which something is called in it.

    Attributes:
        turn: The turn that is open.
        visit: The delivery that opened it, or None.
        realm: The workspace of the token, as Slack itself says; `unknown` where it does not.
        seen: What this application has shown.
    """

    turn: Turn
    visit: Visit | None
    realm: str
    seen: Seen

    def where(self, spot: Spot, arguments: Mapping[str, Any]) -> Where:  # noqa: C901  one arm for each kind of call
        """Give where the words of a call will stand, from its arguments."""
        channel, other = _id(arguments, "channel"), _id(arguments, "channel_id")
        if channel and other:
            return None
        channel = channel or other
        ts = _id(arguments, "ts")
        match spot:
            case Spot.CHANNEL | Spot.ASSISTANT:
                return self.channel(channel, self._thread(arguments))
            case Spot.EPHEMERAL:
                return self._ephemeral(channel, arguments)
            case Spot.MESSAGE:
                return self._message(channel, ts)
            case Spot.STREAM:
                posted = self.seen.messages.get(self.realm, channel, ts)
                ours = posted is not None and posted.turn == self.turn.id
                return self._message(channel, ts) if ours else None
            case Spot.TOUCHED:
                return self._touched(channel)
            case Spot.TRIGGER:
                shown = self.visit is not None and _id(arguments, "trigger_id") == self.visit.trigger != ""
                return self._own if shown and "interactivity_pointer" not in arguments else None
            case Spot.VIEW:
                shown = self._sees(_id(arguments, "view_id"))
                return self._own if shown and "external_id" not in arguments else None
            case Spot.HOME:
                return self._home(_id(arguments, "user_id"))
            case Spot.UPLOAD:
                return self._own
            case Spot.SHARED:
                return self._shared(arguments)
            case _:
                assert_never(spot)

    def channel(self, channel: str, thread: str | None) -> Where:
        """Give a channel, or a thread in it; the id of a person stands for the direct messages with them."""
        if not channel:
            return None
        here = self.turn.destination
        if self._is_senders(channel) and channel != here.id:
            if here.kind is not ConversationKind.DM or not here.id.startswith("D"):
                return self._own
            channel = here.id
        if self.realm == here.realm and channel == here.id:
            kept = None if self._is_under(channel, thread) else thread
            return replace(here, thread=kept), False
        kind = ConversationKind.DM if channel[:1] in "UW" else kind_of(channel, None)
        return replace(here, realm=self.realm, id=channel, thread=thread, kind=kind, closed=False), False

    @property
    def alone(self) -> str:
        """The sender's id, or empty where it is not known."""
        return self.visit.sender if self.visit is not None else ""

    @property
    def _own(self) -> tuple[Conversation, bool]:
        """The turn's own place, seen by the sender alone."""
        return replace(self.turn.destination, realm=self.realm), True

    def _is_senders(self, channel: str) -> bool:
        if self.realm != self.turn.destination.realm:
            return False
        known = self.seen.directs.get(self.realm, channel)
        return channel == self.alone or (known is not None and known == self.turn.principal.id)

    def _is_under(self, channel: str, thread: str | None) -> bool:
        """True for a thread under the very message of this turn, or under what was posted in this turn."""
        if thread is None or self.turn.destination.thread is not None:
            return False
        posted = self.seen.messages.get(self.realm, channel, thread)
        answered = posted is not None and posted.turn == self.turn.id
        return (
            thread == self.turn.message or answered or (self.visit is not None and thread in self.visit.roots)
        )

    @staticmethod
    def _thread(arguments: Mapping[str, Any]) -> str | None:
        """Give the thread; what is broadcast from it is shown in the whole channel.

        Raises:
            Unreadable: It is named by something else than a text, which Slack may read in its own way.
        """
        if not isinstance(arguments.get("thread_ts") or "", str):
            raise Unreadable("a thread is named by a text")
        return None if arguments.get("reply_broadcast") else _id(arguments, "thread_ts") or None

    def _ephemeral(self, channel: str, arguments: Mapping[str, Any]) -> Where:
        found = self.channel(channel, self._thread(arguments))
        user = _id(arguments, "user")
        if found is None or not user:
            return None
        return found[0], found[1] or user == self.alone

    def _message(self, channel: str, ts: str) -> Where:
        posted: Posted | None = self.seen.messages.get(self.realm, channel, ts)
        if posted is not None:
            mine = posted.alone == self.turn.principal.id
            return (posted.conversation, mine) if posted.alone is None or mine else None
        here = self.turn.destination
        pressed = self.visit is not None and ts in self.visit.roots
        return (here, False) if pressed and self.realm == here.realm and channel == here.id else None

    def _touched(self, channel: str) -> Where:
        """Give where something without words is done; a thread is then no place of its own."""
        found = self.channel(channel, None)
        here = self.turn.destination
        if found is not None and found[0].id == here.id and found[0].realm == here.realm:
            return here, found[1]
        return found

    def _sees(self, view: str) -> bool:
        if not view:
            return False
        kept = self.seen.views.get(self.realm, view)
        looked_at = self.visit is not None and view == self.visit.view
        return looked_at or (kept is not None and kept == self.turn.principal.id)

    def _home(self, user: str) -> Where:
        if not user:
            return None
        if user == self.alone:
            return self._own
        return alone_with(user, app=self.turn.destination.app, realm=self.realm), False

    def _shared(self, arguments: Mapping[str, Any]) -> Where:
        """Give where files are shown; only those that were begun in this turn, in one place."""
        files = arguments.get("files")
        named = cast("list[object]", files) if isinstance(files, list) else []
        ids = [cast("dict[str, object]", one).get("id") for one in named if isinstance(one, dict)]
        ours = [self.seen.files.get(self.realm, str(one)) == self.turn.id for one in ids]
        if not ours or len(ours) != len(named) or not all(ours):
            return None
        where = _id(arguments, "channel_id") or _id(arguments, "channels")
        if not where:
            return self._own
        both = _id(arguments, "channel_id") and _id(arguments, "channels")
        return None if both or "," in where else self.channel(where, self._thread(arguments))


def _id(arguments: Mapping[str, Any], name: str) -> str:
    value = arguments.get(name)
    return value if isinstance(value, str) else ""
