"""The check of the documentation finds what is broken and nothing else."""

from pathlib import Path

import pytest

from tests.meta.docs_check import faults


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "other.md").write_text("# Other\n\n## A part, of it\n\n## Again\n\n## Again\n")
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[other](docs/other.md)", id="file"),
        pytest.param("[part](docs/other.md#a-part-of-it)", id="heading-of-a-file"),
        pytest.param("[again](docs/other.md#again-1)", id="second-heading-of-one-name"),
        pytest.param("[self](#title)", id="heading-of-the-page"),
        pytest.param("[folder](docs/)", id="folder"),
        pytest.param("[out](https://example.com/x)", id="elsewhere-is-not-visited"),
        pytest.param("`[shown](absent.md)`", id="code-is-no-link"),
        pytest.param("```\n[shown](absent.md)\n# a comment\n```", id="fenced-code-is-no-link"),
    ],
)
def test_what_resolves_is_no_fault(tree: Path, text: str) -> None:
    (tree / "page.md").write_text(f"# Title\n\n{text}\n")
    assert faults(tree) == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[gone](docs/absent.md)", id="no-such-file"),
        pytest.param("[gone](docs/other.md#absent)", id="no-such-heading"),
        pytest.param("![gone](absent.png)", id="no-such-picture"),
        pytest.param("[gone][1]\n\n[1]: absent.md", id="reference"),
        pytest.param("[out](../outside.md)", id="outside-the-tree"),
    ],
)
def test_a_link_that_leads_nowhere_is_a_fault(tree: Path, text: str) -> None:
    (tree.parent / "outside.md").write_text("# Outside\n")
    (tree / "page.md").write_text(f"# Title\n\n{text}\n")
    assert len(faults(tree)) == 1
    assert "page.md: the link to" in faults(tree)[0]


def test_a_page_has_one_title(tree: Path) -> None:
    (tree / "page.md").write_text("## No title\n")
    assert faults(tree) == ["page.md: 0 titles (lines that begin with '# '), must be 1"]


def test_a_fragment_of_the_changelog_needs_no_title(tree: Path) -> None:
    (tree / "docs" / "changes").mkdir()
    (tree / "docs" / "changes" / "1.added.md").write_text("A thing.\n")
    assert faults(tree) == []
