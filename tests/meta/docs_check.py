"""Checks that every link of the documentation resolves: `python -m tests.meta.docs_check`.

A link to a file must name one that is in the tree; a link with a fragment must name a heading there.
Addresses elsewhere are not visited: a check that needs the network fails for reasons that are not ours.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote

ROOT: Final = Path(__file__).resolve().parents[2]
_FENCE: Final = re.compile(r"^ {0,3}(```|~~~).*?^ {0,3}\1[^\n]*$", re.DOTALL | re.MULTILINE)
_CODE: Final = re.compile(r"`[^`\n]*`")
_LINK: Final = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_REFERENCE: Final = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?\s*$", re.MULTILINE)
_HEADING: Final = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$", re.MULTILINE)
_ELSEWHERE: Final = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_SKIPPED: Final = frozenset({"build", "dist", "node_modules", "__pycache__"})


def pages(root: Path) -> Iterator[Path]:
    """Yield the Markdown files of the tree, in order, without what was made or installed there."""
    for path in sorted(root.rglob("*.md")):
        parts = path.relative_to(root).parts
        if not any(part.startswith(".") or part in _SKIPPED for part in parts):
            yield path


def faults(root: Path) -> list[str]:
    """Return one line for each page without exactly one title and for each link that leads nowhere."""
    return [fault for page in pages(root) for fault in _page_faults(page, root)]


def _page_faults(page: Path, root: Path) -> Iterator[str]:
    name, text = page.relative_to(root), page.read_text(encoding="utf-8")
    prose = _FENCE.sub("", text)
    titles = sum(1 for marks, _ in _HEADING.findall(prose) if marks == "#")
    # A fragment of the changelog is one sentence, put under a heading when the changelog is built.
    if titles != 1 and name.parts[:2] != ("docs", "changes"):
        yield f"{name}: {titles} titles (lines that begin with '# '), must be 1"
    plain = _CODE.sub("", prose)
    for target in (*_LINK.findall(plain), *_REFERENCE.findall(plain)):
        if not _ELSEWHERE.match(target) and not _resolves(page, unquote(target), root):
            yield f"{name}: the link to {target} leads nowhere"


def _resolves(page: Path, target: str, root: Path) -> bool:
    path, _, fragment = target.partition("#")
    found = (page.parent / path).resolve() if path else page
    if not found.is_relative_to(root) or not found.exists():
        return False
    return not fragment or fragment in _anchors(found)


def _anchors(page: Path) -> set[str]:
    """Return the fragments that a page's headings make, numbered where a heading comes again."""
    if page.suffix != ".md":
        return set()
    seen: Counter[str] = Counter()
    anchors: set[str] = set()
    for _, heading in _HEADING.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        anchors.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return anchors


def main() -> int:
    """Print each fault and return 1 if there is any."""
    found = faults(ROOT)
    for fault in found:
        sys.stderr.write(f"{fault}\n")
    sys.stdout.write(f"docs: {sum(1 for _ in pages(ROOT))} pages, {len(found)} faults\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
