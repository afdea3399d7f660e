"""What a declared tool shows of itself to whoever makes a schema of it."""

import inspect
from typing import Any, get_type_hints

import pytest

import partywall as pw
from firewall.templates import REFUSED

ASKED = pw.message("Go on.", channel="slack", realm="T1", sender="U1", conversation="D1")


def wall() -> pw.Wall:
    return pw.open({"store": {"path": ":memory:"}})


def test_an_argument_that_the_wall_fills_in_is_seen_by_no_framework() -> None:
    made = wall()

    @made.tool
    async def orders(tenant: pw.CurrentTenant, text: pw.Text, limit: int = 3) -> str:
        """Find orders."""
        return f"{tenant} {text} {limit}"

    @made.tool
    def notes(text: pw.Text, who: pw.CurrentPrincipal) -> str:
        """Find notes."""
        return f"{who} {text}"

    assert list(inspect.signature(orders).parameters) == ["text", "limit"]
    assert list(get_type_hints(orders)) == ["text", "limit", "return"]
    assert list(inspect.signature(notes).parameters) == ["text"]
    assert inspect.signature(notes).return_annotation is str
    assert (orders.__name__, orders.__doc__) == ("orders", "Find orders.")
    assert inspect.iscoroutinefunction(orders)
    assert not inspect.iscoroutinefunction(notes)


async def test_a_tool_is_called_by_what_it_shows_and_a_value_for_the_rest_is_refused() -> None:
    made, ran = wall(), list[str]()

    @made.tool
    async def orders(tenant: pw.CurrentTenant, text: pw.Text) -> str:
        ran.append(text)
        return f"{tenant}: {text}"

    # As frameworks call it, which go by what it shows.
    called: Any = orders
    async with made, made.turn(ASKED):
        answers = [await called(text="anvil"), await called("hammer"), await called(tenant="T2", text="saw")]
        with pytest.raises(TypeError):
            await called("T2", "saw")
    assert ran == ["anvil", "hammer"]
    assert [answer.endswith(word) for answer, word in zip(answers, ran, strict=False)] == [True, True]
    assert answers[2] == REFUSED
