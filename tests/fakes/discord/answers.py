"""What needs no authorization but a token in the path: answers to interactions, and webhooks.

Source: discord.com/developers/docs, Receiving and Responding; resources/webhook.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.fakes.discord.channel import Channel
from tests.fakes.discord.interaction import COMMAND, Interaction
from tests.fakes.discord.people import Json
from tests.fakes.discord.rest import Answer, Call, Handler, Refused, changed, created
from tests.fakes.discord.sent import EPHEMERAL

_SAY, _THINK, _THINK_UPDATE, _UPDATE, _CHOICES, _FORM = 4, 5, 6, 7, 8, 9
_LOADING: Final = 128
_BY_COMMAND: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Whom a token lets write: the bot in answer to somebody, or a webhook."""

    channel: Channel
    author: Json
    webhook: str
    asked: Interaction | None = None

    def say(self, call: Call, body: Json) -> Json:
        more: Json = {"webhook_id": self.webhook}
        if self.asked is not None:
            kind = {"type": _BY_COMMAND} if self.asked.kind == COMMAND else {}
            more |= {"application_id": self.webhook, **self.asked.shown(), **kind}
        elif "username" in body:
            return created(call, self.channel, body, {**self.author, "username": body["username"]}, **more)
        return created(call, self.channel, body, self.author, **more)

    def message(self, id: str) -> Json:
        """Give one of its own messages."""
        if id == "@original" and self.asked is not None:
            found = self.asked.original
        else:
            found = self.channel.messages.get(id) or self.channel.hidden.get(id)
        if found is None or found.get("webhook_id", self.webhook) != self.webhook:
            raise Refused(404, 10008, "Unknown Message")
        return found


def _voice(call: Call) -> Voice:
    world, id, token = call.world, call.params["webhook"], call.params["token"]
    if id == world.app:
        asked = world.desk.open.get(token)
        if asked is None:
            raise Refused(401, 50027, "Invalid Webhook Token")
        if not asked.answered:
            raise Refused(404, 10015, "Unknown Webhook")
        return Voice(channel=asked.channel, author=world.bot.shown(), webhook=id, asked=asked)
    hook = world.webhooks.get(id)
    if hook is None or hook.token != token:
        raise Refused(404, 10015, "Unknown Webhook")
    channel = world.channels[call.query.get("thread_id", hook.channel)]
    return Voice(channel=channel, author=hook.author(None), webhook=id)


def callback(call: Call) -> Answer:
    """Take the first answer to an interaction."""
    asked = call.world.desk.open.get(call.params["token"])
    if asked is None or asked.id != call.params["interaction"]:
        raise Refused(404, 10062, "Unknown interaction")
    if asked.answered:
        raise Refused(400, 40060, "Interaction has already been acknowledged.")
    about = _first(call, asked, call.body["type"], call.body.get("data") or {})
    asked.answered = True
    told = {"id": asked.id, "type": asked.kind}
    if about is not None:
        hidden, loading = bool(about["flags"] & EPHEMERAL), bool(about["flags"] & _LOADING)
        told |= {"response_message_id": about["id"], "response_message_ephemeral": hidden}
        told["response_message_loading"] = loading
    resource = {"type": call.body["type"], **({"message": about} if about is not None else {})}
    body = {"interaction": told, "resource": resource}
    wanted = call.query.get("with_response") in {"1", "true"}
    return Answer(
        status=200 if wanted else 204, body=body if wanted else None, about=about, channel=asked.channel
    )


def _first(call: Call, asked: Interaction, kind: int, data: Json) -> Json | None:
    voice = Voice(channel=asked.channel, author=call.world.bot.shown(), webhook=call.world.app, asked=asked)
    match kind:
        case 4:
            asked.original = voice.say(call, data)
        case 5:
            flags = _LOADING | data.get("flags", 0) & EPHEMERAL
            asked.original = asked.channel.post(
                voice.author, "", webhook_id=voice.webhook, flags=flags, **asked.shown()
            )
        case 6 | 7 if asked.message is not None:
            asked.original = asked.message
            if kind == _UPDATE:
                changed(call, asked.channel, asked.message, data)
        case 8:
            return None
        case 9:
            call.world.desk.forms[data["custom_id"]] = asked
            return None
        case _:
            raise Refused(400, 50035, "Invalid Form Body")
    return asked.original


def _finish(call: Call, voice: Voice, message: Json, body: Json) -> Answer:
    message["flags"] &= ~_LOADING
    made = changed(call, voice.channel, message, {**body, "flags": message["flags"]})
    return Answer(body=made, about=made, channel=voice.channel)


def execute(call: Call) -> Answer:
    """Say something as a webhook, or after the first answer."""
    voice = _voice(call)
    waiting = voice.asked.original if voice.asked is not None else None
    if waiting is not None and waiting["flags"] & _LOADING:
        # The first thing said after "thinking" takes its place, whatever its flags say.
        return _finish(call, voice, waiting, call.body)
    made = voice.say(call, call.body)
    silent = voice.asked is None and call.query.get("wait") in {None, "0", "false"}
    return Answer(
        status=204 if silent else 200, body=None if silent else made, about=made, channel=voice.channel
    )


def get(call: Call) -> Answer:
    return Answer(body=_voice(call).message(call.params["message"]))


def edit(call: Call) -> Answer:
    voice = _voice(call)
    return _finish(call, voice, voice.message(call.params["message"]), call.body)


def delete(call: Call) -> Answer:
    voice = _voice(call)
    gone = voice.message(call.params["message"])
    voice.channel.remove(gone)
    return Answer(status=204, about=gone, channel=voice.channel)


def webhook(call: Call) -> Answer:
    """Show a webhook to whom knows its token."""
    _voice(call)
    return Answer(body=call.world.webhooks[call.params["webhook"]].shown())


_MESSAGE: Final = "/webhooks/{webhook}/{token}/messages/{message}"
OPEN_ROUTES: Final[Mapping[str, Handler]] = {
    "POST /interactions/{interaction}/{token}/callback": callback,
    "GET /webhooks/{webhook}/{token}": webhook,
    "POST /webhooks/{webhook}/{token}": execute,
    f"GET {_MESSAGE}": get,
    f"PATCH {_MESSAGE}": edit,
    f"DELETE {_MESSAGE}": delete,
}
