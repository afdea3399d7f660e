"""Where the five packages came from: one installation, or nothing is served.

Their names are ordinary words, and Python takes the first package of a name that it finds. An `adapters/`
folder beside the started script, or another distribution's `vault`, would answer in place of a guard without
anybody having attacked anything. Nothing is repaired here: the wall says what stands where, and stops.

Source: docs/adr/0001-import-names.md
"""

import importlib.util
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("partywall", "firewall", "adapters", "sandbox", "vault")
_HOME = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """A package that is not ours, or a folder that would be taken for one.

    Attributes:
        package: Which of the five names.
        place: Where it was found; a place of the installation, never of anybody's data.
        loaded: True if Python takes it in place of ours, False if it only stands in the working directory.
    """

    package: str
    place: str
    loaded: bool

    def __str__(self) -> str:
        if not self.loaded:
            return (
                f"{self.package}: the working directory holds another {self.package!r}; a bot started "
                "here can take it for ours. Rename it, or start elsewhere"
            )
        return (
            f"{self.package}: Python finds {self.place} before the one that partywall was installed with. "
            f"Rename that {self.package!r}, start from another folder, or uninstall what it belongs to"
        )


class Shadowed(ImportError):
    """One of the five packages was not installed with partywall, so nothing is served.

    Args:
        strays: What was found, in the order of `PACKAGES`.
    """

    def __init__(self, strays: Sequence[Stray]) -> None:
        self.strays = tuple(strays)
        super().__init__("; ".join(str(stray) for stray in strays))


def verify() -> None:
    """Refuse to go on unless all five packages came from one installation.

    Raises:
        Shadowed: Python takes another package of that name; the message names it, its place and the remedy.
    """
    found = tuple(strays())
    if found:
        raise Shadowed(found)


def strays(home: Path = _HOME) -> Iterator[Stray]:
    """Give each of the five packages that is loaded, or would be, from another place than `home`."""
    for package in PACKAGES:
        places = _places(package)
        wrong = [place for place in places if place != home / package]
        if wrong or not places:
            yield Stray(package=package, place=str(wrong[0]) if wrong else "nothing", loaded=True)


def nearby(folder: Path, home: Path = _HOME) -> Iterator[Stray]:
    """Give what stands in a folder under one of our names, unless the folder is where we are installed.

    An empty folder is not taken today; with its first module it is.
    """
    if folder.resolve() == home:
        return
    for package in PACKAGES:
        for place in (folder / package, folder / f"{package}.py"):
            if place.exists():
                yield Stray(package=package, place=str(place), loaded=False)


def _places(package: str) -> list[Path]:
    """Give the folders a package is made of: those it was loaded from, else those that would be taken."""
    loaded = sys.modules.get(package)
    if loaded is not None:
        # Of a module that is no package, the file itself: it can be no folder of ours.
        held = getattr(loaded, "__path__", None) or [getattr(loaded, "__file__", None) or ""]
        return [Path(place).resolve() for place in held]
    spec = importlib.util.find_spec(package)
    if spec is None:
        return []
    return [Path(place).resolve() for place in spec.submodule_search_locations or [spec.origin or ""]]
