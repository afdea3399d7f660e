"""Files: taken at the address that was given out for each, and given to the workspace's own token alone.

Source: docs.slack.dev, working with files, reference of files.*.
"""

from aiohttp import web

from tests.fakes.slack.chat import Chat
from tests.fakes.slack.records import ApiError, Json, Records, Sent
from tests.fakes.slack.workspace import Method, Workspace

COMPLETE = "files.completeUploadExternal"
_LOGIN = "<!DOCTYPE html><title>Slack</title>Sign in to your workspace"


class Files:
    """The files of every workspace.

    Attributes:
        fetched: Each try to download one, in order: the file, and if it was given.
        moved: Where a download is sent on to, by the file.
    """

    def __init__(self, records: Records, chat: Chat) -> None:
        self._records, self._chat = records, chat
        self.fetched: list[tuple[str, bool]] = []
        self.moved: dict[str, str] = {}
        self.methods: dict[str, Method] = {
            "files.getUploadURLExternal": self._begin,
            COMPLETE: self._complete,
            "files.info": self._info,
        }

    def _begin(self, at: Workspace, args: Json) -> Json:
        shown = at.keeps(at.bot.id, str(args["filename"]), b"")
        self._records.say(
            Sent(method="files.getUploadURLExternal", team=at.id, payload=args, channel=args.get("channel"))
        )
        return {"upload_url": f"{at.url}/upload/{at.id}/{shown['id']}", "file_id": shown["id"]}

    def upload(self, at: Workspace, id: str, content: bytes) -> str:
        """Take the bytes of a file at the URL that was given out for it."""
        shown, _ = at.files[id]
        at.files[id] = ({**shown, "size": len(content)}, content)
        words = {"file": id, "content": content.decode(errors="replace")}
        self._records.say(Sent(method="upload", team=at.id, payload=words))
        return f"OK - {len(content)}"

    def _complete(self, at: Workspace, args: Json) -> Json:
        """Show uploaded files in the channels that are named; in none, nobody but the bot sees them."""
        given: list[Json] = args["files"]
        if any(one["id"] not in at.files for one in given):
            raise ApiError("file_not_found")
        files = [{**at.files[one["id"]][0], "title": one.get("title")} for one in given]
        where = str(args.get("channels") or args.get("channel_id") or "")
        for channel in filter(None, where.split(",")):
            at.place(channel)  # a person's id is no channel here, though it is one for words
            said = self._chat.write(
                at, {**args, "channel": channel, "text": args.get("initial_comment") or "(file)"}, COMPLETE
            )
            said["files"] = files
        if not where:
            self._records.say(Sent(method=COMPLETE, team=at.id, payload=args))
        return {"files": files}

    def _info(self, at: Workspace, args: Json) -> Json:
        if args.get("file") not in at.files:
            raise ApiError("file_not_found")
        return {"file": at.files[args["file"]][0]}

    def download(self, at: Workspace, id: str, *, own: bool) -> web.Response:
        """Give a file to the workspace's own token; anybody else gets a page, with status 200."""
        self.fetched.append((id, own))
        if id in self.moved:
            return web.Response(status=302, headers={"Location": self.moved[id]})
        if not own:
            return web.Response(text=_LOGIN, content_type="text/html")
        shown, content = at.files[id]
        return web.Response(body=content, content_type=shown["mimetype"])
