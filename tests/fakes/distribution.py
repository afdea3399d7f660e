"""Distributions that offer plug-ins, laid out as an installer would: a package and its `.dist-info`."""

import shutil
import sys
import tomllib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib import invalidate_caches
from pathlib import Path
from typing import Any


def laid(
    site: Path, name: str, points: Mapping[str, Mapping[str, str]], *, version: str = "1.0", **modules: str
) -> None:
    """Write one distribution: its entry points by group, and modules by name."""
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    lines = [
        f"[{group}]\n" + "".join(f"{each} = {target}\n" for each, target in offered.items())
        for group, offered in points.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8"
    )
    for module, source in modules.items():
        (site / f"{module}.py").write_text(source, encoding="utf-8")


def built(site: Path, project: Path) -> None:
    """Lay out a project as its `pyproject.toml` says."""
    told: dict[str, Any] = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    about = told["project"]
    laid(site, about["name"], about["entry-points"], version=about["version"])
    for package in told["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        shutil.copytree(project / package, site / package)


@contextmanager
def installed(site: Path) -> Generator[Path]:
    """Put a folder of distributions on the path; what was imported from it is forgotten afterwards."""
    sys.path.insert(0, str(site))
    invalidate_caches()
    try:
        yield site
    finally:
        sys.path.remove(str(site))
        invalidate_caches()
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None) or "").startswith(str(site)):
                del sys.modules[name]
