"""The JSON that Slack makes of people, places and what happens in them.

Source: docs.slack.dev, Events API, slash commands, interaction payloads, and the methods' example answers.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from tests.fakes.slack.records import Json, Kind

APP = "A0WALL001"
Room = Literal["channel", "group", "mpim", "im"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody, in the workspace `team` that they belong to; `guest` is one of one channel or of several."""

    id: str
    name: str
    team: str
    guest: Literal["", "multi", "single"] = ""
    bot_id: str | None = None


@dataclass(slots=True, kw_only=True)
class Place:
    """A conversation and its messages by ts, oldest first; `teams` are the workspaces that share it."""

    id: str
    name: str
    room: Room
    members: list[str]
    teams: list[str]
    messages: dict[str, Json] = field(default_factory=dict[str, Json])

    @property
    def shared(self) -> bool:
        return len(self.teams) > 1


def user(person: Person, seen_from: str) -> Json:
    """Give what users.info says of a person to a workspace."""
    return {
        "id": person.id,
        "team_id": person.team,
        "name": person.name,
        "deleted": False,
        "real_name": person.name.title(),
        "profile": {"real_name": person.name.title(), "display_name": person.name, "team": person.team},
        "is_admin": False,
        "is_owner": False,
        "is_restricted": bool(person.guest),
        "is_ultra_restricted": person.guest == "single",
        "is_bot": person.bot_id is not None,
        "is_stranger": person.team != seen_from,
        "is_app_user": False,
        "updated": 1_750_000_000,
    }


def conversation(place: Place, seen_from: str) -> Json:
    """Give what conversations.info says of a place to a workspace."""
    return {
        "id": place.id,
        "name": place.name,
        "is_channel": place.room == "channel",
        "is_group": place.room == "group",
        "is_im": place.room == "im",
        "is_mpim": place.room == "mpim",
        "is_private": place.room != "channel",
        "is_member": True,
        "is_archived": False,
        "is_shared": place.shared,
        "is_ext_shared": place.shared,
        "is_org_shared": False,
        "context_team_id": seen_from,
        "shared_team_ids": place.teams,
        "connected_team_ids": [team for team in place.teams if team != seen_from],
        **({"user": place.members[0]} if place.room == "im" else {}),
    }


def message(author: Person, text: str, *, team: str, ts: str, thread: str | None, number: int) -> Json:
    """Give a message as it stands in a channel of a workspace."""
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    said: Json = {
        "type": "message",
        "ts": ts,
        "text": text,
        "team": team,
        "blocks": [{"type": "rich_text", "block_id": f"b{number}", "elements": [section]}],
    }
    if author.bot_id is not None:
        said |= {"subtype": "bot_message", "bot_id": author.bot_id, "username": author.name}
    else:
        said |= {"user": author.id, "client_msg_id": f"5f6b0f0e-0000-4000-8000-{number:012d}"}
    if author.team != team:
        said |= {"user_team": author.team, "source_team": author.team}
    return said | ({"thread_ts": thread} if thread else {})


def event(inner: Json, place: Place, *, team: str, bot: str, number: int) -> Json:
    """Give an event in the envelope of the Events API, with the one installation that may see it."""
    return {
        "token": "not-used",
        "team_id": team,
        "context_team_id": team,
        "context_enterprise_id": None,
        "api_app_id": APP,
        "event": inner,
        "type": "event_callback",
        "event_id": f"Ev{number:09d}",
        "event_time": 1_760_000_000 + number,
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": team,
                "user_id": bot,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": place.shared,
        "event_context": f"4-{number}",
    }


def command(who: Person, place: Place, name: str, text: str, *, team: str, domain: str, urls: Json) -> Json:
    return {
        "token": "not-used",
        "team_id": team,
        "team_domain": domain,
        "channel_id": place.id,
        "channel_name": "directmessage" if place.room == "im" else place.name,
        "user_id": who.id,
        "user_name": who.name,
        "command": name,
        "text": text,
        "api_app_id": APP,
        "is_enterprise_install": "false",
        **urls,
    }


def interaction(kind: str, who: Person, *, team: str, domain: str, trigger: str) -> Json:
    """Give what every interaction begins with."""
    return {
        "type": kind,
        "user": {"id": who.id, "username": who.name, "name": who.name, "team_id": who.team},
        "api_app_id": APP,
        "token": "not-used",
        "trigger_id": trigger,
        "team": {"id": team, "domain": domain},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def press(place: Place, ts: str, action_id: str, value: str, *, url: str, at: str) -> Json:
    """Give what a button press adds: the message with the button, and the button."""
    button = {"type": "plain_text", "text": action_id, "emoji": True}
    return {
        "container": {
            "type": "message",
            "message_ts": ts,
            "channel_id": place.id,
            "is_ephemeral": ts not in place.messages,
        },
        "channel": {"id": place.id, "name": place.name},
        "message": place.messages.get(ts, {"type": "message", "ts": ts}),
        "state": {"values": {}},
        "response_url": url,
        "actions": [
            {
                "action_id": action_id,
                "block_id": "b1",
                "text": button,
                "value": value,
                "type": "button",
                "action_ts": at,
            }
        ],
    }


def view(shown: Json, *, id: str, team: str, bot_id: str) -> Json:
    """Give a view as Slack keeps it: what the bot showed, and what Slack adds."""
    added: Json = {"id": id, "team_id": team, "app_id": APP, "app_installed_team_id": team, "bot_id": bot_id}
    added |= {"hash": f"1.{id}", "root_view_id": id, "previous_view_id": None, "state": {"values": {}}}
    return {"callback_id": "", "private_metadata": "", **shown, **added}


def unseen_file(id: str) -> Json:
    """Give what a message in a channel shared by two companies tells of a file; files.info tells the rest."""
    return {"id": id, "mode": "file_access", "file_access": "check_file_info", "created": 0, "timestamp": 0}


def file(id: str, name: str, owner: str, size: int, url: str) -> Json:
    return {
        "id": id,
        "name": name,
        "title": name,
        "user": owner,
        "size": size,
        "mimetype": "text/plain",
        "filetype": "text",
        "mode": "hosted",
        "is_external": False,
        "url_private": url,
        "url_private_download": f"{url}?download=1",
    }


def envelope(kind: Kind, payload: Json, *, id: str, attempt: int) -> Json:
    """Give the envelope of Socket Mode; only events are counted."""
    counted: dict[str, Any] = {"retry_attempt": attempt, "retry_reason": "timeout" if attempt else ""}
    return {
        "envelope_id": id,
        "type": kind,
        "accepts_response_payload": kind != "events_api",
        "payload": payload,
        **(counted if kind == "events_api" else {}),
    }
