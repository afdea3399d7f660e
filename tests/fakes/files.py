"""Files that people send in tests, and where they must lie."""

import hashlib
from pathlib import Path

SECRET = b"the kelp lantern opens at seven"
PICTURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(40)
PROGRAM = b"\x7fELF\x02\x01\x01" + bytes(60)


def path_of(content: bytes, ending: str = ".txt") -> str:
    """Give the path under which a compartment keeps a file."""
    return f"attachments/{hashlib.sha256(content).hexdigest()}{ending}"


def stored(path: Path) -> list[bytes]:
    """Give what all compartments of a wall in this folder hold, sorted."""
    return sorted(each.read_bytes() for each in (path / "files").rglob("*") if each.is_file())


def settings(path: Path, **more: object) -> dict[str, object]:
    """Configure a wall that takes small files, and whose model plays a script."""
    return {
        "profile": "light",
        "model": "scripted/bot",
        "store": {"path": str(path / "wall.db"), "synchronous": "NORMAL"},
        "files": {"path": str(path / "files")},
        "attachments": {"max_bytes": 10_000, "max_count": 2},
        **more,
    }
