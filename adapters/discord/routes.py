"""Every call of Discord's API, in exactly one class; what is in none of them is refused.

A call is named as discord.py names it: the method, and the path with its placeholders.

Source: discord.com/developers/docs/resources and /interactions (version 10).
"""

from enum import Enum, auto
from typing import Final


class Kind(Enum):
    """What a call does to others."""

    READS = auto()
    QUIET = auto()
    OPERATES = auto()
    TAKES_BACK = auto()
    ACTS = auto()
    SAYS = auto()
    UNKNOWN = auto()


_CHANNEL: Final = "/channels/{channel_id}"
_MESSAGE: Final = f"{_CHANNEL}/messages/{{message_id}}"
_REACTIONS: Final = f"{_MESSAGE}/reactions"
_COMMANDS: Final = "/applications/{application_id}/commands"
_GUILD_COMMANDS: Final = "/applications/{application_id}/guilds/{guild_id}/commands"
_TOKEN: Final = "/webhooks/{webhook_id}/{webhook_token}"  # noqa: S105  a path, with places for what is secret

CREATE: Final = f"POST {_CHANNEL}/messages"
EDIT: Final = f"PATCH {_MESSAGE}"

# No word of anybody's, and nothing that another person would notice but the sign that the bot is writing.
QUIET: Final = frozenset(
    {
        "POST /auth/logout",
        "POST /users/@me/channels",
        f"POST {_CHANNEL}/typing",
        # A bot joins a thread: discord.py before 2.7 says it with the first verb, later ones with the second.
        f"POST {_CHANNEL}/thread-members/@me",
        f"PUT {_CHANNEL}/thread-members/@me",
        f"DELETE {_CHANNEL}/thread-members/@me",
    }
)

# The operator's own words, said when the bot starts; in a turn they could be a model's, so there they are
# refused.
OPERATES: Final = frozenset(
    {
        f"PUT {_COMMANDS}",
        f"POST {_COMMANDS}",
        f"PATCH {_COMMANDS}/{{command_id}}",
        f"DELETE {_COMMANDS}/{{command_id}}",
        f"PUT {_GUILD_COMMANDS}",
        f"POST {_GUILD_COMMANDS}",
        f"PATCH {_GUILD_COMMANDS}/{{command_id}}",
        f"DELETE {_GUILD_COMMANDS}/{{command_id}}",
        f"PUT {_GUILD_COMMANDS}/{{command_id}}/permissions",
    }
)

# What was shown is shown no longer. Out of every turn it passes too: `delete_after` comes when its turn has
# ended, and what should be gone would stay.
TAKES_BACK: Final = frozenset(
    {
        f"DELETE {_MESSAGE}",
        f"POST {_CHANNEL}/messages/bulk-delete",
        f"DELETE {_REACTIONS}/{{emoji}}/@me",
        f"DELETE {_REACTIONS}/{{emoji}}/{{member_id}}",
        f"DELETE {_REACTIONS}/{{emoji}}",
        f"DELETE {_REACTIONS}",
    }
)

# Signs without words: judged by where they stand.
ACTS: Final = frozenset(
    {
        f"PUT {_REACTIONS}/{{emoji}}/@me",
        f"PUT {_CHANNEL}/pins/{{message_id}}",
        f"PUT {_CHANNEL}/messages/pins/{{message_id}}",
        f"DELETE {_CHANNEL}/pins/{{message_id}}",
        f"DELETE {_CHANNEL}/messages/pins/{{message_id}}",
        f"POST {_CHANNEL}/polls/{{message_id}}/expire",
        f"PUT {_CHANNEL}/thread-members/{{user_id}}",
        f"DELETE {_CHANNEL}/thread-members/{{user_id}}",
    }
)

SAYS: Final = frozenset({CREATE, EDIT, f"POST {_CHANNEL}/threads", f"POST {_MESSAGE}/threads"})

# What a token authorizes: answers to interactions. A webhook's own calls have the same form, and no place.
ANSWER: Final = "POST /interactions/{webhook_id}/{webhook_token}/callback"
FOLLOW_UP: Final = f"POST {_TOKEN}"
ANSWERS: Final = frozenset(
    {ANSWER, FOLLOW_UP, f"PATCH {_TOKEN}/messages/{{message_id}}", f"PATCH {_TOKEN}/messages/@original"}
)
ANSWERS_TAKEN_BACK: Final = frozenset(
    {f"DELETE {_TOKEN}/messages/{{message_id}}", f"DELETE {_TOKEN}/messages/@original"}
)

_KINDS: Final = {
    **dict.fromkeys(QUIET, Kind.QUIET),
    **dict.fromkeys(OPERATES, Kind.OPERATES),
    **dict.fromkeys(TAKES_BACK | ANSWERS_TAKEN_BACK, Kind.TAKES_BACK),
    **dict.fromkeys(ACTS, Kind.ACTS),
    **dict.fromkeys(SAYS | ANSWERS, Kind.SAYS),
}


def kind_of(name: str) -> Kind:
    """Say what a call does; what nobody has read yet is unknown."""
    if name.startswith("GET "):
        return Kind.READS
    return _KINDS.get(name, Kind.UNKNOWN)
