"""A command sees its compartment and nothing else, and nothing of it stays behind."""

import asyncio
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox import process
from sandbox.confinement import Limits
from sandbox.errors import (
    KernelUnsupported,
    ProcessFailed,
    ProcessFault,
    QuotaExceeded,
    QuotaLimit,
)
from sandbox.process import run, unavailable
from sandbox.running import Ending, Finished
from tests.fakes.descriptors import open_count
from tests.fakes.services import needs

pytestmark = needs("bwrap")

LIMITS = Limits(
    timeout_s=60.0,
    output_bytes=20_000,
    memory_bytes=1 << 29,
    cpu_s=30,
    file_bytes=1 << 20,
    open_files=64,
    processes=32,
    scratch_bytes=1 << 20,
)


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    (tmp_path / "acme").mkdir()
    (tmp_path / "globex").mkdir()
    (tmp_path / "globex/secret.txt").write_text("globex secret")
    return tmp_path / "acme"


@pytest.fixture
def work_fd(acme: Path) -> Iterator[int]:
    fd = os.open(acme, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


async def _shell(text: str, work_fd: int, limits: Limits = LIMITS) -> Finished:
    return await run(("/bin/sh", "-c", text), directory_fd=work_fd, limits=limits)


def _is_running(token: str) -> bool:
    """Say whether a process with this word in its command line still runs."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if token.encode() in (folder / "cmdline").read_bytes() and folder.name != str(os.getpid()):
                return True
        except OSError:
            continue
    return False


async def _is_gone(token: str) -> bool:
    """Give the kernel its turns: a killed namespace is torn down by it, not by us."""
    for _ in range(200):
        if not await asyncio.to_thread(_is_running, token):
            return True
    return False


async def test_this_machine_can_confine() -> None:
    assert await unavailable() is None


async def test_output_and_exit_code_come_back(work_fd: int) -> None:
    before = open_count()
    finished = await _shell("echo out; echo err >&2; exit 7", work_fd)
    assert finished == Finished(ending=Ending.EXITED, exit_code=7, stdout=b"out\n", stderr=b"err\n")
    assert open_count() == before


async def test_what_is_written_in_the_compartment_stays(acme: Path, work_fd: int) -> None:
    await _shell("mkdir d && echo kept > d/a && pwd", work_fd)
    assert (acme / "d/a").read_text() == "kept\n"


@pytest.fixture
def swapped_fd(acme: Path, work_fd: int) -> int:
    """ACME's opened directory, while its name leads to GLOBEX by now."""
    (acme / "mine").touch()
    acme.rename(acme.parent / "moved")
    acme.symlink_to(acme.parent / "globex")
    return work_fd


async def test_the_compartment_is_the_opened_directory_whatever_its_name_means_now(swapped_fd: int) -> None:
    assert (await _shell("ls", swapped_fd)).stdout == b"mine\n"


async def test_nothing_of_ours_is_in_the_environment(work_fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTYWALL_PLANTED", "master-key")
    finished = await _shell("env; cat /proc/1/environ /proc/self/environ", work_fd)
    assert b"master-key" not in finished.stdout
    names = {line.split(b"=")[0] for line in finished.stdout.replace(b"\0", b"\n").split(b"\n") if line}
    assert names <= {b"PATH", b"HOME", b"LANG", b"PWD", b"OLDPWD", b"SHLVL", b"_"}


@pytest.mark.parametrize(
    "text",
    [
        "cat /etc/passwd",
        "cat /etc/shadow",
        "ls {base}",
        "cat {base}/globex/secret.txt",
        "cat ../globex/secret.txt",
        "cat /work/../globex/secret.txt",
        "cat /proc/1/root/etc/passwd",
        "cat /proc/self/cwd/../globex/secret.txt",
        "ls /root /home",
        "ls /sys",
        "ln -s {base}/globex/secret.txt s && cat s",
    ],
)
async def test_files_outside_cannot_be_read(acme: Path, work_fd: int, text: str) -> None:
    finished = await _shell(text.format(base=acme.parent), work_fd)
    assert finished.exit_code not in (None, 0)
    assert finished.stdout == b""


@pytest.mark.parametrize(
    "text",
    [
        *("touch /x", "touch /usr/x", "touch /dev/x", "touch /dev/shm/x", "touch /proc/x", "mkdir /y"),
        *("touch {base}/x", "touch ../x", "echo x > /proc/sys/kernel/core_pattern"),
        *("echo x > /proc/sys/kernel/hostname", "echo 0 > /proc/1/oom_score_adj"),
        *("mount -t tmpfs none /tmp", "unshare -U true", "mknod null c 1 3"),
    ],
)
async def test_nothing_outside_can_be_changed(acme: Path, work_fd: int, text: str) -> None:
    finished = await _shell(text.format(base=acme.parent), work_fd)
    assert finished.exit_code not in (None, 0)
    assert sorted(path.name for path in acme.parent.iterdir()) == ["acme", "globex"]


async def test_descriptors_of_ours_are_not_handed_over(work_fd: int) -> None:
    finished = await _shell("ls /proc/self/fd /proc/1/fd; ls -l /proc/1/fd", work_fd)
    assert b"/acme" not in finished.stdout
    numbers = (await _shell("echo /proc/self/fd/*", work_fd)).stdout.split()
    assert {name.rsplit(b"/")[-1] for name in numbers} <= {b"0", b"1", b"2", b"3"}


async def test_no_listener_of_this_machine_is_reached(work_fd: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        script = f"exec 3<>/dev/tcp/127.0.0.1/{port}"
        finished = await run(("/bin/bash", "-c", script), directory_fd=work_fd, limits=LIMITS)
        assert finished.exit_code not in (None, 0)
        with pytest.raises(BlockingIOError):
            server.accept()


async def test_a_flood_of_processes_is_bounded_and_nothing_of_it_stays(work_fd: int) -> None:
    """As many as the kernel or our count allows; the flood ends by itself, in case that neither did."""
    flood = "i=0; while [ $i -lt 300 ]; do sleep 1000 & i=$((i+1)); done; wait # flood-token"
    finished = await _shell(flood, work_fd)
    stopped_by_us = finished.ending is Ending.PROCESS_LIMIT
    stopped_by_the_kernel = finished.ending is Ending.EXITED and b"Cannot fork" in finished.stderr
    assert stopped_by_us or stopped_by_the_kernel
    assert await _is_gone("flood-token")


async def test_many_processes_are_ended_where_the_kernel_does_not_count_them(
    work_fd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.confinement._kernel_version", _before_namespaced_limits)
    many = "for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done; wait"
    finished = await _shell(many, work_fd, replace(LIMITS, processes=8))
    assert (finished.ending, finished.exit_code) == (Ending.PROCESS_LIMIT, None)


async def test_processes_that_cannot_be_counted_count_as_too_many(
    work_fd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.listdir

    def denied(path: str) -> list[str]:
        if path.startswith("/proc/") and path.endswith("/root/proc"):
            raise PermissionError
        return real(path)

    monkeypatch.setattr(os, "listdir", denied)
    assert (await _shell("sleep 1000", work_fd)).ending is Ending.PROCESS_LIMIT


async def test_a_memory_bomb_is_refused_by_the_kernel(work_fd: int) -> None:
    grow = "x=x; while :; do x=$x$x$x$x; done"
    finished = await _shell(grow, work_fd, replace(LIMITS, memory_bytes=1 << 26))
    assert finished.exit_code not in (None, 0)


async def test_a_file_and_the_scratch_space_are_bounded(acme: Path, work_fd: int) -> None:
    await _shell("head -c 5000000 /dev/zero > big; head -c 900000 /dev/zero > /tmp/a", work_fd)
    assert (acme / "big").stat().st_size == 1 << 20
    both = "head -c 900000 /dev/zero > /tmp/a && head -c 900000 /dev/zero > /tmp/b"
    assert (await _shell(both, work_fd)).exit_code not in (None, 0)


async def test_processor_time_is_bounded(work_fd: int) -> None:
    finished = await _shell("while :; do :; done", work_fd, replace(LIMITS, cpu_s=1))
    assert finished.exit_code == 128 + 9


@pytest.mark.parametrize(
    "text", ["exec cat /dev/zero", "exec cat /dev/zero >&2", "cat /dev/zero & cat /dev/zero >&2"]
)
async def test_a_flood_of_output_is_cut_and_ended(work_fd: int, text: str) -> None:
    finished = await _shell(text, work_fd)
    assert finished.ending is Ending.OUTPUT_LIMIT
    assert len(finished.stdout) + len(finished.stderr) == LIMITS.output_bytes


async def test_output_up_to_the_limit_is_whole_and_one_more_byte_is_not(work_fd: int) -> None:
    exact = await _shell(f"head -c {LIMITS.output_bytes} /dev/zero", work_fd)
    assert (exact.ending, len(exact.stdout)) == (Ending.EXITED, LIMITS.output_bytes)
    more = await _shell(f"head -c {LIMITS.output_bytes + 1} /dev/zero", work_fd)
    assert (more.ending, len(more.stdout)) == (Ending.OUTPUT_LIMIT, LIMITS.output_bytes)


async def test_time_is_bounded_and_everything_dies(work_fd: int) -> None:
    before = open_count()
    text = (
        "(setsid sh -c 'trap : TERM HUP; sleep 1000' timeout-token >/dev/null 2>&1 </dev/null &) ; sleep 1000"
    )
    finished = await _shell(text, work_fd, replace(LIMITS, timeout_s=0.3))
    assert (finished.ending, finished.exit_code) == (Ending.TIMED_OUT, None)
    assert await _is_gone("timeout-token")
    assert open_count() == before


async def test_a_daemon_does_not_outlive_its_command(work_fd: int) -> None:
    text = "(setsid sh -c 'sleep 1000' daemon-token >/dev/null 2>&1 </dev/null &); exit 0"
    assert (await _shell(text, work_fd)).exit_code == 0
    assert await _is_gone("daemon-token")


async def test_cancellation_kills_everything_and_passes_through(acme: Path, work_fd: int) -> None:
    before = open_count()
    started = asyncio.Event()

    def watch() -> None:
        if (acme / "started").exists():
            loop.call_soon_threadsafe(started.set)

    loop = asyncio.get_running_loop()
    command = ("/bin/sh", "-c", "touch started; sleep 1000 # cancel-token")
    task = asyncio.create_task(run(command, directory_fd=work_fd, limits=LIMITS, watch=watch))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await _is_gone("cancel-token")
    assert open_count() == before


async def test_a_command_cancelled_at_any_moment_of_its_start_leaves_nothing(work_fd: int) -> None:
    before = open_count()
    for moments in range(0, 60, 2):
        command = ("/bin/sh", "-c", "sleep 1000 # early-token")
        task = asyncio.create_task(run(command, directory_fd=work_fd, limits=LIMITS))
        for _ in range(moments):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await _is_gone("early-token")
    assert open_count() == before


@pytest.mark.parametrize("timeout_s", [0.001, 0.003, 0.005, 0.007, 0.01, 0.015])
async def test_a_command_timed_out_during_its_start_leaves_nothing(work_fd: int, timeout_s: float) -> None:
    finished = await _shell("sleep 1000 # start-token", work_fd, replace(LIMITS, timeout_s=timeout_s))
    assert finished.ending is Ending.TIMED_OUT
    assert await _is_gone("start-token")


async def test_the_watch_ends_a_command_that_outgrows_its_quota(acme: Path, work_fd: int) -> None:
    def watch() -> None:
        if len(list(acme.iterdir())) > 20:
            raise QuotaExceeded(QuotaLimit.ENTRIES, allowed=20)

    command = (
        "/bin/sh",
        "-c",
        "i=0; while [ $i -lt 500 ]; do i=$((i+1)); : > $i; done; sleep 1000 # watch-token",
    )
    with pytest.raises(QuotaExceeded):
        await run(command, directory_fd=work_fd, limits=LIMITS, watch=watch)
    assert await _is_gone("watch-token")


async def test_two_tenants_commands_do_not_see_each_other(acme: Path, work_fd: int) -> None:
    globex_fd = os.open(acme.parent / "globex", os.O_RDONLY | os.O_DIRECTORY)
    other = asyncio.create_task(
        _shell("sleep 1000 # globex-token", globex_fd, replace(LIMITS, timeout_s=1.0))
    )
    seen = await _shell("cat /proc/[0-9]*/cmdline; ls /tmp", work_fd)
    assert b"globex-token" not in seen.stdout
    assert (await other).ending is Ending.TIMED_OUT
    os.close(globex_fd)


@pytest.mark.parametrize(
    ("argv", "fault"),
    [
        pytest.param((), ProcessFault.EMPTY_COMMAND, id="nothing"),
        pytest.param(("",), ProcessFault.EMPTY_COMMAND, id="empty-program"),
        pytest.param(("a\0b",), ProcessFault.BAD_ARGUMENT, id="nul"),
        pytest.param(("echo", "\ud800"), ProcessFault.BAD_ARGUMENT, id="lone-surrogate"),
        pytest.param(("echo", "x" * 200_000), ProcessFault.BAD_ARGUMENT, id="too-long"),
    ],
)
async def test_a_command_that_cannot_be_passed_on_is_refused(
    work_fd: int, argv: tuple[str, ...], fault: ProcessFault
) -> None:
    with pytest.raises(ProcessFailed) as refused:
        await run(argv, directory_fd=work_fd, limits=LIMITS)
    assert refused.value.fault is fault


async def test_a_program_that_is_missing_or_looks_like_an_option_is_a_failing_command(work_fd: int) -> None:
    for program in ("no-such-program", "--help"):
        finished = await run((program,), directory_fd=work_fd, limits=LIMITS)
        assert finished.exit_code == 127


async def test_a_sandbox_that_cannot_be_built_is_an_error_and_not_a_result(acme: Path) -> None:
    before = open_count()
    (acme / "file").touch()
    gone = os.open("/proc/self", os.O_RDONLY | os.O_DIRECTORY)
    file_fd = os.open(acme / "file", os.O_RDONLY)
    with pytest.raises(ProcessFailed) as refused:
        await run(("/bin/true",), directory_fd=file_fd, limits=LIMITS)
    assert refused.value.fault is ProcessFault.NOT_STARTED
    os.close(file_fd)
    os.close(gone)
    assert open_count() == before


def _before_namespaced_limits(release: str) -> tuple[int, int]:
    return (5, 0)


def _nowhere(program: str, path: str) -> str:
    return "/no/such/program"


def _only_false_inside(program: str, path: str) -> str:
    return "/usr/bin/bwrap" if program == "bwrap" else "/bin/false"


async def test_a_machine_that_cannot_confine_says_so_to_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        return None

    with monkeypatch.context() as without:
        without.setattr("shutil.which", missing)
        assert "bwrap" in (await unavailable() or "")
    with monkeypatch.context() as without:
        without.delattr(os, "memfd_create")
        assert "Linux" in (await unavailable() or "")
    with monkeypatch.context() as without:
        without.setattr("shutil.which", _nowhere)
        assert await unavailable() == ProcessFault.NOT_STARTED.value
    with monkeypatch.context() as without:
        without.setattr("shutil.which", _only_false_inside)
        assert await unavailable() == ProcessFault.NOT_STARTED.value


async def test_a_processor_without_a_filter_runs_nothing(
    work_fd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "program", _unknown_processor)
    with pytest.raises(KernelUnsupported):
        await _shell("true", work_fd)


def _unknown_processor(machine: str) -> bytes:
    raise KernelUnsupported(machine)


async def test_keyrings_and_the_hypervisors_socket_are_closed(work_fd: int) -> None:
    script = "print join ',', map { $_ < 0 ? 'no' : 'yes' } syscall(250, 0, -3, 1), syscall(41, 40, 1, 0)"
    if os.uname().machine != "x86_64":
        pytest.skip("the numbers in this test are x86-64's")
    finished = await run(("/usr/bin/perl", "-e", script), directory_fd=work_fd, limits=LIMITS)
    assert finished.stdout == b"no,no"
