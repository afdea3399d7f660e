"""The log's tree is that of RFC 9162: roots and proofs as its own recursive definitions give them."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.merkle import (
    EMPTY,
    Node,
    consistency,
    consistent,
    cover,
    folded,
    grown,
    included,
    inclusion,
    leaf_hash,
    node_hash,
)

# The leaves and roots of Certificate Transparency's own test, used by every implementation since.
LEAVES = [
    bytes.fromhex(each)
    for each in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
sizes = st.integers(0, 70)


class Tree:
    """A tree grown leaf by leaf, with every subtree that was ever full."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.leaves = [leaf_hash(each) for each in leaves]
        self.peaks: tuple[bytes, ...] = ()
        self.nodes: dict[Node, bytes] = {}
        for size, leaf in enumerate(self.leaves):
            self.peaks, full = grown(size, self.peaks, leaf)
            assert not self.nodes.keys() & dict(full).keys()
            self.nodes |= dict(full)

    def over(self, start: int, stop: int) -> bytes:
        return folded([self.nodes[each] for each in cover(start, stop)])

    def inclusion(self, index: int, size: int) -> list[bytes]:
        return [self.over(*span) for span in inclusion(index, size)]

    def consistency(self, old: int, new: int) -> list[bytes]:
        return [self.over(*span) for span in consistency(old, new)]


def split(count: int) -> int:
    k = 1
    while k * 2 < count:
        k *= 2
    return k


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH of the RFC, on hashes of leaves."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of the RFC."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return [*naive_path(index, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(index - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(old: int, leaves: list[bytes], *, whole: bool) -> list[bytes]:
    """SUBPROOF of the RFC."""
    if old == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = split(len(leaves))
    if old <= k:
        return [*naive_subproof(old, leaves[:k], whole=whole), naive_root(leaves[k:])]
    return [*naive_subproof(old - k, leaves[k:], whole=False), naive_root(leaves[:k])]


TREE = Tree([number.to_bytes(2, "big") for number in range(70)])


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_that_certificate_transparency_published(size: int) -> None:
    tree = Tree(LEAVES[:size])
    assert folded(tree.peaks).hex() == ROOTS[size] == tree.over(0, size).hex()


@given(sizes)
def test_a_root_is_the_recursive_one(size: int) -> None:
    assert TREE.over(0, size) == naive_root(TREE.leaves[:size])
    assert len(cover(0, size)) == size.bit_count()


@given(sizes, st.data())
def test_an_inclusion_proof_is_the_recursive_one_and_proves_it(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, 69))
    if index >= size:
        with pytest.raises(ValueError, match="no leaf"):
            inclusion(index, size)
        assert not included(TREE.leaves[index], index, size, [], TREE.over(0, size))
        return
    path = TREE.inclusion(index, size)
    assert path == naive_path(index, TREE.leaves[:size])
    assert len(path) <= size.bit_length()
    assert included(TREE.leaves[index], index, size, path, TREE.over(0, size))


@given(sizes, sizes)
def test_a_consistency_proof_is_the_recursive_one_and_proves_it(old: int, new: int) -> None:
    roots = TREE.over(0, old), TREE.over(0, new)
    if old > new:
        with pytest.raises(ValueError, match="never"):
            consistency(old, new)
        assert not consistent(old, new, *roots, [])
        return
    path = TREE.consistency(old, new)
    assert path == (naive_subproof(old, TREE.leaves[:new], whole=True) if old else [])
    assert consistent(old, new, *roots, path)


@given(st.integers(1, 70), st.data())
def test_an_inclusion_proof_proves_nothing_else(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    path, root = TREE.inclusion(index, size), TREE.over(0, size)
    leaf = TREE.leaves[index]
    assert not included(leaf_hash(b"other"), index, size, path, root)
    assert not included(leaf, index, size, [*path, leaf], root)
    assert not included(leaf, index, size, path, EMPTY)
    other = data.draw(st.integers(-1, size + 1).filter(lambda each: each != index))
    assert not included(leaf, other, size, path, root)
    if path:
        at = data.draw(st.integers(0, len(path) - 1))
        assert not included(leaf, index, size, [*path[:at], *path[at + 1 :]], root)
        assert not included(leaf, index, size, [*path[:at], EMPTY, *path[at + 1 :]], root)


@given(st.integers(1, 69), st.data())
def test_a_consistency_proof_proves_nothing_else(old: int, data: st.DataObject) -> None:
    new = data.draw(st.integers(old + 1, 70))
    path, older, newer = TREE.consistency(old, new), TREE.over(0, old), TREE.over(0, new)
    assert not consistent(old, new, EMPTY, newer, path)
    assert not consistent(old, new, older, EMPTY, path)
    assert not consistent(old, new, older, newer, [])
    assert not consistent(old, new, older, newer, [*path, older])
    assert not consistent(0, new, older, newer, path)
    assert not consistent(-1, new, older, newer, path)
    at = data.draw(st.integers(0, len(path) - 1))
    assert not consistent(old, new, older, newer, [*path[:at], *path[at + 1 :]])
    assert not consistent(old, new, older, newer, [*path[:at], EMPTY, *path[at + 1 :]])


def test_equal_trees_are_consistent_without_a_proof_and_different_ones_never() -> None:
    root = TREE.over(0, 5)
    assert consistent(5, 5, root, root, [])
    assert not consistent(5, 5, root, root, [root])
    assert not consistent(5, 5, root, EMPTY, [])
    assert consistent(0, 5, EMPTY, root, [])
    assert not consistent(0, 5, root, root, [])


def test_a_leaf_is_never_taken_for_a_node() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)
    assert leaf_hash(b"\x01" + left + right) != node_hash(left, right)
