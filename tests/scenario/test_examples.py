"""The examples and the README's code run as they stand, with a model that repeats all it is told."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import partywall as pw
from adapters import litellm_model
from adapters.doors import State
from tests.fakes.models import Echo

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OWN_LOOP = (ROOT / "docs/own-loop.md").read_text(encoding="utf-8")
MODEL = "echo/model"


@pytest.fixture(autouse=True)
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Echo]:
    """A model that repeats its whole request, and a working directory of its own."""
    monkeypatch.chdir(tmp_path)
    echo = Echo()
    litellm_model.register("echo", echo)
    yield echo
    litellm_model.unregister("echo")


def example(name: str) -> Any:
    # Loaded here: LiteLLM must have been loaded by its adapter before, which keeps it off the network.
    return importlib.import_module(f"examples.{name}")


def blocks(language: str, page: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("name", "planted"), [("own_loop", "kelp-47-lantern"), ("guarded_bot", "ORD-48213")])
async def test_a_model_that_repeats_all_tells_the_second_nothing_of_the_first(
    name: str, planted: str
) -> None:
    first, second = await example(name).main(MODEL)
    assert planted in first
    assert planted not in second
    assert "know" in second or "locker" in second


async def test_tools_serve_each_tenant_its_own() -> None:
    saved, acme, missing, globex, bound, shell = await example("declared_tools").main()
    assert (saved, acme, globex) == ("saved", '["ORD-48213"]', '["ORD-90077"]')
    assert missing.startswith("error:")
    assert (bound, shell) == ("bound_argument", "denied_class")


async def test_a_bot_on_a_platform_of_its_own_keeps_two_senders_apart() -> None:
    (code,) = blocks("python", OWN_LOOP)
    bot: dict[str, Any] = {}
    exec(compile(code, "docs/own-loop.md", "exec"), bot)  # noqa: S102  the documentation's own code
    said = [
        await bot["on_message"](
            text, channel="telegram", realm="otto", sender=who, conversation=who, model=MODEL
        )
        for who, text in (("1", "My locker code is kelp-47-lantern."), ("2", "Whose code do you know?"))
    ]
    assert ["kelp-47-lantern" in text for text in said] == [True, False]
    assert len(bot["history"]) == 5
    await bot["wall"].close()


@pytest.mark.parametrize("channel", ["slack", "telegram", "discord"])
async def test_the_readmes_wrap_covers_every_choke_point_of_its_library(
    channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET"):
        monkeypatch.setenv(name, "xoxb-1")
    monkeypatch.setenv("TELEGRAM_TOKEN", "1:A")
    wrap = blocks("python")[("slack", "telegram", "discord").index(channel)]
    bot: dict[str, Any] = {"MODEL": MODEL}
    exec(compile(wrap, "README.md", "exec"), bot)  # noqa: S102  the README's own code
    handle = pw.guard(bot["bot" if channel == "discord" else "app"], bot["wall"])
    rows = handle.report()
    assert len(rows) > 3
    assert [row for row in rows if row.state is not State.COVERED] == []
    handle.uninstall()
    await bot["wall"].close()


def test_every_command_of_the_readme_is_a_target_of_the_makefile() -> None:
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert commands
    assert all(command.removeprefix("make ") in targets for command in commands)
