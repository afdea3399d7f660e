"""No text, no tree and no race makes a jail touch anything outside; what is one's own stays reachable."""

import ctypes
import gzip
import json
import os
import tempfile
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.compartment import Compartment, Compartments
from sandbox.errors import PathRefused, SandboxError
from sandbox.paths import JailPath, looks_like_path, parse
from sandbox.quota import Quota
from sandbox.resolve import Resolver, openat2, walk
from tests.fakes.services import data_root, needs

both = pytest.mark.parametrize("resolver", [openat2, walk], ids=["openat2", "walk"])

_QUOTA = Quota(max_bytes=1 << 20, max_entries=2000, max_file_bytes=1 << 16)
_SECRET = b"globex secret"
_VERBS = 15
# Thousands of trees are made and removed: in memory where the machine has a file system there.
_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class World:
    """A base with ACME, whom the attacks come from, GLOBEX, and a canary beside the base."""

    def __init__(self, top: Path, resolver: Resolver) -> None:
        self.top = top
        self.canary = top / "canary.txt"
        self.canary.write_bytes(_SECRET)
        self.compartments = Compartments(top / "base", key=b"k" * 32, quota=_QUOTA, resolver=resolver)
        self.acme = self.compartments.of(b"acme")
        self.files = next((top / "base/by-sender").iterdir()) / "files"
        self.globex = self.compartments.of(b"globex")
        self.globex.own.writer.create(parse("secret.txt"), _SECRET)

    def outside(self) -> dict[str, bytes | None]:
        """Everything that is not ACME's, with its content."""
        found = (Path(folder, name) for folder, _, names in os.walk(self.top) for name in names)
        ours = f"{self.files}/"
        return {
            str(path): None if path.is_symlink() else path.read_bytes()
            for path in found
            if not f"{path}/".startswith(ours)
        }

    def attempt(self, verb: Callable[[Compartment, JailPath], object], text: str) -> bool:
        """Try one verb on one text; say whether the sandbox allowed it."""
        try:
            verb(self.acme, parse(text))
        except SandboxError as error:
            return str(error) == ""
        return True

    def opens_beneath(self, compartment: Compartment, path: JailPath) -> None:
        with compartment.own.open(path) as file:
            real = os.readlink(f"/proc/self/fd/{file.fileno()}")
            assert real.startswith(f"{self.files}/")
            assert file.read() != _SECRET

    def finds_nothing_foreign(self, compartment: Compartment, path: JailPath) -> None:
        found = compartment.own.grep(
            lambda line: True, path, max_entries=9999, max_bytes=1 << 22, max_matches=9999
        )
        assert all(_SECRET not in match.line for match in found)

    def verbs(self) -> list[Callable[[Compartment, JailPath], object]]:
        aside = parse("aside")
        return [
            self.opens_beneath,
            self.finds_nothing_foreign,
            lambda tenant, path: (
                tenant.own.read(path, max_bytes=1 << 20) == _SECRET and pytest.fail("read outside")
            ),
            lambda tenant, path: tenant.own.stat(path),
            lambda tenant, path: tenant.own.list(path, max_entries=9999),
            lambda tenant, path: tenant.own.glob(path, max_entries=9999),
            lambda tenant, path: tenant.own.writer.create(path, b"acme"),
            lambda tenant, path: tenant.own.writer.write(path, b"acme"),
            lambda tenant, path: tenant.own.writer.append(path, b"acme"),
            lambda tenant, path: tenant.own.writer.edit(path, lambda old: old + b"acme"),
            lambda tenant, path: tenant.own.writer.move(path, aside),
            lambda tenant, path: tenant.own.writer.move(aside, path),
            lambda tenant, path: tenant.own.writer.delete(path),
            lambda tenant, path: tenant.own.writer.mkdirs(path),
            lambda tenant, path: tenant.own.writer.delete(path),
        ]


@contextmanager
def _world(resolver: Resolver) -> Generator[World]:
    with tempfile.TemporaryDirectory(dir=_MEMORY) as top:
        world = World(Path(top), resolver)
        before = world.outside()
        yield world
        assert world.outside() == before
        world.acme.close()
        world.globex.close()
        world.compartments.close()


def _plant(world: World) -> None:
    """What a process in the compartment could leave there to lead the jail outside."""
    for name, target in {
        "up": "../..",
        "root": "/",
        "canary": str(world.canary),
        "sibling": str(next(world.files.parent.parent.glob("*/files/secret.txt"))),
        "etc": "/etc",
        "home": "../",
        "self": "self",
        "proc": "/proc/self/root",
    }.items():
        (world.files / name).symlink_to(target)
    os.link(world.canary, world.files / "hard")
    os.mkfifo(world.files / "pipe")


def _rows(name: str) -> list[dict[str, Any]]:
    with gzip.open(data_root() / "paths" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _build(root: Path, setup: list[list[str]]) -> None:
    for kind, name, *target in setup:
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if kind == "dir":
            place.mkdir(parents=True, exist_ok=True)
        elif kind == "file":
            place.touch()
        else:
            place.symlink_to(target[0])


@needs("data")
@both
def test_recorded_trees_of_links_lead_nowhere(resolver: Resolver) -> None:
    rows = _rows("securejoin_cases")
    for row in rows:
        with _world(resolver) as world:
            _build(world.files, row["setup"])
            for verb in world.verbs():
                world.attempt(verb, row["unsafe"])
    assert len(rows) == 43


@needs("data")
@both
@pytest.mark.parametrize(("name", "count"), [("fuzzdb_traversal", 1438), ("fuzzdb_unicode_control", 418)])
def test_recorded_attacks_on_paths_open_nothing_outside(resolver: Resolver, name: str, count: int) -> None:
    rows = _rows(name)
    assert len(rows) == count
    for start in range(0, count, 5):
        with _world(resolver) as world:
            _plant(world)
            world.acme.own.writer.create(parse("mine/kept.txt"), b"own")
            for row in rows[start : start + 5]:
                for verb in world.verbs():
                    world.attempt(verb, row["text"].replace("{FILE}", "canary.txt"))
            assert world.acme.own.read(parse("mine/kept.txt"), max_bytes=9) == b"own"
            assert world.acme.own.read(parse("/mine/./kept.txt"), max_bytes=9) == b"own"


_pieces = st.sampled_from(
    [
        *(
            "..",
            ".",
            "",
            "/",
            "//",
            "\\",
            "a",
            "b",
            "up",
            "root",
            "canary",
            "sibling",
            "etc",
            "home",
            "self",
            "proc",
        ),
        *(
            "hard",
            "pipe",
            "aside",
            "secret.txt",
            "canary.txt",
            "files",
            "staged",
            "by-sender",
            "base",
            "*",
            "**",
            "?",
        ),
        *("~", "C:", "%2e%2e", "\uff0e\uff0e", "\u2215", "file:", "\0", "\n", "\ud800", "\u202e", "x" * 300),
    ]
)
_texts = (
    st.lists(_pieces, max_size=6).map("/".join)
    | st.lists(_pieces, max_size=6).map("".join)
    | st.text(max_size=40)
)


@both
@settings(max_examples=150)
@given(texts=st.lists(st.tuples(st.integers(0, _VERBS - 1), _texts), min_size=1, max_size=12))
def test_no_sequence_of_verbs_and_texts_touches_another_tenant(
    resolver: Resolver, texts: list[tuple[int, str]]
) -> None:
    with _world(resolver) as world:
        _plant(world)
        verbs = world.verbs()
        for number, text in texts:
            world.attempt(verbs[number], text)


@given(text=_texts)
def test_what_parses_is_canonical_and_has_no_step_up(text: str) -> None:
    try:
        path = parse(text)
    except PathRefused:
        return
    assert not {b"..", b".", b""} & set(path.parts)
    assert all(b"/" not in part and b"\0" not in part for part in path.parts)
    assert parse(str(path)) == path
    assert parse("/" + str(path)) == path
    assert parse("/srv/ws/" + str(path), workspace="/srv/ws") == path


@given(text=_texts.filter(lambda text: "\ud800" not in text))
def test_whatever_climbs_or_starts_at_the_top_looks_like_a_path(text: str) -> None:
    assert looks_like_path("/" + text)
    assert looks_like_path("../" + text)


@given(owners=st.lists(st.binary(min_size=1, max_size=20), min_size=2, max_size=2, unique=True))
def test_two_owners_never_share_a_file(owners: list[bytes]) -> None:
    with tempfile.TemporaryDirectory(dir=_MEMORY) as top:
        made = Compartments(top, key=b"k" * 32, quota=_QUOTA)
        with made.of(owners[0]) as one, made.of(owners[1]) as other:
            one.own.writer.create(parse("a"), b"one")
            other.own.writer.create(parse("a"), b"other")
            assert one.own.read(parse("a"), max_bytes=9) == b"one"
        made.close()


@given(
    sizes=st.lists(
        st.tuples(st.sampled_from(["write", "append", "create"]), st.integers(0, 120)), max_size=12
    )
)
def test_no_sequence_of_writes_exceeds_the_quota(sizes: list[tuple[str, int]]) -> None:
    quota = Quota(max_bytes=200, max_entries=4, max_file_bytes=100)
    with tempfile.TemporaryDirectory(dir=_MEMORY) as top:
        made = Compartments(top, key=b"k" * 32, quota=quota)
        with made.of(b"acme") as acme:
            for number, (verb, size) in enumerate(sizes):
                with suppress(SandboxError):
                    getattr(acme.own.writer, verb)(parse(f"d{number % 2}/{number % 3}"), b"x" * size)
                usage = acme.own.writer.check_quota()
                assert usage.bytes <= 200
                assert usage.entries <= 4
                assert all(
                    entry.size_bytes <= 100
                    for entry in acme.own.glob(parse("**"), max_entries=9)
                    if entry.kind == "file"
                )
        made.close()


@both
@pytest.mark.parametrize("swapped", ["directory", "file"])
def test_a_name_swapped_for_a_link_while_it_is_opened_never_leads_outside(
    resolver: Resolver, swapped: str
) -> None:
    with _world(resolver) as world:
        outside = world.top / "outside"
        outside.mkdir()
        (outside / "f").write_bytes(_SECRET)
        real, link = world.files / "real", world.files / "link"
        if swapped == "directory":
            real.mkdir()
            (real / "f").write_bytes(b"own")
            link.symlink_to(outside)
            text = "d/f"
        else:
            real.write_bytes(b"own")
            link.symlink_to(outside / "f")
            text = "d"
        real.rename(world.files / "d")
        stop = threading.Event()

        def swap() -> None:
            while not stop.is_set():
                _exchange(world.files / "d", link)

        swapper = threading.Thread(target=swap)
        swapper.start()
        seen: set[bytes] = set()
        try:
            for _ in range(2000):
                with suppress(SandboxError):
                    seen.add(world.acme.own.read(parse(text), max_bytes=9999)[:3])
                with suppress(SandboxError):
                    world.acme.own.writer.append(parse(text), b"x")
                with suppress(SandboxError):
                    seen |= {bytes(entry.path) for entry in world.acme.own.list(parse("d"), max_entries=9)}
        finally:
            stop.set()
            swapper.join()
        assert seen <= {b"own", b"d/f"}
        assert (outside / "f").read_bytes() == _SECRET
        (outside / "f").unlink()


def _exchange(one: Path, other: Path) -> None:
    """Swap two names at once, so that there is always something under both."""
    at_fdcwd, rename_exchange = -100, 2
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.renameat2(at_fdcwd, bytes(one), at_fdcwd, bytes(other), rename_exchange) == 0
