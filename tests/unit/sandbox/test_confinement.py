"""What bubblewrap is asked for."""

import os
from dataclasses import replace

import pytest

from sandbox import confinement
from sandbox.confinement import Limits, command_line
from sandbox.errors import KernelUnsupported, SetupFault, SetupRefused

LIMITS = Limits(
    timeout_s=5.0,
    output_bytes=1000,
    memory_bytes=1 << 28,
    cpu_s=5,
    file_bytes=1 << 20,
    open_files=64,
    processes=16,
    scratch_bytes=1 << 20,
)


@pytest.fixture(autouse=True)
def _programs_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def which(program: str, path: str) -> str:
        return f"/usr/bin/{program}"

    monkeypatch.setattr("shutil.which", which)


def _words() -> list[str]:
    return list(command_line(("prog", "--arg"), LIMITS, directory_fd=7, filter_fd=8, status_fd=9))


@pytest.mark.parametrize("field", ["timeout_s", "output_bytes", "memory_bytes", "processes", "scratch_bytes"])
def test_every_limit_is_positive(field: str) -> None:
    with pytest.raises(SetupRefused) as refused:
        replace(LIMITS, **{field: 0})
    assert refused.value.fault is SetupFault.BAD_LIMIT


def test_everything_is_unshared_dropped_and_cleared() -> None:
    words = _words()
    for word in (
        *("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session"),
        *("--clearenv", "--seccomp", "--json-status-fd"),
    ):
        assert word in words
    assert "--share-net" not in words
    assert words[words.index("--cap-drop") + 1] == "ALL"
    assert {words[at + 1] for at, word in enumerate(words) if word == "--remount-ro"} == {
        "/",
        "/dev",
        "/proc",
    }


def test_the_compartment_is_the_only_writable_directory_and_etc_stays_out() -> None:
    words = _words()
    assert words.count("--bind-fd") == 1
    assert "--bind" not in words
    assert "--bind-try" not in words
    assert words[words.index("--bind-fd") + 1 :][:2] == ["7", "/work"]
    assert "/etc" not in words
    assert not any(word.startswith(("/home", "/root", "/var", "/etc/p")) for word in words)


def test_the_command_comes_last_after_its_limits() -> None:
    words = _words()
    inner = words[words.index("--") + 1 :]
    assert inner[:4] == ["/usr/bin/nice", "-n", "19", "/usr/bin/prlimit"]
    assert inner[-3:] == ["--", "prog", "--arg"]
    assert {"--core=0", "--as=268435456", "--cpu=5", "--fsize=1048576", "--nofile=64"} <= set(inner)


@pytest.mark.parametrize(
    ("release", "expected"),
    [("6.1.0-18-amd64", True), ("5.14.0", True), ("5.13.9", False), ("4.19.0", False), ("odd", False)],
)
def test_processes_are_limited_by_the_kernel_where_it_counts_them_per_namespace(
    release: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = os.uname()
    monkeypatch.setattr(
        os, "uname", lambda: os.uname_result((system.sysname, "host", release, "v", system.machine))
    )
    assert ("--nproc=16" in _words()) is expected


def test_a_missing_program_is_named_for_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(program: str, path: str) -> None:
        assert path == confinement._SEARCH  # pyright: ignore[reportPrivateUsage]

    monkeypatch.setattr("shutil.which", missing)
    with pytest.raises(KernelUnsupported) as refused:
        _words()
    assert "bwrap" in refused.value.feature
