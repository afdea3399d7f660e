"""Merging columns: whatever their number and sizes, a step takes about as many rows as it is told to."""

import numpy as np
import pytest

from firewall.detect.excerpts.columns import Columns, Merge


def columns(rng: np.random.Generator, size: int) -> Columns:
    keys = rng.integers(0, 1 << 63, size, dtype=np.uint64) << np.uint64(1)
    return Columns.of(keys, rng.integers(0, 1 << 40, size, dtype=np.uint64))


@pytest.mark.parametrize("sizes", [(1,), (5_000, 5_000), (200_000, *[1_000] * 100), (100, 1, 70_000, 3)])
def test_a_step_takes_its_share_of_all_parts(sizes: tuple[int, ...]) -> None:
    rng, rows = np.random.default_rng(3), 4_096
    parts = [columns(rng, size) for size in sizes]
    merge, taken = Merge(parts), list[int]()
    while not merge.done:
        taken.append(len(merge.step(rows)))
    assert sum(taken) == sum(sizes)
    assert len(taken) <= 2 * (1 + sum(sizes) // rows)
    assert max(taken) <= 2 * rows
    whole = merge.whole()
    assert sorted(whole.keys.tolist()) == whole.keys.tolist()
    merged = sorted(zip(whole.keys.tolist(), whole.texts.tolist(), whole.positions.tolist(), strict=True))
    assert merged == sorted(
        row
        for part in parts
        for row in zip(part.keys.tolist(), part.texts.tolist(), part.positions.tolist(), strict=True)
    )


def test_one_fingerprint_is_told_from_another_of_the_same_upper_half() -> None:
    upper = np.uint64(77) << np.uint64(32)
    keys = np.array([upper | np.uint64(number << 28) for number in range(16)], np.uint64)
    held = Columns.of(keys, np.arange(16, dtype=np.uint64) << np.uint64(12) | np.uint64(4_095))
    assert list(held.find(keys)) == [(number, [number << 12 | 4_095]) for number in range(16)]
    assert held.strike(np.full(1, 77, np.uint32), [3 << 12 | 4_095]) == [True]
    assert [number for number, _ in held.find(keys)] == [number for number in range(16) if number != 3]
