"""What a command sees of the machine: the arguments for bubblewrap, as plain data.

The command's world: `/work` is the compartment and the only place that keeps what is written; `/tmp` is
memory, bounded and gone afterwards; programs and libraries come read-only from `/usr`; nothing of `/etc`
but the alternatives links. No network, no environment, no capabilities, no new user namespaces.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, fields

from sandbox.errors import KernelUnsupported, SetupFault, SetupRefused

WORK = "/work"
_SEARCH = "/usr/bin:/bin:/usr/local/bin"
_PROGRAMS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/alternatives")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one command may use. Every limit holds for each process of it unless it says otherwise.

    None is counted per host user, so one tenant's load never decides whether another's command runs.
    """

    timeout_s: float
    """Wall time of the whole command."""
    output_bytes: int
    """Of the whole command, both streams together."""
    memory_bytes: int
    """Address space (RLIMIT_AS)."""
    cpu_s: int
    """Processor time (RLIMIT_CPU)."""
    file_bytes: int
    """One file (RLIMIT_FSIZE)."""
    open_files: int
    """Open descriptors (RLIMIT_NOFILE)."""
    processes: int
    """Of the whole command, counted in its own process namespace."""
    scratch_bytes: int
    """Of the whole command, in /tmp."""

    def __post_init__(self) -> None:
        """Refuse limits that would mean nothing."""
        if min(getattr(self, field.name) for field in fields(self)) <= 0:
            raise SetupRefused(SetupFault.BAD_LIMIT)


def command_line(
    argv: tuple[str, ...], limits: Limits, *, directory_fd: int, filter_fd: int, status_fd: int
) -> tuple[str, ...]:
    """Give the whole command line: bubblewrap, then prlimit inside of it, then the command.

    Limits are set by `prlimit` inside the sandbox, before the command and by exec: no Python runs between
    fork and exec, and there is no moment in which the command runs without them.

    Raises:
        KernelUnsupported: A program is not installed.
    """
    return (
        *(_installed("bwrap"), "--unshare-all", "--unshare-user", "--disable-userns"),
        *("--uid", "65534", "--gid", "65534", "--hostname", "sandbox", "--cap-drop", "ALL"),
        *("--die-with-parent", "--new-session", "--clearenv"),
        *("--setenv", "PATH", "/usr/bin:/bin", "--setenv", "HOME", WORK, "--setenv", "LANG", "C.UTF-8"),
        *("--ro-bind", "/usr", "/usr"),
        *(word for place in _PROGRAMS for word in ("--ro-bind-try", place, place)),
        # The attack: a bot that runs as root keeps root's rights on /proc/sys, even without capabilities, and
        # core_pattern there names a program that the kernel starts outside. Hence read-only.
        *("--proc", "/proc", "--remount-ro", "/proc"),
        *("--dev", "/dev", "--remount-ro", "/dev"),
        *("--size", str(limits.scratch_bytes), "--tmpfs", "/tmp"),  # noqa: S108 - inside the sandbox
        # By descriptor: the very directory that was opened, whatever its name means by now.
        *("--bind-fd", str(directory_fd), WORK, "--chdir", WORK),
        # The root is memory as well; left writable it would be a store without a limit.
        *("--remount-ro", "/"),
        *("--seccomp", str(filter_fd), "--json-status-fd", str(status_fd), "--"),
        *_limited(limits),
        *argv,
    )


def _limited(limits: Limits) -> tuple[str, ...]:
    """Give the words that set the limits of every process.

    RLIMIT_NPROC counts within a user namespace since Linux 5.14 and stops a fork bomb at once. Before, it
    counts the host user's processes, everybody's together, so it is not set there; nor does it bind root.
    `sandbox.process` counts as well, which holds everywhere but takes effect some milliseconds late; the
    lowest priority keeps a flood of processes from starving the one that counts.
    """
    per_namespace = _kernel_version(os.uname().release) >= (5, 14)
    return (
        *(_installed("nice"), "-n", "19", _installed("prlimit")),
        f"--as={limits.memory_bytes}",
        f"--cpu={limits.cpu_s}",
        f"--fsize={limits.file_bytes}",
        f"--nofile={limits.open_files}",
        "--core=0",
        *((f"--nproc={limits.processes}",) if per_namespace else ()),
        "--",
    )


def _kernel_version(release: str) -> tuple[int, int]:
    numbers = re.match(r"(\d+)\.(\d+)", release)
    return (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)


def _installed(program: str) -> str:
    """Find a program in the system's own directories, never in the caller's PATH."""
    found = shutil.which(program, path=_SEARCH)
    if found is None:
        raise KernelUnsupported(f"the program {program}")
    return found
