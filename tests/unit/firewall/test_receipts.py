"""A judgement is written down with what was done and nothing of what was said."""

from firewall.core.receipt import body_of
from firewall.core.subject import ModelReply
from firewall.core.verdict import Deny, Finding, ReasonCode, Severity
from firewall.receipts import Scribe, denial, shadow, size_of
from tests.fakes.clock import at_once
from tests.fakes.ids import CountedIds
from tests.fakes.stores import MemoryRecords
from tests.fakes.tenants import GLOBEX, line, outbound, turn

CANARY = "CANARY-7f3a"
DENY = Deny(reason=ReasonCode.FOREIGN_EXCERPT, severity=Severity.HIGH)


def scribe(secret: bytes = bytes(32)) -> tuple[Scribe, MemoryRecords]:
    store = MemoryRecords()
    return Scribe(store=store, ids=CountedIds(secret)), store


def written(*texts: str, tenant: object = None, secret: bytes = bytes(32)) -> str:
    writer, store = scribe(secret)
    subject = ModelReply(leaves=tuple(line(text) for text in texts))
    at_once(writer.write(turn(tenant=GLOBEX) if tenant else turn(), subject, (), None, scanned=1))
    return store.all[0].digest


def test_no_content_stands_in_a_judgement() -> None:
    writer, store = scribe()
    subject = ModelReply(leaves=(line(CANARY), line("é")))
    at_once(writer.write(turn(), subject, (denial(DENY, "redaction"),), DENY, scanned=size_of(subject)))
    (judgement,) = store.committed
    assert CANARY not in body_of(judgement)
    assert CANARY not in repr(judgement)
    assert (judgement.bytes_scanned, judgement.bytes_sent) == (len(CANARY) + 2, 0)
    assert (judgement.allowed, judgement.reason) == (False, ReasonCode.FOREIGN_EXCERPT)


def test_a_digest_is_keyed_and_tells_texts_apart() -> None:
    assert written("a", "b") == written("a", "b")
    assert (
        len({written("a", "b"), written("ab"), written("b", "a"), written("a", "b", secret=bytes([1] * 32))})
        == 4
    )


def test_text_that_is_no_text_is_measured_and_not_refused() -> None:
    assert written("\ud800") != written("\ud801")


def test_the_digest_of_an_answer_tells_where_it_was_sent() -> None:
    writer, store = scribe()
    for place in (turn().destination, turn("bob").destination):
        at_once(writer.write(turn(), outbound(line("hello"), to=place), (), None, scanned=5))
    assert store.all[0].digest != store.all[1].digest


def test_a_denial_is_a_violation_under_its_rule_or_its_reason() -> None:
    assert denial(DENY, "redaction").rule == "foreign_excerpt"
    assert (
        denial(Deny(reason=ReasonCode.DENIED_CLASS, rule="denied_class:bash"), "x").rule
        == "denied_class:bash"
    )
    assert denial(DENY, "redaction").violation


def test_a_shadow_shows_kind_and_length() -> None:
    record = shadow(
        Finding(rule="pii.EMAIL_ADDRESS", leaf=0, start=3, stop=20, foreign=True), "redaction", "text"
    )
    assert record.preview == "pii.EMAIL_ADDRESS, 17"
    assert not record.violation


def test_nothing_is_kept_of_a_cancelled_judgement_that_did_nothing() -> None:
    writer, store = scribe()
    writer.keep(turn(), ModelReply(leaves=()), ())
    assert store.all == []


def test_each_tenant_has_its_own_judgements() -> None:
    writer, store = scribe()
    for each in (turn(), turn(tenant=GLOBEX)):
        at_once(writer.write(each, ModelReply(leaves=()), (denial(DENY, "x"),), DENY, scanned=0))
    assert [each.tenant for each in store.committed] == ["ACME", "GLOBEX"]
