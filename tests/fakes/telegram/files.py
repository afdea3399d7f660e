"""Files on the server: how a message tells of one, where it is fetched, and what goes wrong there.

Source: core.telegram.org/bots/api, "Available types" (PhotoSize to Sticker), and getFile.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from tests.fakes.telegram.wire import Body, Call, File, Outcome, Refused, bad

if TYPE_CHECKING:
    from tests.fakes.telegram.accounts import Bot

_SHAPES: dict[str, Body] = {
    "document": {},
    "voice": {"duration": 1},
    "audio": {"duration": 1, "performer": "Somebody", "title": "Something"},
    "video": {"duration": 1, "width": 90, "height": 67},
    "animation": {"duration": 1, "width": 90, "height": 67},
    "video_note": {"duration": 1, "length": 90},
    "sticker": {"width": 90, "height": 67, "type": "regular", "is_animated": False, "is_video": False},
}
_SMALL_BYTES = 100
_NAMED = ("document", "audio", "video", "animation")


def told(file: File, number: str) -> Body:
    """Tell of a file as a message does; a photo that is not small comes in sizes, the smallest first."""
    known: Body = {"file_id": number, "file_unique_id": f"u-{number}", "file_size": len(file.content)}
    if file.kind == "photo":
        small: Body = {"file_id": f"{number}-small", "file_unique_id": f"u-{number}-small", "file_size": 1}
        sizes = [{**small, "width": 9, "height": 7}, {**known, "width": 90, "height": 67}]
        return {"photo": sizes if len(file.content) > _SMALL_BYTES else sizes[1:]}
    known |= {"mime_type": file.mime} if file.kind in (*_NAMED, "voice") else {}
    known |= {"file_name": file.name} if file.kind in _NAMED else {}
    # An animation stands there twice, for programs that do not know animations.
    twice = {"document": known} if file.kind == "animation" else {}
    return {**twice, file.kind: known | _SHAPES[file.kind]}


@dataclass(slots=True, kw_only=True, eq=False)
class Shelf:
    """Where the files of all bots lie.

    Attributes:
        largest_bytes: What is longer is not given to bots.
        elsewhere: What getFile says instead of the path of a file, by its id.
        redirects: Where a download is sent on to, by the path.
        broken: Paths whose download ends in the middle.
        asked: The path of every download that was asked for, in order.
    """

    largest_bytes: int = 20 * 1024 * 1024
    elsewhere: dict[str, str] = field(default_factory=dict[str, str])
    redirects: dict[str, str] = field(default_factory=dict[str, str])
    broken: set[str] = field(default_factory=set[str])
    asked: list[str] = field(default_factory=list[str])

    def get(self, bot: "Bot", call: Call) -> Outcome:
        """Answer getFile."""
        number = call.text("file_id")
        if number not in bot.files:
            raise bad("invalid file_id")
        file = bot.files[number]
        if len(file.content) > self.largest_bytes:
            raise bad("file is too big")
        found: Body = {"file_id": number, "file_unique_id": f"u-{number}", "file_size": len(file.content)}
        return Outcome(result={**found, "file_path": self.elsewhere.get(number, f"files/{number}")})

    async def download(self, request: web.Request, bot: "Bot | None", path: str) -> web.StreamResponse:
        """Give a file to whoever knows the token of the bot that it was sent to."""
        self.asked.append(path)
        if path in self.broken:
            return await _broken(request)
        if path in self.redirects:
            return web.Response(status=302, headers={"Location": self.redirects[path]})
        file = bot.files.get(path.removeprefix("files/")) if bot else None
        if file is None:
            return web.json_response(Refused(404, "Not Found").body, status=404)
        return web.Response(body=file.content, content_type="application/octet-stream")


async def _broken(request: web.Request) -> web.StreamResponse:
    begun = web.StreamResponse(headers={"Content-Length": "100"})
    await begun.prepare(request)
    await begun.write(b"the first of it")
    if request.transport is not None:
        request.transport.close()
    return begun
