"""`partywall scan` tells what stands where, in any disguise, and never the value."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from partywall.scanning import Scanned, Scanner
from tests.fakes.commands import Ran, ran
from tests.fakes.services import ROOT

MAIL, CARD = "ann@acme.example.com", "4929697010226317"
ACMES, GLOBEXS = "heron plan of 7391", "ORCHID-4417-0093"
TOKEN = "glpat-" + "Zx9Kq2Lm7Rt4Vw8Ys3Bn"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    values = [{"owner": "acme", "value": ACMES}, {"owner": "globex", "value": GLOBEXS}]
    Path("values.jsonl").write_text("".join(json.dumps(each) + "\n" for each in values))
    return tmp_path


def scanned(text: str | bytes, *options: str) -> Ran:
    return ran("scan", *options, stdin=text if isinstance(text, bytes) else text.encode())


def told(done: Ran) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.out.splitlines()]


def row(text: str, name: object = 1) -> str:
    return json.dumps({"id": name, "text": text}) + "\n"


def kinds(found: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [(each["type"], each["via"]) for each in found["findings"]]


def test_each_row_is_answered_in_order_with_spans_and_the_text_redacted() -> None:
    text = f"{MAIL} pays with {CARD}"
    done = scanned(row(text, "a") + row("nothing here", 7))
    one, two = told(done)
    assert done.code == 1
    assert (one["id"], two) == ("a", {"id": 7, "findings": [], "redacted": "nothing here"})
    assert [text[each["start"] : each["stop"]] for each in one["findings"]] == [MAIL, CARD]
    assert [each["score"] for each in one["findings"]] == [1.0, 1.0]
    assert kinds(one) == [("EMAIL_ADDRESS", []), ("CREDIT_CARD", [])]
    assert one["redacted"] == "[REDACTED:EMAIL_ADDRESS] pays with [REDACTED:CREDIT_CARD]"


def test_clean_input_ends_with_0_and_says_how_much_it_was() -> None:
    done = scanned("nothing to see\n")
    assert (done.code, done.out) == (0, "")
    assert re.fullmatch(r"1 texts, 0\.00 MiB in [0-9.]+ s \([0-9.]+ MiB/s\): 0 findings\n", done.err)


@pytest.mark.parametrize(
    ("disguised", "via"),
    [
        pytest.param(ACMES.upper().replace(" ", "-"), [], id="case-and-separators"),
        pytest.param(base64.b64encode(f"the {ACMES}".encode()).decode(), ["base64"], id="base64"),
        pytest.param(f"the {ACMES} is".encode().hex(), ["hex"], id="hex"),
        pytest.param(ACMES[::-1], ["reversed"], id="reversed"),
    ],
)
def test_a_foreign_value_is_found_in_disguise_and_takes_the_disguise_with_it(
    disguised: str, via: list[str]
) -> None:
    done = scanned(row(f"see {disguised} ok"), "--foreign", "values.jsonl")
    (found,) = told(done)
    assert (done.code, kinds(found)) == (1, [("FOREIGN", via)])
    assert "[REDACTED:EXCERPT]" in found["redacted"]
    assert not any(each in found["redacted"] for each in (disguised, disguised[8:-8]))
    assert scanned(row("see the heron plan ok"), "--foreign", "values.jsonl").code == 0


def test_with_foreign_values_the_rest_is_looked_for_only_when_asked() -> None:
    text = row(f"{GLOBEXS} and {MAIL}")
    (alone,) = told(scanned(text, "--foreign", "values.jsonl"))
    (both,) = told(scanned(text, "--foreign", "values.jsonl", "--only", "pii"))
    assert kinds(alone) == [("FOREIGN", [])]
    assert kinds(both) == [("FOREIGN", []), ("EMAIL_ADDRESS", [])]


def test_a_plain_value_is_told_of_and_counts_only_as_a_word_of_its_own() -> None:
    Path("weak.jsonl").write_text('{"owner": "acme", "value": "2060"}\n{"owner": "globex", "value": "---"}\n')
    done = scanned(row("in 2060, not 120605") + row("a --- b"), "--foreign", "weak.jsonl")
    one, two = told(done)
    assert "2 of 2 values" in done.err
    assert [(each["start"], each["stop"]) for each in one["findings"]] == [(3, 7)]
    assert [(each["start"], each["stop"]) for each in two["findings"]] == [(2, 5)]


def test_files_and_folders_are_told_by_line_and_column_and_no_value_is_shown(home: Path) -> None:
    (home / "in" / ".git").mkdir(parents=True)
    (home / "in" / ".git" / "packed").write_text(MAIL)
    (home / "in" / "a.txt").write_text(f"first\nsecond {MAIL}\n")
    (home / "in" / "b.py").write_text(f'token = "{TOKEN}"\n')
    (home / "in" / "c.bin").write_bytes(bytes(range(256)) + MAIL.encode())
    (home / "in" / "d.txt").write_text(f"to {CARD}", encoding="utf-16")
    (home / "in" / "link").symlink_to(home / "in" / "a.txt")
    done = ran("scan", "in")
    assert done.code == 1
    assert [line.partition(" of ")[0] for line in done.out.splitlines()] == [
        "in/a.txt:2:8: EMAIL_ADDRESS",
        "in/b.py:1:10: SECRET",
        "in/d.txt:1:4: CREDIT_CARD",
    ]
    assert "3 texts" in done.err
    assert "1 files left out" in done.err
    assert not any(each in done.out + done.err for each in (MAIL, TOKEN, CARD))


def test_of_a_difference_only_what_it_adds_is_scanned() -> None:
    diff = (
        "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,3 +1,4 @@\n"
        f" keep {CARD}\n-old {CARD}\n+new one\n+new {MAIL}\n stays\n"
    )
    done = scanned(diff, "--diff")
    assert (done.code, done.out.partition(" of ")[0]) == (1, "x:3:5: EMAIL_ADDRESS")
    assert scanned(diff.replace(MAIL, "x"), "--diff").code == 0


def test_what_is_looked_for_can_be_chosen() -> None:
    text = f"{MAIL} order 12345678 from 12.92.149.211 {TOKEN}"
    assert [each["type"] for each in told(scanned(text, "--json", "--only", "ids"))[0]["findings"]] == ["ID"]
    assert [
        each["type"] for each in told(scanned(text, "--json", "--entity", "IP_ADDRESS"))[0]["findings"]
    ] == ["IP_ADDRESS"]
    found = told(scanned(text, "--json", "--only", "secrets"))[0]
    assert [each["type"] for each in found["findings"]] == ["SECRET"]
    assert found["line"] == 1


def test_the_operators_own_rules_count_where_the_configuration_names_them() -> None:
    Path("rules.toml").write_text(
        '[[rule]]\nid = "acme-badge"\nprovider = "ACME"\ndescription = "Badge"\n'
        'pattern = "ACME-[0-9]{8}-[A-Z]{4}"\nkeywords = ["acme-"]\n'
        'positive = ["ACME-12345678-WXYZ"]\nnegative = ["ACME-1"]\n'
    )
    text = "her badge is ACME-12345678-WXYZ"
    assert scanned(text, "--only", "secrets").code == 0
    Path("partywall.toml").write_text('[secrets]\nrules = ["rules.toml"]\n')
    done = scanned(text, "--only", "secrets")
    assert (done.code, "secret.acme-badge" in done.out) == (1, True)
    Path("rules.toml").write_text("[[rule]]\n")
    assert scanned(text, "--only", "secrets").code == 2


def test_what_is_too_deep_to_examine_is_an_error_and_the_others_are_told() -> None:
    deep = "deep secret of a heron"
    for _ in range(10):
        deep = base64.b64encode(deep.encode()).decode()
    done = scanned(row(deep, "deep") + row(MAIL, "next"))
    one, two = told(done)
    assert done.code == 2
    assert (one["id"], "too deep" in one["error"], kinds(two)) == ("deep", True, [("EMAIL_ADDRESS", [])])


@pytest.mark.parametrize(
    ("arguments", "given", "said"),
    [
        pytest.param(["nowhere"], "", "nowhere is not there", id="no-such-file"),
        pytest.param(["--rows"], "no json\n", "line 1 of standard input", id="no-row"),
        pytest.param(["--rows"], '{"id": 1}\n', "line 1 of standard input", id="no-text"),
        pytest.param(["--foreign", "nowhere"], "", "nowhere cannot be read", id="no-values"),
        pytest.param(["--diff"], "@@ -1 +1 @@\nx", "no unified difference", id="no-difference"),
        pytest.param(["--entity", "NOBODYS"], "x", "no recogniser finds NOBODYS", id="no-such-kind"),
        pytest.param(["--config", "nowhere.toml"], "x", "configuration file", id="no-configuration"),
    ],
)
def test_what_cannot_be_scanned_ends_with_2_and_says_why(arguments: list[str], given: str, said: str) -> None:
    done = scanned(given, *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert done.err.startswith("error: ")


def test_a_malformed_value_is_told_by_its_line_only() -> None:
    Path("values.jsonl").write_text(f'{{"owner": "acme"}}\n{{"value": "{ACMES}"}}\n')
    done = scanned("x", "--foreign", "values.jsonl")
    assert (done.code, "line 1 of the foreign values" in done.err, ACMES in done.err) == (2, True, False)


def test_bytes_that_are_no_text_hide_nothing_beside_them() -> None:
    done = scanned(b"\xc3( " + MAIL.encode())
    assert (done.code, "EMAIL_ADDRESS" in done.out) == (1, True)


def test_a_zero_or_an_unusual_encoding_takes_no_text_out_of_sight() -> None:
    Path("a.txt").write_bytes(b"x\0y " + MAIL.encode())
    Path("b.txt").write_bytes(f"to {MAIL} and no more".encode("utf-16-le"))
    done = ran("scan", "a.txt", "b.txt")
    assert (done.code, done.out.count(": EMAIL_ADDRESS")) == (1, 2)


def test_what_was_named_and_is_no_text_ends_with_2_by_name() -> None:
    Path("a.bin").write_bytes(bytes(range(256)))
    done = ran("scan", "a.bin")
    assert (done.code, "a.bin: this is no text" in done.err) == (2, True)
    assert scanned(bytes(range(256))).code == 2


def test_a_row_that_is_too_deep_to_parse_is_none() -> None:
    assert scanned('{"text": ' + "[" * 100_000 + "\n", "--rows").code == 2


def test_a_fault_of_ours_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_scanner: Scanner, _text: str) -> Scanned:
        raise IndexError(MAIL)

    monkeypatch.setattr(Scanner, "scan", failing)
    done = scanned(row(MAIL, "bad"))
    assert (done.code, MAIL in done.out + done.err, told(done)[0]["id"]) == (2, False, "bad")


def test_the_commands_of_the_page_are_commands() -> None:
    (block,) = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "scan.md").read_text(), re.DOTALL)
    Path("notes").mkdir()
    Path("notes", "a.txt").write_text(MAIL)
    codes = [
        ran(*line.rpartition("partywall ")[2].partition(" <")[0].split(), stdin=row(ACMES).encode()).code
        for line in block.splitlines()
    ]
    assert codes == [1, 0, 1]
