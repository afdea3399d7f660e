"""The fake Discord's files and direct messages are as the real one's, as the client library sees them."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import discord
import pytest
from discord import app_commands

from tests.fakes.discord.sent import Upload
from tests.fakes.discord.server import Discord, served

PICTURE = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
async def platform() -> AsyncIterator[Discord]:
    async with served() as platform:
        yield platform


class Keeper(discord.Client):
    """Keeps the messages it is told of, and what its command was given."""

    def __init__(self) -> None:
        wanted = discord.Intents.default()
        wanted.message_content = True
        super().__init__(intents=wanted)
        self.told: asyncio.Queue[discord.Message] = asyncio.Queue()
        self.given: asyncio.Queue[discord.Attachment] = asyncio.Queue()
        self.tree = app_commands.CommandTree[Any](self)

    async def setup_hook(self) -> None:
        @self.tree.command()
        async def show(interaction: discord.Interaction[Any], file: discord.Attachment) -> None:
            self.given.put_nowait(file)
            await interaction.response.send_message("seen", ephemeral=True)

        await self.tree.sync()

    async def on_message(self, message: discord.Message) -> None:
        if message.author != self.user:
            self.told.put_nowait(message)


async def test_a_file_lies_under_a_signed_address_that_needs_no_token(platform: Discord) -> None:
    world, client = platform.world, Keeper()
    async with platform.online(client), aiohttp.ClientSession() as session:
        for channel, who in ((world.kitchen, world.ada), (world.lab, world.cy)):
            channel.hands(who, "", Upload(name="p q.png", data=PICTURE))
            (kept,) = (await client.told.get()).attachments
            assert (kept.filename, kept.content_type, kept.size) == ("p q.png", "image/png", len(PICTURE))
            assert await kept.read() == PICTURE
            async with session.get(kept.url) as answer:
                assert await answer.read() == PICTURE
            for address in (kept.url.partition("?")[0], kept.url.replace("hm=", "hm=0")):
                async with session.get(address) as answer:
                    assert answer.status == 404
    assert len(world.cdn.fetched) == 8
    assert not any("Authorization" in one.headers for one in world.cdn.fetched)


async def test_a_command_is_given_a_file_that_is_hidden(platform: Discord) -> None:
    world, client = platform.world, Keeper()
    async with platform.online(client):
        await platform.sent.until(lambda one: one.route.endswith("/commands"))
        for channel, who in ((world.kitchen, world.ada), (world.lab, world.cy)):
            channel.slash("show", {"file": Upload(name="p.png", data=PICTURE + who.name.encode())}, who)
            given = await client.given.get()
            assert given.ephemeral
            assert await given.read() == PICTURE + who.name.encode()


async def test_an_upload_has_the_name_that_its_message_gives_it(platform: Discord) -> None:
    world, client = platform.world, Keeper()
    async with platform.online(client):
        await client.wait_until_ready()
        for there in (world.kitchen, world.lab):
            channel = client.get_partial_messageable(int(there.id))
            files = [discord.File(io.BytesIO(PICTURE), name) for name in ("one.png", "two.png")]
            said = await channel.send(files=files)
            assert [one.filename for one in said.attachments] == ["one.png", "two.png"]
            assert await said.attachments[1].read() == PICTURE


async def test_who_takes_no_direct_messages_can_be_written_to_by_nobody(platform: Discord) -> None:
    world, client = platform.world, Keeper()
    world.unreachable.add(world.ada.id)
    async with platform.online(client):
        await client.wait_until_ready()
        closed = await client.create_dm(discord.Object(int(world.ada.id)))
        with pytest.raises(discord.Forbidden) as refused:
            await closed.send("hello")
        assert refused.value.code == 50007
        await (await client.create_dm(discord.Object(int(world.cy.id)))).send("hello")
    assert len(world.dm(world.cy).messages) == 1
    assert world.dm(world.ada).messages == {}
