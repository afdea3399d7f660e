"""The policies of a wall: which scopes a turn is judged by, and what they say together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from firewall.core.ids import TenantId
from firewall.core.session import Turn
from firewall.policy.cedar import Question
from firewall.policy.scope import Opinion, Scope, together

Where = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """Every scope that an operator has written rules for.

    Attributes:
        deployment: For all turns, or None.
        tenants: For the turns of a tenant's principals.
        conversations: For turns whose answer goes to a place, by channel, realm and id; its threads included.
        tasks: For the runs of a job, by its name.
    """

    deployment: Scope | None = None
    tenants: Mapping[TenantId, Scope] = field(default_factory=dict[TenantId, Scope])
    conversations: Mapping[Where, Scope] = field(default_factory=dict[Where, Scope])
    tasks: Mapping[str, Scope] = field(default_factory=dict[str, Scope])

    def of(self, turn: Turn) -> Sequence[Scope]:
        """Give the scopes of a turn, the widest first; each of them has to agree."""
        where = turn.destination
        found = (
            self.deployment,
            self.tenants.get(turn.principal.tenant),
            self.conversations.get((where.channel, where.realm, where.id)),
            None if turn.job is None else self.tasks.get(turn.job),
        )
        return [each for each in found if each is not None]


def agreed(scopes: Sequence[Scope], asked: Sequence[Question]) -> Opinion:
    """Give what all scopes say to all questions: one no anywhere is a no."""
    return together(scope.opinion(each) for scope in scopes for each in asked)
