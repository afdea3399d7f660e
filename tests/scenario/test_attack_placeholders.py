"""The provider itself wants the values that it is sent placeholders for, or somebody wants another's.

The model is the attacker's: it sees placeholders and says whatever could bring a value back to it.
"""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import partywall as pw
from firewall.core.message import Message
from partywall.wall import Wall
from tests.fakes.models import Call, Messages, Scripted

ANN = "ann.lee@corp.com"
TOKEN = re.compile(r"Pw(?:EmailAddress|CreditCard|Other)[0-9a-z]{13}")


@pytest.fixture
async def wall(tmp_path: Path) -> AsyncIterator[Wall]:
    given: dict[str, object] = {
        "profile": "standard",
        "pii": {"own": "substitute"},
        "store": {"path": ":memory:"},
        "files": {"path": str(tmp_path / "files")},
    }
    async with pw.open(given) as one:
        yield one


def says(text: str, who: str = "ann", realm: str = "ACME", **where: Any) -> Message:
    given: dict[str, Any] = {"conversation": f"D-{who}", **where}
    return pw.message(text, channel="slack", realm=realm, sender=who, **given)


def sent(model: Scripted) -> str:
    return json.dumps(model.requests, ensure_ascii=False)


def keyed(token: str) -> dict[str, Any]:
    return {"fields": {token: "x"}}


def nested(token: str) -> dict[str, Any]:
    return {"fields": {"a": json.dumps({token: {token: 1}})}}


def in_list(token: str) -> dict[str, Any]:
    return {"fields": {"a": [{"b": {f"to {token}": token}}]}}


@pytest.mark.parametrize("arguments", [keyed, nested, in_list])
async def test_a_value_does_not_go_back_to_the_provider_as_a_key_of_arguments(
    wall: Wall, arguments: Any
) -> None:
    ran: list[object] = []

    @wall.tool(reads="own")
    async def note(fields: dict[str, object]) -> str:
        """Take notes."""
        ran.append(fields)
        return "noted"

    def call(messages: Messages) -> list[Call]:
        token = TOKEN.findall(json.dumps(messages))[0]
        return [Call(name="note", arguments=arguments(token))]

    for who, realm in (("ann", "ACME"), ("bob", "GLOBEX")):
        model = Scripted([call, "done"])
        guarded = wall.guard_model(model)
        async with wall.turn(says(f"I am {ANN}", who, realm)) as turn:
            messages: list[Any] = [{"role": "user", "content": turn.text}]
            tools = [{"type": "function", "function": {"name": "note"}}]
            first = (await guarded(model="m", messages=messages, tools=tools))["choices"][0]["message"]
            function = first["tool_calls"][0]["function"]
            result = await turn.call_tool(function["name"], function["arguments"])
            answer = {"role": "tool", "tool_call_id": first["tool_calls"][0]["id"], "content": result}
            await guarded(model="m", messages=[*messages, first, answer], tools=tools)
        assert len(model.requests) == 2
        assert ANN not in sent(model)
    assert len(ran) == 2


@pytest.mark.parametrize(
    ("own", "written"),
    [
        pytest.param("4111 1111 1111 1111", "7{}", id="a-digit-before-a-card"),
        pytest.param("4111 1111 1111 1111", "{}7", id="a-digit-behind-a-card"),
        pytest.param(ANN, "{}x7", id="letters-behind-an-address"),
        pytest.param(ANN, "\u30e1\u30fc\u30eb\u306f{}\u3067\u3059", id="letters-of-a-script-without-spaces"),
        pytest.param("DE89370400440532013000", "X{}X", id="letters-around-an-account"),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_value_that_the_model_has_glued_to_something_does_not_go_back_to_it(
    wall: Wall, own: str, written: str, stream: bool
) -> None:
    """Glued to a digit, a card's number is none: it is known all the same, since it was one before."""

    def say(messages: Messages) -> str:
        return written.format(re.findall(r"Pw[A-Z][A-Za-z]+[0-9a-z]{13}", json.dumps(messages))[0])

    for who, realm in (("ann", "ACME"), ("bob", "GLOBEX")):
        model = Scripted([say, "done"])
        guarded = wall.guard_model(model)
        async with wall.turn(says(f"I have {own} here", who, realm)) as turn:
            answer: Any = await guarded(
                model="m", messages=[{"role": "user", "content": turn.text}], stream=stream
            )
            if stream:
                shown = await turn.reply_stream(answer)
            else:
                shown = await turn.reply(answer["choices"][0]["message"]["content"])
        assert shown == written.format(own)
        async with wall.turn(says("and now?", who, realm)) as turn:
            await guarded(model="m", messages=[*turn.history()])
        assert len(model.requests) == 2
        assert own not in sent(model)


async def test_a_value_in_an_address_is_not_glued_to_anything(wall: Wall) -> None:
    """Written for an address it looks otherwise, and would not be known again beside another digit."""
    own = "4111 1111 1111 1111"

    @wall.tool(reads="own")
    async def mark(url: pw.Url) -> str:
        """Mark a page."""
        return "marked"

    def call(messages: Messages) -> list[Call]:
        token = re.findall(r"PwCreditCard[0-9a-z]{13}", json.dumps(messages))[0]
        return [Call(name="mark", arguments={"url": f"https://docs.example.org/?d=7{token}"})]

    model = Scripted([call, "done"])
    guarded = wall.guard_model(model)
    async with wall.turn(says(f"I have {own} here")) as turn:
        messages: list[Any] = [{"role": "user", "content": turn.text}]
        tools = [{"type": "function", "function": {"name": "mark"}}]
        first = (await guarded(model="m", messages=messages, tools=tools))["choices"][0]["message"]
        answer = {"role": "tool", "tool_call_id": first["tool_calls"][0]["id"], "content": "no"}
        await guarded(model="m", messages=[*messages, first, answer], tools=tools)
    assert len(model.requests) == 2
    assert "4111" not in sent(model)
