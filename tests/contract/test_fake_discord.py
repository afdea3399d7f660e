"""The fake Discord keeps the platform's promises, as the client library sees them."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import discord
import pytest
from discord import app_commands
from discord.ext import commands

from adapters.discord.inbound import parse
from adapters.wire import Deleted
from firewall.core.identity import ConversationKind, SenderKind
from firewall.core.message import Message
from tests.fakes.discord.faults import Drop, Limit
from tests.fakes.discord.gateway import MEMBERS
from tests.fakes.discord.server import Discord, served
from tests.fakes.discord.world import TOKEN

CREATE = "POST /channels/{channel}/messages"


@pytest.fixture
async def platform() -> AsyncIterator[Discord]:
    async with served() as platform:
        yield platform


def intents(*, content: bool = True, members: bool = False) -> discord.Intents:
    wanted = discord.Intents.default()
    wanted.message_content, wanted.members = content, members
    return wanted


class Listener(discord.Client):
    """Answers every person with what it read, and keeps all that it was told."""

    def __init__(self, **options: Any) -> None:
        merged: dict[str, Any] = {"intents": intents(), "guild_ready_timeout": 0, **options}
        super().__init__(**merged)
        self.told: list[tuple[str, Any]] = []

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        self.told.append((event, args))
        super().dispatch(event, *args, **kwargs)

    async def on_message(self, message: discord.Message) -> None:
        if message.author != self.user:
            await message.channel.send(f"read: {message.content}")

    def of(self, event: str) -> list[Any]:
        return [args for name, args in self.told if name == event]


def parsed(platform: Discord, kind: str) -> list[Message | Deleted]:
    """Read every frame of one kind that went to the client, as our own adapter does."""
    frames = [frame for session in platform.gateway.sessions.values() for frame in session.frames]
    spoken = [frame for frame in frames if f'"t": "{kind}' in frame]
    return [parse(frame.encode(), app=platform.world.app, verified=True) for frame in spoken]


# What people say.


async def test_a_client_is_told_of_a_message_and_answers_in_its_channel(platform: Discord) -> None:
    world = platform.world
    async with platform.online(Listener()):
        world.kitchen.says(world.ada, "hello")
        world.lab.says(world.cy, "hello there")
        in_acme, in_globex = (
            await platform.sent.until("read: hello"),
            await platform.sent.until("read: hello there"),
        )
    assert (in_acme.channel, in_globex.channel) == (world.kitchen.id, world.lab.id)
    assert (in_acme.route, in_acme.thread, in_acme.status) == (CREATE, None, 200)
    assert in_acme.message in world.kitchen.messages


async def test_without_the_intent_a_guilds_words_are_empty_and_a_direct_message_is_not(
    platform: Discord,
) -> None:
    world = platform.world
    async with platform.online(Listener(intents=intents(content=False))):
        asked = world.kitchen.says(world.ben, "the secret")
        world.kitchen.says(world.ada, "about that", reply_to=asked)
        world.kitchen.says(world.ada, f"<@{world.bot.id}> for you")
        world.dm(world.ada).says(world.ada, "just us")
        await platform.gateway.until(lambda: len(platform.sent.contents) == 4)
        assert sorted(platform.sent.contents) == sorted(
            ["read: ", "read: ", f"read: <@{world.bot.id}> for you", "read: just us"]
        )


async def test_an_event_reaches_those_who_asked_for_its_kind(platform: Discord) -> None:
    world, wanted = platform.world, discord.Intents(guilds=True, dm_messages=True)
    client = Listener(intents=wanted)
    async with platform.online(client):
        said = world.kitchen.says(world.ada, "in the room")
        world.kitchen.reacts(world.ben, said, "👍")
        world.dm(world.ada).says(world.ada, "just us")
        await platform.sent.until("read: just us")
    others = [one.content for (one,) in client.of("message") if one.author != client.user]
    assert (others, client.of("raw_reaction_add")) == (["just us"], [])


async def test_an_intent_that_was_not_granted_ends_the_connection() -> None:
    async with served(granted=MEMBERS):
        client = Listener()
        with pytest.raises(discord.PrivilegedIntentsRequired):
            await client.start(TOKEN)
        await client.close()


async def test_without_the_grant_the_history_is_empty_of_words_too() -> None:
    async with served(granted=MEMBERS) as platform:
        world = platform.world
        world.kitchen.says(world.ada, "the secret")
        client = Listener(intents=intents(content=False))
        async with platform.online(client):
            channel = await client.fetch_channel(int(world.kitchen.id))
            assert isinstance(channel, discord.TextChannel)
            assert [one.content async for one in channel.history()] == [""]


async def test_a_wrong_token_is_refused(platform: Discord) -> None:
    client = Listener()
    with pytest.raises(discord.LoginFailure):
        await client.start("wrong")
    await client.close()


async def test_members_are_told_to_those_who_ask(platform: Discord) -> None:
    client = Listener(intents=intents(members=True), guild_ready_timeout=0.2)
    async with platform.online(client):
        await client.wait_until_ready()
        acme = client.get_guild(int(platform.world.acme.id))
        assert acme is not None
        assert {one.name for one in acme.members} == {"ada", "ben", "relay", "wall"}
        assert acme.owner is not None
        assert [one.name for one in acme.owner.roles] == ["@everyone", "lead"]


async def test_edits_deletions_and_reactions_are_told(platform: Discord) -> None:
    world, client = platform.world, Listener()
    async with platform.online(client):
        said = world.kitchen.says(world.ada, "first")
        world.kitchen.edits(said, "second")
        world.kitchen.reacts(world.ben, said, "👍")
        world.kitchen.deletes(said)
        world.kitchen.says(world.ben, "end")
        await platform.sent.until("read: end")
    ((before, after),) = client.of("message_edit")
    ((reaction, user),) = client.of("reaction_add")
    assert (before.content, after.content, before.edited_at is None) == ("first", "second", True)
    assert (str(reaction.emoji), user.name) == ("👍", "ben")
    assert [gone.content for (gone,) in client.of("message_delete")] == ["second"]


async def test_replies_forwards_proxies_and_files_show_what_they_point_at(platform: Discord) -> None:
    world, client = platform.world, Listener()
    async with platform.online(client):
        first = world.lab.says(world.cy, "the globex pin")
        world.lab.says(world.ada, "yes", reply_to=first)
        world.kitchen.forwards(world.ada, first)
        world.kitchen.proxied(world.proxy, "as ada", name="Ada")
        world.kitchen.uploads(world.ben, "look", notes_txt=b"inside")
        await platform.sent.until("read: look")
        messages = [one for (one,) in client.of("message") if one.author != client.user]
        _, reply, forward, proxied, upload = messages
        assert reply.reference.resolved.content == "the globex pin"
        assert [one.content for one in forward.message_snapshots] == ["the globex pin"]
        assert (proxied.webhook_id, proxied.author.name) == (int(world.proxy.id), "Ada")
        assert await upload.attachments[0].read() == b"inside"


async def test_every_event_is_read_by_our_own_parser(platform: Discord) -> None:
    world = platform.world
    async with platform.online(Listener()):
        said = world.kitchen.says(world.ada, "first")
        world.kitchen.edits(said, "second")
        world.kitchen.says(world.ben, "answer", reply_to=said)
        world.kitchen.forwards(world.ben, said)
        world.kitchen.proxied(world.proxy, "as ada")
        world.kitchen.deletes(said)
        world.news.says(world.relay, "from outside")
        world.dm(world.ada).says(world.ada, "end")
        await platform.sent.until("read: end")
        found = parsed(platform, "MESSAGE_")
    (gone,) = [one for one in found if isinstance(one, Deleted)]
    said_by_others = [one for one in found if isinstance(one, Message) and one.sender.id != world.bot.id]
    first, edited, answer, forward, proxied, outside, direct = said_by_others
    assert (first.text, first.sender.id, first.sender.realm) == ("first", world.ada.id, world.acme.id)
    assert (edited.id, edited.text, edited.edit > 0) == (first.id, "second", True)
    assert (answer.quotes[0].text, answer.quotes[0].message) == ("second", first.id)
    assert (forward.quotes[0].text, forward.quotes[0].author) == ("second", None)
    assert (proxied.sender.kind, outside.sender.kind) == (SenderKind.WEBHOOK, SenderKind.BOT)
    assert gone.ids == (first.id,)
    assert (outside.conversation.closed, direct.conversation.kind) == (False, ConversationKind.DM)


# What the bot does.


async def test_a_bot_streams_by_editing_replies_and_deletes(platform: Discord) -> None:
    world, bot = platform.world, commands.Bot("!", intents=intents(), guild_ready_timeout=0)

    @bot.command()
    async def story(ctx: commands.Context[Any]) -> None:
        async with ctx.typing():
            said = await ctx.reply("Once", allowed_mentions=discord.AllowedMentions.none())
        for text in ("Once upon", "Once upon a time"):
            await said.edit(content=text)
        await said.add_reaction("✅")
        await said.remove_reaction("✅", said.author)
        await said.delete()

    async with platform.online(bot):
        asked = world.kitchen.says(world.ada, "!story")
        await platform.sent.until(
            lambda one: (
                one.route.startswith("DELETE /channels/{channel}/messages/{message}")
                and "reactions" not in one.route
            )
        )
    spoken = [one for one in platform.sent if one.says]
    assert [one.content for one in spoken] == ["Once", "Once upon", "Once upon a time"]
    assert [one.edit_of for one in spoken] == [None, spoken[0].message, spoken[0].message]
    assert spoken[0].allowed_mentions == {"parse": []}
    assert spoken[0].payload["message_reference"]["message_id"] == int(asked["id"])
    assert [one.route.split()[0] for one in platform.sent] == [
        "POST",
        "POST",
        "PATCH",
        "PATCH",
        "PUT",
        "DELETE",
        "DELETE",
    ]
    assert list(world.kitchen.messages) == [asked["id"]]


async def test_files_embeds_and_their_words_are_kept(platform: Discord) -> None:
    world, client = platform.world, Listener()
    async with platform.online(client):
        there = client.get_channel(int(world.kitchen.id)) or await client.fetch_channel(int(world.kitchen.id))
        assert isinstance(there, discord.TextChannel)
        file = discord.File(io.BytesIO(b"rows"), "table.csv")
        made = await there.send("see", file=file, embed=discord.Embed(title="Title"))
        edited = await made.edit(attachments=[*made.attachments, discord.File(io.BytesIO(b"more"), "b.csv")])
        first, second = platform.sent
        assert await edited.attachments[1].read() == b"more"
        with pytest.raises(discord.HTTPException) as caught:
            await there.send("x" * 2001)
    assert caught.value.code == 50035
    assert (first.content, first.files[0].name, first.files[0].data) == ("see", "table.csv", b"rows")
    assert (first.embeds[0]["title"], second.files[0].data) == ("Title", b"more")
    assert [one.filename for one in edited.attachments] == ["table.csv", "b.csv"]


async def test_a_bot_opens_threads_and_direct_messages_and_reads_their_history(platform: Discord) -> None:
    world, client = platform.world, Listener()
    async with platform.online(client):
        asked = world.kitchen.says(world.ada, "open one")
        await platform.sent.until("read: open one")
        ((message, *_), *_) = client.of("message")
        thread = await message.create_thread(name="about that")
        await thread.send("in the thread")
        direct = await message.author.send("in private")
        world.channels[asked["id"]].says(world.ben, "me too")
        await platform.sent.until("read: me too")
        history = [one.content async for one in thread.history(oldest_first=True)]
        fetched = await direct.channel.fetch_message(direct.id)
        await client.fetch_user(int(world.cy.id))
        with pytest.raises(discord.NotFound):
            await thread.fetch_message(1)
    inside = next(one for one in platform.sent if one.content == "in the thread")
    private = next(one for one in platform.sent if one.content == "in private")
    assert (inside.channel, inside.thread) == (world.kitchen.id, asked["id"])
    assert (private.channel, private.thread) == (world.dm(world.ada).id, None)
    assert (history, fetched.content) == (["in the thread", "me too", "read: me too"], "in private")
    assert {one.name for (one,) in client.of("thread_create")} == {"about that"}


# Commands, buttons and forms.


class Question(discord.ui.Modal, title="Why"):
    why: discord.ui.TextInput["Question"] = discord.ui.TextInput(label="Reason", custom_id="reason")

    async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
        await interaction.response.send_message(f"because {self.why.value}")


class Buttons(discord.ui.View):
    @discord.ui.button(label="Yes", custom_id="yes")
    async def yes(self, interaction: discord.Interaction[Any], _: Any) -> None:
        await interaction.response.edit_message(content=f"{interaction.user.name} said yes", view=self)

    @discord.ui.button(label="Why", custom_id="why")
    async def reason(self, interaction: discord.Interaction[Any], _: Any) -> None:
        await interaction.response.send_modal(Question(custom_id="form"))

    @discord.ui.select(
        custom_id="pick", options=[discord.SelectOption(label="a"), discord.SelectOption(label="b")]
    )
    async def pick(self, interaction: discord.Interaction[Any], chosen: discord.ui.Select[Any]) -> None:
        await interaction.response.defer()
        await interaction.followup.send(f"picked {chosen.values[0]}", ephemeral=True)


class Assistant(commands.Bot):
    """Has a command of each kind, registered when it starts."""

    def __init__(self) -> None:
        super().__init__("!", intents=intents(), guild_ready_timeout=0)
        self.seen: list[discord.Message] = []

    async def setup_hook(self) -> None:
        @self.tree.command()
        async def ask(interaction: discord.Interaction[Any], question: str, count: int = 1) -> None:
            await interaction.response.defer(ephemeral=True, thinking=True)
            await interaction.followup.send(f"{question} x{count}")
            await interaction.followup.send("more", file=discord.File(io.BytesIO(b"rows"), "t.csv"))
            await interaction.edit_original_response(content="changed")
            original = await interaction.original_response()
            await interaction.followup.send(f"was {original.content}", wait=True)
            await interaction.delete_original_response()

        @self.tree.command()
        async def choose(interaction: discord.Interaction[Any]) -> None:
            await interaction.response.send_message("choose", view=Buttons())

        @self.tree.context_menu(name="Explain")
        async def explain(interaction: discord.Interaction[Any], message: discord.Message) -> None:
            await interaction.response.send_message(f"it says {message.content}", ephemeral=True)

        group = app_commands.Group(name="note", description="Notes")

        @group.command()
        async def add(interaction: discord.Interaction[Any], text: str) -> None:
            await interaction.response.send_message(f"noted {text}")

        self.tree.add_command(group)
        assert len(await self.tree.sync()) == len(await self.tree.fetch_commands()) == 4

    async def on_message(self, message: discord.Message) -> None:
        self.seen.append(message)


async def test_a_command_is_answered_privately_and_followed_up(platform: Discord) -> None:
    world = platform.world
    async with platform.online(Assistant()):
        asked = world.kitchen.slash("ask", {"question": "why?", "count": 2}, world.ada)
        last = await platform.sent.until(lambda one: one.route.startswith("DELETE"))
        (read,) = [one for one in parsed(platform, "INTERACTION") if isinstance(one, Message)]
    assert (read.id, read.text, read.sender.realm) == (asked.id, "why?\n2", world.acme.id)
    said = [one for one in platform.sent if one.interaction == asked.id and one.says]
    assert [one.content for one in said] == ["why? x2", "more", "changed", "was changed"]
    # What follows "thinking" takes its place and its privacy; what comes later is for everybody.
    assert [one.ephemeral for one in said] == [True, False, True, False]
    assert [one.edit_of is not None for one in said] == [True, False, True, False]
    assert (said[1].files[0].data, {one.channel for one in said}) == (b"rows", {world.kitchen.id})
    assert (last.message, world.kitchen.hidden) == (said[0].message, {})


async def test_an_answer_for_one_is_told_to_the_bot_as_if_it_were_direct(platform: Discord) -> None:
    world, bot = platform.world, Assistant()
    async with platform.online(bot):
        said = world.kitchen.says(world.ben, "riddle")
        world.kitchen.menu("Explain", said, world.ada)
        assert (await platform.sent.until("it says riddle")).ephemeral
        world.kitchen.slash("note add", {"text": "milk"}, world.ada)
        await platform.sent.until("noted milk")
        waiting = asyncio.create_task(bot.wait_for("message", check=lambda one: one.content == "end"))
        asyncio.get_running_loop().call_soon(world.kitchen.says, world.ada, "end")
        await waiting
    hidden, open_ = (
        next(one for one in bot.seen if one.content == text) for text in ("it says riddle", "noted milk")
    )
    assert (hidden.guild, hidden.flags.ephemeral) == (None, True)
    assert (open_.guild and open_.guild.name, open_.webhook_id) == ("ACME", int(world.app))


async def test_buttons_menus_and_forms_reach_their_view(platform: Discord) -> None:
    world = platform.world
    async with platform.online(Assistant()):
        place = world.dm(world.cy)
        place.slash("choose", {}, world.cy)
        shown = await platform.sent.until("choose")
        place.presses("yes", world.cy)
        changed = await platform.sent.until("cy said yes")
        place.presses("pick", world.cy, values=["b"])
        picked = await platform.sent.until("picked b")
        place.presses("why", world.cy)
        await platform.sent.until(lambda one: "callback" in one.route and one.payload["type"] == 9)
        place.submits("form", {"reason": "it rains"}, world.cy)
        await platform.sent.until("because it rains")
        asked = [one for one in parsed(platform, "INTERACTION") if isinstance(one, Message)]
    assert [one.text for one in asked] == ["", "", "", "", "it rains"]
    assert [one.quotes[0].text for one in asked[1:4]] == ["yes", "pick\nb", "why"]
    assert {one.conversation.kind for one in asked} == {ConversationKind.DM}
    assert (changed.edit_of, picked.ephemeral, picked.channel) == (shown.message, True, place.id)


async def test_nobody_runs_a_command_or_presses_a_button_that_is_not_there(platform: Discord) -> None:
    world = platform.world
    async with platform.online(Assistant()):
        with pytest.raises(LookupError, match="registered"):
            world.kitchen.slash("missing", {}, world.ada)
        with pytest.raises(LookupError, match="component"):
            world.kitchen.presses("missing", world.ada)


async def test_a_webhook_speaks_under_the_name_it_is_given(platform: Discord) -> None:
    world, client = platform.world, Listener()
    async with platform.online(client):
        channel = await client.fetch_channel(int(world.kitchen.id))
        assert isinstance(channel, discord.TextChannel)
        made = await channel.create_webhook(name="bridge")
        said = await made.send("over", username="Ada", wait=True)
        await made.send("silent")
        await said.edit(content="and out")
        await said.delete()
        assert {one.name for one in await channel.webhooks()} == {"PluralKit", "bridge"}
        partial = discord.Webhook.partial(made.id, made.token or "", client=client)
        assert (await partial.fetch()).name == "bridge"
        with pytest.raises(discord.NotFound):
            await discord.Webhook.partial(made.id, "wrong", client=client).send("x")
    kept = [
        (one.content, one.status, one.channel)
        for one in platform.sent
        if one.says and "webhooks" in one.route
    ]
    assert kept == [
        ("over", 200, channel_id := world.kitchen.id),
        ("silent", 204, channel_id),
        ("and out", 200, channel_id),
    ]
    assert said.author.name == "Ada"


# What is refused.


async def code(platform: Discord, method: str, path: str, body: Any, token: str = TOKEN) -> tuple[int, int]:
    """Ask as a client would that knows no rules, and give the status and Discord's own code."""
    headers = {"Authorization": f"Bot {token}"}
    address = f"{platform.url}/api/v10{path}"
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.request(method, address, json=body) as found,
    ):
        return found.status, (await found.json())["code"]


MESSAGES = "/channels/{here}/messages"


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        pytest.param("POST", MESSAGES, {}, (400, 50006), id="empty"),
        pytest.param("POST", MESSAGES, {"content": "x" * 2001}, (400, 50035), id="long"),
        pytest.param(
            "POST",
            "/channels/{here}/messages",
            {"message_reference": {"message_id": "1"}},
            (400, 50035),
            id="lost",
        ),
        pytest.param("POST", "/channels/1/messages", {"content": "x"}, (404, 10003), id="channel"),
        pytest.param("PATCH", f"{MESSAGES}/{{said}}", {"content": "x"}, (403, 50005), id="others-words"),
        pytest.param("POST", "/users/@me/channels", {"recipient_id": "1"}, (400, 50007), id="stranger"),
        pytest.param("GET", "/users/1", None, (404, 10013), id="user"),
        pytest.param("GET", "/nowhere", None, (404, 0), id="route"),
        pytest.param("POST", "/webhooks/{app}/wrong", {"content": "x"}, (401, 50027), id="token"),
        pytest.param("POST", "/webhooks/{app}/{token}", {"content": "x"}, (404, 10015), id="too-early"),
        pytest.param("POST", "/interactions/1/{token}/callback", {"type": 4}, (404, 10062), id="interaction"),
        pytest.param("POST", "/interactions/{id}/{token}/callback", {"type": 99}, (400, 50035), id="kind"),
    ],
)
async def test_what_cannot_be_is_refused_with_discords_own_code(
    platform: Discord, method: str, path: str, body: Any, told: tuple[int, int]
) -> None:
    world = platform.world
    said = world.kitchen.says(world.ada, "mine")
    world.desk.register(None, [{"name": "ask"}])
    asked = world.kitchen.slash("ask", {}, world.ada)
    ids = {
        "here": world.kitchen.id,
        "said": said["id"],
        "app": world.app,
        "token": asked.token,
        "id": asked.id,
    }
    assert await code(platform, method, path.format_map(ids), body) == told
    assert (await code(platform, "GET", "/users/1", None, token="wrong"))[0] == 401
    assert len(platform.sent) == 0


async def test_an_interaction_is_answered_once_and_its_private_answer_is_out_of_reach(
    platform: Discord,
) -> None:
    world = platform.world
    world.desk.register(None, [{"name": "ask"}])
    asked = world.kitchen.slash("ask", {}, world.ada)
    path = f"/interactions/{asked.id}/{asked.token}/callback"
    body = {"type": 4, "data": {"content": "x", "flags": 64}}
    async with aiohttp.request("POST", f"{platform.url}/api/v10{path}", json=body) as first:
        assert first.status == 204
    assert await code(platform, "POST", path, body) == (400, 40060)
    (sent,) = platform.sent
    edit = f"/channels/{world.kitchen.id}/messages/{sent.message}"
    assert await code(platform, "PATCH", edit, {"content": "y"}) == (404, 10008)


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        pytest.param({"op": 6, "d": {"token": TOKEN, "session_id": "lost", "seq": 1}}, (9, False), id="lost"),
        pytest.param({"op": 2, "d": {"token": "wrong", "intents": 0}}, 4004, id="wrong-token"),
        pytest.param({"op": 6, "d": {"token": "wrong", "session_id": "", "seq": 1}}, 4004, id="wrong-too"),
        pytest.param({"op": 1, "d": None}, (11, None), id="heartbeat"),
    ],
)
async def test_the_gateway_speaks_plainly_to_a_client_without_compression(
    platform: Discord, frame: Any, answer: Any
) -> None:
    address = f"{platform.url}/gateway?v=10&encoding=json"
    async with aiohttp.ClientSession() as http, http.ws_connect(address) as socket:
        hello = await socket.receive_json()
        await socket.send_json(frame)
        found = await socket.receive()
        closed = socket.close_code
    assert hello["op"] == 10
    if isinstance(answer, int):
        assert closed == answer
    else:
        assert (json.loads(found.data)["op"], json.loads(found.data)["d"]) == answer


# What goes wrong.


@pytest.mark.parametrize("how", ["drop", "ask"])
async def test_a_client_comes_back_and_misses_nothing(platform: Discord, how: str) -> None:
    world, client = platform.world, Listener()
    async with platform.online(client):
        world.kitchen.says(world.ada, "before")
        await platform.sent.until("read: before")
        (platform.gateway.drops if how == "drop" else platform.gateway.asks_reconnect)()
        world.kitchen.says(world.ada, "between")
        await platform.gateway.until_resumed()
        world.kitchen.says(world.ada, "after")
        await platform.sent.until("read: after")
        await platform.sent.until("read: between")
    assert [one.content for (one,) in client.of("message") if one.author.name == "ada"] == [
        "before",
        "between",
        "after",
    ]
    assert (len(client.of("resumed")), len(client.of("connect"))) == (1, 1)


async def test_a_client_of_several_shards_is_served(platform: Discord) -> None:
    client = discord.AutoShardedClient(intents=intents(), guild_ready_timeout=0)
    async with platform.online(client):
        await client.wait_until_ready()
        assert client.shard_count == 1


async def test_a_client_answers_when_it_is_asked_for_a_heartbeat(platform: Discord) -> None:
    client = Listener()
    async with platform.online(client):
        before = platform.gateway.beats
        platform.gateway.asks_heartbeat()
        platform.world.kitchen.says(platform.world.ada, "hello")
        await platform.sent.until("read: hello")
        await platform.gateway.until(lambda: platform.gateway.beats > before)


async def test_a_limit_delays_and_a_broken_server_is_asked_again(
    platform: Discord, caplog: pytest.LogCaptureFixture
) -> None:
    platform.faults.add(CREATE, Limit(retry_after_s=0.01), times=1)
    platform.faults.add(CREATE, 500)
    platform.faults.add("callback", Limit(retry_after_s=0.01, everywhere=True))
    world = platform.world
    async with platform.online(Assistant()) as _:
        world.kitchen.slash("note add", {"text": "milk"}, world.ada)
        await platform.sent.until("noted milk")
    async with platform.online(Listener()):
        world.kitchen.says(world.ada, "hello")
        await platform.sent.until("read: hello")
    assert platform.sent.contents == ["noted milk", "read: hello"]
    assert "rate limited" in caplog.text


@pytest.mark.parametrize(("fault", "arrives"), [(Drop.BEFORE, False), (Drop.AFTER, True)])
async def test_a_connection_breaks_before_or_after_the_effect(
    platform: Discord, fault: Drop, arrives: bool
) -> None:
    world, client = platform.world, Listener()
    async with platform.online(client):
        channel = await client.fetch_channel(int(world.kitchen.id))
        assert isinstance(channel, discord.TextChannel)
        platform.faults.add(CREATE, fault)
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await channel.send("did it arrive?")
    assert ("did it arrive?" in platform.sent.contents) is arrives
