"""The layers of a wall, in the order in which they judge."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firewall.core.ids import TenantId
from firewall.core.ports import Clock, Detector, Layer
from firewall.detect.disguise.unmasked import Unmasking
from firewall.detect.excerpts.index import Excerpts
from firewall.detect.judged import Judged
from firewall.detect.keys import Keys
from firewall.layers.accounting import Accounting
from firewall.layers.attachments import Attachments
from firewall.layers.history_reset import HistoryReset
from firewall.layers.links import Links
from firewall.layers.oracle import Budgeted, Oracle
from firewall.layers.policy import Policy
from firewall.layers.redaction import Redaction
from firewall.layers.storage_sandbox import StorageSandbox
from firewall.layers.tenant_boundary import TenantBoundary
from firewall.layers.tool_denial import Grants, ToolDenial
from firewall.threads import Threads
from partywall.config import Config, Profile
from partywall.egress import Egress, host_of
from partywall.enforcement import policy_of
from partywall.files import Paths
from partywall.injections import injection_of
from partywall.linking import linking
from partywall.naming import naming
from partywall.plugged.layer import layers_of
from partywall.policies import policies_of
from partywall.runner import Confined
from vault.open import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Layering:
    """The layers, and the two of them that a stream asks where it may be cut."""

    layers: Sequence[Layer]
    redaction: Redaction
    links: Links


def layering(
    config: Config,
    vault: Vault,
    excerpts: Excerpts,
    detector: Detector,
    clock: Clock,
    *,
    known: frozenset[TenantId] | None,
    runner: Confined,
    fetcher: Egress,
    grants: Mapping[TenantId, Grants],
    judging: Threads,
) -> Layering:
    """Make every layer that a configuration asks for; structure first, redaction last.

    Raises:
        ConfigError, ServiceUnavailable: A layer cannot be made as configured.
    """
    redaction = Redaction(
        excerpts=Unmasking(excerpts),
        detector=detector,
        keys=Keys(detector),
        judged=Judged(secret=os.urandom(32), clock=clock),
        rules=policy_of(config, detector.rules),
        names=naming(config),
        shadow=config.profile is Profile.OBSERVE,
    )
    links, egress = linking(config, detector)
    max_text_bytes = config.limits.max_text_bytes
    paths = Paths(workspace=config.files.workspace, shared=frozenset(config.files.shared))
    allowance = config.oracle.allowance
    layers: list[Layer] = [
        TenantBoundary(tenants=known, kinds=config.serve, max_text_bytes=max_text_bytes),
        Oracle(budgets=vault.budgets),
        Attachments(**config.attachments.model_dump()),
        ToolDenial(fetcher=fetcher, runner=runner, grants=grants),
        StorageSandbox(paths=paths),
        egress,
        HistoryReset(),
        Accounting(strict=config.profile is Profile.STRICT),
        Policy(policies=policies_of(config), clock=clock, host=host_of),
        links,
        *injection_of(config, judging),
        *layers_of(config.plugins),
        Budgeted(redaction=redaction, budgets=vault.budgets, allowance=allowance, ids=vault.ids),
    ]
    return Layering(layers=layers, redaction=redaction, links=links)
