"""Every method of the Web API that a guarded bot can call; each is in exactly one of two tables.

What is in neither is never passed on: it is denied in a turn and an error outside of one.

Source: docs.slack.dev, reference of the Web API.
"""

from dataclasses import dataclass
from enum import Enum, auto

from firewall.core.subject import Form


class Spot(Enum):
    """How the arguments of a method say where its words will stand."""

    CHANNEL = auto()
    EPHEMERAL = auto()
    MESSAGE = auto()
    TOUCHED = auto()
    STREAM = auto()
    ASSISTANT = auto()
    TRIGGER = auto()
    VIEW = auto()
    HOME = auto()
    UPLOAD = auto()
    SHARED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """A method whose words are judged.

    Attributes:
        spot: How its arguments say where.
        form: What it shows.
        named: Arguments of this method that are ids and no words, besides those of all methods.
        mentions: True if Slack could be told to look for mentions in plain words; it is told not to.
        unfurls: True if Slack could be told to fetch what links lead to; it is told not to.
    """

    spot: Spot
    form: Form = Form.MESSAGE
    named: frozenset[str] = frozenset()
    mentions: bool = False
    unfurls: bool = False


# Arguments that name something or somebody, in any method. All others are words.
IDS = frozenset(
    {
        *("channel", "channel_id", "channels", "user", "user_id", "team_id", "token", "ts", "thread_ts"),
        *("trigger_id", "view_id", "external_id", "hash", "timestamp", "recipient_user_id"),
        *("recipient_team_id", "icon_emoji", "parse", "task_display_mode", "snippet_type", "highlight_type"),
        *("response_type", "session_status"),
    }
)

_CALL = frozenset({"name"})

SAYS: dict[str, Says] = {
    "chat.postMessage": Says(spot=Spot.CHANNEL, mentions=True, unfurls=True),
    "chat.meMessage": Says(spot=Spot.CHANNEL),
    "chat.postEphemeral": Says(spot=Spot.EPHEMERAL, mentions=True),
    "chat.update": Says(spot=Spot.MESSAGE, form=Form.EDIT, mentions=True),
    "chat.delete": Says(spot=Spot.TOUCHED, form=Form.EDIT),
    "chat.startStream": Says(spot=Spot.CHANNEL, form=Form.CHUNK),
    "chat.appendStream": Says(spot=Spot.STREAM, form=Form.CHUNK),
    "chat.stopStream": Says(spot=Spot.STREAM, form=Form.CHUNK),
    "reactions.add": Says(spot=Spot.TOUCHED, named=_CALL),
    "reactions.remove": Says(spot=Spot.TOUCHED, named=_CALL),
    "pins.add": Says(spot=Spot.TOUCHED),
    "pins.remove": Says(spot=Spot.TOUCHED),
    "views.open": Says(spot=Spot.TRIGGER),
    "views.push": Says(spot=Spot.TRIGGER),
    "views.update": Says(spot=Spot.VIEW, form=Form.EDIT),
    "views.publish": Says(spot=Spot.HOME),
    "files.getUploadURLExternal": Says(spot=Spot.UPLOAD, form=Form.FILE),
    "files.completeUploadExternal": Says(spot=Spot.SHARED, form=Form.FILE),
    "assistant.threads.setStatus": Says(spot=Spot.ASSISTANT),
    "assistant.threads.setTitle": Says(spot=Spot.ASSISTANT),
    "assistant.threads.setSuggestedPrompts": Says(spot=Spot.ASSISTANT),
}

# Reads, and what a library needs for itself: nobody is shown anything.
QUIET: frozenset[str] = frozenset(
    {
        *("api.test", "apps.connections.open", "apps.event.authorizations.list"),
        *("auth.revoke", "auth.teams.list", "auth.test", "blocks.validate", "bookmarks.list", "bots.info"),
        *("canvases.sections.lookup", "chat.getPermalink", "chat.scheduledMessages.list"),
        *("conversations.history", "conversations.info", "conversations.list", "conversations.members"),
        *("conversations.join", "conversations.mark", "conversations.open", "conversations.replies"),
        *("dnd.info", "dnd.teamInfo", "emoji.list", "files.info", "files.list", "files.remote.info"),
        *("files.remote.list", "migration.exchange", "oauth.access", "oauth.v2.access", "oauth.v2.exchange"),
        *("openid.connect.token", "openid.connect.userInfo", "pins.list", "reactions.get", "reactions.list"),
        *("reminders.info", "reminders.list", "search.all", "search.files", "search.messages"),
        *("slackLists.items.info", "slackLists.items.list", "stars.list", "team.billing.info", "team.info"),
        *("team.preferences.list", "team.profile.get", "tooling.tokens.rotate", "usergroups.list"),
        *("usergroups.users.list", "users.conversations", "users.getPresence", "users.identity"),
        *("users.info", "users.list", "users.lookupByEmail", "users.profile.get"),
    }
)
