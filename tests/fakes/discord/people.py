"""Who is there: users, members with roles, guilds, webhooks; each in the form that Discord shows it in.

Source: discord.com/developers/docs/resources, User, Guild, Webhook; docs/reference, Snowflakes.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

Json = dict[str, Any]

_EPOCH_MS: Final = 1_420_070_400_000
_JOINED: Final = "2024-01-01T00:00:00+00:00"


class Ids:
    """Ids that rise by a millisecond each.

    They start now: the client compares the time in an id with its own clock, and takes an interaction of
    fifteen minutes ago for expired.
    """

    def __init__(self, start: datetime) -> None:
        self._ms = int(start.timestamp() * 1000) - _EPOCH_MS

    def new(self) -> str:
        self._ms += 1
        return str(self._ms << 22)


def time_of(id: str) -> str:
    """Give the time in an id."""
    return datetime.fromtimestamp(((int(id) >> 22) + _EPOCH_MS) / 1000, UTC).isoformat()


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person or a bot."""

    id: str
    name: str
    bot: bool = False

    def shown(self) -> Json:
        return {
            "id": self.id,
            "username": self.name,
            "discriminator": "0",
            "global_name": None if self.bot else self.name.title(),
            "avatar": None,
            "bot": self.bot,
            "public_flags": 0,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """What writes into one channel under any name."""

    id: str
    token: str
    name: str
    channel: str
    guild: str

    def shown(self) -> Json:
        return {
            "id": self.id,
            "type": 1,
            "token": self.token,
            "name": self.name,
            "avatar": None,
            "channel_id": self.channel,
            "guild_id": self.guild,
            "application_id": None,
        }

    def author(self, name: str | None) -> Json:
        """Give the author of a message: the webhook's id, and whatever it calls itself."""
        return {
            "id": self.id,
            "username": name or self.name,
            "discriminator": "0000",
            "global_name": None,
            "avatar": None,
            "bot": True,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Guild:
    """A guild with its roles and its members."""

    id: str
    name: str
    owner: str
    roles: dict[str, str] = field(default_factory=dict[str, str])
    members: dict[str, tuple[User, tuple[str, ...]]] = field(
        default_factory=dict[str, tuple[User, tuple[str, ...]]]
    )

    def role(self, ids: Ids, name: str) -> str:
        """Make a role."""
        made = ids.new()
        self.roles[made] = name
        return made

    def join(self, user: User, *roles: str) -> None:
        """Make somebody a member, with these roles."""
        self.members[user.id] = (user, roles)

    def member(self, user: str) -> Json:
        """Give a member as a message shows it: its user stands beside it."""
        _, roles = self.members[user]
        return {
            "nick": None,
            "avatar": None,
            "roles": list(roles),
            "joined_at": _JOINED,
            "premium_since": None,
            "deaf": False,
            "mute": False,
            "flags": 0,
        }

    def whole_member(self, user: str) -> Json:
        return {**self.member(user), "user": self.members[user][0].shown()}

    def shown_roles(self) -> list[Json]:
        """Give the roles; the first is everyone's and has the guild's id."""
        named = {self.id: "@everyone", **self.roles}
        return [
            {
                "id": id,
                "name": name,
                "color": 0,
                "hoist": False,
                "position": position,
                "permissions": "2147483647",
                "managed": False,
                "mentionable": True,
                "flags": 0,
            }
            for position, (id, name) in enumerate(named.items())
        ]

    def shown(self, bot: str) -> Json:
        """Give the guild as it is sent once: of its members the bot alone, for the rest must be asked for."""
        return {
            "id": self.id,
            "name": self.name,
            "owner_id": self.owner,
            "icon": None,
            "splash": None,
            "features": [],
            "emojis": [],
            "stickers": [],
            "roles": self.shown_roles(),
            "members": [self.whole_member(bot)],
            "member_count": len(self.members),
            "large": False,
            "unavailable": False,
            "joined_at": _JOINED,
            "verification_level": 0,
            "default_message_notifications": 0,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "nsfw_level": 0,
            "premium_tier": 0,
            "preferred_locale": "en-GB",
            "afk_timeout": 300,
            "afk_channel_id": None,
            "system_channel_id": None,
            "system_channel_flags": 0,
            "presences": [],
            "voice_states": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }
