"""A file comes in only within its limits, and what it is is told by its bytes."""

from dataclasses import replace

import pytest

from firewall.core.ids import TenantId
from firewall.core.subject import Filed, Inbound, Subject, leaf
from firewall.core.verdict import Deny, ReasonCode
from firewall.layers.attachments import Attachments
from tests.fakes.clock import at_once
from tests.fakes.tenants import ACME, GLOBEX, case, every_kind, message, turn

LAYER = Attachments(max_count=2, max_bytes=100, types=("text/*", "application/pdf"))
FINE = Filed(number=1, size_bytes=100, media_type="text/csv")


def inbound(filed: Filed | None, tenant: TenantId = ACME, name: str = "a.csv") -> Inbound:
    return Inbound(leaves=(leaf("name", name, None),), sender=message("", tenant=tenant).sender, filed=filed)


def judged(subject: Subject, tenant: TenantId = ACME) -> tuple[ReasonCode, str] | None:
    verdict = at_once(LAYER.judge(case(subject, turn(tenant=tenant))))
    return (verdict.reason, verdict.rule) if isinstance(verdict, Deny) else None


@pytest.mark.parametrize("tenant", [ACME, GLOBEX])
def test_a_file_within_every_limit_passes_for_whoever_sends_it(tenant: TenantId) -> None:
    assert judged(inbound(FINE, tenant), tenant) is None
    assert judged(inbound(replace(FINE, media_type="application/pdf"), tenant), tenant) is None


def test_a_message_without_a_file_is_not_judged_here() -> None:
    assert judged(inbound(None)) is None


@pytest.mark.parametrize(
    ("filed", "expected"),
    [
        pytest.param(replace(FINE, number=3), (ReasonCode.FILE_REFUSED, "file:count"), id="one-too-many"),
        pytest.param(
            replace(FINE, size_bytes=101), (ReasonCode.TOO_LARGE, "file:size"), id="one-byte-too-long"
        ),
        pytest.param(
            Filed(number=1, size_bytes=101, media_type=None),
            (ReasonCode.TOO_LARGE, "file:size"),
            id="too-long-as-announced",
        ),
        pytest.param(
            replace(FINE, media_type="application/x-executable"),
            (ReasonCode.FILE_REFUSED, "file:type"),
            id="a-program",
        ),
        pytest.param(replace(FINE, media_type="TEXT/CSV"), (ReasonCode.FILE_REFUSED, "file:type"), id="case"),
        pytest.param(replace(FINE, media_type=""), (ReasonCode.FILE_REFUSED, "file:type"), id="of-no-kind"),
    ],
)
def test_what_is_over_a_limit_is_denied(filed: Filed, expected: tuple[ReasonCode, str]) -> None:
    assert judged(inbound(filed)) == expected
    assert judged(inbound(filed, GLOBEX), GLOBEX) == expected


def test_a_file_that_is_not_here_yet_has_no_kind_to_be_denied_for() -> None:
    assert judged(inbound(Filed(number=2, size_bytes=0, media_type=None))) is None


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\0b", "x" * 5_000, "a.csv\u202efdp.exe", ""])
def test_its_name_decides_nothing(name: str) -> None:
    assert judged(inbound(FINE, name=name)) is None
    assert judged(inbound(replace(FINE, media_type="application/zip"), name=name)) is not None


def test_what_is_no_message_is_denied() -> None:
    for subject in every_kind():
        if not isinstance(subject, Inbound):
            assert judged(subject) == (ReasonCode.UNKNOWN_SUBJECT, "")
