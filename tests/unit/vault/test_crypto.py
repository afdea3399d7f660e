"""Sealing opens in one place, with one key, and nowhere else."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.errors import IntegrityError, KeyMismatch
from vault.crypto import Key, Master, Place

KEY, OTHER = Key("k", b"k" * 32), Key("k", b"o" * 32)
HERE = {"table": "parts", "row": "1", "tenant": "ACME"}


@given(plaintext=st.binary(max_size=200))
def test_what_was_sealed_opens_in_its_place(plaintext: bytes) -> None:
    sealed = KEY.seal(plaintext, **HERE, random=os.urandom)
    assert KEY.open(sealed, **HERE) == plaintext
    assert not plaintext or len(plaintext) < 4 or plaintext not in sealed


@pytest.mark.parametrize("changed", ["table", "row", "tenant"])
def test_a_copy_put_elsewhere_does_not_open(changed: str) -> None:
    sealed = KEY.seal(b"secret", **HERE, random=os.urandom)
    with pytest.raises(IntegrityError) as caught:
        KEY.open(sealed, **{**HERE, changed: "GLOBEX"})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("opener", [OTHER, Key("k2", b"k" * 32)], ids=["another-key", "another-key-id"])
def test_another_key_does_not_open_it(opener: Key) -> None:
    with pytest.raises(IntegrityError):
        opener.open(KEY.seal(b"secret", **HERE, random=os.urandom), **HERE)


@given(at=st.integers(0, 33), flip=st.integers(1, 255))
def test_a_changed_byte_does_not_open(at: int, flip: int) -> None:
    sealed = bytearray(KEY.seal(b"secret", **HERE, random=os.urandom))
    sealed[at] ^= flip
    with pytest.raises(IntegrityError):
        KEY.open(bytes(sealed), **HERE)


@pytest.mark.parametrize("sealed", [b"", b"short", b"x" * 27])
def test_a_truncated_value_does_not_open(sealed: bytes) -> None:
    with pytest.raises(IntegrityError):
        KEY.open(sealed, **HERE)


def test_two_seals_of_one_text_differ() -> None:
    assert KEY.seal(b"a", **HERE, random=os.urandom) != KEY.seal(b"a", **HERE, random=os.urandom)


def test_places_are_bound_injectively() -> None:
    one = Place(table="a:b", row="c", tenant="t", key="k")
    two = Place(table="a", row="b:c", tenant="t", key="k")
    assert one.bound != two.bound


def test_a_master_key_recognises_its_own_check_only() -> None:
    ours, theirs = Master.of(b"a" * 32), Master.of(b"b" * 32)
    assert ours.recognises(Master.of(b"a" * 32).check)
    assert not ours.recognises(theirs.check)
    assert not ours.recognises(b"")


@pytest.mark.parametrize("material", [b"", b"x" * 31, b"x" * 33])
def test_a_master_key_has_32_bytes(material: bytes) -> None:
    with pytest.raises(KeyMismatch):
        Master.of(material)
    with pytest.raises(IntegrityError):
        Key("k", material)


def test_keys_show_nothing_of_themselves() -> None:
    assert "6b6b" not in repr(KEY) + repr(Master.of(b"k" * 32))
    assert "kkkk" not in repr(KEY) + repr(Master.of(b"k" * 32))
