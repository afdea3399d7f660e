"""A Discord bot with OpenAI's SDK: `discord_before.py` as it was, `discord_after.py` with the wall.

It answers direct messages and mentions. `/teach` adds to what it can search, `/remember` keeps a fact that it
always knows. Its environment: `DISCORD_TOKEN`, `OPENAI_API_KEY`, `MODEL`.
"""

import json
import os
from typing import Any

import discord
from discord.ext import commands
from openai import AsyncOpenAI

import partywall as pw

MODEL = os.environ["MODEL"]
SYSTEM = "You help the people of this server. What you know by heart:\n{facts}"
QUERY = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
TOOLS = [{"type": "function", "name": "search", "description": "Search the notes", "parameters": QUERY}]
Interaction = discord.Interaction[Any]

wall = pw.open("partywall.toml")
plain = AsyncOpenAI()  # for embeddings, which the wall does not pass on
oai: Any = wall.guard_model(plain, trusted_system=[SYSTEM])
index: list[dict[str, Any]] = []  # what was taught, on every server
latest: dict[int, str] = {}  # the id of the last answer, by channel
intents = discord.Intents.default()
intents.message_content = True
bot = commands.Bot("!", intents=intents)
pw.guard(bot, wall)


async def vector(text: str) -> list[float]:
    """Place a text among others of its meaning."""
    made: Any = await plain.embeddings.create(model="text-embedding-3-small", input=text)
    return list(made.data[0].embedding)


@wall.tool
async def search(query: pw.Text, guild: pw.CurrentRealm) -> str:
    """Search the notes."""
    wanted = await vector(query)

    def likeness(row: dict[str, Any]) -> float:
        return float(sum(a * b for a, b in zip(row["vector"], wanted, strict=True)))

    found = sorted([row for row in index if row["guild"] == guild], key=likeness, reverse=True)
    return "\n".join(row["text"] for row in found[:3])


async def ask(channel: int, text: str) -> str:
    """Ask the model, and let it search until it has answered."""
    told: dict[str, Any] = {"model": MODEL, "tools": TOOLS}
    by_heart = await pw.turn().recall()
    known = SYSTEM.format(facts="".join(by_heart.values()))  # texts of the turn, with nothing between them
    reply = await oai.responses.create(
        instructions=known, input=text, previous_response_id=latest.get(channel), **told
    )
    while calls := [each for each in reply.output if each.type == "function_call"]:
        results = [
            {
                "type": "function_call_output",
                "call_id": call.call_id,
                "output": await search(**json.loads(call.arguments)),
            }
            for call in calls
        ]
        reply = await oai.responses.create(input=results, previous_response_id=reply.id, **told)
    latest[channel] = reply.id
    return str(reply.output_text)[:2000]


@bot.event
async def setup_hook() -> None:
    """Tell Discord about the commands."""
    await bot.tree.sync()


@bot.event
async def on_message(message: discord.Message) -> None:
    """Answer who writes to the bot alone, or mentions it."""
    if not message.author.bot and (message.guild is None or bot.user in message.mentions):
        async with message.channel.typing():
            said = await ask(message.channel.id, message.content)
        await message.reply(said)


@bot.tree.command(description="Teach me something for later")
async def teach(interaction: Interaction, text: str) -> None:
    """Add a text to what can be searched."""
    index.append({"guild": str(interaction.guild_id), "text": text, "vector": await vector(text)})
    await interaction.response.send_message("I can find that from now on.")


@bot.tree.command(description="Let me know something by heart")
async def remember(interaction: Interaction, name: str, fact: str) -> None:
    """Keep a fact."""
    await pw.turn().remember(name, f"{name}: {fact}\n")
    await interaction.response.send_message(f"I know {name} by heart.")


if __name__ == "__main__":
    bot.run(os.environ["DISCORD_TOKEN"])
