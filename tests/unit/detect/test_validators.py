import base64

import pytest

from firewall.detect.secrets.validators import VALIDATORS, entropy, holds
from tests.fakes.rulepack import shipped

PASSING = [
    ("aws_key_id", "AKIAQ7KZ2MLXW4TPBN3V"),
    ("azure_sas", "%2BmF1Yl9mZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY%3D"),
    ("basic_auth", base64.b64encode(b"acme:kR8vq2Lm").decode()),
    ("basic_auth", base64.urlsafe_b64encode(b"globex:\xff\xfe\xfb?>").decode().rstrip("=")),
    ("discord", base64.b64encode(b"463693802433993953").decode() + ".Gx7k2A.rest"),
    ("telegram", "7166171665:Arest"),
    ("jwt", base64.urlsafe_b64encode(b'{"alg":"HS256"}').decode().rstrip("=") + ".e.s"),
    ("pypi", "pypi-AgEIcHlwaS5vcmcx"),
    ("mixed", "aB3"),
    ("letters_digits", "a1"),
    ("varied", "kR8vq2Lm90"),
    ("not_placeholder", "kR8vq2Lm"),
    ("not_reference", "kR8vq2Lm"),
    ("password", "kR8vq2Lm"),
    ("password", "8472910384"),
]
FAILING = [
    ("aws_key_id", "AKIA0000000000000000"),
    ("azure_sas", "YWNtZQ%3D%3D"),
    ("basic_auth", base64.b64encode(b"no colon at all").decode()),
    ("basic_auth", "a"),
    ("discord", base64.b64encode(b"not a number at").decode() + ".Gx7k2A.rest"),
    ("discord", base64.b64encode(b"99999999999999999999999").decode() + ".Gx7k2A.rest"),
    ("telegram", "0166171665:Arest"),
    ("telegram", "9999999999999999:Arest"),
    ("jwt", base64.urlsafe_b64encode(b'"a text"').decode().rstrip("=") + ".e.s"),
    ("jwt", "eyJhbGciOiJIUzI1NiIsInR5cC.e.s"),
    ("pypi", "pypi-AAAAAAAA"),
    ("mixed", "ab3"),
    ("letters_digits", "abc"),
    ("varied", "abcdefghij"),
    ("varied", "ab1ab1ab1"),
    ("not_placeholder", "YOUR_TOKEN_1"),
    ("not_placeholder", "aaaaaaaa"),
    ("not_placeholder", "${ACME_TOKEN}"),
    ("not_reference", "settings.GLOBEX_1"),
    ("not_reference", "/etc/acme/key1"),
    ("password", "required"),
    ("password", "1.2.3-4"),
    ("password", "os.environ1"),
]


@pytest.mark.parametrize(("name", "value"), PASSING)
def test_a_real_value_passes(name: str, value: str) -> None:
    assert VALIDATORS[name](value)


@pytest.mark.parametrize(("name", "value"), FAILING)
def test_what_only_looks_like_one_fails(name: str, value: str) -> None:
    assert not VALIDATORS[name](value)


@pytest.mark.parametrize("name", ["crc32_base62", "bech32", "wif", "base58check"])
def test_a_checksum_holds_for_the_drawn_examples_and_not_after_a_change(name: str) -> None:
    values = {
        "crc32_base62": next(rule.positive[0] for rule in shipped() if rule.id == "github-pat"),
        "bech32": next(rule.positive[0] for rule in shipped() if rule.id == "age-secret-key"),
        "wif": next(rule.positive[0] for rule in shipped() if rule.id == "bitcoin-wif"),
        "base58check": next(rule.positive[0] for rule in shipped() if rule.id == "bitcoin-xprv"),
    }
    value = values[name]
    assert VALIDATORS[name](value)
    other = next(char for char in "QPZRY" if char != value[-3])
    assert not VALIDATORS[name](value[:-3] + other + value[-2:])


def test_an_extended_key_is_no_key_for_import() -> None:
    value = next(rule.positive[0] for rule in shipped() if rule.id == "bitcoin-xprv")
    assert not VALIDATORS["wif"](value)


@pytest.mark.parametrize("broken", ["acme", "", "globex_ü"])
def test_a_validator_that_raises_agrees(broken: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        VALIDATORS["wif"](broken + "0O")
    assert holds(VALIDATORS["wif"], broken + "0O")


def test_entropy_is_in_bits_a_character() -> None:
    assert entropy("") == 0.0
    assert entropy("aaaa") == 0.0
    assert entropy("abab") == pytest.approx(1.0)
    assert entropy("0123456789abcdef") == pytest.approx(4.0)


def test_every_validator_of_the_shipped_rules_is_there() -> None:
    named = {rule.validator for rule in shipped()} - {""}
    assert named <= set(VALIDATORS)
    assert set(VALIDATORS) == named | {"letters_digits"} | named
