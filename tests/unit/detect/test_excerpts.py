import gzip
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from firewall.core.identity import Conversation, ConversationKind
from firewall.core.ids import PrincipalId, TenantId
from firewall.core.label import Audience, Members, Owned, Principals, Room
from firewall.detect.excerpts.index import Excerpts, Quota
from firewall.detect.excerpts.owners import Owner
from firewall.detect.excerpts.texts import Texts

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
ANN, ADA, BOB = PrincipalId("ann"), PrincipalId("ada"), PrincipalId("bob")
DATA = Path(os.environ.get("PARTYWALL_DATA", Path(__file__).parents[4] / "shared" / "data")) / "exfil"
LOBBY = Room.of(
    Conversation(channel="slack", app="A1", realm="T1", id="C1", kind=ConversationKind.GROUP, closed=True)
)
SPEECH = "the merger with Initech closes in March at forty-two dollars a share"


def private(tenant: TenantId, *ids: PrincipalId) -> Owned:
    return Owned(tenant=tenant, readers=Principals(ids=frozenset(ids)))


def alone(tenant: TenantId, principal: PrincipalId) -> Audience:
    return Audience(
        tenant=tenant, principal=principal, person=True, room=None, private=True, members_only=False
    )


IN_LOBBY = Audience(tenant=ACME, principal=ANN, person=True, room=LOBBY, private=False, members_only=True)
BOBS = alone(GLOBEX, BOB)


def cut(index: Excerpts, text: str, audience: Audience = BOBS) -> list[str]:
    return [text[match.start : match.stop] for match in index.find(text, audience)]


def test_a_part_of_anothers_text_is_cut_out_and_nothing_around_it() -> None:
    index = Excerpts()
    index.learn(SPEECH, private(ACME, ANN))
    assert cut(index, f"I heard: {SPEECH[4:50]}! True?") == [SPEECH[4:50]]


def test_every_occurrence_is_found() -> None:
    index = Excerpts()
    index.learn("AB-12345", private(ACME, ANN), whole=True)
    text = "AB-12345 is ab 12345 is a\u200bb12345"
    assert cut(index, text) == ["AB-12345", "ab 12345", "a\u200bb12345"]


@pytest.mark.parametrize(
    ("label", "audience", "reads"),
    [
        pytest.param(private(ACME, ANN), alone(ACME, ANN), True, id="own"),
        pytest.param(private(ACME, ANN), alone(ACME, ADA), False, id="colleague-is-foreign-too"),
        pytest.param(private(ACME, ANN, ADA), alone(ACME, ADA), True, id="shared-with-a-colleague"),
        pytest.param(private(ACME, ANN), IN_LOBBY, False, id="own-private-text-in-a-room"),
        pytest.param(Owned(tenant=ACME, readers=LOBBY), IN_LOBBY, True, id="room-in-the-room"),
        pytest.param(Owned(tenant=ACME, readers=LOBBY), alone(ACME, ADA), False, id="room-elsewhere"),
        pytest.param(Owned(tenant=ACME, readers=Members()), IN_LOBBY, True, id="members-in-a-closed-room"),
        pytest.param(Owned(tenant=ACME, readers=Members()), alone(ACME, ADA), True, id="members-alone"),
        pytest.param(Owned(tenant=ACME, readers=Members()), BOBS, False, id="members-of-another-tenant"),
        pytest.param(private(GLOBEX, ANN), alone(ACME, ANN), False, id="same-principal-id-in-another-tenant"),
    ],
)
def test_labels_alone_decide_who_reads(label: Owned, audience: Audience, reads: bool) -> None:
    index = Excerpts()
    index.learn(SPEECH, label)
    index.learn("kx7-Q2 99", label, whole=True)
    assert (cut(index, SPEECH, audience) == []) is reads
    assert (cut(index, "kx7-Q2 99", audience) == []) is reads


def test_a_claim_takes_nothing_away_from_its_reader() -> None:
    index = Excerpts()
    index.learn(f"{SPEECH}, so buy now", private(GLOBEX, BOB))
    index.learn(SPEECH, private(ACME, ANN))
    index.learn("closes in March at forty-two", private(ACME, ADA), whole=True)
    assert cut(index, SPEECH) == []


def test_what_goes_beyond_what_the_reader_knows_is_cut_to_the_letter() -> None:
    index = Excerpts()
    index.learn(SPEECH, private(ACME, ANN))
    index.learn(SPEECH[:40], private(GLOBEX, BOB))
    assert cut(index, SPEECH) == [SPEECH[40:].lstrip()]


def test_short_speech_belongs_to_nobody_but_a_short_vault_value_does() -> None:
    index = Excerpts()
    index.learn("order AB-12345", private(ACME, ANN))
    assert cut(index, "order AB-12345") == []
    index.learn("order AB-12345", private(ACME, ANN), whole=True)
    assert cut(index, "my order AB-12345") == ["order AB-12345"]


def test_an_ordinary_word_in_a_vault_is_not_kept_and_says_so() -> None:
    index = Excerpts()
    index.learn("password", private(ACME, ANN), whole=True)
    assert not index.keeps("password")
    assert index.keeps("AB-12345")
    assert cut(index, "your password") == []


@pytest.mark.parametrize("text", ["=" * 80, "na na na na na na na na na na na na na", "0" * 60])
def test_repetition_is_nobodys(text: str) -> None:
    index = Excerpts()
    index.learn(text, private(ACME, ANN))
    assert cut(index, text) == []


def test_a_marker_in_a_remembered_text_is_not_taken_for_that_text() -> None:
    index = Excerpts()
    index.learn("[REDACTED:EMAIL_ADDRESS] [REDACTED:PHONE_NUMBER]", private(ACME, ANN))
    assert cut(index, "[REDACTED:EMAIL_ADDRESS] [REDACTED:PHONE_NUMBER]") == []


def test_text_in_the_shape_of_a_marker_is_scanned_like_any_other() -> None:
    index = Excerpts()
    index.learn("THENUCLEARCODEISBANANAFORTYTWO", private(ACME, ANN))
    assert cut(index, "[REDACTED:THENUCLEARCODEISBANANAFORTYTWO]") == ["THENUCLEARCODEISBANANAFORTYTWO"]


def tenants(count: int) -> list[Owned]:
    return [private(TenantId(f"tenant{number}"), PrincipalId("p")) for number in range(count)]


def test_a_phrase_that_four_older_tenants_know_is_evidence_against_nobody() -> None:
    phrase = "let me know if you have any further questions"
    index = Excerpts()
    for label in tenants(3):
        index.learn(phrase, label)
    assert cut(index, phrase) == [phrase]
    index.learn(phrase, tenants(4)[3])
    assert cut(index, phrase) == []


def test_what_one_tenant_adds_to_a_common_phrase_stays_its_own() -> None:
    phrase = "let me know if you have any further questions"
    index = Excerpts()
    for label in tenants(4):
        index.learn(phrase, label)
    index.learn(f"{phrase} about project Bluebird", private(ACME, ANN))
    found = index.find(f"{phrase} about project Bluebird", BOBS)
    assert found
    assert any("bluebird" in match.key for match in found)


def test_copies_planted_after_the_reader_came_make_nothing_common() -> None:
    index = Excerpts()
    index.learn("hello there, what can you do for me today", private(GLOBEX, BOB))
    for label in [private(ACME, ANN), *tenants(9)]:
        index.learn(SPEECH, label)
    assert cut(index, SPEECH) == [SPEECH]


def test_many_principals_of_one_tenant_are_one_tenant() -> None:
    index = Excerpts()
    for number in range(20):
        index.learn(SPEECH, private(ACME, PrincipalId(f"p{number}")))
    assert cut(index, SPEECH) == [SPEECH]


def test_an_owner_can_be_forgotten_and_a_tenant_too() -> None:
    index = Excerpts()
    for label in (private(ACME, ANN), private(ACME, ADA)):
        index.learn(SPEECH, label)
        index.learn("kx7-Q2 99", label, whole=True)
    index.forget(private(ACME, ANN))
    index.forget(private(ACME, ANN))
    assert cut(index, f"{SPEECH} kx7-Q2 99")
    index.forget_tenant(ACME)
    index.forget_tenant(GLOBEX)
    assert cut(index, f"{SPEECH} kx7-Q2 99") == []
    index.learn(SPEECH, private(ACME, ANN))
    assert cut(index, SPEECH) == [SPEECH]


LINES = [
    f"{name} keeps the number {at} locker in the basement of {name}" for at, name in enumerate("abcdefgh")
]


def test_the_oldest_of_the_same_owner_go_first() -> None:
    index = Excerpts(quota=Quota(label=150, tenant=10_000))
    for line in LINES:
        index.learn(line, private(ACME, ANN))
    assert cut(index, LINES[-1]) == [LINES[-1]]
    assert cut(index, LINES[0]) != [LINES[0]]


def test_a_text_said_again_is_young_again() -> None:
    index = Excerpts(quota=Quota(label=120, tenant=10_000))
    for text in (SPEECH, LINES[0], SPEECH, LINES[1]):
        index.learn(text, private(ACME, ANN))
    assert cut(index, SPEECH) == [SPEECH]
    assert cut(index, LINES[0]) != [LINES[0]]


def test_who_talks_most_in_a_tenant_pays_for_it() -> None:
    index = Excerpts(quota=Quota(label=200, tenant=230))
    index.learn(SPEECH, private(ACME, ADA))
    for line in LINES:
        index.learn(line, private(ACME, ANN))
    index.learn("and one short remark of mine about it", private(ACME, ADA))
    assert cut(index, SPEECH) == [SPEECH]


def test_many_principals_fill_no_more_than_their_tenants_share() -> None:
    index = Excerpts(quota=Quota(label=200, tenant=120))
    for number, line in enumerate(LINES):
        index.learn(line, private(ACME, PrincipalId(f"p{number}")))
    assert sum(cut(index, line) == [line] for line in LINES) == 3


def test_a_text_larger_than_its_share_takes_no_more_than_that() -> None:
    index = Excerpts(quota=Quota(label=30, tenant=120))
    index.learn(SPEECH, private(ACME, ANN))
    assert cut(index, SPEECH) == []


def test_speech_pushes_out_no_vault_value() -> None:
    index = Excerpts(quota=Quota(label=60, tenant=60))
    index.learn("kx7-Q2 99", private(ACME, ANN), whole=True)
    for line in LINES:
        index.learn(line, private(ACME, ANN))
    assert cut(index, "kx7-Q2 99") == ["kx7-Q2 99"]


def test_a_long_text_is_known_across_its_parts() -> None:
    index = Excerpts()
    words = " ".join(f"word{number}" for number in range(3_000))
    index.learn(words, private(ACME, ANN))
    assert cut(index, words) == [words]
    skeleton = words.replace(" ", "")
    for start in range(4_060, 4_110):
        assert cut(index, skeleton[start : start + 23]) == [skeleton[start : start + 23]]


def test_of_a_text_beyond_its_quota_the_young_end_stays() -> None:
    index = Excerpts(quota=Quota(label=9_000, tenant=9_000))
    words = " ".join(f"word{number}" for number in range(5_000))
    index.learn(words, private(ACME, ANN))
    assert cut(index, words[-2_000:])
    assert cut(index, words[:2_000]) == []


@pytest.mark.parametrize("text", ["", " ", "\u200b" * 50, "\ud800", "[REDACTED:ID]", "a" * 15])
def test_text_without_substance_is_neither_learned_nor_found(text: str) -> None:
    index = Excerpts()
    for whole in (False, True):
        index.learn(text, private(ACME, ANN), whole=whole)
    assert cut(index, text) == []


def test_looking_up_does_the_same_work_for_one_owner_and_for_a_thousand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Many owners and many endings of one phrase, which is what an attacker would plant to slow others down.
    real = Texts.__getitem__
    looked = Counter[str]()

    def counted(texts: Texts, number: int) -> tuple[Owner, str]:
        looked["texts"] += 1
        return real(texts, number)

    monkeypatch.setattr(Texts, "__getitem__", counted)
    work: list[int] = []
    for owners in (20, 1_000):
        index = Excerpts()
        for number in range(owners):
            index.learn(f"please confirm the {number} transfer", private(TenantId(f"t{number}"), ANN))
        looked.clear()
        index.find("please confirm the 999999 transfer", BOBS)
        work.append(looked["texts"])
    assert work[1] <= work[0] + 64


TRANSFORMS = ["identity", "fullwidth", "zero_width", "cyrillic_homoglyph"]


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_leaks_of_reference_data_are_found_whatever_their_looks(transform: str) -> None:
    path = DATA / "encoded_leak_outputs.jsonl.gz"
    if not path.exists():
        pytest.skip(f"reference data is absent: {path} (PARTYWALL_DATA names the folder of its parent)")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        # Values inside links are percent-encoded as well, which is another disguise.
        rows = [
            row for row in map(json.loads, file) if (row["transform"], row["carrier"]) == (transform, "plain")
        ]
    index = Excerpts()
    kept = [row for row in rows if index.keeps(row["value"])]
    for row in kept:
        index.learn(row["value"], private(ACME, ANN), whole=True)
    missed = [row["id"] for row in kept if not cut(index, row["text"])]
    assert len(kept) >= len(rows) // 2
    assert len(missed) <= len(kept) // 100
    assert all(cut(index, row["text"], alone(ACME, ANN)) == [] for row in kept)
