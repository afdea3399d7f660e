"""The other methods of the Web API: what a bot asks, and what it shows elsewhere than in messages.

Source: docs.slack.dev, reference of auth.*, conversations.*, users.*, views.* and assistant.*.
"""

from tests.fakes.slack import shapes
from tests.fakes.slack.chat import Chat
from tests.fakes.slack.files import Files
from tests.fakes.slack.records import ApiError, Json, Records, Sent
from tests.fakes.slack.workspace import Method, Workspace


class Methods:
    """Answers the methods for a workspace; whatever shows something is kept as said."""

    def __init__(self, records: Records, chat: Chat, files: Files) -> None:
        self._records = records
        self.table: dict[str, Method] = {
            **chat.methods,
            "auth.test": self._auth_test,
            "users.info": lambda at, args: {"user": shapes.user(at.person(args.get("user")), at.id)},
            "conversations.open": self._open,
            "conversations.info": self._info,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "reactions.add": self._shown("reactions.add", self._react),
            "views.open": self._shown("views.open", self._view_by_trigger),
            "views.push": self._shown("views.push", self._view_by_trigger),
            "views.publish": self._shown("views.publish", self._view),
            "views.update": self._shown("views.update", self._view_again),
            **files.methods,
            "assistant.threads.setStatus": self._shown("assistant.threads.setStatus", self._thread),
            "assistant.threads.setTitle": self._shown("assistant.threads.setTitle", self._thread),
            "assistant.threads.setSuggestedPrompts": self._shown(
                "assistant.threads.setSuggestedPrompts", self._thread
            ),
        }

    def _shown(self, name: str, method: Method) -> Method:
        """Keep what a method shows, if Slack accepts it."""

        def keeping(at: Workspace, args: Json) -> Json:
            result = method(at, args)
            user = args.get("user_id") or at.triggers.get(args.get("trigger_id", ""))
            where = args.get("channel") or args.get("channel_id")
            view: Json = result.get("view", {})
            sent = Sent(
                method=name,
                team=at.id,
                payload=args,
                channel=where,
                user=user,
                thread=args.get("thread_ts"),
                edit_of=view.get("id") if name == "views.update" else None,
            )
            self._records.say(sent)
            return result

        return keeping

    # What a bot asks

    def _auth_test(self, at: Workspace, args: Json) -> Json:
        names = {"url": f"https://{at.domain}.slack.test/", "team": at.domain.title(), "user": at.bot.name}
        ids = {"team_id": at.id, "user_id": at.bot.id, "bot_id": at.bot.bot_id}
        return {**names, **ids, "is_enterprise_install": False}

    def _open(self, at: Workspace, args: Json) -> Json:
        if args.get("channel"):
            return {"channel": {"id": at.place(args["channel"]).id}}
        names = str(args.get("users") or "").split(",")
        if len(names) == 1:
            return {"channel": {"id": at.dm(at.person(names[0])).id}}
        people = [at.person(one) for one in names]
        id = "G" + "".join(sorted(one.id[-4:] for one in people))
        return {"channel": {"id": (at.places.get(id) or at.opens(id, "mpdm", *people, room="mpim")).id}}

    def _info(self, at: Workspace, args: Json) -> Json:
        place = at.place(args.get("channel"))
        if place.room == "im" and len(place.members) > 1:
            raise ApiError("channel_not_found")  # between two people; the bot is not in there
        return {"channel": shapes.conversation(place, at.id)}

    def _history(self, at: Workspace, args: Json) -> Json:
        said = at.place(args.get("channel")).messages.values()
        roots = [one for one in said if one.get("thread_ts", one["ts"]) == one["ts"]]
        return {"messages": roots[::-1], "has_more": False}

    def _replies(self, at: Workspace, args: Json) -> Json:
        said, root = at.place(args.get("channel")).messages, args.get("ts")
        if root not in said:
            raise ApiError("thread_not_found")
        thread = [one for one in said.values() if root in (one["ts"], one.get("thread_ts"))]
        return {"messages": thread, "has_more": False}

    # What a bot shows

    def _react(self, at: Workspace, args: Json) -> Json:
        if args.get("timestamp") not in at.place(args.get("channel")).messages:
            raise ApiError("message_not_found")
        return {}

    def _thread(self, at: Workspace, args: Json) -> Json:
        at.place(args.get("channel_id"))
        return {}

    def _view_by_trigger(self, at: Workspace, args: Json) -> Json:
        if args.get("trigger_id") not in at.triggers:
            raise ApiError("invalid_trigger_id")
        return self._view(at, args)

    def _view(self, at: Workspace, args: Json) -> Json:
        return self._keep_view(at, f"V{len(at.views) + 1:09d}", args)

    def _view_again(self, at: Workspace, args: Json) -> Json:
        if args.get("view_id") not in at.views:
            raise ApiError("not_found")
        return self._keep_view(at, args["view_id"], args)

    def _keep_view(self, at: Workspace, id: str, args: Json) -> Json:
        shown = shapes.view(args["view"], id=id, team=at.id, bot_id=str(at.bot.bot_id))
        at.views[id] = shown
        return {"view": shown}


def installed(at: Workspace) -> Json:
    """Give what oauth.v2.access says of an installation."""
    return {
        "app_id": shapes.APP,
        "access_token": at.token,
        "token_type": "bot",
        "scope": "chat:write",
        "bot_user_id": at.bot.id,
        "team": {"id": at.id, "name": at.domain.title()},
        "enterprise": None,
        "is_enterprise_install": False,
        "authed_user": {"id": "U0ADA0001"},
    }
