"""A model request on its way out, and the reply on its way back, each judged and put together again."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adapters.chat_shape import (
    flatten_reply,
    flatten_request,
    is_program_id,
    rebuild_reply,
    rebuild_request,
    without_identity,
)
from adapters.flat import REQUEST, Flat, as_list, as_object
from firewall.core.ids import TenantId, canonical
from firewall.core.message import Origin, Part, operator_part
from firewall.core.subject import Leaf, ModelCall, Span
from firewall.guard import Guard
from firewall.layers.tool_denial import Grants, dangerous
from firewall.ledger import Asked, Ledger
from firewall.templates import Template
from firewall.tools import ToolTable
from partywall.joined import joined
from partywall.prompt import Line, composed, sourced
from partywall.restored import resolved_messages

Request = Mapping[str, object]

# What any request may say of the form of its answer, besides what was registered: words of the protocol.
_FORMATS = frozenset({"type", "text", "json_object", "json_schema", "name", "schema", "strict"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Judges chat-completion requests and replies for a turn.

    Attributes:
        guard: Judges and records.
        tools: Every declared tool; the catalogue a model sees is computed from it.
        grants: What each tenant may use beyond harmless tools.
    """

    guard: Guard
    tools: ToolTable
    grants: Mapping[TenantId, Grants]

    async def admit(
        self,
        ledger: Ledger,
        request: Request,
        templates: Sequence[Template],
        *,
        history: int,
        formats: frozenset[str] = frozenset(),
    ) -> dict[str, Any]:
        """Give the request as this turn may make it, under names that only this session has.

        Args:
            ledger: The turn.
            request: What the bot wants to ask.
            templates: Registered texts.
            history: How many parts of the session's history to give.
            formats: The strings of registered response formats.

        Raises:
            Denied: It holds something that cannot be dropped and is not this turn's.
            Unreadable: It holds something that is not covered.
        """
        asked = self._with_catalogue(ledger, without_identity(request))
        presented = resolved_messages(ledger.placeholders, asked.get("messages"))
        prompt = composed(ledger, presented, templates=templates, history=history)
        asked["messages"] = [line.message for line in prompt.lines]
        flat = flatten_request(asked)
        leaves = tuple(_sourced(each, prompt.lines, formats) for each in flat.leaves)
        call = ModelCall(
            leaves=leaves,
            exchanges=flat.exchanges,
            system=flat.system,
            tools=flat.tools,
            ours=prompt.ours,
        )
        judged = await self.guard.model_call(ledger, call)
        kept = {each.group for each in judged.leaves}
        dropped = {each.group for each in leaves} - kept
        rebuilt = rebuild_request(asked, flat, judged.leaves, dropped - {REQUEST})
        return {**rebuilt, **self._identity(ledger)}

    async def release(self, ledger: Ledger, reply: Request) -> dict[str, Any]:
        """Give a normalised reply as it may be shown, and remember it as this session's own.

        Raises:
            Denied: Something in it may not pass and cannot be cut.
            Unreadable: It holds something that is not covered.
        """
        flat = flatten_reply(reply)
        judged = await self.guard.model_reply(
            ledger, tuple(replace(each, fixed=each.fixed or _is_call(each)) for each in flat.leaves)
        )
        safe = _unfixed(flat, judged)
        for each in joined([leaf for leaf in safe if not is_program_id(leaf.slot)]):
            await self.guard.model_reply(ledger, (each,))
        parts = await self.guard.produced(ledger, _said(judged))
        return _noted(ledger, rebuild_reply(reply, flat, safe), parts[-1])

    async def release_text(self, ledger: Ledger, text: str) -> str:
        """Judge a stretch of a reply's text that no finding crosses the ends of; it is not yet remembered."""
        leaves = (Leaf(slot="stream", spans=(Span(text=text, source=None),)),)
        return (await self.guard.model_reply(ledger, leaves))[0].text

    def _with_catalogue(self, ledger: Ledger, request: dict[str, Any]) -> dict[str, Any]:
        """Offer the tools this principal may use, as declared, whatever the bot wrote about them."""
        offered = request.get("tools")
        if not offered:
            return {key: value for key, value in request.items() if key != "tools"}
        grants = self.grants.get(ledger.turn.principal.tenant, Grants())
        entries = [
            tool.catalogue_entry
            for name in _names(offered)
            if (tool := self.tools.get(name)) is not None
            and (dangerous(name) is None or name in grants.tools)
            and (grants.only is None or name in grants.only)
        ]
        rest = {key: value for key, value in request.items() if key not in ("tools", "tool_choice")}
        if not entries:
            return rest
        choice = {"tool_choice": request["tool_choice"]} if "tool_choice" in request else {}
        return {**rest, **choice, "tools": entries}

    def _identity(self, ledger: Ledger) -> dict[str, str]:
        # The session's id is a keyed hash, so a provider learns that two requests belong together, not whose.
        return {"user": ledger.digest(("user", ledger.turn.session))[:32]}


def format_texts(wanted: Mapping[str, object]) -> frozenset[str]:
    """Give every string of a response format, keys included, as they stand in a request.

    Raises:
        Unreadable: It is no plain value, or nested too deep.
    """
    flat = flatten_request({"model": "", "messages": [], "response_format": dict(wanted)})
    return frozenset(each.text for each in flat.leaves)


def _names(offered: object) -> list[str]:
    """Give the names of offered functions, each once, in order; what is no function has none."""
    found: dict[str, None] = {}
    for each in as_list(offered, "tools"):
        function = as_object(as_object(each, "tools").get("function"), "tools.function")
        if isinstance(name := function.get("name"), str):
            found[name] = None
    return list(found)


def _sourced(each: Leaf, lines: Sequence[Line], formats: frozenset[str]) -> Leaf:
    """Account for a composed message by its line, for the catalogue, and for a registered response format."""
    if each.group >= 0:
        return sourced(each, lines[each.group])
    asked_for = each.slot.startswith("response_format.") and (each.text in formats or each.text in _FORMATS)
    if asked_for or each.slot.startswith(("tools.", "tool_choice.")):
        return replace(each, spans=(Span(text=each.text, source=operator_part(each.text)),))
    return each


def _noted(ledger: Ledger, reply: dict[str, Any], part: Part) -> dict[str, Any]:
    """Draw ids for the calls of a reply, by which this turn knows them again, and remember its messages."""
    for message in (choice["message"] for choice in reply["choices"] if choice["message"].get("tool_calls")):
        for call in message["tool_calls"]:
            call["id"] = f"call_{ledger.name('call')}"
        asked = Asked(message=copy.deepcopy(message), part=part)
        ledger.calls |= dict.fromkeys((call["id"] for call in message["tool_calls"]), asked)
    return reply


def _call_of(slot: str) -> str | None:
    """Name the tool call a leaf belongs to: `messages.3.tool_calls.0`, or None."""
    head, found, tail = slot.partition(".tool_calls.")
    return f"{head}{found}{tail.split('.', 1)[0]}" if found else None


def _is_call(each: Leaf) -> bool:
    return _call_of(each.slot) is not None


def _said(leaves: Sequence[Leaf]) -> list[tuple[str, Origin]]:
    """Give what a reply said: its texts, and last everything it called as one text, which may be empty."""
    texts = [(each.text, Origin.MODEL) for each in leaves if not _is_call(each) and each.text]
    calls = [each.text for each in leaves if _is_call(each) and not is_program_id(each.slot)]
    return [*texts, (canonical(*calls) if calls else "", Origin.CALL)]


def _unfixed(flat: Flat, judged: Sequence[Leaf]) -> list[Leaf]:
    return [replace(each, fixed=before.fixed) for before, each in zip(flat.leaves, judged, strict=True)]
