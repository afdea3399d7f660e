"""What `partywall serve` makes of a configuration: real channels, or an error with its remedy."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import partywall as pw
from firewall.core.errors import ConfigError
from partywall.agent import Agent
from partywall.bot import Bot
from partywall.serving import bot_of
from tests.fakes.commands import ran
from tests.fakes.services import ROOT

SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-1-secret",
    "SLACK_APP_TOKEN": "xapp-1-secret",
    "SLACK_SIGNING_SECRET": "signing-secret",
    "SLACK_OF_GLOBEX": "xoxb-2-secret",
    "TELEGRAM_TOKEN": "1234:secret",
    "TELEGRAM_SECRET": "webhook-secret",
    "DISCORD_TOKEN": "discord.secret",
}
SLACK, TELEGRAM = {"app_token_env": "SLACK_APP_TOKEN"}, dict[str, object]()
PAGE = (ROOT / "docs" / "channels" / "managed.md").read_text(encoding="utf-8")


def made(tmp_path: Path, bot: dict[str, object], **more: object) -> Bot:
    settings = {"model": "echo/x", "store": {"path": ":memory:"}, "files": {"path": str(tmp_path / "files")}}
    return bot_of(pw.open({**settings, **more, "bot": bot}), SECRETS)


def channels(bot: Bot) -> dict[str, Any]:
    found: dict[str, Any] = vars(bot)["_channels"]
    return found


async def answer(turn: object) -> None:
    """An agent that a configuration names."""


NOT_CALLABLE = 1


def test_every_channel_is_made_from_its_settings_and_its_secrets(tmp_path: Path) -> None:
    bot = made(tmp_path, {"slack": SLACK, "telegram": TELEGRAM, "discord": {"commands": {"ask": "Ask"}}})
    assert list(channels(bot)) == ["slack", "telegram", "discord"]
    assert isinstance(vars(bot)["_agent"], Agent)


@pytest.mark.parametrize(
    "bot",
    [
        pytest.param({"slack": {"signing_secret_env": "SLACK_SIGNING_SECRET", "port": 0}}, id="slack-http"),
        pytest.param({"slack": {**SLACK, "teams": {"T2": "SLACK_OF_GLOBEX"}}}, id="slack-of-several-teams"),
        pytest.param(
            {"telegram": {"webhook_url": "https://example.org/x", "secret_token_env": "TELEGRAM_SECRET"}},
            id="telegram-webhook",
        ),
        pytest.param({"discord": {"answers": "all"}}, id="discord"),
    ],
)
def test_a_channel_is_made_in_each_of_its_ways(tmp_path: Path, bot: dict[str, object]) -> None:
    assert len(channels(made(tmp_path, bot))) == 1


def test_an_agent_of_ones_own_is_loaded_by_its_name(tmp_path: Path) -> None:
    bot = made(tmp_path, {"agent": f"{__name__}:answer", "telegram": TELEGRAM}, model="echo/x")
    assert vars(bot)["_agent"] is answer


@pytest.mark.parametrize(
    ("bot", "words"),
    [
        pytest.param({}, "no channel is configured", id="no-channel"),
        pytest.param({"slack": {}}, "app_token_env", id="slack-without-a-way-in"),
        pytest.param(
            {"slack": {"app_token_env": "NOBODY_SET_THIS"}}, "NOBODY_SET_THIS is not set", id="unset"
        ),
        pytest.param(
            {"telegram": {"webhook_url": "https://example.org"}},
            "secret_token_env",
            id="webhook-without-secret",
        ),
        pytest.param(
            {"telegram": {}, "agent": "nowhere.at.all:answer"}, "cannot be loaded", id="no-such-module"
        ),
        pytest.param({"telegram": {}, "agent": f"{__name__}:nothing"}, "cannot be loaded", id="no-such-name"),
        pytest.param(
            {"telegram": {}, "agent": f"{__name__}:NOT_CALLABLE"}, "is no function", id="no-function"
        ),
    ],
)
def test_what_is_missing_is_named_and_no_secret_is(
    tmp_path: Path, bot: dict[str, object], words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        made(tmp_path, bot)
    assert words in str(caught.value)
    assert not any(secret in str(caught.value) for secret in SECRETS.values())


def test_without_a_model_or_an_agent_nothing_answers(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no model is named"):
        made(tmp_path, {"telegram": TELEGRAM}, model=None)


def test_a_missing_library_is_named_by_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adapters.telegram.channel", None)
    with pytest.raises(ConfigError, match=re.escape("pip install 'partywall[telegram]'")):
        made(tmp_path, {"telegram": TELEGRAM})


def test_a_bot_needs_a_channel_and_each_its_own_name(tmp_path: Path) -> None:
    wall = pw.open({"store": {"path": ":memory:"}, "files": {"path": str(tmp_path / "files")}})
    with pytest.raises(pw.MisuseError, match="needs a channel"):
        Bot(wall, wall.agent(), [])
    one = channels(made(tmp_path, {"telegram": TELEGRAM}))["telegram"]
    with pytest.raises(pw.MisuseError, match="one name"):
        Bot(wall, wall.agent(), [one, one])


def test_serving_without_a_channel_ends_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = ran("serve")
    assert done.code == 2
    assert "[bot.telegram]" in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
def test_the_pages_python_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("partywall.toml").write_text('profile = "light"\n')
    exec(compile(block, "docs/channels/managed.md", "exec"), {})  # noqa: S102  our own documentation


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_the_pages_configuration_makes_a_bot(block: str, tmp_path: Path) -> None:
    (tmp_path / "partywall.toml").write_text(block)
    assert list(channels(bot_of(pw.open(tmp_path / "partywall.toml"), SECRETS))) == [
        "slack",
        "telegram",
        "discord",
    ]


BOT = """
import sys
import partywall as pw
from tests.fakes.channels import MemoryChannel

class Telling(MemoryChannel):
    async def open(self, *how):
        await super().open(*how)
        print("listening", flush=True)

    async def close(self):
        await super().close()
        print("closed", flush=True)

async def answer(turn):
    return turn.text

pw.Bot(pw.open({"profile": "light"}), answer, [Telling()]).run()
"""


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
async def test_a_bot_that_is_told_to_stop_closes_its_channels_and_ends_well(
    tmp_path: Path, sign: signal.Signals
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        BOT,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        assert await process.stdout.readline() == b"listening\n"
        process.send_signal(sign)
        assert await process.stdout.read() == b"closed\n"
        assert await process.wait() == 0
