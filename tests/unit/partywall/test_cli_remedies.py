"""Every reason has a remedy, and the docs have the same."""

from firewall.core.receipt import RecordKind
from firewall.core.verdict import ReasonCode
from partywall.cli.remedies import CHANGES, REMEDIES, remedy


def test_every_reason_code_has_a_remedy_of_its_own() -> None:
    assert set(REMEDIES) == set(ReasonCode)
    assert len(set(REMEDIES.values())) == len(REMEDIES)
    assert all(text.endswith(".") for text in REMEDIES.values())


def test_every_kind_of_record_has_one() -> None:
    assert set(CHANGES) == set(RecordKind)


def test_a_denial_is_explained_by_its_reason_and_a_change_by_its_kind() -> None:
    assert remedy(RecordKind.DENIAL, ReasonCode.UNKNOWN_TOOL) == REMEDIES[ReasonCode.UNKNOWN_TOOL]
    assert remedy(RecordKind.REDACTION, ReasonCode.UNKNOWN_TOOL) == CHANGES[RecordKind.REDACTION]
    assert remedy(RecordKind.RESET, None) == CHANGES[RecordKind.RESET]
