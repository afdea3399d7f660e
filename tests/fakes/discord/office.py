"""A bot as people have it: one list for everybody, and every way to answer that the library has."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import discord
from discord import app_commands
from discord.ext import commands

SECRET = "the merger with Initech closes on the ninth of March at noon"
Model = Callable[..., Awaitable[Any]]
Interaction = discord.Interaction[Any]


class Reason(discord.ui.Modal, title="Why"):
    """Asks for a reason and answers what was typed."""

    why: discord.ui.TextInput["Reason"] = discord.ui.TextInput(label="Reason", custom_id="reason")

    def __init__(self, office: "Office") -> None:
        super().__init__(custom_id="form")
        self.office = office

    async def on_submit(self, interaction: Interaction) -> None:
        async def answer() -> None:
            await interaction.response.send_message(await self.office.think(self.why.value))

        await self.office.done(answer)


class Panel(discord.ui.View):
    """A button that answers, one that opens a form, and a menu."""

    def __init__(self, office: "Office") -> None:
        super().__init__()
        self.office = office

    @discord.ui.button(label="Ask", custom_id="ask")
    async def ask(self, interaction: Interaction, _: Any) -> None:
        async def answer() -> None:
            await interaction.response.edit_message(content=await self.office.think("asked"), view=self)

        await self.office.done(answer)

    @discord.ui.button(label="Why", custom_id="why")
    async def reason(self, interaction: Interaction, _: Any) -> None:
        async def answer() -> None:
            await interaction.response.send_modal(Reason(self.office))

        await self.office.done(answer)

    @discord.ui.select(custom_id="pick", options=[discord.SelectOption(label="a", value="one")])
    async def pick(self, interaction: Interaction, chosen: Any) -> None:
        async def answer() -> None:
            await interaction.response.defer()
            said = await self.office.think(f"picked {chosen.values[0]}")
            await interaction.followup.send(said, ephemeral=True)

        await self.office.done(answer)


class Office(commands.Bot):
    """Answers everything it is told with everything it was ever told.

    Attributes:
        model: What it asks, with its one list of messages.
        heard: That list.
        errors: What its handlers raised, in order.
        finished: Gets an item each time a handler has ended.
        say: How it answers a message: `send`, `reply`, `stream`, `file`, `embed`, `thread`, `panel`.
    """

    def __init__(self, model: Model, **options: Any) -> None:
        intents = discord.Intents.default()
        intents.message_content = True
        given: dict[str, Any] = {"intents": intents, "guild_ready_timeout": 0, **options}
        super().__init__("!", **given)
        self.model = model
        self.heard: list[dict[str, str]] = []
        self.errors: list[Exception] = []
        self.finished: asyncio.Queue[None] = asyncio.Queue()
        self.say = "send"

    async def think(self, text: str) -> str:
        """Ask the model, as everybody does who keeps one history."""
        self.heard.append({"role": "user", "content": text})
        answer: Any = await self.model(model="local", messages=self.heard)
        return str(answer["choices"][0]["message"]["content"])

    async def done(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do something, keep what it raises, and say that it has ended."""
        try:
            await work()
        except Exception as error:  # noqa: BLE001  the test looks at it
            self.errors.append(error)
        finally:
            self.finished.put_nowait(None)

    async def setup_hook(self) -> None:
        self._slash_commands()
        self._other_commands()
        await self.tree.sync()

    def _slash_commands(self) -> None:
        @self.tree.command()
        async def ask(interaction: Interaction, question: str) -> None:
            async def answer() -> None:
                await interaction.response.send_message(await self.think(question))

            await self.done(answer)

        @self.tree.command()
        async def later(interaction: Interaction, question: str) -> None:
            async def answer() -> None:
                await interaction.response.defer(ephemeral=True, thinking=True)
                await interaction.followup.send(await self.think(question))
                await interaction.edit_original_response(content=await self.think("and again"))
                await interaction.followup.send(await self.think("and more"))

            await self.done(answer)

        @self.tree.command()
        async def panel(interaction: Interaction) -> None:
            async def answer() -> None:
                await interaction.response.send_message("Press.", view=Panel(self))

            await self.done(answer)

    def _other_commands(self) -> None:
        @self.tree.context_menu(name="Explain")
        async def explain(interaction: Interaction, message: discord.Message) -> None:
            async def answer() -> None:
                await interaction.response.send_message(await self.think(message.content), ephemeral=True)

            await self.done(answer)

        @self.command()
        async def tell(ctx: commands.Context[Any], *, text: str) -> None:
            async def answer() -> None:
                await ctx.send(await self.think(text))

            await self.done(answer)

        group = app_commands.Group(name="note", description="Notes")

        @group.command()
        async def add(interaction: Interaction, text: str) -> None:
            async def answer() -> None:
                await interaction.response.send_message(await self.think(text), ephemeral=True)

            await self.done(answer)

        self.tree.add_command(group)

    async def on_message(self, message: discord.Message) -> None:
        if message.author == self.user:
            return
        if message.content.startswith("!"):
            await self.process_commands(message)
            return
        shown = [one.content for one in message.message_snapshots]
        text = "\n".join([message.content, *shown]).strip()
        await self.done(lambda: self.answer(message, text))

    async def on_message_edit(self, _: discord.Message, after: discord.Message) -> None:
        if after.author != self.user:
            await self.done(lambda: self.answer(after, after.content))

    async def on_raw_reaction_add(self, sign: discord.RawReactionActionEvent) -> None:
        if sign.user_id == self.application_id:
            return
        channel = cast("discord.TextChannel", await self.fetch_channel(sign.channel_id))

        async def answer() -> None:
            await channel.send(await self.think(f"somebody put {sign.emoji.name}"))

        await self.done(answer)

    async def answer(self, message: discord.Message, text: str) -> None:
        """Answer a message in the way that was chosen."""
        ways: Mapping[str, Callable[[discord.Message, str], Awaitable[object]]] = {
            "send": self._send,
            "reply": self._reply,
            "stream": self._stream,
            "file": self._file,
            "embed": self._embed,
            "thread": self._thread,
        }
        await ways[self.say](message, text)

    async def _send(self, message: discord.Message, text: str) -> None:
        async with message.channel.typing():
            said = await self.think(text)
        await message.channel.send(said)

    async def _reply(self, message: discord.Message, text: str) -> None:
        await message.reply(await self.think(text))

    async def _stream(self, message: discord.Message, text: str) -> None:
        self.heard.append({"role": "user", "content": text})
        shown: discord.Message | None = None
        whole = ""
        async for chunk in await self.model(model="local", messages=self.heard, stream=True):
            whole += str(chunk["choices"][0]["delta"].get("content") or "")
            if not whole.strip():
                continue
            if shown is None:
                shown = await message.channel.send(whole)
            else:
                await shown.edit(content=whole)

    async def _file(self, message: discord.Message, text: str) -> None:
        said = (await self.think(text)).encode()
        await message.channel.send("See.", file=discord.File(io.BytesIO(said), "answer.txt"))

    async def _embed(self, message: discord.Message, text: str) -> None:
        card = discord.Embed(title="Answer").add_field(name="All", value=await self.think(text))
        await message.channel.send(embed=card.set_footer(text="The office"))

    async def _thread(self, message: discord.Message, text: str) -> None:
        thread = await message.create_thread(name="About that")
        await thread.send(await self.think(text))
