"""Everything one wall runs on, put together from a configuration; the composition root."""

import importlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from firewall.core.errors import KeyMismatch
from firewall.core.ids import TenantId, derived
from firewall.core.ports import Clock, Detector, IdSource, Layer
from firewall.detect.detectors import All
from firewall.detect.excerpts import Excerpts
from firewall.detect.identifiers import Identifiers
from firewall.detect.keys import Keys
from firewall.directory import Directory
from firewall.executor import Executor
from firewall.guard import Guard
from firewall.layers.accounting import Accounting
from firewall.layers.attachments import Attachments
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
from partywall import builtin, origin
from partywall.alerts.relay import Relay, relay_of
from partywall.config import Config, Pii, Profile
from partywall.egress import Egress
from partywall.enforcement import mode_of, policy_of
from partywall.files import Files, Paths
from partywall.models import GuardedModel
from partywall.requests import Gate
from partywall.runner import Confined
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
            self.compartments.close()


async def assemble(
    config: Config,
    *,
    declared: ToolTable,
    clock: Clock,
    ids: Callable[[bytes], IdSource],
    master_key: bytes | None = None,
) -> Runtime:
    """Open everything a configuration names, or nothing.

    Raises:
        Shadowed: One of the five packages is not the one that was installed with the others.
        ServiceUnavailable: A detector the profile needs is not installed.
        ConfigError: An alert route cannot deliver: a secret is missing, or an address cannot be one.
        KeyMismatch, SchemaTooNew, StoreUnavailable: As `vault.open.open_vault`.
    """
    # Once more: a package that is loaded lazily could have been shadowed since the import.
    origin.verify()
    detector = _detector(config.profile, config.pii)
    vault = await open_vault(
        config.store.path,
        clock=clock,
        ids_factory=ids,
        master_key=master_key or _key(config.store.master_key_file),
        synchronous=Synchronous(config.store.synchronous),
    )
    try:
        runtime = await _furnished(config, vault, detector, declared, clock)
    except BaseException:
        await vault.close()
        raise
    if runtime.relay is not None:
        runtime.relay.start()
    return runtime


async def _furnished(
    config: Config, vault: Vault, detector: Detector, declared: ToolTable, clock: Clock
) -> Runtime:
    limits, ids = config.limits, vault.ids
    excerpts = Excerpts()
    learner = Learner(lexicon=vault.lexicon, excerpts=excerpts)
    await learner.catch_up()
    tenants = [TenantId(each.id) for each in config.tenants]
    relay = relay_of(config.alerts, tenants, vault.deliveries, clock, ids)
    compartments = _compartments(config, vault.secret)
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
    redaction = Redaction(
        excerpts=excerpts,
        detector=detector,
        keys=Keys(detector),
        shadow=config.profile is Profile.OBSERVE,
    )
    layers: list[Layer] = [
        TenantBoundary(tenants=directory.known, kinds=config.serve, max_text_bytes=limits.max_text_bytes),
        Attachments(**config.attachments.model_dump()),
        ToolDenial(fetcher=fetcher, runner=runner, grants=grants),
        StorageSandbox(paths=Paths(workspace=config.files.workspace, shared=frozenset(config.files.shared))),
        HistoryReset(),
        Accounting(strict=config.profile is Profile.STRICT),
        redaction,
    ]
    stack = Stack(
        layers,
        scribe=Scribe(
            store=vault.records,
            ids=ids,
            policy=policy_of(config, [each.name for each in layers]),
            mode=mode_of(config),
        ),
        clock=clock,
        layer_cpu_s=limits.layer_cpu_s,
    )
    guard = Guard(stack=stack, sessions=vault.sessions, outcomes=Outcomes(vault.effects), excerpts=excerpts)
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
            wait_s=limits.session_wait_s,
            turn_timeout_s=limits.turn_timeout_s,
        ),
        tools=declared,
        executor=Executor(
            guard=guard, tools=declared, files=files, threads=threads, timeout_s=limits.tool_timeout_s
        ),
        model=GuardedModel(gate=Gate(guard=guard, tools=declared, grants=grants), redaction=redaction),
        excerpts=excerpts,
        compartments=compartments,
        files=files,
        runner=runner,
        relay=relay,
    )


def _detector(profile: Profile, pii: Pii) -> Detector:
    """Make the detectors of a profile; one that cannot be made is an error, never left out."""
    if profile is Profile.LIGHT:
        return All([])
    # Presidio takes seconds to import, so it is loaded here and nowhere else.
    module = importlib.import_module("firewall.detect.pii")
    wanted: dict[str, object] = {"threshold": pii.threshold, "languages": pii.languages, "nlp": pii.nlp}
    if pii.entities is not None:
        wanted["entities"] = pii.entities
    presidio: Detector = module.PresidioDetector(**wanted)
    return All([presidio, Identifiers()])


def _key(path: str | None) -> bytes | None:
    if path is None:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise KeyMismatch("store.master_key_file cannot be read; check the path and its owner") from error


def _compartments(config: Config, secret: bytes) -> Compartments:
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
