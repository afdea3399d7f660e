"""The methods of the Web API by which a bot writes into channels.

Source: docs.slack.dev, reference of chat.*.
"""

from tests.fakes.slack.records import ApiError, Json, Records, Sent
from tests.fakes.slack.shapes import Place
from tests.fakes.slack.workspace import Method, Workspace

_WORDS = ("text", "blocks", "attachments", "markdown_text")


class Chat:
    """Writes into the channels of a workspace, and keeps each thing said."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.methods: dict[str, Method] = {
            "chat.postMessage": self._post,
            "chat.postEphemeral": self._ephemeral,
            "chat.update": self._update,
            "chat.delete": self._delete,
            "chat.startStream": self._start,
            "chat.appendStream": self._append,
            "chat.stopStream": self._stop,
        }

    def _say(self, method: str, at: Workspace, args: Json, place: Place, ts: str | None, **more: str) -> Sent:
        thread = args.get("thread_ts")
        sent = Sent(method=method, team=at.id, payload=args, channel=place.id, thread=thread, ts=ts, **more)
        self._records.say(sent)
        return sent

    def _post(self, at: Workspace, args: Json) -> Json:
        said = self.write(at, args, "chat.postMessage")
        return {"channel": args["channel"], "ts": said["ts"], "message": said}

    def write(self, at: Workspace, args: Json, method: str) -> Json:
        """Put a message of the bot into a channel; a person's id stands for the direct messages with them."""
        if not any(args.get(one) for one in _WORDS):
            raise ApiError("no_text")
        if args.get("channel") in at.people:
            args["channel"] = at.dm(at.person(args["channel"])).id
        place = at.place(args.get("channel"))
        said = self._said(at, place, args, at.ts())
        self._say(method, at, args, place, said["ts"])
        return said

    def _said(self, at: Workspace, place: Place, args: Json, ts: str) -> Json:
        said: Json = {"type": "message", "subtype": "bot_message", "user": at.bot.id, "bot_id": at.bot.bot_id}
        said |= {"app_id": "A0WALL001", "team": at.id, "ts": ts}
        said |= {"text": args.get("text") or args.get("markdown_text") or ""}
        said |= {key: args[key] for key in ("blocks", "attachments", "thread_ts") if key in args}
        place.messages[ts] = said
        return said

    def _ephemeral(self, at: Workspace, args: Json) -> Json:
        place, reader, ts = at.place(args.get("channel")), at.person(args.get("user")), at.ts()
        if not any(args.get(one) for one in _WORDS):
            raise ApiError("no_text")
        self._say("chat.postEphemeral", at, args, place, ts, user=reader.id)
        return {"message_ts": ts}

    def _own(self, at: Workspace, args: Json, refusal: str) -> tuple[Place, Json]:
        place = at.place(args.get("channel"))
        said = place.messages.get(str(args.get("ts")))
        if said is None:
            raise ApiError("message_not_found")
        if said.get("bot_id") != at.bot.bot_id or said.get("team") != at.id:
            raise ApiError(refusal)
        return place, said

    def _update(self, at: Workspace, args: Json) -> Json:
        place, said = self._own(at, args, "cant_update_message")
        said |= {key: args[key] for key in _WORDS if key in args}
        self._say("chat.update", at, args, place, said["ts"], edit_of=said["ts"])
        return {"channel": place.id, "ts": said["ts"], "text": said["text"], "message": said}

    def _delete(self, at: Workspace, args: Json) -> Json:
        place, said = self._own(at, args, "cant_delete_message")
        del place.messages[said["ts"]]
        self._say("chat.delete", at, args, place, said["ts"], edit_of=said["ts"])
        return {"channel": place.id, "ts": said["ts"]}

    def _start(self, at: Workspace, args: Json) -> Json:
        place = at.place(args.get("channel"))
        if not args.get("thread_ts"):
            raise ApiError("invalid_thread_ts")
        if place.room != "im" and not (args.get("recipient_user_id") and args.get("recipient_team_id")):
            raise ApiError("missing_recipient_user_id")
        said = self._said(at, place, args, at.ts())
        said["streaming"] = True
        said["text"] = self._say("chat.startStream", at, args, place, said["ts"]).text
        return {"channel": place.id, "ts": said["ts"]}

    def _append(self, at: Workspace, args: Json) -> Json:
        self._streamed("chat.appendStream", at, args)
        return {"channel": args["channel"], "ts": args["ts"]}

    def _stop(self, at: Workspace, args: Json) -> Json:
        said = self._streamed("chat.stopStream", at, args)
        said["streaming"] = False
        return {"channel": args["channel"], "ts": args["ts"], "message": said}

    def _streamed(self, method: str, at: Workspace, args: Json) -> Json:
        place, said = self._own(at, args, "message_not_owned_by_app")
        if not said.get("streaming"):
            raise ApiError("message_not_in_streaming_state")
        said["text"] += self._say(method, at, args, place, said["ts"], edit_of=said["ts"]).text
        return said
