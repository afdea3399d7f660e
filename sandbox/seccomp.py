"""A kernel filter for what namespaces do not separate, built without a library.

Namespaces leave doors between two sandboxes of one host user: kernel keyrings (a shared notebook), sockets
of families without a network namespace (AF_VSOCK talks to the hypervisor), io_uring (makes sockets past any
filter), and debugging and tracing calls with a history of kernel bugs. The filter answers EPERM, and kills
what calls the kernel in another architecture's numbering, where the same numbers mean other calls.

Source: seccomp(2), linux/filter.h, linux/seccomp.h, asm/unistd.h of both architectures.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass

from sandbox.errors import KernelUnsupported

_LOAD_WORD = 0x20
_JUMP_EQUAL = 0x15
_JUMP_GREATER_EQUAL = 0x35
_RETURN = 0x06
_OFFSET_NUMBER, _OFFSET_ARCH, _OFFSET_FIRST_ARGUMENT = 0, 4, 16
_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_ERRNO = 0x00050000 | errno.EPERM
_X32_BIT = 0x40000000
_FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: these live in the network namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class _Machine:
    audit_arch: int
    socket: int
    denied: tuple[int, ...]


# add_key request_key keyctl, ptrace, bpf, perf_event_open, userfaultfd, process_vm_readv/writev, kcmp; then
# the numbers common to all: io_uring_setup/enter/register, pidfd_getfd.
_COMMON = (425, 426, 427, 438)
_MACHINES = {
    "x86_64": _Machine(
        audit_arch=0xC000003E, socket=41, denied=(248, 249, 250, 101, 321, 298, 323, 310, 311, 312, *_COMMON)
    ),
    "aarch64": _Machine(
        audit_arch=0xC00000B7, socket=198, denied=(217, 218, 219, 117, 280, 241, 282, 270, 271, 272, *_COMMON)
    ),
}


def program(machine: str) -> bytes:
    """Give the filter for this machine (`os.uname().machine`) as the kernel reads it.

    Raises:
        KernelUnsupported: The numbers of this architecture are not known here, so exec stays denied.
    """
    known = _MACHINES.get(machine)
    if known is None:
        raise KernelUnsupported("a system call filter for this processor")
    lines = [
        _line(_LOAD_WORD, _OFFSET_ARCH),
        _line(_JUMP_EQUAL, known.audit_arch, then=1),
        _line(_RETURN, _KILL),
        _line(_LOAD_WORD, _OFFSET_NUMBER),
        _line(_JUMP_GREATER_EQUAL, _X32_BIT, otherwise=1),
        _line(_RETURN, _KILL),
    ]
    for number in known.denied:
        lines += [_line(_JUMP_EQUAL, number, otherwise=1), _line(_RETURN, _ERRNO)]
    lines += [_line(_JUMP_EQUAL, known.socket, then=1), _line(_RETURN, _ALLOW)]
    lines += [_line(_LOAD_WORD, _OFFSET_FIRST_ARGUMENT)]
    for family in _FAMILIES:
        lines += [_line(_JUMP_EQUAL, family, otherwise=1), _line(_RETURN, _ALLOW)]
    return b"".join([*lines, _line(_RETURN, _ERRNO)])


def _line(code: int, value: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    """One instruction; `then` and `otherwise` say how many following lines a jump skips."""
    return struct.pack("=HBBI", code, then, otherwise, value)
