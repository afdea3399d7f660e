"""Bots on Discord that answer everybody with their own words: a guarded one and a managed one."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import discord

from adapters.discord.channel import DiscordChannel
from partywall.bot import Bot
from partywall.guarding import guard
from partywall.wall import Wall
from tests.fakes.discord.server import served
from tests.fakes.discord.world import TOKEN
from tests.fakes.transports.discord import DiscordTransport, opened, settled
from tests.fakes.transports.heard import Heard, asked, idle, repeats, said


async def taken(channel: Any) -> None:
    """Wait until the channel has handed over all that it has read."""
    while channel._intake._tasks:
        await asyncio.wait(channel._intake._tasks)


class Client(discord.Client):
    """Answers everything that it is told, without looking at who said it."""

    def __init__(self, wall: Wall, heard: Heard) -> None:
        intents = discord.Intents.default()
        intents.message_content = True
        super().__init__(intents=intents, guild_ready_timeout=0)
        self.model = wall.guard_model(repeats, history=0)
        self.heard = heard

    async def on_message(self, message: discord.Message) -> None:
        self.heard.note(message.content)
        await message.channel.send(said(await self.model(**asked(message.content))))


@asynccontextmanager
async def guarded(wall: Wall) -> AsyncGenerator[DiscordTransport]:
    heard = Heard()
    async with served() as platform, wall:
        settled(platform)
        client = Client(wall, heard)
        handle = guard(client, wall)
        transport = DiscordTransport(platform, heard, lambda: handle.drain(60))
        async with platform.online(client):
            await platform.gateway.read()
            opened(platform)
            yield transport
            await handle.drain(60)
        handle.uninstall()


@asynccontextmanager
async def managed(wall: Wall) -> AsyncGenerator[DiscordTransport]:
    heard = Heard()
    async with served() as platform, wall:
        settled(platform)
        channel = DiscordChannel(TOKEN, answers="all")
        async with Bot(wall, heard.answer, [channel]).serving() as bot:

            async def ended() -> None:
                await taken(channel)
                await idle(bot)

            transport = DiscordTransport(platform, heard, ended)
            await platform.gateway.read()
            opened(platform)
            yield transport
