"""The enforcement point: every edge between the world and the agent passes through one of these methods.

Each builds the subject, has the stack judge it, and gives back exactly what was judged, or raises `Denied`.
The caller goes on only with what it was given; nothing else leaves this module.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from firewall.accounting import derived_spans
from firewall.core.errors import Denied
from firewall.core.identity import Conversation, Sender
from firewall.core.ids import CallId, TenantId
from firewall.core.message import Message, Origin, Part
from firewall.core.ports import ExcerptIndex, SessionStore
from firewall.core.subject import (
    Filed,
    Form,
    Inbound,
    Json,
    Leaf,
    ModelCall,
    ModelReply,
    Outbound,
    Span,
    Subject,
    ToolCall,
    ToolResult,
    ToolSpec,
    leaf,
)
from firewall.detect.own import OwnValues, kept
from firewall.learning import learn_whole
from firewall.ledger import Ledger
from firewall.outcomes import Outcomes
from firewall.results import result_label
from firewall.stack import Last, Refused, Stack
from firewall.templates import OWN_PHRASES, Template

T = TypeVar("T")
_LOG = logging.getLogger("partywall")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Judges and records each edge of a turn.

    Attributes:
        stack: The layers, in order.
        sessions: Where the turn's parts are kept.
        outcomes: Where intents and outcomes are kept, outcomes without waiting.
        excerpts: Learns what was said and by whom.
        own: Finds what of a tenant's senders no provider may see; None where they want nothing replaced.
    """

    stack: Stack
    sessions: SessionStore
    outcomes: Outcomes
    excerpts: ExcerptIndex
    own: Callable[[TenantId], OwnValues | None] = kept

    async def inbound(self, ledger: Ledger, message: Message, *, stranger: bool = False) -> None:
        """Admit a message, and keep its words as the sender's own.

        Args:
            ledger: The turn it opens.
            message: What arrived; the words of a job are empty.
            stranger: True if a job's creator has never spoken at its destination.

        Raises:
            Denied: The sender, the tenant or the text is not acceptable.
        """
        ledger.substitute(self.own(ledger.turn.principal.tenant))
        own = ledger.turn.writes
        words = None if own is None else ledger.part(message.text, Origin.SENDER)
        quotes = [] if own is None else [ledger.part(each.text, Origin.QUOTED) for each in message.quotes]
        files = [] if own is None else [ledger.part(each.name, Origin.FILE) for each in message.attachments]
        name = None if own is None or stranger else _new_name(ledger, message.name)
        leaves = [leaf("text", message.text, words)]
        leaves += [leaf(f"quotes.{index}", part.text, part) for index, part in enumerate(quotes)]
        leaves += [leaf(f"files.{index}", part.text, part) for index, part in enumerate(files)]
        leaves += [leaf("name", name.text, name)] if name is not None else []
        await self._judged(ledger, Inbound(leaves=tuple(leaves), sender=message.sender, stranger=stranger))
        said = [part for part in (*quotes, *files, words) if part is not None and part.text]
        kept = said if name is None else [name, *said]
        ledger.said += kept
        await self._keep(ledger, kept)

    async def file(self, ledger: Ledger, sender: Sender, filed: Filed) -> None:
        """Admit a file that came with the turn's message, by what is known of it; before it is fetched, too.

        Raises:
            Denied: There are too many, it is too long, or what its bytes are is not allowed.
        """
        await self._judged(ledger, Inbound(leaves=(), sender=sender, filed=filed))

    async def filed(self, ledger: Ledger, text: str) -> None:
        """Keep what is told of a file that was admitted, as part of the message that it came with."""
        part = ledger.part(text, Origin.FILE)
        ledger.said.append(part)
        await self._keep(ledger, [part], learn=False)

    async def model_call(self, ledger: Ledger, call: ModelCall) -> ModelCall:
        """Judge an accounted request and give it back as a provider may see it: only what this turn may read.

        Raises:
            Denied: Something in it cannot be dropped and is not this turn's.
        """
        judged = await self._judged(ledger, call, ledger.placeholders.hide)
        assert isinstance(judged, ModelCall)  # noqa: S101  the stack keeps the kind; tells the type checker
        return judged

    async def model_reply(self, ledger: Ledger, leaves: tuple[Leaf, ...]) -> tuple[Leaf, ...]:
        """Judge what a model said; what comes back may be shown and remembered.

        Raises:
            Denied: A finding stands where nothing may be altered.
        """
        judged = await self._judged(ledger, ModelReply(leaves=leaves))
        return judged.leaves

    async def produced(self, ledger: Ledger, texts: Sequence[tuple[str, Origin]]) -> list[Part]:
        """Keep judged texts as parts of this session, in order; they account for what follows."""
        parts = [ledger.part(text, origin, derived_from=ledger.produced[-1:]) for text, origin in texts]
        ledger.produced += parts
        await self._keep(ledger, [part for part in parts if part.text], learn=False)
        return parts

    async def tool_call(
        self,
        ledger: Ledger,
        name: str,
        spec: ToolSpec | None,
        arguments: Mapping[str, Json],
        *,
        fits: bool,
    ) -> ToolCall:
        """Judge a call; the arguments that come back are the ones to execute, unchanged.

        Raises:
            Denied: It is unknown, not granted, malformed, or names something it may not reach.
        """
        subject = ToolCall(
            call=CallId(ledger.name("call")),
            name=name,
            spec=spec,
            arguments=arguments,
            leaves=tuple(argument_leaves(arguments)),
            fits=fits,
            said=tuple(part for part in ledger.said if part.origin is Origin.SENDER),
        )
        judged = await self._judged(ledger, subject)
        assert isinstance(judged, ToolCall)  # noqa: S101  the stack keeps the kind; tells the type checker
        return judged

    async def tool_result(
        self,
        ledger: Ledger,
        call: ToolCall,
        spec: ToolSpec,
        text: str,
        *,
        owners: frozenset[TenantId] = frozenset(),
        fits: bool = True,
        learn: bool = True,
    ) -> str:
        """Judge what a tool returned, and keep what may be read of it; our own words are not to be learned.

        Raises:
            Denied: Its rows belong to another tenant, or its readers do not admit the audience.
        """
        label = result_label(ledger.turn, spec)
        subject = ToolResult(
            call=call.call,
            spec=spec,
            label=label,
            leaves=(leaf("result", text, None),),
            owners=owners,
            fits=fits,
        )
        judged = await self._judged(ledger, subject)
        safe = judged.leaves[0].text
        part = ledger.part(safe, Origin.TOOL)
        ledger.produced.append(part)
        await self._keep(ledger, [part] if safe else [], learn=learn)
        return safe

    async def outbound(
        self,
        ledger: Ledger,
        texts: Mapping[str, str],
        *,
        destination: Conversation,
        private: bool,
        form: Form,
        templates: Sequence[Template],
        names: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """Judge what is about to be shown, by slot; only what comes back may be sent.

        `names` are what the bot's program calls its parts, by slots of their own; they are never altered.

        Raises:
            Denied: It would go elsewhere, to more people, or holds what cannot be cut.
        """
        phrases = (*OWN_PHRASES, *templates)
        leaves = tuple(
            # A note that was cut would come back altered in a later turn, where nothing is on record of it.
            Leaf(
                slot=slot, spans=_shown(text, ledger.produced, phrases), fixed=form in (Form.NOTE, Form.FILE)
            )
            for slot, text in (texts if form is Form.FILE else ledger.resolved(texts)).items()
        )
        named: Mapping[str, str] = names or {}
        leaves += tuple(leaf(slot, text, None, fixed=True) for slot, text in named.items())
        whole = Outbound(destination=destination, private=private, form=form, leaves=leaves)
        judged = await self._judged(ledger, replace(whole, names=frozenset(named)))
        return {each.slot: each.text for each in judged.leaves if each.slot not in named}

    async def effect(
        self, ledger: Ledger, kind: str, texts: Sequence[str], act: Callable[[], Awaitable[T]]
    ) -> T:
        """Do something to the world: its intent is committed before, its outcome is handed in after.

        Nobody waits for the outcome but the session's next effect or turn, before which it is durable. A
        cancellation leaves the outcome unknown on purpose: whether it happened is not known here.
        """
        session = ledger.turn.session
        if ledger.noted is not None:
            # Shielded: whoever gives up on one effect must not take the note from the others.
            await asyncio.shield(ledger.noted)
        await self.outcomes.settle(session)
        effect = await self.outcomes.store.intend(ledger.turn, kind, ledger.digest(texts))
        try:
            done = await act()
        except Exception:
            self.outcomes.hand_in(session, effect, "failed")
            raise
        self.outcomes.hand_in(session, effect, "done")
        ledger.refused = None
        return done

    async def _judged(self, ledger: Ledger, subject: Subject, last: Last | None = None) -> Subject:
        ruling = await self.stack.judge(ledger.turn, subject, ledger.read, last=last)
        if isinstance(ruling, Refused):
            _LOG.warning("denied %s: %s, ref %s", subject.kind.value, ruling.reason.value, ledger.turn.ref)
            refusal = Denied(ruling.reason.value, ledger.turn.ref)
            if not isinstance(subject, ToolCall | ToolResult):
                # A refused tool answers the model, which goes on; anything else may end the turn unanswered.
                ledger.refused = refusal
            raise refusal
        return ruling.subject

    async def _keep(self, ledger: Ledger, parts: Sequence[Part], *, learn: bool = True) -> None:
        if not parts:
            return
        if learn:
            for part in parts:
                # What the platform shows to everybody is nobody's excerpt.
                if part.origin is not Origin.NAME:
                    await learn_whole(self.excerpts, part)
        ledger.session = await self.sessions.append(ledger.session, parts)


def _new_name(ledger: Ledger, name: str) -> Part | None:
    """Draw a part for what the platform shows the sender as, unless this session knows it."""
    known = next((part.text for part in reversed(ledger.read) if part.origin is Origin.NAME), "")
    return ledger.part(name, Origin.NAME) if name and name != known else None


def argument_leaves(arguments: Mapping[str, Json]) -> list[Leaf]:
    """Give every string of the arguments, keys included, in order; nothing in them may be altered."""
    found: list[Leaf] = []
    pending: list[tuple[str, Json]] = [(name, value) for name, value in reversed(list(arguments.items()))]
    while pending:
        slot, value = pending.pop()
        if isinstance(value, str):
            found.append(leaf(slot, value, None, fixed=True))
        elif isinstance(value, list):
            pending += [(f"{slot}.{index}", each) for index, each in reversed(list(enumerate(value)))]
        elif isinstance(value, dict):
            for index, (key, each) in reversed(list(enumerate(value.items()))):
                pending += [(f"{slot}.{index}", each), (f"{slot}.{index}.key", key)]
    return found


def _shown(text: str, produced: Sequence[Part], templates: Sequence[Template]) -> tuple[Span, ...]:
    for template in templates:
        spans = template.spans(text)
        if spans is not None:
            return tuple(
                piece
                for span in spans
                for piece in ((span,) if span.source is not None else derived_spans(span.text, produced))
            )
    return derived_spans(text, produced)
