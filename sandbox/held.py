"""A descriptor that is closed when nobody uses it any more, and never before."""

from __future__ import annotations

import os
from collections.abc import Callable


class Held:
    """Owns one descriptor.

    The attack: a tree is closed while a thread still works in it, the kernel gives the same number to another
    owner's tree, and the thread goes on there. So nothing closes a descriptor by its number: whoever works
    with one keeps this object, and the descriptor lives as long as any of them does.
    """

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        """Take ownership of an open descriptor."""
        self.fd = fd

    def __del__(self, _close: Callable[[int], None] = os.close) -> None:
        _close(self.fd)
