"""Every place where a bot on Discord can put words; the bot and its library are unmodified."""

import io
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, cast

import discord as library

import partywall as pw
from partywall.guarding import Guarded, guard
from partywall.testing import EchoModel
from partywall.wall import Wall
from tests.fakes.discord.channel import Channel
from tests.fakes.discord.office import Office
from tests.fakes.discord.people import User
from tests.fakes.discord.server import Discord, served
from tests.surfaces.edges import Edge, Outcome, Said, planted
from tests.surfaces.seen import halves

# Says something in a channel.
Says = Callable[[Any, str], Awaitable[object]]


def _sends(made: Callable[[str], dict[str, Any]]) -> Says:
    async def says(channel: Any, text: str) -> object:
        return await channel.send(**made(text))

    return says


def _file(content: str, name: str, **more: Any) -> dict[str, Any]:
    return {"file": library.File(io.BytesIO(content.encode()), name, **more)}


def _card(**more: Any) -> library.Embed:
    return library.Embed(title="See.", **more)


def _pressed(**more: Any) -> dict[str, Any]:
    view = library.ui.View(timeout=None)
    view.add_item(library.ui.Button(**cast("Any", {"label": "Go"} | more)))
    return {"content": "Press.", "view": view}


def _chosen(**more: Any) -> dict[str, Any]:
    view = library.ui.View(timeout=None)
    menu: library.ui.Select[Any] = library.ui.Select(custom_id="m")
    menu.add_option(**cast("Any", {"label": "One", "value": "1"} | more))
    view.add_item(menu)
    return {"content": "Choose.", "view": view}


def _polled(question: str, *answers: str) -> dict[str, Any]:
    poll = library.Poll(question=question, duration=timedelta(hours=1))
    for one in answers:
        poll.add_answer(text=one)
    return {"poll": poll}


async def _edits(channel: Any, text: str) -> object:
    return await (await channel.send("Hm.")).edit(content=text)


async def _reacts(channel: Any, text: str) -> object:
    return await (await channel.send("Hm.")).add_reaction(text)


async def _opens(channel: Any, text: str) -> object:
    return await (await channel.send("Hm.")).create_thread(name=text)


PLACES: Final[Mapping[str, Says]] = {
    "content": _sends(lambda text: {"content": f"Well: {text} is it."}),
    "embed's title": _sends(lambda text: {"embed": library.Embed(title=text)}),
    "embed's description": _sends(lambda text: {"embed": _card(description=text)}),
    "embed's address": _sends(lambda text: {"embed": _card(url=f"https://a.example/{text}")}),
    "embed's field": _sends(lambda text: {"embed": _card().add_field(name="a", value=text)}),
    "embed's field's name": _sends(lambda text: {"embed": _card().add_field(name=text, value="a")}),
    "embed's footer": _sends(lambda text: {"embed": _card().set_footer(text=text)}),
    "embed's author": _sends(lambda text: {"embed": _card().set_author(name=text)}),
    "embed's picture": _sends(lambda text: {"embed": _card().set_image(url=f"https://a.example/{text}")}),
    "button": _sends(lambda text: _pressed(label=text)),
    "button's id": _sends(lambda text: _pressed(custom_id=text)),
    "button's address": _sends(lambda text: _pressed(url=f"https://a.example/{text}")),
    "option": _sends(lambda text: _chosen(label=text)),
    "option's value": _sends(lambda text: _chosen(value=text)),
    "option's description": _sends(lambda text: _chosen(description=text)),
    "poll's question": _sends(lambda text: _polled(text, "yes")),
    "poll's answer": _sends(lambda text: _polled("Which?", text)),
    "file's name": _sends(lambda text: _file("words", f"{text}.txt".replace("/", "_").replace("\n", "_"))),
    "file's content": _sends(lambda text: _file(text, "a.txt")),
    "file's description": _sends(lambda text: _file("words", "a.txt", description=text)),
    "edit": _edits,
    "reaction": _reacts,
    "thread's name": _opens,
    "halved over content and embed": _sends(
        lambda text: {"content": halves(text)[0], "embed": library.Embed(title=halves(text)[1])}
    ),
    "halved over answers": _sends(lambda text: _polled("Which?", *halves(text))),
    "halved over fields": _sends(
        lambda text: {"embed": _card().add_field(name=halves(text)[0], value=halves(text)[1])}
    ),
}


@dataclass(slots=True)
class Town:
    """A channel in each of two guilds, and the bot in both."""

    platform: Discord
    office: Office
    handle: Guarded
    places: Mapping[str, tuple[Channel, User]]

    async def acts(self, who: str, said: Said) -> Outcome:
        """Let the bot say something in a turn of somebody's, and give what went out."""
        channel, user = self.places[who]
        before = len(self.platform.sent)
        refs: list[str] = []
        self.office.errors.clear()

        async def answer(message: library.Message, _: str) -> None:
            refs.append(pw.turn().ref)
            await said(message.channel, message)

        self.office.answer = answer  # type: ignore[method-assign,assignment]  # the bot's own, for this turn
        channel.says(user, "go")
        await self.office.finished.get()
        await self.handle.drain(60)
        wire = [
            [one.path, one.payload, [[file.name, file.data] for file in one.files]]
            for one in self.platform.sent
            if one.order >= before and not one.content.startswith("This request was stopped")
        ]
        errors = self.office.errors
        return Outcome(wire=wire, error=errors[0] if errors else None, ref=refs[0])


def edge(name: str) -> Edge:
    """Give one place as an edge."""

    def said(text: str) -> Said:
        return lambda channel, _: PLACES[name](channel, text)

    return Edge(name=f"discord: {name}", said=said, split="halved" in name)


@asynccontextmanager
async def discord(wall: Wall) -> AsyncGenerator[Town]:
    """Run the bot, with what each person keeps planted."""
    async with served() as platform, wall:
        office, world = Office(EchoModel()), platform.world
        handle = guard(office, wall, unguarded_model=True)
        places = {"ann": (world.kitchen, world.ada), "bob": (world.lab, world.cy)}
        town = Town(platform=platform, office=office, handle=handle, places=places)
        async with platform.online(office):
            for who in places:

                async def plant(channel: Any, _: Any, who: str = who) -> None:
                    await planted(wall, who)

                assert (await town.acts(who, plant)).error is None
            yield town
            await handle.drain(60)
        cast("Any", handle).uninstall()
