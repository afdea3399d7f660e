"""What `import partywall` costs beside `import litellm`, each in a fresh interpreter, taking turns."""

import os
import subprocess
import sys
from collections.abc import Callable

MODULES = ("partywall", "litellm")
# The interpreter's own start is the same for both and is left out.
_CHILD = """
import importlib, sys, time
start, burnt = time.perf_counter(), time.process_time()
importlib.import_module(sys.argv[1])
print(time.perf_counter() - start, time.process_time() - burnt)
"""


def measured(rounds: int, beat: Callable[[], None]) -> dict[str, list[float]]:
    """Import each module so many times and give milliseconds, and milliseconds of processor time.

    A first round writes the bytecode and is thrown away.
    """
    spent: dict[str, list[float]] = {f"{name}{kind}": [] for name in MODULES for kind in ("", "_cpu")}
    for number in range(-1, rounds):
        for name in MODULES:
            wall_s, cpu_s = _imported(name)
            if number >= 0:
                spent[name].append(wall_s * 1e3)
                spent[f"{name}_cpu"].append(cpu_s * 1e3)
        beat()
    return spent


def _imported(name: str) -> tuple[float, float]:
    # LiteLLM fetches a price list while it is imported; the copy it carries is what a fair race needs.
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, name], env=environment, capture_output=True, text=True, check=True
    )
    wall_s, cpu_s = done.stdout.split()
    return float(wall_s), float(cpu_s)
