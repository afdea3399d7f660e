"""What the wall and its operators say to everybody: it is nobody's excerpt, whoever says it as well.

The attack: somebody sends the words of a prompt, or those by which a tool failed, as a message. Were these
then known as theirs, every other tenant's bot would be denied its own prompt from there on.

Prompts count that were registered before the wall opened. What is registered in a handler may have been put
together from what somebody said, and must stay theirs.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from firewall.core.errors import Denied
from firewall.templates import OWN_PHRASES, Template
from partywall.prompt import NO_RESULT
from sandbox.errors import (
    EgressFailure,
    EgressFault,
    EntryFault,
    EscapeFault,
    PathFault,
    ProcessFault,
    QuotaLimit,
    ReadOnlyRefused,
)

# What a sender is told whose answer failed, before the reference.
NO_ANSWER: Final = "Something went wrong, so there is no answer. Reference: "
# What built-in tools answer where they cannot do what they were asked to.
_ERROR: Final = "error: "
_UNREACHABLE: Final = "this is not a file you can reach"


def constant_texts(templates: Iterable[Template]) -> Iterator[str]:
    """Give every constant text of ours, and of these templates without their holes."""
    for template in (*OWN_PHRASES, *templates):
        yield from template.pieces
    yield from (NO_RESULT, NO_ANSWER, str(Denied("", "")))
    faults = chain(EntryFault, EscapeFault, PathFault, QuotaLimit, ProcessFault, EgressFault, EgressFailure)
    for fault in (*faults, ReadOnlyRefused(), _UNREACHABLE):
        yield f"{_ERROR}{fault}"
