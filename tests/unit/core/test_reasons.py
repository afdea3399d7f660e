"""Every reason is explained to operators, once."""

import re
from pathlib import Path

from firewall.core.verdict import ReasonCode

PAGE = Path(__file__).parents[3] / "docs" / "reasons.md"
_ENTRY = re.compile(r"^### `([a-z_]+)`\n\n(.+?)\n\n(.+?)(?=\n\n|\n*\Z)", re.MULTILINE | re.DOTALL)


def entries() -> list[tuple[str, str, str]]:
    return _ENTRY.findall(PAGE.read_text(encoding="utf-8"))


def test_the_page_and_the_program_know_the_same_reasons() -> None:
    names = [name for name, _, _ in entries()]
    assert sorted(names) == sorted(code.value for code in ReasonCode)
    assert len(set(names)) == len(names)


def test_each_says_what_it_means_and_what_can_be_done() -> None:
    for name, meaning, remedy in entries():
        assert len(meaning) > 30, name
        assert remedy.startswith("What you can do: "), name


def test_they_stand_in_the_order_of_the_program() -> None:
    assert [name for name, _, _ in entries()] == [code.value for code in ReasonCode]
