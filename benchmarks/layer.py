"""Detection as the wall runs it: the whole of layer 3 over one text, and its parts alone."""

from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir

from benchmarks.texts import Texts
from firewall.core.ids import PrincipalId, TenantId
from firewall.core.label import Audience, Owned, Principals
from firewall.detect.disguise.unmasked import Unmasking
from firewall.detect.excerpts.index import Excerpts
from firewall.detect.secrets.detector import SecretDetector
from partywall.config import Config
from partywall.detecting import detector_of

READER = Audience(
    tenant=TenantId("reader"),
    principal=PrincipalId("r"),
    person=True,
    room=None,
    private=True,
    members_only=False,
)


def detection(entries: int) -> Callable[[str], int]:
    """Give a scan for everything that layer 3 looks for, in all disguises, and count what is found.

    Args:
        entries: Texts of so many tenants are known; none of them is the reader's.
    """
    index, texts = Excerpts(), Texts(31)
    for number in range(entries):
        label = Owned(tenant=TenantId(f"t{number}"), readers=Principals(ids=frozenset({PrincipalId("p")})))
        index.learn(texts.excerpt(), label)
    detector, foreign = detector_of(Config()), Unmasking(index)
    return lambda text: len(detector.scan(text)) + len(foreign.find(text, READER))


def typed_detection() -> Callable[[str], int]:
    """Give a scan for kinds of value alone, in all disguises: personal data, ids and secrets."""
    detector = detector_of(Config())
    return lambda text: len(detector.scan(text))


def secret_rules() -> Callable[[str], int]:
    """Give a scan by the shipped rules for secrets alone."""
    detector = SecretDetector(cache=Path(gettempdir()) / "partywall-bench")
    return lambda text: 0 if detector.excludes(text) else len(detector.scan(text))
