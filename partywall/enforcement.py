"""Which rules enforce: a digest that receipts name, so that an auditor sees when they changed."""

import hashlib
from collections.abc import Sequence
from typing import Any

import rfc8785

from firewall.core.receipt import Mode
from firewall.detect.injection.rules import Sign, packs
from partywall.config import Config, Profile
from partywall.detecting import public_texts, recognisers_of, rules_of
from partywall.injections import judging
from partywall.plugged.found import identities
from partywall.policies import everybodys


def policy_of(config: Config, layers: Sequence[str]) -> str:
    """Give 64 hex digits that stand for the profile, the layers in their order, the rules and the limits.

    Nothing of a tenant is in it: what one tenant is granted must not show in the receipts of another.
    """
    enforcing: Any = {
        "attachments": config.attachments.model_dump(mode="json"),
        "excerpts": [hashlib.sha256(each.encode()).hexdigest() for each in public_texts(config.excerpts)],
        "injection": [config.injection.model_dump(mode="json"), *map(repr, _signs(config)), *judging(config)],
        "layers": list(layers),
        "limits": config.limits.model_dump(mode="json"),
        "links": config.links.model_dump(mode="json"),
        "oracle": config.oracle.model_dump(mode="json"),
        "pii": config.pii.model_dump(mode="json"),
        "policy": list(everybodys(config)),
        "plugins": list(identities(config.plugins)),
        "profile": config.profile.value,
        "recognizers": recognisers_of(config.pii),
        "secrets": []
        if config.profile is Profile.LIGHT
        else list(map(repr, rules_of(config.secrets, config.plugins))),
        "serve": sorted(each.value for each in config.serve),
    }
    return hashlib.sha256(rfc8785.dumps(enforcing)).hexdigest()


def _signs(config: Config) -> Sequence[Sign]:
    return () if config.injection.mode == "off" else packs()


def mode_of(config: Config) -> Mode:
    """Say whether detectors act or only watch; structure always acts."""
    return Mode.SHADOW if config.profile is Profile.OBSERVE else Mode.ENFORCE
