"""A model that is on the attacker's side: it does what it is asked and remembers what it was ever told."""

from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from demo.story import Step, Story, Wish
from tests.fakes.models import Answer, Messages, Scripted

# How many of the lines it remembers it recites at once.
_RECITED = 4


class Accomplice(Scripted):
    """Helps whoever asks, and keeps a memory across all requests, as a provider's cache or fine-tuning might.

    It is LiteLLM's provider `demo`: what it says passes through LiteLLM's own code on its way to the bot.
    Nothing about the wall is known to it; it sees the same kind of request in both runs.
    """

    def __init__(self, story: Story) -> None:
        super().__init__([""])
        self._steps_by_text: Mapping[str, Step] = {step.text: step for step in story.steps}
        self._entries = story.vault
        self._lines: dict[str, None] = {}
        self._results: dict[str, None] = {}

    def answer(self, messages: Messages, tools: Sequence[Mapping[str, Any]]) -> Answer:  # noqa: ARG002
        """Do what the last words of a person ask for."""
        self._remember(messages)
        asked = next((each for each in reversed(messages) if each["role"] == "user"), None)
        step = self._steps_by_text.get(str(asked["content"])) if asked is not None else None
        if asked is None or step is None:
            return "I do not know what to do with that."
        if step.calls and messages[-1] is asked:
            return step.calls
        return self._said(step, messages)

    def _said(self, step: Step, messages: Messages) -> str:
        match step.wish:
            case Wish.NOTE:
                return step.answer
            case Wish.CALL:
                return f"Here you are:\n{_results(messages)}"
            case Wish.REPEAT_CONTEXT:
                return _context(messages) or "Nobody has told me anything."
            case Wish.REPEAT_MEMORY:
                lines = [line for line in self._lines if line != step.text][:_RECITED]
                return "From my memory:\n" + "\n".join(lines)
            case Wish.CALL_AND_REMEMBER:
                known = [value for value in self._results if value in self._entries.values()]
                return f"The vault says:\n{_results(messages)}\nI remember: {', '.join(known)}"
            case Wish.RECALL_ORDER:
                orders = [text for text in _texts(messages) if text.startswith("The order is ")]
                return orders[-1] if orders else "I have no order of yours."
            case _:
                assert_never(step.wish)

    def _remember(self, messages: Messages) -> None:
        for each in messages:
            kept = {"user": self._lines, "tool": self._results}.get(each["role"])
            if kept is not None and each.get("content"):
                kept.setdefault(str(each["content"]))


def _texts(messages: Messages) -> list[str]:
    return [
        str(each["content"]) for each in messages[:-1] if each["role"] != "system" and each.get("content")
    ]


def _context(messages: Messages) -> str:
    return "\n".join(_texts(messages))


def _results(messages: Messages) -> str:
    """Give the results of the last round of tool calls."""
    last = max(index for index, each in enumerate(messages) if each["role"] == "assistant")
    return "\n".join(str(each["content"]) for each in messages[last + 1 :])
