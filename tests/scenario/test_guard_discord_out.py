"""Every way a text, a file or a sign can leave a guarded Discord bot, to where it was not asked for."""

import asyncio
import contextvars
import datetime as dt
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final, cast

import aiohttp
import discord
import pytest
from discord.ext import tasks
from discord.http import Route
from discord.webhook import sync

from firewall.core.errors import Denied, NotGuarded, NoTurn, TurnClosed
from partywall.guarding import guard
from partywall.testing import EchoModel
from partywall.wall import Wall
from tests.fakes.discord.office import SECRET, Office
from tests.fakes.discord.server import Discord, served
from tests.fakes.discord.world import World

Act = Callable[["Away"], Awaitable[object]]


@pytest.fixture
async def platform() -> AsyncIterator[Discord]:
    async with served() as platform:
        yield platform


class Away:
    """What a handler in ACME's kitchen can get hold of: everything that its bot may see."""

    def __init__(self, office: Office, platform: Discord, message: discord.Message) -> None:
        self.office, self.platform, self.here = office, platform, message

    @property
    def world(self) -> World:
        return self.platform.world

    @property
    def lab(self) -> discord.TextChannel:
        return cast("discord.TextChannel", self.office.get_channel(int(self.world.lab.id)))

    @property
    def there(self) -> discord.PartialMessage:
        """The newest message of the other guild."""
        return self.lab.get_partial_message(int(next(reversed(self.world.lab.messages))))

    @property
    def own(self) -> discord.PartialMessage:
        """What the bot said there."""
        mine = [id for id, one in self.world.lab.messages.items() if one["author"]["id"] == self.world.bot.id]
        return self.lab.get_partial_message(int(mine[-1]))

    @property
    def kitchen(self) -> discord.TextChannel:
        return cast("discord.TextChannel", self.here.channel)

    @property
    def guild(self) -> discord.Guild:
        assert self.here.guild is not None
        return self.here.guild

    async def ben(self) -> discord.User:
        return await self.office.fetch_user(int(self.world.ben.id))

    def webhook(self) -> discord.Webhook:
        hook = self.world.proxy
        return discord.Webhook.partial(int(hook.id), hook.token, client=self.office)

    def answer_of_cy(self) -> discord.Webhook:
        """The answers to what somebody asked in the other guild."""
        asked = next(one for one in self.world.desk.open.values() if one.user is self.world.cy)
        return discord.Webhook.partial(int(self.world.app), asked.token, client=self.office)

    def file(self) -> discord.File:
        return discord.File(io.BytesIO(b"rows"), "table.csv")


async def _direct(away: Away) -> None:
    await (await away.ben()).send("hello")


async def _poll(away: Away) -> None:
    poll = discord.Poll(question="which?", duration=dt.timedelta(hours=1))
    await away.lab.send(poll=poll.add_answer(text="this"))


async def _new_call(away: Away) -> None:
    await away.office.http.request(
        Route("POST", "/channels/{channel_id}/new", channel_id=away.kitchen.id), json={}
    )


async def _new_field(away: Away) -> None:
    route = Route("POST", "/channels/{channel_id}/messages", channel_id=away.kitchen.id)
    await away.office.http.request(route, json={"content": "hi", "hologram": "hello"})


async def _number_as_text(away: Away) -> None:
    route = Route("POST", "/channels/{channel_id}/messages", channel_id=away.kitchen.id)
    await away.office.http.request(route, json={"content": 9999})


async def _answer_elsewhere(away: Away) -> None:
    route = Route("POST", "/channels/{channel_id}/messages", channel_id=away.kitchen.id)
    pointed = {"message_id": str(away.there.id), "channel_id": str(away.lab.id)}
    await away.office.http.request(route, json={"content": "hi", "message_reference": pointed})


async def _presence(away: Away) -> None:
    await away.office.change_presence(activity=discord.Game("hello"))


async def _voice(away: Away) -> None:
    channel = discord.VoiceChannel(
        state=vars(away.office)["_connection"],
        guild=away.guild,
        data=cast(
            "Any",
            {
                "id": "7",
                "name": "v",
                "type": 2,
                "position": 0,
                "permission_overwrites": [],
                "bitrate": 1,
                "user_limit": 0,
            },
        ),
    )
    await channel.connect()


async def _callback(away: Away, kind: int) -> None:
    """Answer what somebody asked in the other guild."""
    asked = [one for one in away.world.desk.open.values() if one.user is away.world.cy and not one.answered][
        -1
    ]
    route = Route(
        "POST",
        "/interactions/{webhook_id}/{webhook_token}/callback",
        webhook_id=asked.id,
        webhook_token=asked.token,
    )
    data: dict[str, Any] = (
        {"title": "hi", "custom_id": "x", "components": []} if kind == 9 else {"content": "hi"}
    )
    adapter = cast("Any", discord.webhook.async_.async_context.get())
    session = cast("Any", away.office.http)._HTTPClient__session
    await adapter.request(route, session, payload={"type": kind, "data": data})


DENIED: Final[Mapping[str, Act]] = {
    "send": lambda away: away.lab.send("hello"),
    "send-a-file": lambda away: away.lab.send(file=away.file()),
    "send-an-embed": lambda away: away.lab.send(embed=discord.Embed(title="hello")),
    "send-a-view": lambda away: away.lab.send(view=discord.ui.View()),
    "send-a-poll": _poll,
    "send-a-sticker": lambda away: away.lab.send(stickers=[discord.Object(1)]),  # type: ignore[list-item]
    "reply": lambda away: away.there.reply("hello"),
    "edit": lambda away: away.own.edit(content="hello"),
    "direct-message": _direct,
    "open-a-thread": lambda away: away.lab.create_thread(name="hello"),
    "open-a-thread-on-a-message": lambda away: away.there.create_thread(name="hello"),
    "react": lambda away: away.there.add_reaction("👍"),
    "take-a-reaction-back": lambda away: away.there.remove_reaction("👍", discord.Object(1)),
    "clear-reactions": lambda away: away.there.clear_reactions(),
    "pin": lambda away: away.there.pin(reason="hello"),
    "unpin": lambda away: away.there.unpin(),
    "delete": lambda away: away.there.delete(),
    "delete-many": lambda away: away.lab.delete_messages([away.there, away.own]),
    "publish": lambda away: away.there.publish(),
    "forward-to-there": lambda away: away.here.forward(away.lab),
    "forward-from-there": lambda away: away.there.forward(away.kitchen),
    "answer-a-message-of-there": _answer_elsewhere,
    "webhook": lambda away: away.webhook().send("hello"),
    "webhook-of-the-same-room-edit": lambda away: away.webhook().edit_message(1, content="hello"),
    "webhook-delete": lambda away: away.webhook().delete(),
    "follow-up": lambda away: away.answer_of_cy().send("hello"),
    "follow-up-with-a-file": lambda away: away.answer_of_cy().send("hello", file=away.file()),
    "follow-up-edit": lambda away: away.answer_of_cy().edit_message(int(away.own.id), content="hello"),
    "follow-up-delete": lambda away: away.answer_of_cy().delete_message(int(away.own.id)),
    "first-answer": lambda away: _callback(away, 4),
    "form": lambda away: _callback(away, 9),
    "choices": lambda away: _callback(away, 8),
    "new-kind-of-answer": lambda away: _callback(away, 99),
    "words-in-thinking": lambda away: _callback(away, 5),
    "make-a-webhook": lambda away: away.kitchen.create_webhook(name="hello"),
    "make-a-channel": lambda away: away.guild.create_text_channel("hello"),
    "topic": lambda away: away.kitchen.edit(topic="hello"),
    "guild-name": lambda away: away.guild.edit(name="hello"),
    "nickname": lambda away: away.guild.me.edit(nick="hello"),
    "role": lambda away: away.guild.create_role(name="hello"),
    "ban": lambda away: away.guild.ban(discord.Object(1), reason="hello"),
    "invite": lambda away: away.kitchen.create_invite(),
    "own-name": lambda away: cast("discord.ClientUser", away.office.user).edit(username="hello"),
    "register-commands": lambda away: away.office.tree.sync(),
    "presence": _presence,
    "voice": _voice,
    "new-call": _new_call,
    "new-field": _new_field,
    "number-as-text": _number_as_text,
    "bytes-here": lambda away: away.kitchen.send(file=discord.File(io.BytesIO(b"\xff\xd8\x00"), "p.jpg")),
    "a-large-file-here": lambda away: away.kitchen.send(
        file=discord.File(io.BytesIO(b"x" * 1_000_001), "t.txt")
    ),
}


async def tried(wall: Wall, platform: Discord, act: Act) -> tuple[list[Exception], int, int]:
    """Let a handler try something in its turn; give its errors, and how much was sent before and after."""
    world, office = platform.world, Office(EchoModel())
    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        async with platform.online(office):
            world.lab.says(world.cy, "hello")
            world.lab.slash("ask", {"question": "hello"}, world.cy)
            for _ in range(2):
                await office.finished.get()
            # One more is asked there that nobody answers.
            office.model = cast("Any", None)
            world.lab.slash("ask", {"question": "hello"}, world.cy)
            await office.finished.get()
            office.errors.clear()
            before = len(platform.sent)

            async def answer(message: discord.Message, _: str) -> None:
                await act(Away(office, platform, message))

            office.answer = answer  # type: ignore[method-assign,assignment]  # the bot's own, for this test
            world.kitchen.says(world.ada, "go")
            await office.finished.get()
            after = [one for one in platform.sent if one.order >= before]
            # Opening a direct channel shows nobody anything.
            changed = [one for one in after if one.route != "POST /users/@me/channels"]
            await handle.drain(60)
        handle.uninstall()
    return office.errors, len(changed), len(platform.sent)


@pytest.mark.parametrize("name", DENIED)
async def test_a_turn_reaches_no_place_but_its_own(wall: Wall, platform: Discord, name: str) -> None:
    errors, changed, _ = await tried(wall, platform, DENIED[name])
    assert [type(error) for error in errors] == [Denied]
    assert changed == 0


async def test_what_stays_in_its_place_passes(wall: Wall, platform: Discord) -> None:
    async def act(away: Away) -> None:
        await away.here.add_reaction("👍")
        await away.here.remove_reaction("👍", away.guild.me)
        said = await away.kitchen.send("hello", file=away.file())
        kept = await said.edit(content="changed", attachments=[*said.attachments, away.file()])
        assert [one.filename for one in kept.attachments] == ["table.csv", "table.csv"]
        await kept.reply("and more", mention_author=True)
        await said.delete()
        thread = await away.here.create_thread(name="about", reason="asked")
        await thread.send("in the thread")
        assert [one.content async for one in away.lab.history(limit=1)] != []

    errors, changed, _ = await tried(wall, platform, act)
    assert (errors, changed) == ([], 8)
    assert {one.files[0].data for one in platform.sent if one.files} == {b"rows"}


async def test_a_room_may_be_left_for_a_direct_message_to_the_very_sender_and_to_nobody_else(
    wall: Wall, platform: Discord
) -> None:
    refused = list[type[Exception]]()

    async def act(away: Away) -> None:
        said = await away.here.author.send("for you alone", file=away.file())
        await said.edit(content="changed")
        direct = said.channel
        theirs = await (await away.ben()).create_dm()
        for attempt in (
            lambda: theirs.send("for you"),
            lambda: theirs.get_partial_message(1).edit(content="for you"),
            lambda: said.add_reaction("👍"),
            lambda: direct.send("see", reference=away.here),
        ):
            try:
                await attempt()
            except Denied as error:
                refused.append(type(error))

    errors, changed, _ = await tried(wall, platform, act)
    world = platform.world
    assert (errors, changed) == ([], 2)
    assert refused == [Denied] * 4
    assert next(iter(world.dm(world.ada).messages.values()))["content"] == "changed"
    assert world.dm(world.ben).messages == {}


async def test_who_is_refused_is_told_alone(wall: Wall, platform: Discord) -> None:
    await tried(wall, platform, DENIED["send"])
    world = platform.world
    (told,) = [one for one in platform.sent if one.content.startswith("This request was stopped")]
    assert told.channel == world.dm(world.ada).id
    assert told.allowed_mentions == {"parse": [], "replied_user": False}


async def test_outside_of_a_turn_only_the_operators_own_words_pass(wall: Wall, platform: Discord) -> None:
    world, office = platform.world, Office(EchoModel())
    tried = asyncio.Queue[str]()

    @tasks.loop(count=1)
    async def tick() -> None:
        channel = cast("discord.TextChannel", office.get_channel(int(world.kitchen.id)))
        said = world.kitchen.says(world.relay, "spam")
        await channel.get_partial_message(int(said["id"])).delete()
        await office.change_presence(activity=discord.Game("!help"))
        await office.tree.sync()
        for attempt in (
            lambda: channel.send(SECRET),
            lambda: channel.create_thread(name=SECRET),
            lambda: channel.edit(topic=SECRET),
            lambda: channel.get_partial_message(1).add_reaction("👍"),
            lambda: channel.delete_messages([discord.Object(1), discord.Object(2)], reason=SECRET),
            lambda: office.http.delete_message(channel.id, 1, reason=SECRET),
            lambda: discord.Webhook.partial(int(world.proxy.id), world.proxy.token, client=office).send(
                SECRET
            ),
        ):
            try:
                await attempt()
            except NoTurn as error:
                tried.put_nowait(type(error).__name__)
        tried.put_nowait("end")

    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        async with platform.online(office):
            await office.wait_until_ready()
            tick.start()
            assert [await tried.get() for _ in range(8)] == ["NoTurn"] * 7 + ["end"]
        handle.uninstall()
    assert [one.route.split()[0] for one in platform.sent] == ["PUT", "DELETE", "PUT"]


async def test_what_was_to_vanish_vanishes_when_its_turn_is_over(wall: Wall, platform: Discord) -> None:
    world, office = platform.world, Office(EchoModel())
    kept: list[tuple[discord.Message, contextvars.Context]] = []

    async def answer(message: discord.Message, _: str) -> None:
        kept.append((await message.reply("for a moment"), contextvars.copy_context()))

    office.answer = answer  # type: ignore[method-assign,assignment]  # the bot's own, for this test
    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        async with platform.online(office):
            world.kitchen.says(world.ada, "hello")
            await office.finished.get()
            await handle.drain(60)
            ((said, context),) = kept
            with pytest.raises(TurnClosed):
                await asyncio.create_task(said.edit(content=SECRET), context=context)
            with pytest.raises(TurnClosed):
                await asyncio.create_task(office.tree.sync(), context=context)
            await asyncio.create_task(said.delete(), context=context)
        handle.uninstall()
    assert [one.route.split()[0] for one in platform.sent] == ["PUT", "POST", "DELETE"]


@pytest.mark.wall(links={"hosts": ["example.org"]})
async def test_discord_is_told_not_to_fetch_what_a_link_leads_to(wall: Wall, platform: Discord) -> None:
    link = "https://example.org/?q=x"

    async def act(away: Away) -> None:
        said = await away.kitchen.send(f"see {link}")
        await said.edit(content=None, embed=discord.Embed(title="card"))
        await said.edit(content=f"now {link}", suppress=False)
        await away.kitchen.send(f"see {link} and [this]({link})", embed=discord.Embed(title="card"))
        await away.kitchen.send("nothing to fetch")
        thread = await away.here.create_thread(name="about")
        await thread.send(f"see {link}", silent=True)

    errors, _, _ = await tried(wall, platform, act)
    assert errors == []
    said = [one.payload for one in platform.sent if one.channel == platform.world.kitchen.id and one.says]
    silent = 1 << 12
    assert [one.get("flags") for one in said] == [4, 0, 4, 0, None, 4 | silent]
    assert said[3]["content"] == f"see <{link}> and [this](<{link}>)"


async def test_an_answer_with_a_link_stays_as_hidden_as_it_was(wall: Wall, platform: Discord) -> None:
    world, office = platform.world, Office(EchoModel())
    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        async with platform.online(office):
            await office.wait_until_ready()
            world.kitchen.slash("note add", {"text": "https://example.org"}, world.ada)
            await office.finished.get()
            world.kitchen.slash("ask", {"question": "https://example.org"}, world.ada)
            await office.finished.get()
        await handle.drain(60)
        handle.uninstall()
    hidden, shown = [one.payload["data"]["flags"] for one in platform.sent if one.says]
    assert (hidden, shown) == (4 | 64, 4)


async def test_another_clients_webhook_passes_and_one_inside_of_a_delivery_does_not(
    wall: Wall, platform: Discord
) -> None:
    hook = platform.world.proxy

    async with aiohttp.ClientSession() as session:
        theirs = discord.Webhook.partial(int(hook.id), hook.token, session=session)

        async def act(_: Away) -> None:
            await theirs.send("hello")

        guarded = guard(Office(EchoModel()), wall)
        await theirs.send("from elsewhere", wait=True)
        errors, _, _ = await tried(wall, platform, act)
        guarded.uninstall()
    assert [type(error) for error in errors] == [Denied]
    assert platform.sent.contents.count("from elsewhere") == 1


async def test_a_synchronous_webhook_is_refused_in_a_delivery_and_is_nobodys_outside(
    wall: Wall, platform: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    def request(_: object, route: Route, session: object, **how: Any) -> None:
        sent.append(f"{route.method} {how.get('payload')}")

    monkeypatch.setattr(sync.WebhookAdapter, "request", request)
    route = Route("POST", "/webhooks/{webhook_id}/{webhook_token}", webhook_id=1, webhook_token="t")
    reading = Route("GET", "/webhooks/{webhook_id}/{webhook_token}", webhook_id=1, webhook_token="t")

    def speak(way: Route) -> None:
        cast("Any", sync.WebhookAdapter)().request(way, object(), payload={"content": "hello"})

    async def act(_: Away) -> None:
        speak(reading)
        await asyncio.to_thread(speak, route)

    errors, _, _ = await tried(wall, platform, act)
    assert [type(error) for error in errors] == [NotGuarded]
    assert sent == ["GET {'content': 'hello'}"]
    handle = guard(Office(EchoModel()), wall)
    speak(route)
    handle.uninstall()
    assert len(sent) == 2


async def test_a_finding_in_what_must_stay_whole_denies(wall: Wall, platform: Discord) -> None:
    world, office = platform.world, Office(EchoModel())
    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        async with platform.online(office):
            world.dm(world.ada).says(world.ada, SECRET)
            await office.finished.get()
            before = len(platform.sent)
            office.say = "file"
            world.lab.says(world.cy, "and?")
            await office.finished.get()
            office.say = "send"

            async def answer(message: discord.Message, _: str) -> None:
                link = "https://example.org/" + SECRET.replace(" ", "-")
                await message.channel.send(embed=discord.Embed(title="See", url=link))

            office.answer = answer  # type: ignore[method-assign,assignment]  # the bot's own, for this test
            world.lab.says(world.cy, "and?")
            await office.finished.get()
        await handle.drain(60)
        handle.uninstall()
    assert [type(error) for error in office.errors] == [Denied, Denied]
    assert SECRET not in str([one for one in platform.sent if one.order >= before])
