"""A workspace with the bot in it: who is there, and what they do."""

import re
from collections.abc import Callable
from typing import Any, Protocol

from tests.fakes.slack import shapes
from tests.fakes.slack.records import ApiError, Delivery, Json, Kind
from tests.fakes.slack.shapes import Person, Place, Room


class Post(Protocol):
    """What a workspace needs of the Slack that it is in."""

    @property
    def url(self) -> str: ...

    def number(self) -> int: ...

    async def deliver(self, kind: Kind, team: str, payload: Json) -> Delivery: ...


class Workspace:
    """One installation of the bot. Ids of people and places are its own; another may have the same.

    Each verb does what a person does and gives what Slack delivers for it.
    """

    def __init__(self, post: Post, *, id: str, domain: str) -> None:
        self._post = post
        self.url = post.url
        self.id, self.domain = id, domain
        self.token = f"xoxb-{domain}"
        self.bot = Person(id="U0BOT0001", name="wall", team=id, bot_id="B0WALL001")
        self.people: dict[str, Person] = {self.bot.id: self.bot}
        self.places: dict[str, Place] = {}
        self.files: dict[str, tuple[Json, bytes]] = {}
        self.views: dict[str, Json] = {}
        self._urls = 0
        self.triggers: dict[str, str] = {}  # the person who may be shown something

    # Who and where

    def joins(self, person: Person) -> Person:
        """Let somebody in; one of another workspace is a stranger here."""
        self.people[person.id] = person
        return person

    def opens(self, id: str, name: str, *members: Person, room: Room = "channel") -> Place:
        place = Place(id=id, name=name, room=room, members=[one.id for one in members], teams=[self.id])
        self.places[id] = place
        return place

    def shares(self, place: Place, other: "Workspace") -> None:
        """Open a channel to another workspace, by Slack Connect; its people become known here."""
        place.teams.append(other.id)
        other.places[place.id] = place
        for id in place.members:
            for one, there in ((self, other), (other, self)):
                if id in one.people and id not in there.people:
                    there.joins(one.people[id])

    def place(self, id: object) -> Place:
        if id not in self.places:
            raise ApiError("channel_not_found")
        return self.places[str(id)]

    def person(self, id: object) -> Person:
        if id not in self.people:
            raise ApiError("user_not_found")
        return self.people[str(id)]

    def dm(self, person: Person) -> Place:
        """Give the direct messages between a person and the bot."""
        id = "D" + person.id[1:]
        return self.places.get(id) or self.opens(id, "", person, room="im")

    def ts(self) -> str:
        """Give the id of a new message; two are never the same."""
        number = self._post.number()
        return f"{1_760_000_000 + number}.{number:06d}"

    def trigger(self, person: Person) -> str:
        id = f"{self._post.number()}.{self.id}.trigger"
        self.triggers[id] = person.id
        return id

    # What people do

    async def says(
        self, who: Person, place: Place, text: str, *, thread: str | None = None, **more: Any
    ) -> Delivery:
        """Let somebody write; `more` is added to the message as it stands, such as `attachments`."""
        said = self._written(who, place, text, thread) | more
        place.messages[said["ts"]] = said
        return await self._message(place, said)

    async def mentions(
        self, who: Person, place: Place, text: str, *, thread: str | None = None
    ) -> tuple[Delivery, Delivery]:
        """Let somebody call the bot by name: Slack sends a mention and a message, of one ts and two ids."""
        said = self._written(who, place, f"<@{self.bot.id}> {text}", thread)
        place.messages[said["ts"]] = said
        place_of = {"channel": place.id, "event_ts": said["ts"]}
        mention = await self.event(place, {**said, "type": "app_mention", **place_of})
        return mention, await self._message(place, said)

    async def edits(self, who: Person, place: Place, ts: str, text: str) -> Delivery:
        before, at = place.messages[ts], self.ts()
        blocks = self._written(who, place, text, None)["blocks"]
        after = {**before, "text": text, "blocks": blocks, "edited": {"user": who.id, "ts": at}}
        place.messages[ts] = after
        changed = {"subtype": "message_changed", "hidden": True, "message": after, "previous_message": before}
        return await self._message(place, {"type": "message", **changed, "ts": self.ts()})

    async def deletes(self, place: Place, ts: str) -> Delivery:
        before = place.messages.pop(ts)
        gone = {"subtype": "message_deleted", "hidden": True, "deleted_ts": ts, "previous_message": before}
        return await self._message(place, {"type": "message", **gone, "ts": self.ts()})

    async def reacts(self, who: Person, place: Place, ts: str, emoji: str) -> Delivery:
        event: Json = {"type": "reaction_added", "user": who.id, "reaction": emoji, "event_ts": self.ts()}
        event["item"] = {"type": "message", "channel": place.id, "ts": ts}
        return await self.event(place, event | {"item_user": place.messages[ts].get("user")})

    async def uploads(
        self,
        who: Person,
        place: Place,
        name: str,
        content: bytes,
        *,
        comment: str = "",
        thread: str | None = None,
        **more: Any,
    ) -> Delivery:
        """Let somebody share a file; `more` is added to what Slack says of it."""
        shown = self.keeps(who.id, name, content, **more)
        return await self.shares_files(who, place, [shown], comment=comment, thread=thread)

    async def shares_files(
        self, who: Person, place: Place, files: list[Json], *, comment: str = "", thread: str | None = None
    ) -> Delivery:
        """Let somebody share files in one message, told of as they stand."""
        file_share: Json = {"subtype": "file_share", "files": files, "upload": False}
        return await self.says(who, place, comment, thread=thread, **file_share)

    async def commands(self, who: Person, place: Place, command: str, text: str = "") -> Delivery:
        urls = {"response_url": self._response_url("commands", who, place), "trigger_id": self.trigger(who)}
        payload = shapes.command(who, place, command, text, team=self.id, domain=self.domain, urls=urls)
        return await self._post.deliver("slash_commands", self.id, payload)

    async def presses(self, who: Person, place: Place, ts: str, action_id: str, value: str = "") -> Delivery:
        url = self._response_url("actions", who, place)
        pressed = shapes.press(place, ts, action_id, value, url=url, at=self.ts())
        return await self._interact("block_actions", who, pressed)

    async def submits_view(self, who: Person, view_id: str, values: Json) -> Delivery:
        """Let somebody send off a view that the bot showed; `values` is the state by block and action."""
        view = {**self.views[view_id], "state": {"values": values}}
        return await self._interact("view_submission", who, {"view": view, "response_urls": []})

    async def shortcut(self, who: Person, place: Place, callback_id: str, message: Json) -> Delivery:
        """Let somebody take a shortcut on a message."""
        url = self._response_url("actions", who, place)
        rest = {"callback_id": callback_id, "channel": {"id": place.id, "name": place.name}}
        return await self._interact("message_action", who, {**rest, "message": message, "response_url": url})

    async def opens_home(self, who: Person) -> Delivery:
        """Let somebody open the app's Home tab."""
        place = self.dm(who)
        event = {"type": "app_home_opened", "user": who.id, "channel": place.id, "tab": "home"}
        return await self.event(place, event | {"event_ts": self.ts()})

    def keeps(self, owner: str, name: str, content: bytes, **more: Any) -> Json:
        """Keep a file, and give what Slack says of it: its address holds its name, made harmless."""
        id = f"F{self._post.number():09d}"
        harmless = re.sub(r"[^a-z0-9.]+", "_", name.lower()).strip(".")[:80] or "file"
        url = f"{self.url}/files-pri/{self.id}-{id}/{harmless}"
        shown = shapes.file(id, name, owner, len(content), url) | more
        self.files[id] = (shown, content)
        return shown

    def _written(self, who: Person, place: Place, text: str, thread: str | None) -> Json:
        number, ts = self._post.number(), self.ts()
        said = shapes.message(who, text, team=self.id, ts=ts, thread=thread, number=number)
        parent = place.messages.get(thread or "", {}).get("user")
        return said | ({"parent_user_id": parent} if parent else {})

    async def _message(self, place: Place, event: Json) -> Delivery:
        where = {"channel": place.id, "channel_type": place.room, "event_ts": event["ts"]}
        return await self.event(place, event | where)

    async def event(self, place: Place, event: Json) -> Delivery:
        """Deliver an event as it stands, in the envelope of a place."""
        number = self._post.number()
        payload = shapes.event(event, place, team=self.id, bot=self.bot.id, number=number)
        return await self._post.deliver("events_api", self.id, payload)

    async def _interact(self, kind: str, who: Person, rest: Json) -> Delivery:
        trigger = self.trigger(who)
        start = shapes.interaction(kind, who, team=self.id, domain=self.domain, trigger=trigger)
        return await self._post.deliver("interactive", self.id, start | rest)

    def _response_url(self, kind: str, who: Person, place: Place) -> str:
        self._urls += 1
        return f"{self.url}/{kind}/{self.id}/{place.id}/{who.id}?{self._urls}"


Method = Callable[[Workspace, Json], Json]
