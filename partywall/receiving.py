"""What came with a message, fetched into the compartment of its turn before anybody answers."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

from firewall.core.errors import Denied, ServiceUnavailable
from partywall.handle import TurnHandle
from partywall.routed import Routed

_LOG = logging.getLogger("partywall")


async def received(turn: TurnHandle, outlet: Routed) -> None:
    """Keep every file of the turn's message that may be kept; of each that is not, the model is told so.

    One that is refused is on record, and stops neither the others nor the answer.
    """
    for number, attachment in enumerate(turn.attachments, start=1):
        pieces = cast("AsyncGenerator[bytes]", outlet.fetch(attachment))
        try:
            async with aclosing(pieces):
                await turn.keep(number, pieces)
        except Denied:
            continue
        except ServiceUnavailable as error:
            _LOG.warning("a file was not kept: %s, ref %s", type(error).__name__, turn.ref)
