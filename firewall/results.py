"""Whose a tool's result is, by what the tool declared and by the turn that called it."""

from firewall.core.errors import IntegrityError
from firewall.core.label import Label, Members, Owned, Principals, admits
from firewall.core.session import Turn
from firewall.core.subject import ArgumentKind, Reads, ToolSpec


def result_label(turn: Turn, spec: ToolSpec) -> Label:
    """Give the strictest thing a tool declares about whose its result is.

    The sources are not joined: a join of "all members" and "this room" would be the room, although the room
    may hold people who are no members. The first source that this audience may not read decides.

    Raises:
        IntegrityError: The turn is nobody's; it should have been refused before.
    """
    kinds = set(spec.arguments.values())
    tenant = turn.principal.tenant
    sources: list[Label] = []
    if kinds & {ArgumentKind.BOUND_TENANT, ArgumentKind.BOUND_REALM} or spec.reads is Reads.TENANT:
        sources.append(Owned(tenant=tenant, readers=Members()))
    placed = any(kind.is_path for kind in kinds) or bool(
        kinds & {ArgumentKind.BOUND_SESSION, ArgumentKind.BOUND_TURN}
    )
    if ArgumentKind.BOUND_PRINCIPAL in kinds or (spec.reads is Reads.OWN and not placed):
        sources.append(Owned(tenant=tenant, readers=Principals(ids=frozenset({turn.principal.id}))))
    for source in sources:
        if not admits(source, turn.audience):
            return source
    written = turn.writes
    if written is None:
        raise IntegrityError("a tool ran in a turn that nobody could own")
    return written
