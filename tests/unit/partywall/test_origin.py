"""The five packages are ours, or nothing is served."""

import importlib
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from partywall import origin
from tests.fakes.services import ROOT


def test_an_installation_of_its_own_is_sound() -> None:
    assert list(origin.strays()) == []
    origin.verify()


@pytest.mark.parametrize("package", origin.PACKAGES)
def test_each_of_the_five_is_looked_at(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = ModuleType(package)
    foreign.__path__ = [str(tmp_path / package)]
    monkeypatch.setitem(sys.modules, package, foreign)
    with pytest.raises(origin.Shadowed) as raised:
        origin.verify()
    assert [(stray.package, stray.place) for stray in raised.value.strays] == [
        (package, str(tmp_path / package))
    ]
    assert "Rename" in str(raised.value)


def test_a_module_in_the_place_of_a_package_is_a_stray(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = ModuleType("vault")
    foreign.__file__ = str(tmp_path / "vault.py")
    monkeypatch.setitem(sys.modules, "vault", foreign)
    assert [stray.place for stray in origin.strays()] == [str(tmp_path / "vault.py")]


def test_a_package_that_is_not_loaded_yet_is_judged_by_what_would_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "adapters").mkdir()
    (tmp_path / "adapters" / "__init__.py").touch()
    monkeypatch.delitem(sys.modules, "adapters", raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()
    assert [stray.place for stray in origin.strays()] == [str(tmp_path / "adapters")]


def test_a_package_of_two_homes_is_a_stray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spread = ModuleType("sandbox")
    spread.__path__ = [str(ROOT / "sandbox"), str(tmp_path / "sandbox")]
    monkeypatch.setitem(sys.modules, "sandbox", spread)
    assert [stray.place for stray in origin.strays()] == [str(tmp_path / "sandbox")]


@pytest.mark.parametrize("name", ["adapters", "vault.py"])
def test_a_folder_beside_a_bot_is_named_before_it_is_taken(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir() if "." not in name else (tmp_path / name).touch()
    found = list(origin.nearby(tmp_path))
    assert [stray.package for stray in found] == [name.split(".", maxsplit=1)[0]]
    assert not found[0].loaded
    assert "working directory" in str(found[0])


def test_the_installations_own_folder_is_not_beside_anything() -> None:
    assert list(origin.nearby(ROOT)) == []


def test_the_module_that_looks_needs_none_of_what_it_looks_at(tmp_path: Path) -> None:
    shutil.copy(ROOT / "partywall" / "origin.py", tmp_path / "origin.py")
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import origin"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
