"""The verifier of bundles climbs every proof to the root, or to what an earlier proof has shown."""

import random

import pytest

from firewall.core.merkle import folded, grown, inclusion, leaf_hash, node_hash
from vault.verify_bundle import Proved, _included  # pyright: ignore[reportPrivateUsage]  the heart of it, alone

LEAVES = [leaf_hash(f"{tenant} {n}".encode()) for n in range(20) for tenant in ("ACME", "GLOBEX")]
SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 16, 21, 32, 33, 40)


def root(start: int, stop: int) -> bytes:
    if stop - start == 1:
        return LEAVES[start]
    middle = start + (1 << (stop - start - 1).bit_length() - 1)
    return node_hash(root(start, middle), root(middle, stop))


def proof(index: int, size: int) -> list[str]:
    return [root(*span).hex() for span in inclusion(index, size)]


def test_the_roots_here_are_the_logs_own() -> None:
    peaks: tuple[bytes, ...] = ()
    for size, leaf in enumerate(LEAVES):
        peaks, _ = grown(size, peaks, leaf)
        assert folded(peaks) == root(0, size + 1)


@pytest.mark.parametrize("size", SIZES)
def test_every_leaf_is_found_in_any_order(size: int) -> None:
    for seed in range(5):
        proved: Proved = {(0, 0): (root(0, size), [])}
        for index in random.Random(seed).sample(range(size), size):
            assert _included(index, size - 1, LEAVES[index], proof(index, size), proved)


@pytest.mark.parametrize("size", SIZES)
def test_no_altered_proof_is_taken_whatever_was_proved_before(size: int) -> None:
    proved: Proved = {(0, 0): (root(0, size), [])}
    for warm in (False, True):
        for index in range(size):
            path = proof(index, size)
            others = [path[:-1], path[1:], [*path, path[-1]]] if path else [[LEAVES[-1].hex()]]
            others += [[*path[:at], "0" * 64, *path[at + 1 :]] for at in range(len(path))]
            others += [[*path[: at + 1], path[at], *path[at + 1 :]] for at in range(len(path))]
            before = dict(proved)
            assert not any(_included(index, size - 1, LEAVES[index], other, proved) for other in others)
            assert not _included(index, size - 1, leaf_hash(b"another"), path, proved)
            assert not _included(index + size, size - 1, LEAVES[index], path, proved)
            assert not any(
                _included(other, size - 1, LEAVES[index], path, proved)
                for other in range(size)
                if other != index
            )
            assert proved == before, "something was kept that led to no root"
            if warm:
                assert _included(index, size - 1, LEAVES[index], path, proved)
        assert all(_included(n, size - 1, LEAVES[n], proof(n, size), proved) for n in range(0, size, 2))


def test_what_was_seen_under_another_root_proves_nothing() -> None:
    forged = leaf_hash(b"forged")
    beside, above = root(1, 2).hex(), root(2, 4).hex()
    proved: Proved = {(0, 0): (root(0, 4), [])}
    assert not _included(0, 3, forged, [beside, above], proved)
    assert not _included(0, 3, forged, [beside, above], proved)
    assert not _included(1, 3, LEAVES[1], [forged.hex(), above], proved)
    assert _included(0, 3, LEAVES[0], [beside, above], proved)
    assert not _included(0, -1, LEAVES[0], [], proved), "an empty log holds nothing"
