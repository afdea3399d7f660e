"""A bot as people have it that keeps the files of everybody in one place and sends the last one on."""

import io
from collections.abc import AsyncIterator
from typing import Any

import discord

import partywall as pw
from tests.fakes.discord.office import Interaction, Model, Office


class Clerk(Office):
    """Answers everything with the file that it was given last.

    Attributes:
        files: What everybody sent, oldest first.
        own: True if it keeps files with the turn, as a bot does that knows of the wall.
        changed: What it puts behind a file of the turn's own.
        way: How it shows a file: `send`, `edit`, `thread`, `direct`.
    """

    def __init__(self, model: Model, **options: Any) -> None:
        super().__init__(model, **options)
        self.files: list[bytes] = []
        self.own = False
        self.changed = b""
        self.way = "send"

    async def setup_hook(self) -> None:
        @self.tree.command()
        async def show(interaction: Interaction, file: discord.Attachment | None = None) -> None:
            async def answer() -> None:
                await self.think("show")
                content = await self.last([file] if file is not None else [])
                await interaction.response.send_message(file=_file(content), ephemeral=True)
                await interaction.followup.send(file=_file(content), ephemeral=True)

            await self.done(answer)

        await self.tree.sync()

    async def answer(self, message: discord.Message, text: str) -> None:
        """Answer a message with a file."""
        await self.think(text)
        content = await self.last(message.attachments)
        match self.way:
            case "edit":
                said = await message.channel.send("See.")
                await said.edit(attachments=[_file(content)])
            case "thread":
                await (await message.create_thread(name="About that")).send(file=_file(content))
            case "direct":
                await message.author.send(file=_file(content))
            case _:
                await message.channel.send(file=_file(content))

    async def last(self, attachments: list[discord.Attachment]) -> bytes:
        """Keep what came, and give what came last, whoever sent it."""
        self.files += [await one.read() for one in attachments]
        if not self.own:
            return self.files[-1]
        turn = pw.turn()
        kept = await turn.keep(1, _pieces(self.files[-1]))
        return await turn.attach(kept.path) + self.changed


def _file(content: bytes) -> discord.File:
    return discord.File(io.BytesIO(content), "last.png")


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content[:5]
    yield content[5:]
