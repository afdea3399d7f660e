"""The detectors that a configuration asks for; one that cannot be made is an error, never left out."""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import platformdirs

from firewall.core.errors import ConfigError
from firewall.core.ports import Detector
from firewall.detect.detectors import All
from firewall.detect.identifiers import Identifiers
from firewall.detect.secrets.detector import SecretDetector
from firewall.detect.secrets.rules import Rule, load, packs
from partywall.config import Config, Profile
from partywall.plugged.detector import detectors_of
from partywall.plugged.packs import packs_of
from partywall.settings.detection import Enhancer, Pii, PublicText, Secrets
from partywall.settings.plugins import Plugins

NO_PLUGINS = Plugins()


def detector_of(config: Config) -> Detector:
    """Make the detectors of a profile, as one.

    Raises:
        ServiceUnavailable: Presidio, or an NLP engine that was asked for, is not installed.
        ConfigError: An entity is found by no recogniser, or the NLP configuration, a rule or a recogniser is
            malformed.
    """
    plugins = config.plugins
    if config.profile is Profile.LIGHT:
        if plugins.detectors or plugins.rules:
            raise ConfigError(
                'plugins.detectors and plugins.rules do nothing in the profile "light", which looks for no '
                "typed values: name another profile, or remove them"
            )
        return All([])
    own = detectors_of(plugins, limit_s=config.limits.layer_cpu_s)
    return All([personal(config.pii), Identifiers(), secrets(config.secrets, plugins), *own])


def secrets(wanted: Secrets, plugins: Plugins = NO_PLUGINS) -> Detector:
    """Make the detector of secrets, by the shipped rules and the operator's; compiled once for this user.

    Raises:
        ConfigError: A file of rules cannot be read or is wrong.
    """
    return SecretDetector(rules_of(wanted, plugins), cache=platformdirs.user_cache_path("partywall"))


def rules_of(wanted: Secrets, plugins: Plugins = NO_PLUGINS) -> Sequence[Rule]:
    """Give the rules for secrets: the shipped ones, the operator's, those of plug-ins.

    Raises:
        ConfigError: A file of rules cannot be read or is wrong.
    """
    return [*packs(), *(rule for name in wanted.rules for rule in load(Path(name))), *packs_of(plugins)]


def public_texts(wanted: PublicText) -> Sequence[str]:
    """Read the files of text that operators call public, in their order.

    Raises:
        ConfigError: A file cannot be read or is no text.
    """
    return [_read("excerpts.public", name) for name in wanted.public]


def _read(setting: str, name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{setting} {name} cannot be read") from error


def recognisers_of(pii: Pii) -> str:
    """Give the text of the operator's recognisers, which decides like a setting; empty for none.

    Raises:
        ConfigError: The file cannot be read.
    """
    return "" if pii.recognizers is None else _read("pii.recognizers", pii.recognizers)


def personal(pii: Pii) -> Detector:
    """Make the detector of personal data.

    Raises:
        ServiceUnavailable, ConfigError: As `detector_of`.
    """
    # Presidio takes seconds to import, so it is loaded here and nowhere else.
    presidio = importlib.import_module("firewall.detect.pii.detector")
    entities: Sequence[str] = presidio.DEFAULT_ENTITIES if pii.entities is None else pii.entities
    own = None if pii.recognizers is None else Path(pii.recognizers)
    wanted: dict[str, Any] = {"threshold": pii.threshold, "languages": pii.languages, "nlp": pii.nlp}
    wanted |= {"deny": pii.deny, "recognisers": own, "context": pii.context}
    if pii.enhancer != Enhancer():
        if not pii.context and pii.nlp is None:
            raise ConfigError("pii.enhancer does nothing without pii.context or pii.nlp: name either")
        wanted["enhancing"] = pii.enhancer.model_dump()
    if pii.rules == "presidio":
        exact: Detector = presidio.PresidioDetector(entities=entities, allow=pii.allow, **wanted)
        return exact
    standard = importlib.import_module("firewall.detect.pii.standard")
    ours = sorted(set(standard.OWN).intersection(pii.context))
    if ours:
        raise ConfigError(
            f"pii.context {ours[0]}: the standard rules tell it by words of their own; "
            'set pii.rules = "presidio", or remove it'
        )
    others = [entity for entity in entities if entity not in standard.OWN]
    # None of Presidio's is wanted only where all are ours; an empty list it refuses itself.
    all_ours = entities and not (others or pii.deny or own or pii.context)
    left = None if all_ours else presidio.PresidioDetector(entities=others, **wanted)
    made: Detector = standard.Standard(left, kinds=entities, threshold=pii.threshold, allow=pii.allow)
    return made
