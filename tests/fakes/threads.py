"""Threads that are counted by coverage and begin all the same.

CPython 3.11 raises in a thread that begins while another one is just setting its trace function ("Cannot
install a trace function while another trace function is being installed"). The thread is gone then before its
first line: a server's request is never answered, and whoever waits for it waits for ever.
"""

import sys
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

_TRIES: Final = 10_000


class _Patient(ModuleType):
    """What `threading` knows as `sys`, with a trace function that is set as soon as it can be."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)

    @staticmethod
    def settrace(function: Callable[..., Any] | None) -> None:
        for _ in range(_TRIES):
            try:
                sys.settrace(function)
            except RuntimeError:
                time.sleep(0)
            else:
                return
        raise RuntimeError("no trace function could be set")


def begin_all_the_same() -> None:
    """Have every thread of this process begin, whatever another one is setting."""
    threading.__dict__["_sys"] = _Patient("sys")
