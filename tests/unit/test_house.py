"""The layout, read from the source itself: what may import what, and what may stand where."""

import ast
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
SHIPPED: Final = ("partywall", "firewall", "adapters", "sandbox", "vault")
UNSHIPPED: Final = frozenset({"demo", "examples", "tests", "benchmarks"})
CLIENTS: Final = frozenset(
    {"litellm", "slack_bolt", "telegram", "discord", "presidio_analyzer", "aiosqlite", "asyncpg"}
)
# The public faces: they name what others may use, and do nothing else.
FACES: Final = frozenset({"firewall/__init__.py", "partywall/__init__.py", "adapters/testing/__init__.py"})
LONGEST: Final = 300


def modules(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=name(path))


def imported(module: ast.AST) -> Iterator[str]:
    """Yield every name that is imported, a relative one with its dots."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def beneath(imported_name: str, package: str) -> bool:
    return imported_name == package or imported_name.startswith(f"{package}.")


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def normal(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
    assert found is not None
    return re.sub(r"[-_.]+", "-", found[0]).lower()


@pytest.mark.parametrize(
    ("folder", "package"),
    [
        pytest.param("firewall/core", "firewall.core", id="the-core-of-the-firewall"),
        pytest.param("sandbox", "sandbox", id="the-sandbox"),
    ],
)
def test_the_trusted_base_imports_only_the_standard_library(folder: str, package: str) -> None:
    foreign = [
        f"{name(path)} imports {found}"
        for path in modules(folder)
        for found in imported(tree(path))
        if found.split(".")[0] not in sys.stdlib_module_names and not beneath(found, package)
    ]
    assert foreign == []


def test_the_edges_see_only_the_core_of_the_firewall() -> None:
    foreign = [
        f"{name(path)} imports {found}"
        for path in modules("adapters", "vault")
        for found in imported(tree(path))
        if beneath(found, "firewall") and not beneath(found, "firewall.core")
    ]
    assert foreign == []


def test_what_is_shipped_imports_nothing_that_is_not() -> None:
    foreign = [
        f"{name(path)} imports {found}"
        for path in modules(*SHIPPED)
        for found in imported(tree(path))
        if found.split(".")[0] in UNSHIPPED
    ]
    assert foreign == []


def test_every_import_is_absolute_and_at_the_top_of_its_module() -> None:
    wrong: list[str] = []
    for path in modules(*SHIPPED, "demo"):
        module = tree(path)
        wrong += [f"{name(path)} imports {found}" for found in imported(module) if found.startswith(".")]
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                wrong += [f"{name(path)}:{node.lineno} imports {found}" for found in imported(node)]
    assert wrong == []


def test_each_client_is_imported_by_one_module() -> None:
    users: defaultdict[str, set[str]] = defaultdict(set)
    for path in modules(*SHIPPED):
        for found in imported(tree(path)):
            users[found.split(".")[0]].add(name(path))
    assert {client: sorted(users[client]) for client in CLIENTS if len(users[client]) > 1} == {}


def test_a_package_holds_its_docstring_and_its_public_names_only() -> None:
    wrong: list[str] = []
    for path in modules(*SHIPPED, "demo"):
        if path.name == "__init__.py":
            module = tree(path)
            rest = module.body[1:] if ast.get_docstring(module) else module.body
            extra = [node for node in rest if not (name(path) in FACES and is_naming(node))]
            if extra or not ast.get_docstring(module):
                wrong.append(name(path))
    assert wrong == []


def is_naming(node: ast.stmt) -> bool:
    """Say whether a statement re-exports names, now or on first use, lists them, or checks whose they are."""
    if isinstance(node, ast.ImportFrom) or ast.unparse(node) == "origin.verify()":
        return True
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        # Names for type checkers, and the one hook that loads them on first use.
        hooks = [each.name for each in node.orelse if isinstance(each, ast.FunctionDef)]
        return all(isinstance(each, ast.ImportFrom) for each in node.body) and (
            len(node.orelse) == len(hooks) and hooks == ["__getattr__"]
        )
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)] == ["__all__"]


def test_no_module_is_too_long_to_read_in_one_sitting() -> None:
    lengths = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules(*SHIPPED)}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST} == {}


def test_each_shipped_package_says_that_it_is_typed() -> None:
    assert [package for package in SHIPPED if not (ROOT / package / "py.typed").is_file()] == []


def test_the_tests_are_not_a_package() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_the_wheel_holds_the_five_packages_only() -> None:
    assert project()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == list(SHIPPED)


def test_every_dependency_is_pinned() -> None:
    pins = pinned()
    table = project()["project"]
    wanted = {
        normal(requirement)
        for group in (table["dependencies"], *table["optional-dependencies"].values())
        for requirement in group
    } - {"partywall"}
    assert sorted(wanted - pins.keys()) == []


def test_the_pins_are_names_and_exact_versions() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    entries = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in entries if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line)] == []
    assert len(pinned()) == len(entries)


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {normal(package): version for package, version in pairs}


# Where packages come from is the machine's business: an address in the tree would outlive the registry, and
# would send a stranger's installation to a place of our choosing. The classes of one letter keep this very
# file from matching.
ADDRESSES: Final = re.compile(
    r"p[y]pi\.org|python[h]osted|npm[j]s\.(org|com)|-index[-]url|find[-]links|deb[i]an\.(org|net)"
    r"|/opt/(w[h]eels|p[y]pi)"
)
TEXT: Final = frozenset(
    {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".cfg", ".ini", ".json", ".service", ".sh", ""}
)


def public_texts() -> Iterator[Path]:
    hidden = {".ci", ".gitignore", ".pre-commit-config.yaml", ".importlinter", ".github"}
    for top in sorted(ROOT.iterdir()):
        if (top.name.startswith(".") and top.name not in hidden) or top.name in {"build", "dist"}:
            continue
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.is_file() and path.suffix in TEXT and "__pycache__" not in path.parts:
                yield path


def test_no_public_text_names_the_address_of_a_registry() -> None:
    named = [
        name(path)
        for path in public_texts()
        if ADDRESSES.search(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert named == []


def test_the_search_for_addresses_reads_the_files_that_install() -> None:
    assert {"Makefile", "constraints.txt", ".ci/run", "pyproject.toml"} <= {name(p) for p in public_texts()}
