"""A folder of the user's that bears one of our names, beside a bot that is started there."""

import shutil
from pathlib import Path

import pytest

from partywall.origin import PACKAGES
from tests.fakes.commands import process
from tests.fakes.services import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation of its own: the five packages and nothing else."""
    folder = tmp_path_factory.mktemp("site")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_a_sound_installation_has_no_fault(site: Path, tmp_path: Path) -> None:
    done = process("doctor", cwd=tmp_path, env={"PYTHONPATH": str(site)})
    assert done.code == 0, done.out + done.err


def test_an_empty_folder_beside_it_is_refused_with_the_reason(site: Path, tmp_path: Path) -> None:
    (tmp_path / "adapters").mkdir()
    done = process("doctor", "--json", cwd=tmp_path, env={"PYTHONPATH": str(site)})
    assert done.code == 1
    assert "the working directory holds another 'adapters'" in done.out


@pytest.mark.parametrize("package", [each for each in PACKAGES if each != "partywall"])
def test_a_package_that_is_taken_for_ours_is_refused_by_every_command(
    package: str, site: Path, tmp_path: Path
) -> None:
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").touch()
    for words in (("doctor",), ("tenants",)):
        done = process(*words, cwd=tmp_path, env={"PYTHONPATH": str(site)})
        assert done.code == 1
        assert "Shadowed" in done.err
        assert f"{package}: Python finds" in done.err
