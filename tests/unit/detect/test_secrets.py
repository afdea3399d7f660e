import base64
import random
from dataclasses import replace

import pytest

from firewall.core.errors import ServiceUnavailable
from firewall.core.match import Match
from firewall.core.ports import Detector
from firewall.detect.detectors import All, Glances
from firewall.detect.marker import redacted
from firewall.detect.secrets.detector import SecretDetector
from tests.fakes.rulepack import detector, shipped

KEY_BODY = base64.b64encode(random.Random(7).randbytes(48 * 6)).decode()
PEM = "\n".join(
    [
        "-----BEGIN PRIVATE KEY-----",
        *(KEY_BODY[i : i + 64] for i in range(0, 384, 64)),
        "-----END PRIVATE KEY-----",
    ]
)
ACME, GLOBEX = "kR8vq2LmT4", "zW3hb9XcQ7"


def found(text: str) -> list[tuple[str, str]]:
    return [(match.rule, text[match.start : match.stop]) for match in detector().scan(text)]


def values(text: str) -> set[str]:
    return {value for _, value in found(text)}


def test_it_is_a_detector_that_can_glance() -> None:
    one: Detector = detector()
    assert isinstance(one, Glances)
    assert "secret.github-pat" in one.rules
    assert len(one.rules) == len(shipped())


def test_each_rule_finds_its_own_positive_through_the_gate() -> None:
    missed: list[str] = []
    for rule in shipped():
        for text in rule.positive:
            told = {match.rule for match in detector().scan(text)}
            # A rule for no format gives way to one that knows the format.
            if f"secret.{rule.id}" not in told and not (rule.generic and told):
                missed.append(rule.id)
    assert missed == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("password: {}", id="yaml"),
        pytest.param('{{"password": "{}"}}', id="json"),
        pytest.param('{{\\"password\\": \\"{}\\"}}', id="json-in-json"),
        pytest.param("export DB_PASSWORD={}", id="shell"),
        pytest.param("$config['password'] = '{}';", id="php"),
        pytest.param('password := "{}"', id="go"),
        pytest.param('"password" => "{}"', id="ruby"),
        pytest.param('System.setProperty("PASSWORD", "{}")', id="java"),
        pytest.param("<password>{}</password>", id="xml"),
        pytest.param("the password is {}", id="speech"),
        pytest.param("postgresql://app:{}@db.example.com/main", id="address"),
        pytest.param("curl -u app:{} https://api.example.com", id="curl"),
    ],
)
@pytest.mark.parametrize("secret", [ACME, GLOBEX])
def test_a_password_is_found_by_what_stands_before_it(text: str, secret: str) -> None:
    assert any(secret in value for value in values(text.format(secret)))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("the password is required", id="speech"),
        pytest.param("I forgot my password again", id="no-value"),
        pytest.param("password = os.environ['ACME_1']", id="reference"),
        pytest.param('api_key = "<your-api-key-1>"', id="placeholder"),
        pytest.param("token: tokenizer.v2", id="word"),
        pytest.param("secret sauce: 1.2.3", id="version"),
        pytest.param("commit 43fc912ef59a83054ea7f6706df4d53a7dea4d80", id="commit"),
        pytest.param("f81d4fae-7dec-11d0-a765-00a0c91e6bf6", id="uuid"),
        pytest.param("https://globex.example/a/b?c=d", id="address"),
        pytest.param("", id="nothing"),
    ],
)
def test_ordinary_text_has_no_secret(text: str) -> None:
    assert found(text) == []


def test_a_rule_that_knows_the_format_is_named_and_the_general_one_is_not() -> None:
    token = next(rule.positive[0] for rule in shipped() if rule.id == "github-pat")
    assert found(f"token = {token}") == [("secret.github-pat", token)]


def test_a_token_with_a_broken_checksum_counts_by_its_entropy() -> None:
    token = next(rule.positive[0] for rule in shipped() if rule.id == "github-pat")
    changed = token[:-1] + ("a" if token[-1] != "a" else "b")
    assert found(changed) == [("secret.github-pat", changed)]
    assert found("ghp_" + "a" * 36) == []


def test_letters_put_beside_a_token_of_a_clear_form_do_not_hide_it() -> None:
    token = next(rule.positive[0] for rule in shipped() if rule.id == "github-pat")
    assert found(f"x{token}x") == [("secret.github-pat", token)]


def test_a_private_key_is_cut_out_line_by_line() -> None:
    detectors = All([detector()])
    cut, _ = redacted(f"acme:\n{PEM}\nglobex", detectors.scan(f"acme:\n{PEM}\nglobex"))
    assert "BEGIN" not in cut
    assert not any(KEY_BODY[i : i + 16] in cut for i in range(0, 384, 16))
    assert cut.startswith("acme:\n")
    assert cut.endswith("globex")


def test_offsets_are_code_points_of_the_text() -> None:
    text = f"\u4e09 \U0001f511 pa\u017f\u017fword: {ACME} \u00e9 password: {GLOBEX}"
    assert [text[m.start : m.stop] for m in detector().scan(text)] == [ACME, GLOBEX]


def test_a_disguise_of_looks_alone_hides_nothing() -> None:
    wide = "".join(chr(ord(char) + 0xFEE0) for char in f"password:{ACME}")
    (match,) = All([detector()]).scan(wide)
    assert (match.start, match.stop) == (9, len(wide))


def test_equal_secrets_have_one_key_and_others_have_others() -> None:
    def key(text: str) -> str:
        (match,) = detector().scan(text)
        return match.key

    assert key(f"password: {ACME}") == key(f"my password is {ACME}") != key(f"password: {GLOBEX}")


def test_what_it_says_of_itself_shows_no_secret() -> None:
    (match,) = detector().scan(f"password: {ACME}")
    assert isinstance(match, Match)
    assert ACME not in repr(match)


def test_matches_are_in_order() -> None:
    text = f"password: {GLOBEX} and curl -u a:{ACME} https://b:{ACME}@example.com and api_key: {GLOBEX}0"
    spans = [(match.start, match.stop) for match in detector().scan(text)]
    assert len(spans) >= 4
    assert spans == sorted(spans)


def test_a_rule_made_slow_refuses_the_text_and_passes_nothing() -> None:
    slow = replace(
        shipped()[0],
        id="slow",
        pattern=r"(?=x)(?:(x+)x+)+\1y",
        gate="acme",
        edge="none",
        validator="",
        entropy=0.0,
    )
    with pytest.raises(ServiceUnavailable):
        SecretDetector([slow], timeout_s=0.02).scan("acme " + "x" * 200 + "z y")
