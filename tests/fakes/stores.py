"""The firewall's ports, in memory: small, and as strict about their promises as the real ones."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace

from firewall.core.errors import LeaseLost, SessionBusy, StoreUnavailable
from firewall.core.identity import Conversation
from firewall.core.ids import MessageId, PartId, SessionId, TenantId
from firewall.core.label import Audience, Label, admits
from firewall.core.message import Part
from firewall.core.ports import Match
from firewall.core.receipt import GENESIS, Judgement, Receipt, body_of, linked
from firewall.core.session import MAX_HISTORY_PARTS, Session, SessionKey, Turn
from firewall.core.steps import Steps
from firewall.core.subject import Json
from firewall.detect.keys import Keys
from firewall.directory import Directory
from firewall.executor import Executor
from firewall.guard import Guard
from firewall.layers.accounting import Accounting
from firewall.layers.history_reset import HistoryReset
from firewall.layers.redaction import Redaction
from firewall.layers.storage_sandbox import StorageSandbox
from firewall.layers.tenant_boundary import TenantBoundary
from firewall.layers.tool_denial import Grants, ToolDenial
from firewall.learning import Learner
from firewall.outcomes import Outcomes
from firewall.receipts import Scribe
from firewall.stack import Stack
from firewall.threads import Threads
from firewall.tools import ToolTable
from firewall.turns import Turns
from partywall.traces import Traces
from tests.fakes.clock import FrozenClock
from tests.fakes.ids import SECRET, CountedIds
from tests.fakes.tenants import REALMS


@dataclass(slots=True)
class MemoryRecords:
    """Implements `RecordStore`: what is queued is committed before anything that comes after it."""

    clock: FrozenClock = field(default_factory=FrozenClock)
    committed: list[Judgement] = field(default_factory=list[Judgement])
    queued: list[Judgement] = field(default_factory=list[Judgement])
    chains: dict[TenantId, list[Receipt]] = field(default_factory=lambda: defaultdict(list))
    failing: bool = False

    async def record(self, judgement: Judgement) -> Receipt:
        if self.failing:
            raise StoreUnavailable("the database did not answer")
        self.flush()
        return self._commit(judgement)

    def queue(self, judgement: Judgement) -> None:
        self.queued.append(judgement)

    def flush(self) -> None:
        waiting, self.queued = self.queued, []
        for each in waiting:
            self._commit(each)

    def _commit(self, judgement: Judgement) -> Receipt:
        chain = self.chains[judgement.tenant]
        previous = chain[-1].hash if chain else GENESIS
        receipt = linked(judgement.tenant, len(chain) + 1, self.clock.now_ms(), body_of(judgement), previous)
        chain.append(receipt)
        self.committed.append(judgement)
        return receipt

    @property
    def all(self) -> list[Judgement]:
        """Everything that is or will be committed, in order."""
        return [*self.committed, *self.queued]


@dataclass(slots=True)
class MemorySessions:
    """Implements `SessionStore`: one holder at a time, and a write by a former holder fails."""

    stored: dict[SessionKey, Session] = field(default_factory=dict[SessionKey, Session])
    locks: dict[SessionKey, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    said: dict[PartId, tuple[tuple[str, ...], MessageId | None]] = field(
        default_factory=dict[PartId, tuple[tuple[str, ...], MessageId | None]]
    )
    opened_by: dict[SessionKey, MessageId | None] = field(default_factory=dict[SessionKey, MessageId | None])

    def hold(self, key: SessionKey, *, wait_s: float) -> AbstractAsyncContextManager[Session]:
        return self._holding(key, wait_s, turns=0)

    @asynccontextmanager
    async def open_turn(
        self, key: SessionKey, *, wait_s: float, message: MessageId | None = None, edited: bool = False
    ) -> AsyncGenerator[Session]:
        async with self._holding(key, wait_s, turns=1) as held:
            if edited:
                self._empty(key, _place(key), message)
            self.opened_by[key] = message
            yield self.stored[held.key]

    @asynccontextmanager
    async def _holding(self, key: SessionKey, wait_s: float, *, turns: int) -> AsyncGenerator[Session]:
        lock = self.locks[key]
        try:
            async with asyncio.timeout(wait_s):
                await lock.acquire()
        except TimeoutError:
            raise SessionBusy("another turn keeps this session") from None
        try:
            yield self._taken(key, turns)
        finally:
            lock.release()

    def _taken(self, key: SessionKey, turns: int) -> Session:
        known = self.stored.get(key) or Session(
            key=key, id=SessionId(key.derive(SECRET, "session")), epoch=0, history=(), turns=0
        )
        self.stored[key] = replace(known, epoch=known.epoch + 1, turns=known.turns + turns)
        return self.stored[key]

    async def forget(self, place: Conversation, messages: Sequence[MessageId]) -> int:
        where = (place.channel, place.app, place.realm, place.id)
        return sum(self._empty(key, where, message) for key in list(self.stored) for message in messages)

    def _empty(self, key: SessionKey, where: tuple[str, ...], message: MessageId | None) -> int:
        known = self.stored[key]
        left = tuple(part for part in known.history if self.said.get(part.id) != (where, message))
        self.stored[key] = replace(known, history=left)
        return len(known.history) - len(left)

    async def append(self, held: Session, parts: Sequence[Part]) -> Session:
        for part in parts:
            self.said[part.id] = (_place(held.key), self.opened_by.get(held.key))
        history = (*self.stored[held.key].history, *parts)[-MAX_HISTORY_PARTS:]
        return self._write(held, replace(held, history=history))

    def _write(self, held: Session, after: Session) -> Session:
        if self.stored[held.key].epoch != held.epoch:
            raise LeaseLost("another holder has this session")
        self.stored[held.key] = after
        return after


def _place(key: SessionKey) -> tuple[str, ...]:
    return (key.channel, key.app, key.realm, key.conversation)


@dataclass(slots=True)
class MemoryEffects:
    """Implements `EffectStore`; an intent commits what was queued before it."""

    records: MemoryRecords
    log: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    digests: list[str] = field(default_factory=list[str])

    async def intend(self, turn: Turn, kind: str, digest: str) -> str:
        if self.records.failing:
            raise StoreUnavailable("the database did not answer")
        self.records.flush()
        self.log.append(("intend", kind))
        self.digests.append(digest)
        return f"{kind}#{len(self.digests)}"

    def finish(self, effect: str, outcome: str) -> Awaitable[None]:
        self.log.append((outcome, effect.partition("#")[0]))
        handed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        handed.set_result(None)
        return handed


@dataclass(slots=True)
class MemoryLexicon:
    """Implements `Lexicon`: what is put into `kept` is news once."""

    kept: list[tuple[str, Label, bool]] = field(default_factory=list[tuple[str, Label, bool]])
    failing: bool = False

    async def news(self) -> AsyncGenerator[tuple[str, Label, bool]]:
        if self.failing:
            raise StoreUnavailable("the database did not answer")
        while self.kept:
            yield self.kept[0]
            del self.kept[0]


# Longer texts are looked at in more than one step.
_BLOCK = 16_384


@dataclass(slots=True)
class KnownTexts:
    """Implements `ExcerptIndex` by plain search for whole texts of at least four characters."""

    known: list[tuple[str, Label]] = field(default_factory=list[tuple[str, Label]])

    def find(self, text: str, audience: Audience) -> Sequence[Match]:
        readable = {known for known, label in self.known if admits(label, audience)}
        foreign = sorted({known for known, _ in self.known if known in text} - readable)
        return [
            Match(start=start, stop=start + len(each), kind="EXCERPT", rule="excerpt", key=each)
            for each in foreign
            if (start := text.find(each)) >= 0
        ]

    def finding(self, text: str, audience: Audience) -> Steps[Sequence[Match]]:
        if len(text) > _BLOCK:
            yield
        return self.find(text, audience)

    def learn(self, text: str, label: Label, *, whole: bool = False) -> None:
        if whole or len(text) >= 4:
            self.known.append((text, label))

    def learning(self, text: str, label: Label, *, whole: bool = False) -> Steps[None]:
        if len(text) > _BLOCK:
            yield
        self.learn(text, label, whole=whole)

    def learn_many(self, learned: Sequence[tuple[str, Label, bool]]) -> None:
        for text, label, whole in learned:
            self.learn(text, label, whole=whole)

    def settle(self) -> bool:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class WordDetector:
    """Implements `Detector`: every listed word is a value of the kind `ID`."""

    words: tuple[str, ...] = ("ORD-1001", "ORD-2002")
    failing: bool = False

    @property
    def rules(self) -> Sequence[str]:
        return ("word",)

    def scan(self, text: str) -> Sequence[Match]:
        if self.failing:
            raise RuntimeError("CANARY: a detector's error may quote what it saw")
        return [
            Match(start=start, stop=start + len(word), kind="ID", rule="word", key=word)
            for word in self.words
            if (start := text.find(word)) >= 0
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatPaths:
    """Implements `PathRules`: leading slashes go, climbing is refused, `shared` is read-only."""

    def place(self, path: str, *, write: bool) -> str:
        placed = path.lstrip("/")
        if ".." in placed.split("/") or not placed or (write and placed.startswith("shared/")):
            raise ValueError("CANARY: a path may be private")
        return placed

    def suspicious(self, text: str) -> bool:
        return "/" in text


@dataclass(slots=True)
class LentFiles:
    """Implements `FileStore`; notes what is lent and what was given back."""

    lent: list[tuple[str, str, bool]] = field(default_factory=list[tuple[str, str, bool]])
    returned: list[str] = field(default_factory=list[str])
    spoilt: list[str] = field(default_factory=list[str])
    missing: frozenset[str] = frozenset()
    real: Mapping[str, str] = field(default_factory=dict[str, str])

    @asynccontextmanager
    async def lend(self, owner: str, path: str, *, write: bool) -> AsyncGenerator[str]:
        if path in self.missing:
            raise FileNotFoundError(2, "there is no such file")
        self.lent.append((owner, path, write))
        try:
            yield self.real.get(path, f"/lent/{path}")
        except BaseException:
            self.spoilt.append(path)
            raise
        finally:
            self.returned.append(path)

    async def verb(self, owner: str, name: str, arguments: Mapping[str, str]) -> Json:
        return {"owner": owner, "verb": name, **arguments}


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedHosts:
    """Implements `Fetcher`: a URL is allowed if its host is granted by name."""

    def allows(self, url: str, hosts: Sequence[str]) -> bool:
        return any(url.startswith(f"https://{host}/") for host in hosts)

    async def fetch(self, url: str, hosts: Sequence[str]) -> str:
        return f"body of {len(url)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """Implements `Runner`."""

    reason: str | None = None

    def unavailable(self) -> str | None:
        return self.reason

    async def run(self, owner: str, command: str) -> str:
        return f"ran {len(command)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Every room of the firewall, wired as the composition root wires it, on stores in memory."""

    clock: FrozenClock
    records: MemoryRecords
    sessions: MemorySessions
    effects: MemoryEffects
    excerpts: KnownTexts
    lexicon: MemoryLexicon
    files: LentFiles
    tools: ToolTable
    guard: Guard
    turns: Turns
    executor: Executor


def house(
    *,
    strict: bool = False,
    directory: Directory | None = None,
    grants: Mapping[TenantId, Grants] | None = None,
    files: LentFiles | None = None,
    timeout_s: float = 30.0,
    share: int = 4,
    runner: Confinement | None = None,
) -> House:
    """Build one; ACME and GLOBEX are its tenants unless a directory says otherwise."""
    where = directory or Directory(
        tenants={("slack", realm): tenant for tenant, realm in REALMS.items()},
    )
    clock, ids, excerpts, detector = FrozenClock(), CountedIds(), KnownTexts(), WordDetector()
    records, sessions = MemoryRecords(clock=clock), MemorySessions()
    effects, kept, tools = MemoryEffects(records=records), files or LentFiles(), ToolTable()
    stack = Stack(
        [
            TenantBoundary(tenants=where.known),
            ToolDenial(fetcher=NamedHosts(), runner=runner or Confinement(), grants=grants or {}),
            StorageSandbox(paths=FlatPaths()),
            HistoryReset(),
            Accounting(strict=strict),
            Redaction(excerpts=excerpts, detector=detector, keys=Keys(detector)),
        ],
        scribe=Scribe(store=records, ids=ids),
        clock=clock,
        layer_cpu_s=1.0,
    )
    lexicon = MemoryLexicon()
    guard = Guard(stack=stack, sessions=sessions, outcomes=Outcomes(effects), excerpts=excerpts)
    return House(
        clock=clock,
        records=records,
        sessions=sessions,
        effects=effects,
        excerpts=excerpts,
        lexicon=lexicon,
        files=kept,
        tools=tools,
        guard=guard,
        turns=Turns(
            directory=where,
            sessions=sessions,
            guard=guard,
            learner=Learner(lexicon=lexicon, excerpts=excerpts),
            ids=ids,
            clock=clock,
            tracing=Traces(),
            wait_s=0.0,
            turn_timeout_s=300,
        ),
        executor=Executor(guard=guard, tools=tools, files=kept, threads=Threads(share), timeout_s=timeout_s),
    )
