"""Writing down one judgement: what happened, how much was looked at, and nothing of what it said."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from firewall.core.label import Room
from firewall.core.ports import IdSource, RecordStore
from firewall.core.receipt import Judgement, Mode, Record, RecordKind
from firewall.core.session import Turn
from firewall.core.subject import Json, Outbound, Subject, ToolCall, thawed
from firewall.core.verdict import Deny, Finding, ReasonCode, Severity
from firewall.marks import conversation_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Scribe:
    """Commits judgements; a refusal or a change is durable before anything follows from it.

    Attributes:
        store: Where they go.
        ids: Draws digests.
        policy: Digest of what enforces, for the receipts.
        mode: Whether detectors act or only watch.
    """

    store: RecordStore
    ids: IdSource
    policy: str | None = None
    mode: Mode | None = None

    async def write(
        self, turn: Turn, subject: Subject, records: tuple[Record, ...], deny: Deny | None, *, scanned: int
    ) -> None:
        """Commit a judgement.

        One with nothing to report is queued: it becomes durable no later than the next effect.

        Args:
            turn: Whose turn it is.
            subject: What may go on, or was refused.
            records: What was done to it.
            deny: Why it was refused; None if it was not.
            scanned: What `size_of` said of it as it arrived.

        Raises:
            StoreUnavailable: It could not be committed, so the caller must refuse.
        """
        reason = None if deny is None else deny.reason
        sent = size_of(subject) if deny is None else 0
        judgement = self._judgement(
            turn, subject, records, allowed=deny is None, reason=reason, scanned=scanned, sent=sent
        )
        if records:
            await self.store.record(judgement)
        else:
            self.store.queue(judgement)

    def keep(self, turn: Turn, subject: Subject, records: tuple[Record, ...]) -> None:
        """Queue what was judged before a cancellation; does not wait, so it cannot be cancelled.

        Nothing was allowed, and nothing denied either: it has no reason.
        """
        if records:
            scanned = size_of(subject)
            self.store.queue(
                self._judgement(turn, subject, records, allowed=False, reason=None, scanned=scanned, sent=0)
            )

    def _judgement(
        self,
        turn: Turn,
        subject: Subject,
        records: tuple[Record, ...],
        *,
        allowed: bool,
        reason: ReasonCode | None,
        scanned: int,
        sent: int,
    ) -> Judgement:
        return Judgement(
            tenant=turn.principal.tenant,
            session=turn.session,
            turn=turn.id,
            ref=turn.ref,
            subject=subject.kind,
            allowed=allowed,
            reason=reason,
            records=records,
            bytes_scanned=scanned,
            bytes_sent=sent,
            # Keyed, so that a short text cannot be found by trying: the key stays with the deployment. One
            # text of two tenants has two digests, or auditors of the two could see that they share it.
            digest=self.ids.derived("judged", turn.principal.tenant, *content_of(subject)),
            policy=self.policy,
            mode=self.mode,
            conversation=conversation_of(self.ids, turn.principal.tenant, _room(turn)),
            trace=turn.trace,
        )


def size_of(subject: Subject) -> int:
    """Give the size of all text of a subject, in bytes of UTF-8."""
    return sum(len(each.text.encode("utf-8", "surrogatepass")) for each in subject.leaves)


def _room(turn: Turn) -> Room:
    """Give the place where the turn's session is, which is not where a private answer goes."""
    key = turn.key
    return Room(
        channel=key.channel,
        app=key.app,
        realm=key.realm,
        conversation=key.conversation,
        thread=key.thread,
    )


def content_of(subject: Subject) -> tuple[str | None, ...]:
    """Give all that a digest of this subject binds: its text, what is called, and where it goes."""
    match subject:
        case ToolCall(name=name, arguments=arguments):
            return called(name, arguments)
        case Outbound(destination=destination, private=private):
            return (*destination.place, str(private), *(each.text for each in subject.leaves))
        case _:
            return tuple(each.text for each in subject.leaves)


def called(name: str, arguments: Mapping[str, Json]) -> tuple[str, str]:
    """Give what binds a tool call, judged or executed: its name and its canonical arguments."""
    return (name, json.dumps(thawed(arguments), sort_keys=True, separators=(",", ":")))


def denial(deny: Deny, layer: str, touched: tuple[str, ...] = ()) -> Record:
    """Give the record of a refusal; `touched` marks what was refused."""
    return Record(
        kind=RecordKind.DENIAL,
        layer=layer,
        rule=deny.rule or deny.reason.value,
        severity=deny.severity,
        violation=True,
        touched=touched,
    )


def shadow(finding: Finding, layer: str, slot: str, touched: tuple[str, ...] = ()) -> Record:
    """Give the record of a rule that is only watched; it is counted and never pages."""
    return Record(
        kind=RecordKind.SHADOW,
        layer=layer,
        rule=finding.rule,
        severity=Severity.INFO,
        violation=False,
        slot=slot,
        preview=f"{finding.rule}, {finding.stop - finding.start}",
        touched=touched,
    )


def unmet(finding: Finding, layer: str, slot: str, touched: tuple[str, ...] = ()) -> Record:
    """Give the record of a foreign finding that no redaction answers: it is a violation by itself."""
    return Record(
        kind=RecordKind.NOTICE,
        layer=layer,
        rule=finding.rule,
        severity=Severity.HIGH,
        violation=True,
        slot=slot,
        preview=f"{finding.rule}, {finding.stop - finding.start}",
        touched=touched,
    )
