"""Every record store: found by any of its facts, counted, and pruned while the chain still verifies."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from firewall.core.errors import ChainBroken
from firewall.core.ids import PrincipalId, Ref, SessionId, TurnId
from firewall.core.receipt import Judgement, Mode, Record, RecordKind
from firewall.core.subject import SubjectKind
from firewall.core.verdict import ReasonCode, Severity
from tests.fakes.vaults import (
    ACME,
    GLOBEX,
    SteppedClock,
    altered,
    denial,
    judgement,
    key_of,
    opened,
    opened_turn,
    principal,
    turn,
)
from vault.ledger import Filter
from vault.open import Vault
from vault.pruning import STEP
from vault.summaries import Sender, Width

DAY_MS = 86_400_000


def shadow() -> Record:
    return Record(
        kind=RecordKind.SHADOW,
        layer="redaction",
        rule="pii.EMAIL_ADDRESS",
        severity=Severity.INFO,
        violation=False,
        touched=("m" * 32,),
    )


async def lived(vault: Vault, clock: SteppedClock) -> None:
    """One denial of each tenant, a day apart, and a watched rule of ACME's."""
    for tenant, reason, subject in (
        (ACME, ReasonCode.UNKNOWN_TOOL, SubjectKind.TOOL_CALL),
        (GLOBEX, ReasonCode.PATH_REFUSED, SubjectKind.OUTBOUND),
    ):
        async with vault.sessions.hold(key_of(tenant), wait_s=1):
            of = opened_turn(vault, turn(tenant))
            refused = replace(denial(f"rule of {tenant}"), count=2 if tenant == ACME else 1)
            made = judgement(of, refused, *((shadow(),) if tenant == ACME else ()))
            await vault.records.record(_with(made, reason, subject, f"place of {tenant}"))
        clock.at_ms += DAY_MS


def _with(made: Judgement, reason: ReasonCode, subject: SubjectKind, place: str) -> Judgement:
    return Judgement(
        tenant=made.tenant,
        session=made.session,
        turn=made.turn,
        ref=made.ref,
        subject=subject,
        allowed=False,
        reason=reason,
        records=made.records,
        bytes_scanned=1,
        digest=made.digest,
        conversation=place,
        trace=TRACE.replace("?", place[-4]),
    )


START = SteppedClock().at_ms
# Longer than what an index holds, and equal up to the last sign: the index narrows, the body decides.
TRACE = "5f" * 15 + "5?"
ACMES: Mapping[str, Filter] = {
    "tenant": Filter(tenant=ACME),
    "principal": Filter(tenant=ACME, principal=principal(ACME).id),
    "conversation": Filter(conversation="place of ACME"),
    "turn": Filter(turn=TurnId("ACME-u1-turn-1")),
    "ref": Filter(ref=Ref("ACME-u1-ref-1")),
    "subject": Filter(subject=SubjectKind.TOOL_CALL),
    "reason": Filter(reason=ReasonCode.UNKNOWN_TOOL),
    "rule": Filter(rule="rule of ACME"),
    "trace": Filter(trace=TRACE.replace("?", "A")),
    "preview": Filter(preview="tool, 4", tenant=ACME),
    "count": Filter(count=2),
    "until": Filter(until_ms=START + 1),
    "enforced-and-touched": Filter(touched="m" * 32, mode=Mode.ENFORCE, violation=None),
}
BOTHS: Mapping[str, Filter] = {
    "layer": Filter(layer="tool_denial"),
    "kind": Filter(kind=RecordKind.DENIAL),
    "severity": Filter(severity=Severity.MEDIUM),
    "receipt": Filter(receipt=1),
    "since": Filter(since_ms=START),
    "mode": Filter(mode=Mode.ENFORCE, violation=None),
}
NOBODYS: Mapping[str, Filter] = {
    "another-case": Filter(conversation="PLACE OF ACME"),
    "a-part-of-a-turn": Filter(turn=TurnId("ACME-u1-turn-")),
    "a-session-nobody-had": Filter(session=SessionId("nobody")),
    "another-principal": Filter(principal=PrincipalId("nobody")),
    "more-severe": Filter(severity=Severity.CRITICAL),
    "another-receipt": Filter(receipt=2),
    "a-wildcard": Filter(conversation="place of %"),
    "a-trace-that-begins-alike": Filter(trace=TRACE),
    "more-of-them": Filter(count=3),
    "another-length": Filter(preview="tool, 5"),
    "a-quotation": Filter(turn=TurnId('","x":"')),
}


@pytest.mark.parametrize("case", ACMES)
async def test_one_tenants_record_is_found_by_any_of_its_facts(
    vault: Vault, clock: SteppedClock, case: str
) -> None:
    await lived(vault, clock)
    assert [one.record.rule for one in await vault.records.violations(ACMES[case])] == ["rule of ACME"]


@pytest.mark.parametrize("case", BOTHS)
async def test_a_fact_that_both_share_finds_both(vault: Vault, clock: SteppedClock, case: str) -> None:
    await lived(vault, clock)
    found = await vault.records.violations(BOTHS[case])
    assert [one.tenant for one in found] == [ACME, GLOBEX]
    assert sum((await vault.records.counts(BOTHS[case])).values()) == 2


@pytest.mark.parametrize("case", NOBODYS)
async def test_what_is_not_exactly_the_fact_finds_nothing(
    vault: Vault, clock: SteppedClock, case: str
) -> None:
    await lived(vault, clock)
    assert await vault.records.violations(NOBODYS[case]) == ()


async def test_a_watched_rule_is_no_violation_and_is_found_by_its_mode(
    vault: Vault, clock: SteppedClock
) -> None:
    await lived(vault, clock)
    (found,) = await vault.records.violations(Filter(mode=Mode.SHADOW, violation=None))
    assert (found.mode, found.record.touched, found.conversation) == (
        Mode.SHADOW,
        ("m" * 32,),
        "place of ACME",
    )


async def test_pages_go_on_where_the_last_one_ended(vault: Vault) -> None:
    for n in range(7):
        await vault.records.record(judgement(turn((ACME, GLOBEX)[n % 2], number=n), denial(f"r{n}")))
    seen: list[str] = []
    after = 0
    while page := await vault.records.violations(Filter(), after=after, limit=3):
        seen += [one.record.rule for one in page]
        after = page[-1].id
    assert seen == [f"r{n}" for n in range(7)]
    assert [one.record.rule for one in await vault.records.youngest(Filter(tenant=ACME), 2)] == ["r4", "r6"]


async def test_the_youngest_are_more_than_one_page(vault: Vault) -> None:
    many = tuple(denial(f"r{n}") for n in range(701))
    await vault.records.record(judgement(turn(ACME), *many))
    await vault.records.record(judgement(turn(GLOBEX), denial("other")))
    found = await vault.records.youngest(Filter(tenant=ACME), 650)
    assert [one.record.rule for one in found] == [f"r{n}" for n in range(51, 701)]


async def test_a_record_of_an_older_program_is_read_without_what_it_lacks(shared: str) -> None:
    async with await opened(shared) as vault:
        for tenant in (ACME, GLOBEX):
            await vault.records.record(judgement(turn(tenant), shadow(), denial()))
    for lacking in ("""'"conversation":"",'""", """'"touched":[],'""", f"""'"touched":["{"m" * 32}"],'"""):
        altered(shared, f"UPDATE receipts SET body = replace(body, {lacking}, '')")  # noqa: S608 - ours
    async with await opened(shared) as vault:
        found = await vault.records.violations(Filter(reason=ReasonCode.UNKNOWN_TOOL, violation=None))
        assert [(one.conversation, one.record.touched) for one in found] == [(None, ())] * 4


async def test_a_summary_counts_rules_layers_senders_and_days(vault: Vault, clock: SteppedClock) -> None:
    await lived(vault, clock)
    await vault.records.record(judgement(turn(ACME, number=2), denial("rule of ACME"), denial("other")))
    found = await vault.records.summary(Filter(), top=2, width=Width.DAY)
    day = START - START % DAY_MS
    assert found.total == 4
    assert found.rules == (("rule of ACME", 2), ("other", 1))
    assert found.layers == (("tool_denial", 4),)
    assert found.severities == (("high", 4),)
    assert set(found.senders) == {
        (Sender(tenant=ACME, principal=principal(ACME).id), 1),
        (Sender(tenant=ACME, principal=None), 2),
    }
    assert found.trend == ((day, 1), (day + DAY_MS, 1), (day + 2 * DAY_MS, 2))
    alone = await vault.records.summary(Filter(tenant=GLOBEX), top=2, width=Width.HOUR)
    assert (alone.total, len(alone.trend), alone.trend[0][0] % 3_600_000) == (1, 1, 0)


async def told(vault: Vault) -> None:
    """Have every violation told: what nobody was told of is not pruned."""

    def job():  # type: ignore[no-untyped-def]  # noqa: ANN202 - a statement
        yield ("UPDATE outbox SET state = 'sent'", ())

    await vault.engine.writer.submit("", job)  # pyright: ignore[reportUnknownArgumentType]


async def aged(vault: Vault, clock: SteppedClock) -> None:
    """Three judgements of each tenant, a day apart."""
    for n in range(3):
        for tenant in (ACME, GLOBEX):
            await vault.records.record(judgement(turn(tenant, number=n), denial(f"r{n}")))
        clock.at_ms += DAY_MS


async def test_old_records_go_and_the_chain_still_verifies(vault: Vault, clock: SteppedClock) -> None:
    await aged(vault, clock)
    await told(vault)
    assert await vault.records.prune(START + DAY_MS) == 2
    for tenant in (ACME, GLOBEX):
        found = await vault.records.violations(Filter(tenant=tenant))
        assert [one.record.rule for one in found] == ["r1", "r2"]
        assert await vault.records.verify(tenant) == 4
        assert len([one async for one in vault.records.receipts(tenant)]) == 4
    assert await vault.records.prune(START + DAY_MS) == 0
    assert await vault.records.prune(START + 2 * DAY_MS) == 2
    assert await vault.records.verify(ACME) == 5


async def test_what_was_pruned_is_a_receipt_of_its_tenants_chain(vault: Vault, clock: SteppedClock) -> None:
    await aged(vault, clock)
    await told(vault)
    await vault.records.prune(START + DAY_MS + 1)
    for tenant in (ACME, GLOBEX):
        *_, last = [one async for one in vault.records.receipts(tenant)]
        assert json.loads(last.body) == {
            "act": "prune",
            "counts": {"records": 2},
            "tenant": tenant,
            "until": 2,
            "until_ms": START + DAY_MS,
        }
        assert last.at_ms == clock.at_ms
    # What was said once is not said again, nor is what removed nothing.
    assert await vault.records.prune(START + DAY_MS + 1) == 0
    assert len([one async for one in vault.records.receipts(ACME)]) == 4
    assert (await vault.checkpoints.verify()).size == 8


async def test_what_nobody_was_told_of_is_not_pruned(vault: Vault, clock: SteppedClock) -> None:
    await aged(vault, clock)
    assert await vault.records.prune(clock.at_ms) == 0
    assert len(await vault.records.violations(Filter())) == 6
    assert await vault.outbox.count() == 6


async def test_pruning_goes_on_over_more_than_one_step(vault: Vault, clock: SteppedClock) -> None:
    for n in range(STEP + 1):
        vault.records.queue(judgement(turn(ACME, number=n), denial("r", violation=False)))
    await vault.records.record(judgement(turn(GLOBEX), denial("kept")))
    assert await vault.records.prune(clock.at_ms + 1) == STEP + 1
    acts = [json.loads(one.body) async for one in vault.records.receipts(ACME)][STEP + 1 :]
    assert [(act["until"], act["counts"]) for act in acts] == [
        (STEP, {"records": STEP}),
        (STEP + 2, {"records": 1}),
    ]
    assert await vault.records.verify(ACME) == STEP + 3
    assert [one.tenant for one in await vault.records.violations(Filter(violation=None))] == [GLOBEX]


REMOVED = {
    "the-mark": "DELETE FROM pruned WHERE tenant = 'ACME'",
    "a-mark-moved-on": "UPDATE pruned SET seq = 2 WHERE tenant = 'ACME'",
    "a-mark-of-the-other-tenant": (
        "UPDATE pruned SET mac = (SELECT mac FROM pruned WHERE tenant = 'GLOBEX') WHERE tenant = 'ACME'"
    ),
    "the-receipt-that-says-so": (
        "UPDATE receipts SET body = replace(body, '1', '2') WHERE tenant = 'ACME' AND seq = 4"
    ),
    "a-record-behind-the-mark": "DELETE FROM records WHERE tenant = 'ACME' AND seq = 3",
    "a-record-put-back": (
        "INSERT INTO records (tenant, seq, n, kind, layer, rule, severity, violation, count, slot, preview)"
        " SELECT tenant, 1, 0, kind, layer, 'r0', severity, violation, count, slot, preview FROM records"
        " WHERE tenant = 'ACME' AND seq = 2"
    ),
}


@pytest.mark.parametrize("case", REMOVED)
async def test_what_was_pruned_is_told_from_what_was_removed(shared: str, case: str) -> None:
    clock = SteppedClock()
    async with await opened(shared, clock) as vault:
        await aged(vault, clock)
        await told(vault)
        await vault.records.prune(START + DAY_MS)
        assert await vault.records.verify(ACME) == 4
    altered(shared, REMOVED[case])
    async with await opened(shared, clock) as vault:
        with pytest.raises(ChainBroken):
            await vault.records.verify(ACME)
        assert await vault.records.verify(GLOBEX) == 4
