"""The tree over a log: perfect subtrees that never change, and proofs that are made of them.

A tree of n leaves is kept as the hashes of its perfect subtrees, each named by its level and its position
there: `(0, 5)` is the sixth leaf, `(2, 1)` the root over leaves 4 to 7. A subtree that is full never changes
again: an append writes two hashes in the mean, and a proof reads at most twice as many as the tree is high.
Nothing here reads a store: functions that need hashes say which, or are given them.

Source: RFC 9162, section 2.1.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import TypeAlias

Node: TypeAlias = tuple[int, int]
Span: TypeAlias = tuple[int, int]

HASH_BYTES = 32
EMPTY = hashlib.sha256().digest()


def leaf_hash(data: bytes) -> bytes:
    """Give the hash of a leaf; no node between leaves has it."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Give the hash of two neighbours together; no leaf has it."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def grown(
    size: int, peaks: Sequence[bytes], leaf: bytes
) -> tuple[tuple[bytes, ...], tuple[tuple[Node, bytes], ...]]:
    """Add a leaf to a tree.

    Args:
        size: How many leaves it has.
        peaks: The roots of the perfect subtrees it is made of, largest first (`cover(0, size)`).
        leaf: The hash of the new leaf.

    Returns:
        The peaks of the grown tree, and every subtree that is full now, smallest first.
    """
    left, current, level = list(peaks), leaf, 0
    full: list[tuple[Node, bytes]] = [((0, size), leaf)]
    while size >> level & 1:
        current, level = node_hash(left.pop(), current), level + 1
        full.append(((level, size >> level), current))
    return (*left, current), tuple(full)


def cover(start: int, stop: int) -> tuple[Node, ...]:
    """Name the perfect subtrees that make up leaves [start, stop), a subtree of a proof, largest first."""
    nodes: list[Node] = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return tuple(nodes)


def folded(peaks: Sequence[bytes]) -> bytes:
    """Give the root over perfect subtrees, largest first; without any, the root of the empty tree."""
    if not peaks:
        return EMPTY
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


def inclusion(index: int, size: int) -> tuple[Span, ...]:
    """Name the subtrees whose roots prove that leaf `index` is in the tree of `size` leaves, lowest first.

    Raises:
        ValueError: There is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    path: list[Span] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = _middle(start, stop)
        if index < middle:
            path.append((middle, stop))
            stop = middle
        else:
            path.append((start, middle))
            start = middle
    return tuple(reversed(path))


def consistency(old: int, new: int) -> tuple[Span, ...]:
    """Name the subtrees whose roots prove that the older tree begins the tree of `new` leaves, lowest first.

    Raises:
        ValueError: The older tree is the larger one.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} leaves had never {old}")
    path: list[Span] = []
    start, stop = 0, new if old else 0
    while stop != old:
        middle = _middle(start, stop)
        if old <= middle:
            path.append((middle, stop))
            stop = middle
        else:
            path.append((start, middle))
            start = middle
    if start:
        path.append((start, stop))
    return tuple(reversed(path))


def included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """True if the path proves that this leaf hash stands at `index` in the tree with that size and root."""
    if not 0 <= index < size:
        return False
    found, last = leaf, size - 1
    for beside in path:
        if not last:
            return False
        if index & 1 or index == last:
            found = node_hash(beside, found)
            index, last = _risen(index, last)
        else:
            found = node_hash(found, beside)
        index, last = index >> 1, last >> 1
    return not last and found == root


def consistent(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """True if the path proves that the tree of `new` leaves begins with the tree of `old` leaves."""
    if not 0 < old < new:
        same = old_root == (new_root if old else EMPTY)
        return 0 <= old <= new and not path and same
    index, last = old - 1, new - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    # A perfect tree is its own first subtree, so the proof leaves it out.
    steps: Iterator[bytes] = iter(path if index else (old_root, *path))
    older = newer = next(steps, b"")
    for beside in steps:
        if not last:
            return False
        if index & 1 or index == last:
            older, newer = node_hash(beside, older), node_hash(beside, newer)
            index, last = _risen(index, last)
        else:
            newer = node_hash(newer, beside)
        index, last = index >> 1, last >> 1
    return not last and older == old_root and newer == new_root


def _middle(start: int, stop: int) -> int:
    """Give where a subtree divides: the largest power of two below its size."""
    return start + (1 << (stop - start - 1).bit_length() - 1)


def _risen(index: int, last: int) -> tuple[int, int]:
    """Climb past the levels where the node has no neighbour."""
    while index and not index & 1:
        index, last = index >> 1, last >> 1
    return index, last
