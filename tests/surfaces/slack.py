"""Every place where a bot on Slack can put words; the bot and its library are unmodified."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import partywall as pw
from partywall.wall import Wall
from tests.fakes.slack.stage import Corner, Stage, corners, stage
from tests.surfaces.edges import Edge, Outcome, Said, planted
from tests.surfaces.seen import halves

# Says something in a channel.
Says = Callable[[Any, str, str], Awaitable[object]]
_TEXT: Final = "plain_text"


def _blocks(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"text": "See.", "blocks": list(blocks)}


def _section(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def _button(text: str, **more: Any) -> dict[str, Any]:
    shown = {"type": "button", "text": {"type": _TEXT, "text": text}, "action_id": "a", **more}
    return {"type": "actions", "elements": [shown]}


def _image(text: str, address: str) -> dict[str, Any]:
    return {"type": "image", "alt_text": text, "image_url": f"https://a.example/{address}"}


def _rich(*texts: str) -> dict[str, Any]:
    words = [{"type": "text", "text": one} for one in texts]
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": words}]}


def _posts(made: Callable[[str], dict[str, Any]]) -> Says:
    async def says(client: Any, channel: str, text: str) -> object:
        return await client.chat_postMessage(channel=channel, **made(text))

    return says


async def _edits(client: Any, channel: str, text: str) -> object:
    told = await client.chat_postMessage(channel=channel, text="Hm.")
    return await client.chat_update(channel=channel, ts=told["ts"], text=text)


async def _reacts(client: Any, channel: str, text: str) -> object:
    told = await client.chat_postMessage(channel=channel, text="Hm.")
    return await client.reactions_add(channel=channel, timestamp=told["ts"], name=text)


def _uploads(made: Callable[[str], dict[str, Any]]) -> Says:
    async def says(client: Any, channel: str, text: str) -> object:
        return await client.files_upload_v2(channel=channel, **made(text))

    return says


PLACES: Final[Mapping[str, Says]] = {
    "text": _posts(lambda text: {"text": f"Well: {text} is it."}),
    "section": _posts(lambda text: _blocks(_section(text))),
    "field": _posts(lambda text: _blocks({"type": "section", "fields": [{"type": _TEXT, "text": text}]})),
    "rich text": _posts(lambda text: _blocks(_rich(text))),
    "button": _posts(lambda text: _blocks(_button(text))),
    "button's value": _posts(lambda text: _blocks(_button("Go", value=text))),
    "button's address": _posts(lambda text: _blocks(_button("Go", url=f"https://a.example/{text}"))),
    "button's id": _posts(lambda text: _blocks(_button("Go", action_id=text))),
    "block's id": _posts(lambda text: _blocks(_section("See.", block_id=text))),
    "alternative text": _posts(lambda text: _blocks(_image(text, "a.png"))),
    "image's address": _posts(lambda text: _blocks(_image("A picture.", text))),
    "attachment": _posts(lambda text: {"text": "See.", "attachments": [{"text": text, "fallback": "See."}]}),
    "attachment's fallback": _posts(lambda text: {"text": "See.", "attachments": [{"fallback": text}]}),
    "attachment's field": _posts(
        lambda text: {"text": "See.", "attachments": [{"fields": [{"title": text, "value": "x"}]}]}
    ),
    "metadata": _posts(
        lambda text: {"text": "See.", "metadata": {"event_type": "x", "event_payload": {"a": text}}}
    ),
    "edit": _edits,
    "reaction": _reacts,
    "file's name": _uploads(
        lambda text: {"filename": f"{text}.txt".replace("/", "_").replace("\n", "_"), "content": "words"}
    ),
    "file's title": _uploads(lambda text: {"filename": "a.txt", "title": text, "content": "words"}),
    "file's content": _uploads(lambda text: {"filename": "a.txt", "content": text}),
    "file's comment": _uploads(
        lambda text: {"filename": "a.txt", "content": "words", "initial_comment": text}
    ),
    "halved over blocks": _posts(lambda text: _blocks(*map(_section, halves(text)))),
    "halved over text elements": _posts(lambda text: _blocks(_rich(*halves(text)))),
    "letter by letter in elements": _posts(lambda text: _blocks(_rich(*text))),
    "halved over text and block": _posts(
        lambda text: {"text": halves(text)[0], "blocks": [_section(halves(text)[1])]}
    ),
}


@dataclass(slots=True)
class Town:
    """Somebody in each of two workspaces, and the bot in both."""

    on: Stage
    corners: Mapping[str, Corner]

    async def acts(self, who: str, said: Said) -> Outcome:
        """Let the bot say something in a turn of somebody's, and give what went out."""
        outcome: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        refs: list[str] = []

        async def does(args: Any) -> None:
            refs.append(pw.turn().ref)
            await args.ack()
            try:
                outcome.set_result(await said(args.client, args.body["channel"]["id"]))
            except Exception as error:  # noqa: BLE001  it is looked at
                outcome.set_result(error)

        name, corner = f"job-{len(self.on.slack.records.deliveries)}", self.corners[who]
        self.on.app.action(name)(ack=does, lazy=[])
        before, root = len(self.on.slack.records.sent), corner.at.ts()
        corner.room.messages[root] = {"type": "message", "ts": root, "text": "root"}
        await corner.at.presses(corner.who, corner.room, root, name, "go")
        came = await asyncio.wait_for(outcome, 5)
        await self.on.quiet()
        wire = [one.payload for one in self.on.slack.records.sent[before:]]
        return Outcome(wire=wire, error=came if isinstance(came, Exception) else None, ref=refs[0])


def edge(name: str) -> Edge:
    """Give one place as an edge."""

    def said(text: str) -> Said:
        return lambda client, channel: PLACES[name](client, channel, text)

    return Edge(name=f"slack: {name}", said=said, split="halved" in name or "letter" in name)


@asynccontextmanager
async def slack(wall: Wall) -> AsyncGenerator[Town]:
    """Run the bot, with what each person keeps planted."""
    async with stage(wall, "searched") as on:
        found = corners(on.slack, on.town)
        town = Town(on=on, corners={"ann": found["colleague"], "bob": found["other-company"]})
        for who in town.corners:

            async def plant(client: Any, channel: str, who: str = who) -> None:
                await planted(wall, who)

            assert (await town.acts(who, plant)).error is None
        yield town
