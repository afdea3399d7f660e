"""What this process has open, without what threads of earlier tests may still close, such as loops."""

import gc
import os
from contextlib import suppress

_COUNTED = ("/", "pipe:")


def open_count() -> int:
    """Count what is open of files, folders and pipes."""
    gc.collect()  # what earlier tests left in cycles
    found = 0
    for name in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the one that lists them
            found += os.readlink(f"/proc/self/fd/{name}").startswith(_COUNTED)
    return found
