"""The shipped rules for secrets, compiled once for every test process of this user."""

import os
import tempfile
from functools import cache
from pathlib import Path

from firewall.detect.secrets.detector import SecretDetector
from firewall.detect.secrets.rules import Rule, packs

GATES = Path(tempfile.gettempdir()) / f"partywall-test-gates-{os.getuid()}"


@cache
def shipped() -> tuple[Rule, ...]:
    """Give the shipped rules."""
    return tuple(packs())


@cache
def detector() -> SecretDetector:
    """Give a detector of the shipped rules; its gate takes seconds to compile and is kept."""
    return SecretDetector(shipped(), cache=GATES)
