"""Everything one wall runs on, put together from a configuration; the composition root."""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from firewall.core.errors import KeyMismatch
from firewall.core.ids import TenantId, derived
from firewall.core.ports import Clock, Detector, IdSource
from firewall.detect.excerpts.index import Excerpts
from firewall.directory import Directory
from firewall.executor import Executor
from firewall.guard import Guard
from firewall.layers.tool_denial import Grants
from firewall.learning import Learner
from firewall.outcomes import Outcomes
from firewall.receipts import Scribe
from firewall.stack import Stack
from firewall.templates import Template
from firewall.threads import Threads
from firewall.tools import ToolTable
from firewall.turns import Turns
from partywall import builtin, origin
from partywall.alerts.relay import Relay, relay_of
from partywall.config import Config
from partywall.detecting import detector_of, public_texts
from partywall.egress import Egress
from partywall.enforcement import mode_of, policy_of
from partywall.files import Files
from partywall.layering import layering
from partywall.models import GuardedModel
from partywall.owning import owning
from partywall.public import constant_texts
from partywall.requests import Gate
from partywall.runner import Confined
from partywall.traces import Traces
from sandbox import process
from sandbox.compartment import Compartments
from sandbox.confinement import Limits
from sandbox.quota import Quota
from vault.open import Vault, open_vault
from vault.sqlite import Synchronous

_MAX_OUTPUT_BYTES = 200_000
_EXEC_LIMITS = {"memory_bytes": 1 << 30, "open_files": 256, "processes": 64, "scratch_bytes": 64 << 20}


class SystemClock:
    """The machine's own clocks."""

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        """Seconds since some start."""
        return time.monotonic()

    def cpu_s(self) -> float:
        """Seconds of processor time of this thread."""
        return time.thread_time()


class KeyedIds:
    """Ids derived from the deployment's secret, and randomness from the operating system."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def derived(self, purpose: str, *fields: str | None) -> str:
        """Give 64 hex digits for these fields."""
        return derived(self._secret, purpose, *fields)

    def random(self, count: int) -> bytes:
        """Give unpredictable bytes."""
        return os.urandom(count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """One opened wall."""

    config: Config
    vault: Vault
    stack: Stack
    guard: Guard
    turns: Turns
    tools: ToolTable
    executor: Executor
    model: GuardedModel
    excerpts: Excerpts
    compartments: Compartments
    files: Files
    runner: Confined
    relay: Relay | None
    judging: Threads

    async def close(self) -> None:
        """Let go of everything; what was queued is committed first."""
        try:
            try:
                if self.relay is not None:
                    await self.relay.close()
            finally:
                await self.vault.close()
        finally:
            self.executor.threads.close()
            self.judging.close()
            self.compartments.close()


async def assemble(
    config: Config,
    *,
    declared: ToolTable,
    clock: Clock,
    ids: Callable[[bytes], IdSource],
    master_key: bytes | None = None,
    templates: Sequence[Template] = (),
) -> Runtime:
    """Open everything a configuration names, or nothing; what `templates` say is nobody's excerpt.

    Raises:
        Shadowed: One of the five packages is not the one that was installed with the others.
        ServiceUnavailable: A detector the profile needs is not installed.
        ConfigError: An alert route cannot deliver: a secret is missing, or an address cannot be one.
        KeyMismatch, SchemaTooNew, StoreUnavailable: As `vault.open.open_vault`.
    """
    # Once more: a package that is loaded lazily could have been shadowed since the import.
    origin.verify()
    detector = detector_of(config)
    vault = await open_vault(
        config.store.path,
        clock=clock,
        ids_factory=ids,
        master_key=master_key or _key(config.store.master_key_file),
        synchronous=Synchronous(config.store.synchronous),
    )
    try:
        runtime = await _furnished(config, vault, detector, declared, clock, constant_texts(templates))
    except BaseException:
        await vault.close()
        raise
    if runtime.relay is not None:
        runtime.relay.start()
    return runtime


async def _furnished(
    config: Config,
    vault: Vault,
    detector: Detector,
    declared: ToolTable,
    clock: Clock,
    public: Iterable[str],
) -> Runtime:
    limits, ids = config.limits, vault.ids
    excerpts = Excerpts()
    for text in public:
        excerpts.approve(text)
    for text in public_texts(config.excerpts):
        excerpts.approve(text)
    learner = Learner(lexicon=vault.lexicon, excerpts=excerpts)
    await learner.catch_up()
    tenants = [TenantId(each.id) for each in config.tenants]
    keep_days = config.alert_keeping.keep_days
    relay = relay_of(config.alerts, tenants, vault.deliveries, clock, ids, keep_days=keep_days)
    compartments = compartments_of(config, vault.secret)
    runner = Confined(
        compartments=compartments,
        limits=Limits(
            timeout_s=limits.exec_timeout_s,
            cpu_s=max(1, int(limits.exec_timeout_s)),
            output_bytes=_MAX_OUTPUT_BYTES,
            file_bytes=config.files.max_file_bytes,
            **_EXEC_LIMITS,
        ),
        reason=await process.unavailable(),
    )
    fetcher = Egress(max_response_bytes=limits.max_result_bytes, timeout_s=limits.fetch_timeout_s)
    grants = _grants(config)
    directory = _directory(config)
    judging = Threads(limits.threads_a_tenant)
    ruled = layering(
        config, vault, excerpts, detector, clock,
        known=directory.known, runner=runner, fetcher=fetcher, grants=grants, judging=judging,
    )  # fmt: skip
    stack = Stack(
        ruled.layers,
        scribe=Scribe(
            store=vault.records,
            ids=ids,
            policy=policy_of(config, [each.name for each in ruled.layers]),
            mode=mode_of(config),
        ),
        clock=clock,
        layer_cpu_s=limits.layer_cpu_s,
    )
    guard = Guard(
        stack=stack,
        sessions=vault.sessions,
        outcomes=Outcomes(vault.effects),
        excerpts=excerpts,
        own=owning(config, detector),
    )
    threads = Threads(limits.threads_a_tenant)
    files = Files(compartments, threads)
    for tool in (
        *builtin.file_tools(files),
        builtin.attach_tool(),
        *builtin.vault_tools(vault.entries),
        *builtin.granted_tools(runner, fetcher, grants),
    ):
        # A bot's own tool of that name was declared first, and stays.
        if declared.get(tool.spec.name) is None:
            declared.add(tool)
    return Runtime(
        config=config,
        vault=vault,
        stack=stack,
        guard=guard,
        turns=Turns(
            directory=directory,
            sessions=vault.sessions,
            guard=guard,
            learner=learner,
            ids=ids,
            clock=clock,
            tracing=Traces(),
            wait_s=limits.session_wait_s,
            turn_timeout_s=limits.turn_timeout_s,
        ),
        tools=declared,
        executor=Executor(
            guard=guard, tools=declared, files=files, threads=threads, timeout_s=limits.tool_timeout_s
        ),
        model=GuardedModel(
            gate=Gate(guard=guard, tools=declared, grants=grants),
            redaction=ruled.redaction,
            links=ruled.links,
        ),
        excerpts=excerpts,
        compartments=compartments,
        files=files,
        runner=runner,
        relay=relay,
        judging=judging,
    )


def _key(path: str | None) -> bytes | None:
    if path is None:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise KeyMismatch("store.master_key_file cannot be read; check the path and its owner") from error


def compartments_of(config: Config, secret: bytes) -> Compartments:
    """Open the configured folder of all compartments, which may be new."""
    area = config.files
    quota = Quota(max_bytes=area.max_bytes, max_entries=area.max_entries, max_file_bytes=area.max_file_bytes)
    return Compartments(area.path, key=secret, quota=quota, shared=area.shared)


def _grants(config: Config) -> Mapping[TenantId, Grants]:
    return {
        TenantId(each.id): Grants(tools=each.tools.grants, hosts=each.tools.hosts, only=each.tools.only)
        for each in config.tenants
    }


def _directory(config: Config) -> Directory:
    tenants: dict[tuple[str, str], TenantId] = {}
    places: dict[tuple[str, str, str], TenantId] = {}
    for tenant in config.tenants:
        for realm in tenant.realms:
            if realm.conversation is None:
                tenants[realm.channel, realm.realm] = TenantId(tenant.id)
            else:
                places[realm.channel, realm.realm, realm.conversation] = TenantId(tenant.id)
    return Directory(tenants=tenants, places=places)
