"""A bot on our own adapter, run against the fake: until the block ends, and all that happened is answered."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from adapters.discord.channel import DiscordChannel
from partywall.bot import AgentFunction, Bot
from partywall.wall import Wall
from tests.fakes.discord.channel import Channel
from tests.fakes.discord.server import Discord
from tests.fakes.discord.world import TOKEN
from vault.ledger import Filter


async def delivered(platform: Discord) -> None:
    """Wait until the client has read all that was sent to it: it answers in order."""
    before = platform.gateway.beats
    platform.gateway.asks_heartbeat()
    await platform.gateway.until(lambda: platform.gateway.beats > before)


@asynccontextmanager
async def serving(
    wall: Wall, platform: Discord, agent: AgentFunction, **how: Any
) -> AsyncGenerator[DiscordChannel]:
    """Serve; when the block ends, all that happened in it is answered."""
    channel = DiscordChannel(TOKEN, files=[platform.url], **how)
    async with Bot(wall, agent, [channel]).serving():
        yield channel
        await delivered(platform)


def texts(channel: Channel) -> list[str]:
    """Give what the bot shows to everybody in a channel now."""
    return [one["content"] for one in channel.messages.values() if one["author"]["bot"]]


def shown(platform: Discord, channel: Channel) -> list[tuple[str, bytes]]:
    """Give the files that the bot put into a channel, by name and content, in order."""
    sent = [one for one in platform.sent if channel.id in (one.thread or one.channel,)]
    return [(file.name, file.data) for one in sent for file in one.files]


def called(platform: Discord) -> str:
    """Give what a message begins with that is meant for the bot."""
    return f"<@{platform.world.bot.id}>"


async def rules(wall: Wall) -> list[str]:
    """Give the rules by which something was denied, in order."""
    records = (await wall.runtime()).vault.records
    await records.settle()
    return [each.record.rule async for each in records.export(Filter())]
