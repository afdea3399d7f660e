"""Traces: one OpenTelemetry span for each turn, without content; nothing where the operator set none up."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from firewall.core.session import Turn

_NAME: Final = "partywall.turn"


class Traces:
    """Opens a span for each turn, at the tracer provider that the operator has set.

    What the bot calls while the turn is open hangs below it, in whatever way its own libraries are traced.
    """

    def __init__(self) -> None:
        self._tracer = trace.get_tracer("partywall")

    @contextmanager
    def span(self, turn: Turn) -> Generator[str | None]:
        """Follow a turn for as long as this is open; give the id of its trace, 32 hex digits.

        The span tells its tenant, its channel, its ref and, if it failed, the type of the error. The error
        itself may be the bot's, with words of the sender in it: it is not recorded.
        """
        told = {
            "partywall.tenant": turn.principal.tenant,
            "partywall.channel": turn.key.channel,
            "partywall.ref": turn.ref,
        }
        with self._tracer.start_as_current_span(
            _NAME,
            kind=SpanKind.SERVER,
            attributes=told,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            context = span.get_span_context()
            try:
                yield trace.format_trace_id(context.trace_id) if context.is_valid else None
            except BaseException as error:
                span.set_attribute("error.type", type(error).__qualname__)
                span.set_status(StatusCode.ERROR)
                raise
