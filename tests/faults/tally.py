"""Whether everything that must be there is there, once: records, receipts and alerts, each compared by id."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from firewall.core.verdict import Severity
from tests.fakes.eventful import ACME, GLOBEX
from tests.fakes.receivers import Heard, Receiver
from tests.faults.turns import Happened, Told
from vault.delivery import Delivery, DeliveryState
from vault.ledger import Filter, Stored
from vault.open import Vault

_GRAVE = {Severity.HIGH, Severity.CRITICAL}
_MANY = 10_000_000
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What was counted.

    Attributes:
        seen: How much there is of each kind.
        wrong: How much is not as it must be, by what is wrong; empty if nothing is.
        named: Some of what is wrong, likewise, in words for who looks for the cause.
    """

    seen: Mapping[str, int]
    wrong: Mapping[str, int]
    named: Mapping[str, Sequence[str]]


async def tallied(vault: Vault, told: Told, far: Receiver) -> Tally:
    """Count.

    Raises:
        ChainBroken: A chain or the log does not verify.
    """
    kept = [each async for each in vault.records.export(Filter(violation=None))]
    made = await vault.deliveries.listed(limit=_MANY)
    there = Counter(Happened(tenant=one.tenant, ref=one.ref, rule=one.record.rule) for one in kept)
    named, receipts = await _receipts(vault)
    heard = far.taken
    bodies = _bodies(heard)
    violations = [each for each in kept if each.record.violation]
    seen = {
        "acknowledged": len(told.written),
        "unsure": len(told.unsure),
        "unsure_kept": len(told.unsure & there.keys()),
        "records": len(kept),
        "violations": len(violations),
        "receipts": receipts,
        "messages": len(made),
        "requests": len(far.requests),
    }
    bad: dict[str, Sequence[object]] = {
        "missing": list(told.written - there.keys()),
        "doubled": list((there - Counter(set(there))).elements()),
        "unexpected": list(there.keys() - told.written - told.unsure),
        "receipts_off": _apart(named, Counter((one.tenant, one.seq, one.ref) for one in kept)),
        "unlogged": [None] * abs((await vault.checkpoints.verify()).size - receipts),
        "undelivered": [each for each in made if each.state is not DeliveryState.SENT],
        "silent": list({each.id for each in made} ^ bodies.keys()),
        "two_bodies": [each for each in bodies.values() if len(each) != 1],
        "out_of_order": _out_of_order(made, heard),
        "alerts_off": _apart(_wanted(violations), _counted(made)),
    }
    return Tally(
        seen=seen,
        wrong={what: len(found) for what, found in bad.items() if found},
        named={what: [str(each) for each in found[:_NAMED]] for what, found in bad.items() if found},
    )


def facts(heard: Heard) -> dict[str, Any]:
    """Give what a message says."""
    data: dict[str, Any] = json.loads(heard.body)["data"]
    return data


async def _receipts(vault: Vault) -> tuple[Counter[Any], int]:
    """Give one entry for each record that a receipt names, and how many receipts there are."""
    named, total = Counter[Any](), 0
    for tenant in (ACME, GLOBEX):
        async for each in vault.records.receipts(tenant):
            total += 1
            body = json.loads(each.body)
            named.update((tenant, each.seq, body["ref"]) for _ in body["records"])
        await vault.records.verify(tenant)
    return named, total


def _apart(one: Counter[Any], other: Counter[Any]) -> list[object]:
    return list(((one - other) + (other - one)).elements())


def _bodies(heard: Sequence[Heard]) -> dict[str, set[bytes]]:
    found: defaultdict[str, set[bytes]] = defaultdict(set)
    for each in heard:
        found[each.headers["webhook-id"]].add(each.body)
    return found


def _out_of_order(made: Sequence[Delivery], heard: Sequence[Heard]) -> list[str]:
    """Give the incidents whose messages arrived for the first time in another order than they were made."""
    order: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for each in heard:
        order[facts(each)["incident"]][each.headers["webhook-id"]] = None
    wanted: defaultdict[str, list[str]] = defaultdict(list)
    for one in made:
        wanted[one.incident].append(one.id)
    return [incident for incident, ids in wanted.items() if list(order[incident]) != ids]


def _wanted(violations: Sequence[Stored]) -> Counter[Any]:
    """Count the violations that each route must have told of, by tenant and rule."""
    found = Counter[Any]()
    for one in violations:
        routes = ["all"]
        routes += ["grave"] if one.tenant == ACME and one.record.severity in _GRAVE else []
        routes += ["theirs"] if one.tenant == GLOBEX else []
        found.update((route, one.tenant, one.record.rule) for route in routes)
    return found


def _counted(made: Sequence[Delivery]) -> Counter[Any]:
    """Count the violations that each route told of: the last message of an incident counts all of its own."""
    last = {(one.route, one.tenant, one.rule, one.incident): one.count for one in made}
    found = Counter[Any]()
    for (route, tenant, rule, _), count in last.items():
        found[route, tenant, rule] += count
    return found
