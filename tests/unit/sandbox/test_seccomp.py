"""The system call filter, run by a small interpreter of its own."""

import struct

import pytest

from sandbox.errors import KernelUnsupported
from sandbox.seccomp import program

_ALLOW, _KILL, _EPERM = 0x7FFF0000, 0x80000000, 0x00050001
_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def _judge(machine: str, number: int, *, arch: int | None = None, first: int = 0) -> int:
    """Interpret the filter for one call, as the kernel does."""
    data = struct.pack("=IIQ6Q", number, _ARCH[machine] if arch is None else arch, 0, first, 0, 0, 0, 0, 0)
    lines = list(struct.iter_unpack("=HBBI", program(machine)))
    at = loaded = 0
    while True:
        code, then, otherwise, value = lines[at]
        at += 1
        if code == 0x06:
            return int(value)
        if code == 0x20:
            loaded = struct.unpack_from("=I", data, value)[0]
            continue
        holds = loaded == value if code == 0x15 else loaded >= value
        at += then if holds else otherwise


@pytest.mark.parametrize("machine", _ARCH)
def test_ordinary_calls_pass(machine: str) -> None:
    assert {_judge(machine, number) for number in (0, 1, 3, 59, 63, 64, 220, 231)} == {_ALLOW}


@pytest.mark.parametrize(
    ("machine", "numbers"),
    [("x86_64", [248, 249, 250, 101, 321, 425, 438]), ("aarch64", [217, 218, 219, 117, 280, 425, 438])],
)
def test_keyrings_debuggers_and_io_uring_are_denied(machine: str, numbers: list[int]) -> None:
    assert {_judge(machine, number) for number in numbers} == {_EPERM}


@pytest.mark.parametrize(("machine", "socket"), [("x86_64", 41), ("aarch64", 198)])
def test_only_socket_families_of_the_network_namespace_pass(machine: str, socket: int) -> None:
    passing = {family for family in range(64) if _judge(machine, socket, first=family) == _ALLOW}
    assert passing == {1, 2, 10, 16}
    assert _judge(machine, socket, first=40) == _EPERM


def test_another_architectures_numbering_is_killed() -> None:
    assert _judge("x86_64", 3, arch=0x40000003) == _KILL
    assert _judge("x86_64", 0x40000000 + 41) == _KILL
    assert _judge("aarch64", 3, arch=0xC000003E) == _KILL


def test_an_unknown_processor_is_not_confined_half_way() -> None:
    with pytest.raises(KernelUnsupported) as refused:
        program("riscv64")
    assert refused.value.feature in str(refused.value)
