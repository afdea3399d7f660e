"""A turn is one span, with the ids to find it by and nothing of what it says."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import partywall as pw
from firewall.core.ids import TenantId
from partywall.wall import Wall
from tests.fakes.eventful import ACME, GLOBEX, SETTINGS, acmes, globexs
from vault.open import Vault

SECRET = "CANARY-ann-1b2c"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What the operator's own tracer provider was told, once the wall is opened under it."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    yield exporter
    provider.shutdown()


@pytest.fixture
def wall(tmp_path: Path) -> Wall:
    return pw.open({**SETTINGS, "store": {"path": ":memory:"}, "files": {"path": str(tmp_path / "files")}})


async def traced(vault: Vault, tenant: TenantId) -> set[str | None]:
    """The traces that a tenant's receipts name."""
    await vault.records.settle()
    return {json.loads(each.body).get("trace") async for each in vault.records.receipts(tenant)}


def trace_of(span: ReadableSpan) -> str:
    context = span.get_span_context()
    assert context is not None
    return trace.format_trace_id(context.trace_id)


async def test_a_turn_is_a_span_and_its_receipts_name_the_trace(
    told: InMemorySpanExporter, wall: Wall
) -> None:
    async with wall:
        refs: list[str] = []
        for message in (acmes(SECRET), globexs("hello")):
            async with wall.turn(message) as turn:
                refs.append(turn.ref)
                await turn.reply("I see.")
        one, two = told.get_finished_spans()
        vault = (await wall.runtime()).vault
        assert [await traced(vault, each) for each in (ACME, GLOBEX)] == [{trace_of(one)}, {trace_of(two)}]
    assert trace_of(one) != trace_of(two)
    assert [dict(each.attributes or {}) for each in (one, two)] == [
        {"partywall.tenant": ACME, "partywall.channel": "slack", "partywall.ref": refs[0]},
        {"partywall.tenant": GLOBEX, "partywall.channel": "slack", "partywall.ref": refs[1]},
    ]


async def test_what_goes_wrong_in_a_turn_is_told_by_its_type_only(
    told: InMemorySpanExporter, wall: Wall
) -> None:
    async with wall:
        with pytest.raises(ValueError, match=SECRET):
            async with wall.turn(acmes(SECRET)):
                raise ValueError(SECRET)
    (span,) = told.get_finished_spans()
    assert (span.attributes or {})["error.type"] == "ValueError"
    assert not span.status.is_ok
    assert SECRET not in span.to_json()


async def test_what_a_bot_calls_hangs_below_its_own_turn(told: InMemorySpanExporter, wall: Wall) -> None:
    tracer = trace.get_tracer("bot")
    async with wall, wall.turn(acmes("hello")):
        with tracer.start_as_current_span("lookup"):
            pass
    below, turn = told.get_finished_spans()
    assert below.parent is not None
    assert turn.context is not None
    assert below.parent.span_id == turn.context.span_id


async def test_without_a_provider_nothing_is_traced_and_no_receipt_names_one(wall: Wall) -> None:
    async with wall:
        async with wall.turn(acmes("hello")) as turn:
            await turn.reply("I see.")
        assert await traced((await wall.runtime()).vault, ACME) == {None}
