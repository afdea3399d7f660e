"""The two ends that are looked at afterwards: what reached the model, and what reached each speaker."""

import importlib
import json
from dataclasses import dataclass, field
from typing import Any

from demo.bot import Message
from demo.story import Speaker, Step

PROVIDER = "demo"


class ModelFailed(Exception):
    """The model did not answer; the text names the kind of error and nothing of the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """One message, with every byte that left the bot because of it.

    Attributes:
        step: What was sent to the bot.
        shown: What its speaker was shown.
        prompts: Each request to the model as it was sent, without the catalogue of tools.
        ref: What `partywall why` explains; empty without a wall.
    """

    step: Step
    shown: str
    prompts: tuple[list[Message], ...]
    ref: str = ""

    @property
    def everything(self) -> str:
        """All of it as one text."""
        return "\n".join([self.shown, json.dumps(self.prompts, ensure_ascii=False)])

    @property
    def foreign(self) -> bool:
        """True if its speaker is not the tenant whose data is at stake."""
        return self.step.speaker is not Speaker.ACME


@dataclass(slots=True)
class Tap:
    """LiteLLM's own `acompletion`, with a copy kept of each request that is handed to it."""

    prompts: list[list[Message]] = field(default_factory=list[list[Message]])

    async def __call__(self, **request: Any) -> Any:  # noqa: ANN401  whatever LiteLLM gives
        """Complete a request by LiteLLM.

        Raises:
            ModelFailed: The provider gave an error, which may quote the request.
        """
        self.prompts.append(json.loads(json.dumps(request["messages"])))
        try:
            return await litellm().acompletion(**request)
        except Exception as error:  # noqa: BLE001  every provider has errors of its own
            failure = type(error).__name__
        raise ModelFailed(f"the model {request['model']} did not answer ({failure})")

    def since(self, count: int) -> tuple[list[Message], ...]:
        """Give the requests after the first `count`."""
        return tuple(self.prompts[count:])


def adapter() -> Any:  # noqa: ANN401  a module
    """Give the wall's adapter for LiteLLM, which keeps LiteLLM from fetching a price list as it is loaded."""
    return importlib.import_module("adapters.litellm_model")


def litellm() -> Any:  # noqa: ANN401  a module
    """Give LiteLLM, loaded on first use: that takes seconds."""
    adapter().quieten()
    return importlib.import_module("litellm")
