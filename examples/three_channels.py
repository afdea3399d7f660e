"""One bot on Slack, Telegram and Discord, on adapters of our own: `python examples/three_channels.py`.

A channel is served if its variables are set: `SLACK_BOT_TOKEN` with `SLACK_APP_TOKEN`, `TELEGRAM_TOKEN`,
`DISCORD_TOKEN`. `MODEL` is LiteLLM's name of a model.
"""

import os
from collections.abc import Mapping

import partywall as pw
from adapters.channels import Channel
from adapters.discord.channel import DiscordChannel
from adapters.slack.channel import SlackChannel
from adapters.telegram.channel import TelegramChannel

SYSTEM = "You are Otto, the helper of whoever asks you."


def channels(environment: Mapping[str, str]) -> list[Channel]:
    """Give a channel for each platform whose variables are set."""
    found: list[Channel] = []
    if token := environment.get("SLACK_BOT_TOKEN"):
        found.append(SlackChannel(token, app_token=environment["SLACK_APP_TOKEN"]))
    if token := environment.get("TELEGRAM_TOKEN"):
        found.append(TelegramChannel(token=token))
    if token := environment.get("DISCORD_TOKEN"):
        found.append(DiscordChannel(token, commands={"ask": "Ask Otto"}))
    return found


def bot(environment: Mapping[str, str]) -> pw.Bot:
    """Give the bot: it reads and lists its sender's own files, and remembers each session by itself."""
    wall = pw.open({"model": environment["MODEL"], "prompts": [SYSTEM]})
    agent = wall.agent(system=SYSTEM, tools=["read", "list"])
    return pw.Bot(wall, agent, channels(environment))


if __name__ == "__main__":
    bot(os.environ).run()
