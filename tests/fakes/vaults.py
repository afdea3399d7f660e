"""Two tenants, their keys and turns, a clock and ids that stand still: where every test of a store begins."""

import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path

from firewall.core.identity import Conversation, ConversationKind, Principal, SenderKind
from firewall.core.ids import MessageId, PartId, PrincipalId, Ref, SessionId, TenantId, TurnId, derived
from firewall.core.label import Audience, Label, Owned, Principals, Readers, Room, audience_of
from firewall.core.message import Origin, Part
from firewall.core.receipt import Judgement, Record, RecordKind
from firewall.core.session import SessionKey, Turn
from firewall.core.subject import SubjectKind
from firewall.core.verdict import ReasonCode, Severity
from tests.fakes.postgres import alter_server, server_rows
from vault.address import is_server
from vault.open import Vault, open_vault

ACME = TenantId("ACME")
GLOBEX = TenantId("GLOBEX")
MASTER = bytes(range(32))


@dataclass(slots=True)
class SteppedClock:
    """A clock that moves only when told to, backwards too."""

    at_ms: int = 1_700_000_000_000
    at_s: float = 0.0

    def now_ms(self) -> int:
        return self.at_ms

    def monotonic_s(self) -> float:
        return self.at_s

    def cpu_s(self) -> float:
        return self.at_s


@dataclass(slots=True)
class CountedIds:
    """Ids derived from the secret; its randomness is a counter."""

    secret: bytes
    drawn: int = 0

    def derived(self, purpose: str, *fields: str | None) -> str:
        return derived(self.secret, purpose, *fields)

    def random(self, count: int) -> bytes:
        self.drawn += 1
        return self.drawn.to_bytes(count, "big")


def principal(tenant: TenantId, name: str = "u1", kind: SenderKind = SenderKind.HUMAN) -> Principal:
    return Principal(tenant=tenant, id=PrincipalId(f'["telegram","r","{name}","{kind.value}"]'), kind=kind)


def dm(name: str = "u1") -> Conversation:
    return Conversation(channel="telegram", app="bot", realm="r", id=f"dm-{name}", kind=ConversationKind.DM)


def group(name: str = "g1", *, closed: bool = False) -> Conversation:
    return Conversation(
        channel="telegram", app="bot", realm="r", id=name, kind=ConversationKind.GROUP, closed=closed
    )


def key_of(tenant: TenantId, name: str = "u1", place: Conversation | None = None) -> SessionKey:
    return SessionKey.of(principal(tenant, name), place or dm(name))


def audience(tenant: TenantId, name: str = "u1", place: Conversation | None = None) -> Audience:
    return audience_of(principal(tenant, name), place or dm(name), private=False)


def own(tenant: TenantId, name: str = "u1") -> Owned:
    return Owned(tenant=tenant, readers=alone(tenant, name))


def alone(tenant: TenantId, name: str = "u1") -> Readers:
    return Principals(ids=frozenset({principal(tenant, name).id}))


def room(tenant: TenantId, place: Conversation) -> Owned:
    return Owned(tenant=tenant, readers=Room.of(place))


def part(number: int, text: str, label: Label) -> Part:
    return Part(id=PartId(f"p{number}"), text=text, label=label, origin=Origin.SENDER)


def turn(
    tenant: TenantId,
    name: str = "u1",
    place: Conversation | None = None,
    *,
    number: int = 1,
    who: Principal | None = None,
) -> Turn:
    speaker, where = who or principal(tenant, name), place or dm(name)
    key = SessionKey.of(speaker, where)
    return Turn(
        id=TurnId(f"{tenant}-{name}-turn-{number}"),
        ref=Ref(f"{tenant}-{name}-ref-{number}"),
        session=SessionId(derived(b"s" * 32, "session", *key.fields)),
        key=key,
        principal=speaker,
        audience=audience_of(speaker, where, private=False),
        destination=where,
        message=MessageId(f"m{number}"),
    )


def denial(rule: str = "unknown_tool", *, violation: bool = True) -> Record:
    return Record(
        kind=RecordKind.DENIAL,
        layer="tool_denial",
        rule=rule,
        severity=Severity.HIGH,
        violation=violation,
        preview="tool, 4",
    )


def judgement(of: Turn, *records: Record, digest: str = "0" * 64) -> Judgement:
    return Judgement(
        tenant=of.principal.tenant,
        session=of.session,
        turn=of.id,
        ref=of.ref,
        subject=SubjectKind.TOOL_CALL,
        allowed=not records,
        reason=ReasonCode.UNKNOWN_TOOL if records else None,
        records=records,
        bytes_scanned=12,
        digest=digest,
    )


def opened_turn(vault: Vault, of: Turn) -> Turn:
    """Give the turn with the session id that this vault derives for its key."""
    return replace(of, session=SessionId(vault.ids.derived("session", *of.key.fields)))


async def opened(
    path: Path | str, clock: SteppedClock | None = None, *, master: bytes | None = MASTER
) -> Vault:
    return await open_vault(
        str(path), clock=clock or SteppedClock(), ids_factory=CountedIds, master_key=master
    )


def dumped(path: Path | str, *tables: str, where: str = "1") -> list[tuple[object, ...]]:
    """Read rows past the stores, as somebody with the file or the server would, by their first column."""
    if isinstance(path, str) and is_server(path):
        return server_rows(path, tables, where)
    connection = sqlite3.connect(path)
    rows: list[tuple[object, ...]] = []
    for table in tables:
        rows += connection.execute(f"SELECT '{table}', * FROM {table} WHERE {where} ORDER BY 2")  # noqa: S608 - a test's own words
    connection.close()
    return rows


def altered(path: Path | str, *statements: str) -> None:
    """Change rows past the stores, as somebody with the file or the server would."""
    if isinstance(path, str) and is_server(path):
        return alter_server(path, statements)
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        assert connection.execute(statement).rowcount != 0, "the statement touched nothing"
    return connection.close()
