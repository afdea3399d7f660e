"""Which rules enforce: a digest that receipts name, so that an auditor sees when they changed."""

import hashlib
from collections.abc import Sequence
from typing import Any

import rfc8785

from firewall.core.receipt import Mode
from partywall.config import Config, Profile


def policy_of(config: Config, layers: Sequence[str]) -> str:
    """Give 64 hex digits that stand for the profile, the layers in their order, and the limits.

    Nothing of a tenant is in it: what one tenant is granted must not show in the receipts of another.
    """
    enforcing: Any = {
        "attachments": config.attachments.model_dump(mode="json"),
        "layers": list(layers),
        "limits": config.limits.model_dump(mode="json"),
        "pii": config.pii.model_dump(mode="json"),
        "profile": config.profile.value,
        "serve": sorted(each.value for each in config.serve),
    }
    return hashlib.sha256(rfc8785.dumps(enforcing)).hexdigest()


def mode_of(config: Config) -> Mode:
    """Say whether detectors act or only watch; structure always acts."""
    return Mode.SHADOW if config.profile is Profile.OBSERVE else Mode.ENFORCE
