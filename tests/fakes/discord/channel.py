"""A channel, a thread or a direct message: what stands in it, and what people do there.

Source: discord.com/developers/docs/resources, Channel and Message.
"""

import copy
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from tests.fakes.discord.interaction import Interaction
from tests.fakes.discord.people import Guild, Json, User, Webhook, time_of
from tests.fakes.discord.sent import EPHEMERAL, Upload

if TYPE_CHECKING:
    from tests.fakes.discord.world import World

TEXT: Final = 0
DM: Final = 1
ANNOUNCEMENT: Final = 5
THREAD: Final = 11
_DEFAULT, _REPLY = 0, 19
_FORWARD: Final = 1
_SHOWN_IN_FORWARD: Final = (
    "type",
    "content",
    "embeds",
    "attachments",
    "timestamp",
    "edited_timestamp",
    "flags",
)


class Channel:
    """Where people talk; its methods in the third person are what they do.

    Each of these makes the effect and delivers the event; each that makes a message gives its object.
    """

    def __init__(
        self,
        world: "World",
        *,
        id: str,
        kind: int = TEXT,
        name: str = "",
        guild: Guild | None = None,
        parent: "Channel | None" = None,
        with_: User | None = None,
    ) -> None:
        self.id, self.kind, self.name = id, kind, name
        self.guild, self.parent, self.with_ = guild, parent, with_
        self.messages: dict[str, Json] = {}
        self.hidden: dict[str, Json] = {}
        self._world = world

    def shown(self) -> Json:
        """Give the channel's object."""
        if self.guild is None:
            people = [self.with_.shown()] if self.with_ is not None else []
            return {
                "id": self.id,
                "type": self.kind,
                "recipients": people,
                "last_message_id": None,
                "flags": 0,
            }
        common = {
            "id": self.id,
            "type": self.kind,
            "guild_id": self.guild.id,
            "name": self.name,
            "last_message_id": next(reversed(self.messages), None),
            "rate_limit_per_user": 0,
            "flags": 0,
        }
        if self.parent is None:
            return {
                **common,
                "position": 0,
                "permission_overwrites": [],
                "nsfw": False,
                "topic": None,
                "parent_id": None,
            }
        times = {
            "archived": False,
            "auto_archive_duration": 1440,
            "archive_timestamp": time_of(self.id),
            "locked": False,
        }
        return {
            **common,
            "parent_id": self.parent.id,
            "owner_id": self.guild.owner,
            "message_count": len(self.messages),
            "member_count": len(self.guild.members),
            "thread_metadata": times,
        }

    # What is done to the messages, by people and by the bot alike.

    def post(self, author: Json, content: str, *, allowed: Json | None = None, **more: Any) -> Json:
        """Put a message here and tell the bot."""
        id = self._world.ids.new()
        message: Json = {
            "id": id,
            "type": _DEFAULT,
            "channel_id": self.id,
            "author": author,
            "content": content,
            "timestamp": time_of(id),
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": "@everyone" in content and _may_ping(allowed, "everyone", ""),
            "mentions": self._pinged(content, allowed),
            "mention_roles": [],
            "attachments": [],
            "embeds": [],
            "components": [],
            "pinned": False,
            "flags": 0,
            **more,
        }
        (self.hidden if message["flags"] & EPHEMERAL else self.messages)[id] = message
        self._tell("MESSAGE_CREATE", message)
        return message

    def change(self, message: Json, **fields: Any) -> Json:
        """Edit a message and tell the bot."""
        message.update(fields, edited_timestamp=time_of(self._world.ids.new()))
        self._tell("MESSAGE_UPDATE", message)
        return message

    def remove(self, message: Json) -> None:
        """Delete a message and tell the bot."""
        if self.hidden.pop(message["id"], None) is None:
            del self.messages[message["id"]]
        self._emit("MESSAGE_DELETE", {"id": message["id"], "channel_id": self.id}, message)

    def react(self, user: User, message: Json, emoji: str, *, taken_back: bool = False) -> None:
        """Add a reaction, or take it back."""
        data = {
            "user_id": user.id,
            "channel_id": self.id,
            "message_id": message["id"],
            "message_author_id": message["author"]["id"],
            "emoji": {"id": None, "name": emoji},
            "burst": False,
            "type": 0,
        }
        if self.guild is not None and not taken_back:
            data["member"] = self.guild.whole_member(user.id)
        self._emit("MESSAGE_REACTION_REMOVE" if taken_back else "MESSAGE_REACTION_ADD", data, message)

    def thread(self, name: str, *, on: Json | None = None) -> "Channel":
        """Open a thread here, on a message (whose id it then has) or on none."""
        id = on["id"] if on is not None else None
        made = self._world.channel(name, guild=self.guild, kind=THREAD, parent=self, id=id)
        self._world.emit("THREAD_CREATE", {**made.shown(), "newly_created": True})
        return made

    def attach(self, files: Sequence[Upload]) -> list[Json]:
        """Keep files where their addresses say, and give their objects."""
        return [self._world.cdn.keep(self.id, one) for one in files]

    # What people do.

    def says(self, user: User, text: str, *, reply_to: Json | None = None) -> Json:
        if reply_to is None:
            return self.post(user.shown(), text)
        return self.post(user.shown(), text, **self.answering(reply_to))

    def uploads(self, user: User, text: str, **files: bytes) -> Json:
        """Say something with files; `notes_txt=b"..."` is called `notes.txt`."""
        named = [Upload(name=name.replace("_", "."), data=data) for name, data in files.items()]
        return self.hands(user, text, *named)

    def hands(self, user: User, text: str, *files: Upload) -> Json:
        """Say something with files that are called as they are called."""
        return self.post(user.shown(), text, attachments=self.attach(files))

    def edits(self, message: Json, text: str) -> Json:
        return self.change(message, content=text, mentions=self._pinged(text, None))

    def deletes(self, message: Json) -> None:
        self.remove(message)

    def reacts(self, user: User, message: Json, emoji: str) -> None:
        self.react(user, message, emoji)

    def forwards(self, user: User, message: Json) -> Json:
        return self.post(user.shown(), "", **self.forwarding(message))

    def proxied(self, webhook: Webhook, text: str, *, name: str | None = None) -> Json:
        """Let a proxy repost somebody's words, under a name of its choice."""
        return self.post(webhook.author(name), text, webhook_id=webhook.id)

    def slash(self, command: str, options: Mapping[str, Any], user: User) -> Interaction:
        """Run a command that the bot has registered for this place.

        Args:
            command: Its name, `group sub` for a subcommand.
            options: Its arguments.
            user: Who runs it.
        """
        return self._world.desk.command(self, command, options, user)

    def menu(self, command: str, message: Json, user: User) -> Interaction:
        """Run a command of a message's menu."""
        return self._world.desk.menu(self, command, message, user)

    def presses(self, custom_id: str, user: User, *, values: Sequence[str] = ()) -> Interaction:
        """Press a button of the newest message that has it, or choose from its menu."""
        return self._world.desk.press(self, custom_id, user, values)

    def submits(self, custom_id: str, fields: Mapping[str, str], user: User) -> Interaction:
        """Send a form that the bot has opened."""
        return self._world.desk.submit(self, custom_id, fields, user)

    # What a message shows of another.

    def answering(self, message: Json) -> Json:
        return {
            "type": _REPLY,
            "message_reference": self._pointer(message, 0),
            "referenced_message": copy.deepcopy(message),
        }

    def forwarding(self, message: Json) -> Json:
        shown = {name: copy.deepcopy(message[name]) for name in _SHOWN_IN_FORWARD}
        empty: Json = {"mentions": [], "mention_roles": []}
        snapshots = [{"message": {**shown, **empty}}]
        return {"message_reference": self._pointer(message, _FORWARD), "message_snapshots": snapshots}

    def _pointer(self, message: Json, kind: int) -> Json:
        there = self._world.channels[message["channel_id"]].guild
        named = {"guild_id": there.id} if there is not None else {}
        return {"type": kind, "message_id": message["id"], "channel_id": message["channel_id"], **named}

    def _pinged(self, content: str, allowed: Json | None) -> list[Json]:
        named = dict.fromkeys(re.findall(r"<@!?(\d+)>", content))
        return [
            self._world.users[id].shown()
            for id in named
            if id in self._world.users and _may_ping(allowed, "users", id)
        ]

    def _tell(self, event: str, message: Json) -> None:
        data = {**message, "channel_type": self.kind}
        author = message["author"]["id"]
        if self.guild is not None and author in self.guild.members and not message["flags"] & EPHEMERAL:
            data["member"] = self.guild.member(author)
        self._emit(event, data, message)

    def _emit(self, event: str, data: Json, message: Json) -> None:
        # An ephemeral message is told as if it were a direct one, without a guild, whatever channel it is in.
        # The source is issue 4557 of discord-api-docs.
        hidden = message["flags"] & EPHEMERAL
        where = {"guild_id": self.guild.id} if self.guild is not None and not hidden else {}
        self._world.emit(event, {**data, **where})


def _may_ping(allowed: Json | None, kind: str, id: str) -> bool:
    """Say whether a mention pings; without `allowed_mentions` every mention does."""
    return allowed is None or kind in allowed.get("parse", ()) or id in allowed.get(kind, ())
