"""The turn of the delivery that is handled here, for handlers."""

from firewall.core.errors import NoTurn
from firewall.turns import current
from partywall.handle import TurnHandle


def turn() -> TurnHandle:
    """Give the turn that is open here.

    Raises:
        NoTurn: No turn is open in this context.
        TurnClosed: The turn that this context still carries has ended.
    """
    handle = current().handle
    if not isinstance(handle, TurnHandle):
        raise NoTurn("the turn that is open here was not opened by a wall")
    return handle
