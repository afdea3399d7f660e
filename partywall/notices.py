"""What every way into the wall does alike: show what was judged, excuse a refusal, purge, pass over."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from adapters.doors import Act, Tell
from adapters.wire import Deleted
from firewall.core.subject import Form
from firewall.ledger import Ledger
from firewall.templates import Template
from firewall.turns import OpenTurn
from partywall.public import NO_ANSWER
from partywall.runtime import Runtime
from partywall.wall import Wall

T = TypeVar("T")
_LOG = logging.getLogger("partywall")
_WORD = re.compile(r"[^A-Za-z0-9_./-]")


def failure(ref: str) -> str:
    """Give what a sender is told whose answer failed; constant but for the reference."""
    return f"{NO_ANSWER}{ref}"


async def sent(
    runtime: Runtime,
    ledger: Ledger,
    act: Act,
    templates: Sequence[Template],
    do: Callable[[Mapping[str, str]], Awaitable[T]],
) -> T:
    """Judge an act and do it with the texts that were judged; its intent is on record before.

    Raises:
        Denied: It may not be shown.
    """
    own = act.opaque <= ledger.attached
    judged = await runtime.guard.outbound(
        ledger,
        act.texts,
        destination=act.destination,
        private=act.private,
        # What is neither text nor a file of this turn's own is content that nobody has read.
        form=act.form if own else Form.UNKNOWN,
        templates=templates,
        names=act.names,
    )

    async def done() -> T:
        return await do(judged)

    shown = [*judged.values(), *sorted(act.opaque)]
    return await runtime.guard.effect(ledger, act.method, shown, done)


async def excuse(wall: Wall, opened: OpenTurn, text: str, tell: Tell) -> None:
    """Tell the sender of a turn one constant text, alone; never raises.

    Args:
        wall: The wall.
        opened: The turn, still open.
        text: Says that it was refused or failed, and a reference; nothing about why.
        tell: Shows it.
    """

    async def show(_: Mapping[str, str]) -> None:
        await tell(text)

    turn = opened.turn
    notice = Act(
        method="notice", destination=turn.destination, private=True, form=Form.NOTICE, texts={"text": text}
    )
    try:
        runtime = await wall.runtime()
        # A platform that does not answer must not hold the session.
        async with asyncio.timeout(wall.config.limits.turn_idle_s):
            await sent(runtime, opened.alive(), notice, (Template(pieces=(text,)),), show)
    except Exception as error:  # noqa: BLE001  the turn is over; whatever the platform said must not undo that
        _LOG.warning("could not tell the sender: %s, ref %s", type(error).__name__, turn.ref)


async def purge(wall: Wall, deleted: Deleted) -> None:
    """Empty what was said in the turns of messages that were taken back; see `adapters.doors.Door`."""
    if not deleted.verified:
        return passed_over("deletion", "nobody vouches for where it came from")
    runtime = await wall.runtime()
    count = await runtime.vault.sessions.forget(deleted.conversation, deleted.ids)
    _LOG.info("emptied %s parts of %s messages that were taken back", count, len(deleted.ids))
    return None


def passed_over(kind: str, problem: str) -> None:
    """Log that a delivery was not passed on: the platform's name of its kind, and why, without content."""
    _LOG.info("passed over a delivery (%s): %s", _WORD.sub("?", kind)[:64], problem)
