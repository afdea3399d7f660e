"""The policies that a configuration names: read, held against the schema, and put into their scopes."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from firewall.core.errors import ConfigError
from firewall.core.ids import TenantId
from firewall.policy.policies import Policies
from firewall.policy.rule import Rule, rules
from firewall.policy.scope import Level, Scope
from partywall.config import Config, Profile
from partywall.doctor import Check, failure, ok, warning


def policies_of(config: Config) -> Policies:
    """Give every scope that has files; in the profile `observe` all rules are only watched.

    Raises:
        ConfigError: A file cannot be read, or a policy of it is refused.
    """
    watching = config.profile is Profile.OBSERVE
    ruled = config.policy
    tenants = ((each.id, _scope(Level.TENANT, each.policy.files, watching)) for each in config.tenants)
    places = ((each.place, _scope(Level.CONVERSATION, each.files, watching)) for each in ruled.conversations)
    tasks = ((each.job, _scope(Level.TASK, each.files, watching)) for each in ruled.tasks)
    return Policies(
        deployment=_scope(Level.DEPLOYMENT, ruled.files, watching),
        tenants={TenantId(name): scope for name, scope in tenants if scope is not None},
        conversations={place: scope for place, scope in places if scope is not None},
        tasks={job: scope for job, scope in tasks if scope is not None},
    )


def read(path: str | Path) -> tuple[Rule, ...]:
    """Read the policies of a file.

    Raises:
        ConfigError: It cannot be read, or a policy of it is refused.
    """
    return rules(text_of(path), str(path))


def text_of(path: str | Path) -> str:
    """Read a file of policies as text.

    Raises:
        ConfigError: It is not there, or is no text.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{path}: the file of policies cannot be read ({error.strerror}); check `files`"
        ) from error
    except UnicodeDecodeError:
        # Not chained: the error carries the file.
        raise ConfigError(f"{path}: the file of policies is not UTF-8 text") from None


def everybodys(config: Config) -> Iterator[tuple[str, str]]:
    """Give digests of the policies that are no tenant's own: what one tenant forbids is not in it.

    Raises:
        ConfigError: A file cannot be read.
    """
    tasks = [(f"task {each.job}", each.files) for each in config.policy.tasks]
    for name, files in (("deployment", config.policy.files), *tasks):
        for each in files:
            yield name, hashlib.sha256(text_of(each).encode()).hexdigest()


def examined(config: Config) -> Iterator[Check]:
    """Check that the policies can be read, and say how many of them act."""
    try:
        policies = policies_of(config)
    except ConfigError as error:
        yield failure("policies", error)
        return
    scopes = [
        *filter(None, (policies.deployment,)),
        *policies.tenants.values(),
        *policies.conversations.values(),
        *policies.tasks.values(),
    ]
    found = [each for scope in scopes for each in scope.rules]
    if not found:
        yield ok("policies", "none")
        return
    watched = sum(each.shadow for each in found)
    yield ok("policies", f"{len(found)} in {len(scopes)} scopes, {watched} of them only watched")
    waiting = sorted({each.id for each in found if each.duty == "approve" and not each.shadow})
    if waiting:
        yield warning(
            "policies",
            f"{', '.join(waiting)}: asks for an approval, which nobody can give yet, so it denies",
            'set @mode("shadow") until approvals are there, or forbid it outright',
        )


def _scope(level: Level, files: Sequence[str], watching: bool) -> Scope | None:
    found = tuple(rule for each in files for rule in read(each))
    return Scope(level=level, rules=found, watching=watching) if found else None
