"""What policies cost: a tool's call put to 10, 100 and 1,000 rules, beside cedarpy asked plainly.

Ours is the whole layer: facts, questions, the slice of each scope, and the verdict. Plainly, cedarpy is given
the same rules as one parsed set, and the same request with its entities as text; it knows no scope.
One rule in eleven is about a tool's call, as in a set that has rules for every action.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import cedarpy

from benchmarks.table import Row, compared
from firewall.core.identity import Conversation, ConversationKind, Principal, SenderKind
from firewall.core.ids import CallId, MessageId, PrincipalId, Ref, SessionId, TenantId, TurnId, canonical
from firewall.core.label import audience_of
from firewall.core.session import SessionKey, Turn
from firewall.core.subject import ArgumentKind, Reads, ToolCall, ToolSpec
from firewall.core.verdict import Allow, Case
from firewall.layers.policy import Policy
from firewall.policy.actions import ACTIONS
from firewall.policy.facts import questions
from firewall.policy.policies import Policies
from firewall.policy.rule import rules
from firewall.policy.scope import Level, Scope
from partywall.runtime import SystemClock

SIZES = (10, 100, 1_000)
LEVELS = tuple(Level)
TENANT = TenantId("ACME")
_A_ROUND = 20


def _texts(count: int, first: int = 0) -> list[str]:
    """Rules of which none matches: all of a slice are evaluated."""
    actions = sorted(ACTIONS)
    conditions = (
        "context.text.codepoints > {0}000000 && context.audience.private",
        'context.tenant == "tenant-{0}"',
        'principal.id like "U{0}-*" || principal.realm == "T{0}"',
    )
    return [
        f'@id("r{number}") forbid(principal, action == Action::"{actions[number % len(actions)]}", resource) '
        f"when {{ {conditions[number % len(conditions)].format(number + 7)} }};"
        for number in range(first, first + count)
    ]


def _case() -> Case:
    principal = Principal(
        tenant=TENANT, id=PrincipalId(canonical("slack", "T1", "U1", "human")), kind=SenderKind.HUMAN
    )
    place = Conversation(channel="slack", app="A1", realm="T1", id="D1", kind=ConversationKind.DM)
    turn = Turn(
        id=TurnId("t"),
        ref=Ref("r"),
        session=SessionId("s"),
        key=SessionKey.of(principal, place),
        principal=principal,
        audience=audience_of(principal, place, private=False),
        destination=place,
        message=MessageId("m"),
    )
    kinds = {"what": ArgumentKind.TEXT, "amount": ArgumentKind.UNDECLARED}
    call = ToolCall(
        call=CallId("c"),
        name="order",
        spec=ToolSpec(name="order", arguments=kinds, reads=Reads.PUBLIC),
        arguments={"what": "a bar of soap", "amount": 3},
        leaves=(),
    )
    return Case(turn=turn, subject=call)


def _layer(scopes: Mapping[Level, list[str]]) -> Policy:
    made = {
        level: Scope(level=level, rules=rules("\n".join(texts), "bench.cedar"))
        for level, texts in scopes.items()
    }
    policies = Policies(
        deployment=made.get(Level.DEPLOYMENT),
        tenants={TENANT: made[Level.TENANT]} if Level.TENANT in made else {},
        conversations={("slack", "T1", "D1"): made[Level.CONVERSATION]} if Level.CONVERSATION in made else {},
    )
    return Policy(policies=policies, clock=SystemClock(), host=lambda _: None)


def _spent(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(_A_ROUND):
        work()
    return (time.perf_counter() - began) / _A_ROUND * 1e6


def _judging(layer: Policy, case: Case) -> Callable[[], object]:
    def judge() -> None:
        coroutine, verdict = layer.judge(case), None
        try:
            coroutine.send(None)
        except StopIteration as stop:
            verdict = stop.value
        assert verdict == Allow()

    return judge


def _plainly(texts: list[str], case: Case) -> Callable[[], object]:
    (asked,) = questions(case, 0, lambda _: None)
    policies: Any = cedarpy.PolicySet.from_str("\n".join([*texts, "permit(principal, action, resource);"]))
    request: dict[str, Any] = {**asked.request, "context": json.loads(asked.request["context"])}
    entities = str(asked.entities)
    engine: Any = cedarpy
    plain = engine.is_authorized

    def ask() -> None:
        assert plain(request, policies, entities).allowed

    return ask


def run(rounds: int, beat: Callable[[], None]) -> tuple[list[Row], dict[str, list[float]]]:
    """Measure both sides in turn, in microseconds for one call."""
    case, rows = _case(), list[Row]()
    raw: dict[str, list[float]] = {}
    for size in SIZES:
        texts = _texts(size)
        ours, peer = _judging(_layer({Level.TENANT: texts}), case), _plainly(texts, case)
        raw[f"layer_{size}"], raw[f"cedarpy_{size}"] = _both(ours, peer, rounds, beat)
        rows.append(
            compared(
                raw[f"layer_{size}"],
                raw[f"cedarpy_{size}"],
                unit="µs",
                what=f"a tool's call, {size:,} rules of a tenant / cedarpy, all rules in one set",
            )
        )
    # The shape that LumenFlow publishes: every level has ten rules.
    levels = {level: _texts(10, 10 * number) for number, level in enumerate(LEVELS[:3])}
    together = _plainly([text for texts in levels.values() for text in texts], case)
    raw["layer_3x10"], raw["cedarpy_3x10"] = _both(_judging(_layer(levels), case), together, rounds, beat)
    rows.append(
        compared(
            raw["layer_3x10"],
            raw["cedarpy_3x10"],
            unit="µs",
            what="the same, 3 scopes of 10 rules / cedarpy, all rules in one set",
        )
    )
    bare = [_spent(_judging(_layer({}), case)) for _ in range(rounds)]
    rows.append(compared(bare, None, unit="µs", what="the same without a rule"))
    return rows, {**raw, "no_rules": bare}


def _both(
    ours: Callable[[], object], peer: Callable[[], object], rounds: int, beat: Callable[[], None]
) -> tuple[list[float], list[float]]:
    mine, theirs = list[float](), list[float]()
    for _ in range(rounds):
        mine.append(_spent(ours))
        theirs.append(_spent(peer))
        beat()
    return mine, theirs
