"""Both ways to open beneath a directory keep the same promises."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import resolve
from sandbox.errors import EntryFault, EntryUnavailable, EscapeFault, EscapeRefused
from sandbox.paths import ROOT, JailPath, parse
from sandbox.resolve import DIRECTORY_FLAGS, Resolver, best_resolver, openat2, refusal, walk
from tests.fakes.descriptors import open_count


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "globex").mkdir()
    (tmp_path / "globex/secret.txt").write_text("globex secret")
    acme = tmp_path / "acme"
    (acme / "sub").mkdir(parents=True)
    (acme / "sub/a.txt").write_text("acme")
    (acme / "out").symlink_to("../globex")
    (acme / "out_file").symlink_to("../globex/secret.txt")
    (acme / "absolute").symlink_to(tmp_path / "globex")
    (acme / "inside").symlink_to("sub")
    (acme / "dangling").symlink_to("nowhere")
    (acme / "loop").symlink_to("loop")
    return acme


@pytest.fixture
def root_fd(tree: Path) -> Iterator[int]:
    fd = os.open(tree, DIRECTORY_FLAGS)
    yield fd
    os.close(fd)


def test_a_real_file_is_opened_and_its_descriptor_is_the_callers(resolver: Resolver, root_fd: int) -> None:
    before = open_count()
    fd = resolver(root_fd, parse("sub/a.txt"), os.O_RDONLY)
    assert os.read(fd, 10) == b"acme"
    assert not os.get_inheritable(fd)
    os.close(fd)
    assert open_count() == before


def test_the_root_itself_is_opened(resolver: Resolver, root_fd: int, tree: Path) -> None:
    fd = resolver(root_fd, ROOT, DIRECTORY_FLAGS)
    assert os.path.samestat(os.fstat(fd), tree.stat())
    os.close(fd)


@pytest.mark.parametrize(
    "flags", [os.O_RDONLY, os.O_WRONLY, os.O_RDONLY | os.O_DIRECTORY], ids=["r", "w", "dir"]
)
@pytest.mark.parametrize(
    "text",
    [
        "out/secret.txt",
        "out_file",
        "out",
        "absolute/secret.txt",
        "inside/a.txt",
        "inside",
        "dangling",
        "loop",
    ],
)
def test_no_link_is_followed_wherever_it_leads(
    resolver: Resolver, root_fd: int, text: str, flags: int
) -> None:
    before = open_count()
    with pytest.raises(EscapeRefused) as refused:
        resolver(root_fd, parse(text), flags)
    assert refused.value.fault is EscapeFault.LINK
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    assert open_count() == before


@pytest.mark.parametrize(
    ("text", "flags", "fault"),
    [
        pytest.param("none", os.O_RDONLY, EntryFault.MISSING, id="missing"),
        pytest.param("none/none", os.O_RDONLY, EntryFault.MISSING, id="missing-parent"),
        pytest.param("sub/a.txt/x", os.O_RDONLY, EntryFault.NOT_DIRECTORY, id="a-file-has-no-children"),
        pytest.param("sub/a.txt", DIRECTORY_FLAGS, EntryFault.NOT_DIRECTORY, id="a-file-is-no-directory"),
        pytest.param("sub", os.O_WRONLY, EntryFault.IS_DIRECTORY, id="a-directory-is-not-written"),
    ],
)
def test_ordinary_answers_are_told_apart_from_escapes(
    resolver: Resolver, root_fd: int, text: str, flags: int, fault: EntryFault
) -> None:
    before = open_count()
    with pytest.raises(EntryUnavailable) as refused:
        resolver(root_fd, parse(text), flags)
    assert refused.value.fault is fault
    assert open_count() == before


@pytest.mark.parametrize("text", ["proc/version", "proc"])
def test_no_mount_is_crossed(resolver: Resolver, text: str) -> None:
    before = open_count()
    top = os.open("/", DIRECTORY_FLAGS)
    with pytest.raises(EscapeRefused) as refused:
        resolver(top, parse(text), os.O_RDONLY)
    os.close(top)
    assert refused.value.fault is EscapeFault.CROSSING
    assert open_count() == before


def test_a_magic_link_of_proc_is_a_link_like_any_other(resolver: Resolver) -> None:
    proc = os.open("/proc/self", DIRECTORY_FLAGS)
    with pytest.raises(EscapeRefused):
        resolver(proc, parse("root/etc/passwd"), os.O_RDONLY)
    with pytest.raises(EscapeRefused):
        resolver(proc, parse("cwd"), DIRECTORY_FLAGS)
    os.close(proc)


def test_a_pipe_without_a_writer_does_not_hang(resolver: Resolver, root_fd: int, tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    os.close(resolver(root_fd, parse("pipe"), os.O_RDONLY))


def test_an_unusable_root_is_a_fault_and_not_a_success(resolver: Resolver) -> None:
    with pytest.raises(EntryUnavailable):
        resolver(-1, parse("a"), os.O_RDONLY)


def test_a_race_is_tried_again_and_then_refused(monkeypatch: pytest.MonkeyPatch, root_fd: int) -> None:
    calls: list[int] = []

    class _Racing:
        @staticmethod
        def syscall(*_: Any) -> int:
            calls.append(1)
            return -1

    monkeypatch.setattr(resolve, "_libc", _Racing)
    monkeypatch.setattr("ctypes.get_errno", lambda: errno.EAGAIN)
    with pytest.raises(EscapeRefused) as refused:
        openat2(root_fd, parse("a"), os.O_RDONLY)
    assert refused.value.fault is EscapeFault.RACE
    assert len(calls) == 16


def test_an_unknown_errno_is_never_a_success() -> None:
    error = refusal(errno.EIO)
    assert isinstance(error, EntryUnavailable)
    assert error.fault is EntryFault.UNREADABLE


def test_linux_resolves_in_the_kernel() -> None:
    best_resolver.cache_clear()
    assert best_resolver() is openat2


def test_a_kernel_without_openat2_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(root_fd: int, path: JailPath, flags: int, mode: int = 0) -> int:
        raise refusal(errno.ENOSYS)

    monkeypatch.setattr(resolve, "openat2", missing)
    best_resolver.cache_clear()
    try:
        assert best_resolver() is walk
    finally:
        best_resolver.cache_clear()


def test_another_system_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    best_resolver.cache_clear()
    try:
        assert best_resolver() is walk
    finally:
        best_resolver.cache_clear()
