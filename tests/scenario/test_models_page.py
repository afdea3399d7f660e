"""The code of docs/models.md runs as it stands, against a provider on loopback that repeats every word."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import partywall as pw
from adapters import litellm_model
from tests.fakes.openai_server import Provider, provider

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
SECRET = "kelp-47-lantern"


@pytest.fixture(autouse=True)
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """The provider that the environment names, and a working directory of the test's own."""
    monkeypatch.chdir(tmp_path)
    with provider() as one:
        monkeypatch.setenv("OPENAI_BASE_URL", one.options["base_url"])
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        yield one


def page() -> dict[str, Any]:
    """Run every block of the page, but those of frameworks that are not installed."""
    # LiteLLM must have been loaded by its adapter before, which keeps it off the network.
    litellm_model.quieten()
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        code = compile(block, "docs/models.md", "exec")
        wanted = re.findall(r"^(?:from|import) (\w+)", block, re.MULTILINE)
        if all(importlib.util.find_spec(each) for each in wanted):
            exec(code, names)  # noqa: S102  the page's own code
    return names


async def test_every_model_of_the_page_keeps_two_tenants_apart() -> None:
    names = page()
    wall = names["wall"]

    async def by_litellm(history: list[Any]) -> str:
        reply = await names["acompletion"](model="openai/gpt-5", messages=history)
        return str(reply.choices[0].message.content)

    bots = {name: names[name] for name in ("by_chat", "by_responses", "in_a_thread")}
    async with wall:
        for name, bot in {**bots, "by_litellm": by_litellm}.items():
            history: list[Any] = []
            answers: list[str] = []
            for who, text in (("ann", f"My code is {SECRET}."), ("bob", "Whose code do you know?")):
                said = pw.message(text, channel="slack", realm=who, sender=name, conversation=name)
                async with wall.turn(said):
                    history.append({"role": "user", "content": text})
                    answers.append(await bot(history))
            assert [SECRET in each for each in answers] == [True, False], name
        await names["client"].close()
        names["waiting"].close()
