"""A Discord bot that was there before: `DISCORD_TOKEN=... python examples/discord_guarded.py MODEL`.

It answers direct messages, mentions and `/ask`, and keeps one list of messages for everybody, which is the
mistake. The wall is put around it in `build`; the bot itself stays as it was.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import discord
import litellm
from discord.ext import commands

import partywall as pw

SYSTEM = "You are the assistant of this server."
LONGEST = 2_000


class Assistant(commands.Bot):
    """The bot: one list, one model."""

    def __init__(self, acompletion: Callable[..., Awaitable[Any]], model: str) -> None:
        intents = discord.Intents.default()
        intents.message_content = True
        super().__init__(command_prefix="!", intents=intents)
        self.acompletion, self.model = acompletion, model
        self.messages = [{"role": "system", "content": SYSTEM}]
        self.tree.command(name="ask", description="Ask the assistant")(self.ask)

    async def setup_hook(self) -> None:
        """Tell Discord about `/ask`."""
        await self.tree.sync()

    async def think(self, text: str) -> str:
        """Ask the model with all that anybody ever said."""
        self.messages.append({"role": "user", "content": text})
        reply = await self.acompletion(model=self.model, messages=self.messages)
        said = str(reply.choices[0].message.content)
        self.messages.append({"role": "assistant", "content": said})
        return said[:LONGEST]

    async def on_message(self, message: discord.Message) -> None:
        """Answer who writes to the bot alone, or mentions it."""
        called = message.guild is None or (self.user is not None and self.user.mentioned_in(message))
        if called and not message.author.bot:
            async with message.channel.typing():
                said = await self.think(message.content)
            await message.reply(said)

    async def ask(self, interaction: discord.Interaction[Any], question: str) -> None:
        """Answer `/ask`."""
        await interaction.response.defer(thinking=True)
        await interaction.followup.send(await self.think(question))


def build(wall: pw.Wall, model: str) -> tuple[Assistant, pw.Guarded]:
    """Make the bot, and put the wall around its model and around itself."""
    bot = Assistant(wall.guard_model(litellm.acompletion, trusted_system=[SYSTEM]), model)
    return bot, pw.guard(bot, wall)


async def main(model: str) -> None:
    """Run until it is stopped, with a wall as `partywall.toml` describes it."""
    wall = pw.open("partywall.toml")
    async with wall:
        bot, handle = build(wall, model)
        for row in handle.report():
            print(row.point, row.state)
        async with bot:
            await bot.start(os.environ["DISCORD_TOKEN"])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
