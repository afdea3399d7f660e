"""What one delivery names besides its words: what an answer to it may refer to."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

from firewall.core.ids import TurnId
from firewall.core.message import Message
from firewall.core.session import Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One delivery whose turn was opened.

    Attributes:
        turn: Its turn; another turn has nothing to do with what is named here.
        sender: Slack's id of who did it.
        roots: Messages it is about: a reply in a thread under one of them stands in the turn's own place.
        trigger: What lets a modal be opened for the sender, or empty.
        view: The view the sender was looking at, or empty.
        response_url: Where an answer to this delivery goes, or empty.
        ephemeral: True if it is about a message that the sender alone sees.
    """

    turn: TurnId
    sender: str
    roots: frozenset[str]
    trigger: str
    view: str
    response_url: str
    ephemeral: bool


_visit: ContextVar[Visit | None] = ContextVar("partywall_slack_visit", default=None)


def begin(turn: Turn, message: Message, body: Mapping[str, Any]) -> None:
    """Say which delivery is handled from here on, in this context."""
    event = _part(body, "event")
    about = [event.get("ts"), _part(event, "message").get("ts"), _part(event, "item").get("ts")]
    about += [_part(body, "message").get("ts"), _part(body, "container").get("message_ts"), message.id]
    _visit.set(
        Visit(
            turn=turn.id,
            sender=message.sender.id,
            roots=frozenset(one for one in about if isinstance(one, str) and one),
            trigger=_text(body.get("trigger_id")),
            view=_text(_part(body, "view").get("id")),
            response_url=_text(body.get("response_url")),
            ephemeral=_part(body, "container").get("is_ephemeral") is True,
        )
    )


def end() -> None:
    """Say that no delivery is handled yet in this context, whatever was before."""
    _visit.set(None)


def visit_of(turn: Turn) -> Visit | None:
    """Give the delivery that opened this turn, or None where something else did."""
    found = _visit.get()
    return found if found is not None and found.turn == turn.id else None


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = body.get(name)
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
