"""What the tests of `examples/bots` share: a bot loaded as Python runs it, and the model that answers it."""

import importlib.util
import json
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from adapters import litellm_model
from tests.fakes.openai_server import Answer, Provider, provider

BOTS: Final = Path(__file__).resolve().parents[2] / "examples" / "bots"
SECRET: Final = "the merger with Initech closes on the ninth of March at noon"
# The first call of a model and the opening of a wall take seconds where others work on the same machine.
PATIENCE_S: Final = 60.0
BOTH: Final = pytest.mark.parametrize("guarded", [False, True], ids=["before", "after"])


@contextmanager
def at_home(folder: Path, environment: pytest.MonkeyPatch) -> Generator[Provider]:
    """Give the provider that the environment names, and a working directory of the test's own."""
    environment.chdir(folder)
    # LiteLLM must have been loaded by its adapter before, which keeps it off the network.
    litellm_model.quieten()
    with provider(talks) as one:
        environment.setenv("OPENAI_BASE_URL", one.options["base_url"])
        environment.setenv("OPENAI_API_KEY", "k")
        environment.setenv("MODEL", "openai/gpt-5")
        yield one


def talks(body: Mapping[str, Any]) -> Answer:
    """Call a tool where the last words are `run NAME ARGUMENTS`, else repeat all that others said."""
    said = body.get("messages") or body["input"]
    messages = [{"role": "user", "content": said}] if isinstance(said, str) else said
    last = str(messages[-1].get("content")) if messages[-1].get("role") == "user" else ""
    if called := re.search(r"run (\w+) (\{.*\})", last):
        return [(called[1], json.loads(called[2]))]
    # Its own answers would make each one longer than all before it, and a message has a longest length.
    told = [each.get("content") or each.get("output") for each in messages if each.get("role") != "assistant"]
    return "\n".join(str(each) for each in (body.get("instructions"), *told) if each)


def bot(name: str, *, guarded: bool) -> Any:
    """Load an example as Python runs it, with nothing of an earlier test in it."""
    path = BOTS / f"{name}_{'after' if guarded else 'before'}.py"
    spec = importlib.util.spec_from_file_location(f"bot_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def put(name: str, text: str) -> None:
    """Write a file into the bot's working directory."""
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text(text, encoding="utf-8")


def configured(text: str = "") -> None:
    """Write the configuration that the bots read; without tenants, each workspace or guild is one."""
    put("partywall.toml", f'{text}\n[store]\npath = ":memory:"\n')


def run(tool: str, **arguments: str) -> str:
    """Give the words at which the model calls a tool."""
    return f"run {tool} {json.dumps(arguments)}"
