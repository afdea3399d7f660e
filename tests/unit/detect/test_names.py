"""Listed names: found as words of their own in any spelling, for one tenant, and no ordinary word is one."""

from pathlib import Path

import pytest

from firewall.core.errors import ConfigError
from firewall.core.message import Origin, Part
from firewall.core.subject import ModelReply
from firewall.core.verdict import Allow, Redact
from firewall.detect.detectors import All
from firewall.detect.keys import Keys
from firewall.detect.names import Names, distinct
from firewall.layers.redaction import Redaction
from partywall.config import parse
from partywall.naming import naming
from tests.fakes.clock import at_once
from tests.fakes.stores import KnownTexts
from tests.fakes.tenants import ACME, GLOBEX, case, line, part, turn

NAME = "Ansel Masson"


@pytest.mark.parametrize(
    "text",
    [
        "Ansel Masson",
        "ANSEL MASSON",
        "ansel  masson",
        "Ansel-Masson",
        "ＡＮＳＥＬ Masson",
        "An\u200bsel Masson",
        "QW5zZWwgTWFzc29uIGlzIGhlcmU=",
    ],
)
def test_a_name_is_found_in_any_spelling(text: str) -> None:
    [match] = {(each.kind, each.rule) for each in All([Names([NAME])]).scan(f"ask {text}, please")}
    assert match == ("PERSON", "names.PERSON")


@pytest.mark.parametrize("text", ["Anselmassonry", "XAnsel Masson", "Ansel Masson1", "Ansel", "Masson", ""])
def test_what_only_holds_its_letters_is_no_name(text: str) -> None:
    assert Names([NAME]).scan(text) == []


def test_no_ordinary_word_can_be_listed() -> None:
    assert [distinct(each) for each in (NAME, "Beauregard", "Will", "May", "", "12 34")] == [
        True, True, False, False, False, False,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="ordinary"):
        Names(["Will"])


def shown(of: str, text: str, *read: Part) -> int:
    """Say how many cuts an answer to Ann of this tenant gets."""
    detector = All([])
    layer = Redaction(
        excerpts=KnownTexts([]),
        detector=detector,
        keys=Keys(detector),
        names={ACME: All([Names([NAME])])},
    )
    whose = turn("ann", ACME if of == "ACME" else GLOBEX)
    verdict = at_once(layer.judge(case(ModelReply(leaves=(line(text),)), whose, read=read)))
    assert isinstance(verdict, Allow)
    cuts = [each for each in verdict.obligations if isinstance(each, Redact)]
    assert all(each.marker == "[REDACTED:PERSON]" and not each.foreign for each in cuts)
    return len(cuts)


def test_a_tenants_names_are_cut_from_its_own_answers_and_no_other_tenants() -> None:
    assert shown("ACME", f"ask {NAME} or {NAME.upper()}") == 2
    assert shown("GLOBEX", f"ask {NAME}") == 0


def test_whoever_mentioned_somebody_gets_the_name_back() -> None:
    said = part("is ansel masson in today?", origin=Origin.SENDER)
    assert shown("ACME", f"ask {NAME}", said) == 0


def test_the_configuration_gives_each_tenant_its_own_list(tmp_path: Path) -> None:
    people = tmp_path / "people.txt"
    people.write_text("Berit Okafor\n\n  Ciro Lindqvist \n", encoding="utf-8")
    text = (
        '[[tenant]]\nid = "acme"\n[tenant.pii]\nnames = ["Ansel Masson"]\n'
        f'names_file = "{people}"\n[[tenant]]\nid = "globex"\n'
    )
    found = naming(parse(text))
    assert list(found) == ["acme"]
    assert len(found[next(iter(found))].scan("Ansel Masson, Berit Okafor, Ciro Lindqvist")) == 3


@pytest.mark.parametrize("written", ['names = ["Will"]', 'names_file = "nowhere.txt"'])
def test_what_cannot_be_listed_stops_the_start_without_quoting_anybody(written: str) -> None:
    with pytest.raises(ConfigError) as caught:
        naming(parse(f'[[tenant]]\nid = "acme"\n[tenant.pii]\n{written}\n'))
    assert "Will" not in str(caught.value)
    assert "'acme'" in str(caught.value)
