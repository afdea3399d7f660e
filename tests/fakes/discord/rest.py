"""What the bot asks of the API: its routes, as functions of a call.

Source: discord.com/developers/docs/resources (version 10).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from tests.fakes.discord.channel import Channel
from tests.fakes.discord.people import Json
from tests.fakes.discord.sent import Upload
from tests.fakes.discord.world import World

MAX_TEXT: Final = 2000
_FORWARD: Final = 1


class Refused(Exception):
    """The answer to a request that cannot be met: a status, and Discord's own code."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request."""

    world: World
    params: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    files: Sequence[Upload]

    @property
    def channel(self) -> Channel:
        found = self.world.channels.get(self.params["channel"])
        if found is None:
            raise Refused(404, 10003, "Unknown Channel")
        return found

    @property
    def message(self) -> Json:
        found = self.channel.messages.get(self.params["message"])
        if found is None:
            raise Refused(404, 10008, "Unknown Message")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back; `about` is the message that was made or changed, in `channel`."""

    status: int = 200
    body: Any = None
    about: Json | None = None
    channel: Channel | None = None


NOTHING: Final = Answer(status=204)
Handler = Callable[[Call], Answer]


def fields(call: Call, channel: Channel, body: Json) -> Json:
    """Give what a body says about a message, checked."""
    found: Json = {key: body[key] for key in ("embeds", "components", "nonce", "flags") if key in body}
    if len(body.get("content") or "") > MAX_TEXT or len(body.get("embeds") or []) > 10:
        raise Refused(400, 50035, "Invalid Form Body")
    if call.files:
        found["attachments"] = channel.attach(_named(call, body))
    return found


def _named(call: Call, body: Json) -> list[Upload]:
    """Give the files under the names that the body has for them: `attachments` counts them from 0."""
    names = {str(one["id"]): one["filename"] for one in body.get("attachments") or () if "filename" in one}
    return [Upload(name=names.get(str(n), one.name), data=one.data) for n, one in enumerate(call.files)]


def created(call: Call, channel: Channel, body: Json, author: Json, **more: Any) -> Json:
    """Make a message of the bot, or of a webhook."""
    said = {**fields(call, channel, body), **more}
    if not (
        body.get("content") or said.keys() & {"embeds", "attachments", "components", "message_snapshots"}
    ):
        raise Refused(400, 50006, "Cannot send an empty message")
    return channel.post(author, body.get("content") or "", allowed=body.get("allowed_mentions"), **said)


def changed(call: Call, channel: Channel, message: Json, body: Json) -> Json:
    """Edit a message as a body says."""
    said = fields(call, channel, body)
    if "content" in body:
        said["content"] = body["content"] or ""
    if "attachments" in body:
        kept = {str(one["id"]) for one in body["attachments"]}
        old = [one for one in message["attachments"] if one["id"] in kept]
        said["attachments"] = [*old, *said.get("attachments", [])]
    return channel.change(message, **said)


def create_message(call: Call) -> Answer:
    channel, more = call.channel, {}
    if channel.with_ is not None and channel.with_.id in call.world.unreachable:
        raise Refused(403, 50007, "Cannot send messages to this user")
    pointed = call.body.get("message_reference")
    if pointed is not None:
        there = call.world.channels.get(pointed.get("channel_id", channel.id), channel)
        answered = there.messages.get(str(pointed["message_id"]))
        forward = pointed.get("type") == _FORWARD
        if answered is not None:
            more = channel.forwarding(answered) if forward else channel.answering(answered)
        elif forward or pointed.get("fail_if_not_exists", True):
            raise Refused(400, 50035, "Unknown message")
    made = created(call, channel, call.body, call.world.bot.shown(), **more)
    return Answer(body=made, about=made)


def edit_message(call: Call) -> Answer:
    if call.message["author"]["id"] != call.world.bot.id:
        raise Refused(403, 50005, "Cannot edit a message authored by another user")
    made = changed(call, call.channel, call.message, call.body)
    return Answer(body=made, about=made)


def delete_message(call: Call) -> Answer:
    gone = call.message
    call.channel.remove(gone)
    return Answer(status=204, about=gone)


def get_message(call: Call) -> Answer:
    return Answer(body=call.message)


def history(call: Call) -> Answer:
    """Newest first, of those before, after or around an id."""
    before, after = int(call.query.get("before", 1 << 63)), int(call.query.get("after", 0))
    rising = [one for id, one in call.channel.messages.items() if after < int(id) < before]
    chosen = rising if "after" in call.query else rising[::-1]
    page = list(islice(chosen, int(call.query.get("limit", 50))))
    return Answer(body=page[::-1] if "after" in call.query else page)


def react(call: Call) -> Answer:
    call.channel.react(call.world.bot, call.message, call.params["emoji"])
    return Answer(status=204, about=call.message)


def take_reaction_back(call: Call) -> Answer:
    call.channel.react(call.world.bot, call.message, call.params["emoji"], taken_back=True)
    return Answer(status=204, about=call.message)


def start_thread(call: Call) -> Answer:
    on = call.message if "message" in call.params else None
    made = call.channel.thread(call.body["name"], on=on)
    return Answer(status=201, body=made.shown(), channel=made)


def open_dm(call: Call) -> Answer:
    user = call.world.users.get(str(call.body["recipient_id"]))
    if user is None:
        raise Refused(400, 50007, "Cannot send messages to this user")
    made = call.world.dm(user)
    return Answer(body=made.shown(), channel=made)


def register(call: Call) -> Answer:
    return Answer(body=call.world.desk.register(call.params.get("guild"), call.body))


def registered(call: Call) -> Answer:
    return Answer(body=call.world.desk.commands.get(call.params.get("guild"), []))


def create_webhook(call: Call) -> Answer:
    return Answer(body=call.world.webhook(call.channel, call.body["name"]).shown())


def list_webhooks(call: Call) -> Answer:
    return Answer(
        body=[one.shown() for one in call.world.webhooks.values() if one.channel == call.channel.id]
    )


def get_user(call: Call) -> Answer:
    found = call.world.users.get(call.params["user"])
    if found is None:
        raise Refused(404, 10013, "Unknown User")
    return Answer(body=found.shown())


_MESSAGE: Final = "/channels/{channel}/messages/{message}"
_COMMANDS: Final = "/applications/{app}/commands"
_GUILD_COMMANDS: Final = "/applications/{app}/guilds/{guild}/commands"
ROUTES: Final[Mapping[str, Handler]] = {
    "GET /users/@me": lambda call: Answer(body=call.world.bot.shown()),
    "GET /users/{user}": get_user,
    "POST /users/@me/channels": open_dm,
    "GET /channels/{channel}": lambda call: Answer(body=call.channel.shown()),
    "POST /channels/{channel}/typing": lambda call: Answer(status=204, channel=call.channel),
    "POST /channels/{channel}/messages": create_message,
    "GET /channels/{channel}/messages": history,
    f"GET {_MESSAGE}": get_message,
    f"PATCH {_MESSAGE}": edit_message,
    f"DELETE {_MESSAGE}": delete_message,
    f"PUT {_MESSAGE}/reactions/{{emoji}}/@me": react,
    f"DELETE {_MESSAGE}/reactions/{{emoji}}/@me": take_reaction_back,
    f"POST {_MESSAGE}/threads": start_thread,
    "POST /channels/{channel}/threads": start_thread,
    "POST /channels/{channel}/webhooks": create_webhook,
    "GET /channels/{channel}/webhooks": list_webhooks,
    f"PUT {_COMMANDS}": register,
    f"GET {_COMMANDS}": registered,
    f"PUT {_GUILD_COMMANDS}": register,
    f"GET {_GUILD_COMMANDS}": registered,
}
