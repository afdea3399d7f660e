#!/usr/bin/env python3
"""Verifies one tenant's receipts from a bundle: python verify_bundle.py BUNDLE --key KEY [--earlier FILE].

It needs Python 3.11 and `cryptography`, nothing of Partywall. KEY is what `partywall receipts key` prints;
have it from the operator by another way than the bundle. FILE is a checkpoint that you kept, `checkpoint.txt`
of an earlier bundle: with it the log is shown to have only grown since. It says which records were changed,
removed, added or moved, and ends with 1; else with 0.

Source: RFC 9162 (tree), c2sp.org/signed-note and c2sp.org/tlog-checkpoint (what is signed), RFC 8785 (JSON).
"""

import argparse
import base64
import hashlib
import hmac
import json
import re
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

GENESIS = "0" * 64
NEEDED = frozenset({"checkpoint.txt", "head.txt", "receipts.jsonl"})
PROOF = frozenset({"earlier.txt", "consistency.json"})
KNOWN = NEEDED | PROOF | {"verify_bundle.py"}
_HASH = re.compile("[0-9a-f]{64}")
_NUMBER = re.compile("0|[1-9][0-9]{0,15}")
_FIELDS = {
    "at_ms": "number", "body": "text", "hash": "hash", "leaf": "number", "leaf_hash": "hash",
    "previous": "hash", "proof": "hashes", "salt": "salt", "seq": "number", "tenant": "text",
}  # fmt: skip
_RECEIPT = ("at_ms", "body", "hash", "previous", "seq", "tenant")
Record: TypeAlias = Mapping[str, Any]


class Fault(Exception):
    """What is wrong with the bundle, or with one record of it."""


@dataclass(frozen=True)
class Checkpoint:
    """How large the log was, and the root of its tree."""

    size: int
    root: bytes


@dataclass(frozen=True)
class Head:
    """Whose chain it was, its length and last hash, the log's size, and the digest of `receipts.jsonl`."""

    tenant: str
    count: int
    hash: str
    size: int
    digest: str


def opened(note: bytes, key: str) -> list[str]:
    """Give the key's name and the lines of a note that it signed; signatures of others do not matter."""
    name, _, rest = key.strip().partition("+")
    raw = _decoded(rest.partition("+")[2].encode())
    key_id = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    if not name or len(raw) != 33 or raw[0] != 1 or rest.partition("+")[0] != key_id.hex():
        raise Fault("the key is none: take it as `partywall receipts key` prints it")
    text, _, signatures = note.rpartition(b"\n\n")
    for line in signatures.split(b"\n")[:16] if signatures.endswith(b"\n") else ():
        signature = _decoded(line.removeprefix(f"\u2014 {name} ".encode()))
        if signature[:4] == key_id:
            try:
                Ed25519PublicKey.from_public_bytes(raw[1:]).verify(signature[4:], text + b"\n")
                return [name, *text.decode().split("\n")]
            except (InvalidSignature, UnicodeDecodeError):
                raise Fault("a note's signature is wrong") from None
    raise Fault("a note is not signed by this key")


def checkpoint(note: bytes, key: str) -> Checkpoint:
    """Read a signed checkpoint."""
    name, *lines = opened(note, key)
    root = _decoded(lines[2].encode()) if len(lines) == 3 else b""
    if len(root) != 32 or lines[0] != name or not _NUMBER.fullmatch(lines[1]):
        raise Fault("the checkpoint cannot be read")
    return Checkpoint(int(lines[1]), root)


def head(note: bytes, key: str) -> Head:
    """Read the signed head of a tenant's chain."""
    name, *lines = opened(note, key)
    if len(lines) != 6 or lines[0] != f"{name}/chain" or not all(map(_NUMBER.fullmatch, lines[2:5:2])):
        raise Fault("the head of the chain cannot be read")
    tenant = _json(lines[1].encode(), "the head of the chain")
    if not (isinstance(tenant, str) and all(map(_HASH.fullmatch, lines[3:6:2]))):
        raise Fault("the head of the chain cannot be read")
    return Head(tenant, int(lines[2]), lines[3], int(lines[4]), lines[5])


def faults(files: Mapping[str, bytes], key: str, earlier: bytes | None = None) -> list[str]:
    """Say what is wrong with a bundle, given by its files' names; `earlier` is a checkpoint that was kept."""
    try:
        if not NEEDED <= files.keys() <= KNOWN or len(files.keys() & PROOF) == 1:
            raise Fault("the bundle lacks a file, or holds one too many")
        log, chain = checkpoint(files["checkpoint.txt"], key), head(files["head.txt"], key)
        if log.size != chain.size:
            raise Fault("the checkpoint and the head of the chain are of two moments")
        _grown(files, key, log, earlier)
    except Fault as fault:
        return [str(fault)]
    listed = files["receipts.jsonl"]
    found = _records(listed.split(b"\n"), chain, log)
    if not found and hashlib.sha256(listed).hexdigest() != chain.digest:
        return ["the list of receipts is not the one that was signed"]
    return found


def _grown(files: Mapping[str, bytes], key: str, log: Checkpoint, kept: bytes | None) -> None:
    """Check that the log begins with what it was at the earlier checkpoint."""
    if (note := files.get("earlier.txt")) is None:
        if kept is not None:
            raise Fault("the bundle does not go back to the earlier checkpoint; ask for one that does")
        return
    old = checkpoint(note, key)
    if kept is not None and checkpoint(kept, key) != old:
        raise Fault("the bundle goes back to another checkpoint than yours")
    path = _json(files["consistency.json"], "the consistency proof")
    if not _fits(path, "hashes") or not _consistent(old, log, list(map(bytes.fromhex, path))):
        raise Fault("the log is not the one of the earlier checkpoint: it was rewritten or forked")


def _records(lines: list[bytes], chain: Head, log: Checkpoint) -> list[str]:
    found = ["the last line does not end"] if lines.pop() else []
    good: dict[int, Record] = {}
    seen: set[int] = set()
    last = 0
    for number, line in enumerate(lines, 1):
        try:
            record = _record(line, number)
        except Fault as fault:
            found.append(str(fault))
            continue
        seq = record["seq"]
        if seq in seen or not 0 < seq <= chain.count:
            found.append(f"receipt {seq}: added (line {number})")
            continue
        if seq < last:
            found.append(f"receipt {seq}: moved (line {number})")
        seen.add(seq)
        last = max(last, seq)
        if wrong := _alone(record, chain, log):
            found.append(f"receipt {seq}: changed: {wrong}")
        else:
            good[seq] = record
    found += [f"receipt {seq}: missing" for seq in range(1, chain.count + 1) if seq not in seen]
    return [*found, *_links(good, chain)]


def _record(line: bytes, number: int) -> Record:
    """Read a line, or say that it is none of ours."""
    found = cast("dict[str, Any]", _json(line, f"line {number}"))
    known = type(found) is dict and found.keys() == _FIELDS.keys()
    if not known or not all(_fits(found[name], kind) for name, kind in _FIELDS.items()):
        raise Fault(f"line {number}: no record")
    return found


def _alone(record: Record, chain: Head, log: Checkpoint) -> str:
    """Say what is wrong with a record by itself; nothing if it is what the log took in."""
    if record["tenant"] != chain.tenant:
        return "it is another tenant's"
    fields = [record[each] for each in ("tenant", "seq", "at_ms", "body", "previous")]
    linked = json.dumps(fields, separators=(",", ":"), ensure_ascii=True)
    if hashlib.sha256(linked.encode()).hexdigest() != record["hash"]:
        return "its hash is another's"
    leaf = bytes.fromhex(record["leaf_hash"])
    if record["salt"] is not None:
        receipt = _canonical({each: record[each] for each in _RECEIPT})
        salted = hmac.digest(bytes.fromhex(record["salt"]), receipt, "sha256")
        if hashlib.sha256(b"\x00" + salted).digest() != leaf:
            return "its leaf in the log commits to something else"
    path = list(map(bytes.fromhex, record["proof"]))
    there = record["leaf"] < log.size and _climbed(record["leaf"], log.size - 1, leaf, path)[1:] == (
        log.root,
    )
    return "" if there else "its leaf is not in the log"


def _links(good: Mapping[int, Record], chain: Head) -> Iterator[str]:
    """Say where two records that are good alone do not follow each other."""
    for seq, record in good.items():
        before = good.get(seq - 1, {"hash": GENESIS, "leaf": -1, "at_ms": 0} if seq == 1 else record)
        other = before is not record and record["previous"] != before["hash"]
        if other or record["leaf"] < before["leaf"] or record["at_ms"] < before["at_ms"]:
            yield f"receipt {seq}: does not follow receipt {seq - 1}"
        if seq == chain.count and record["hash"] != chain.hash:
            yield f"receipt {seq}: changed: it is not the head of its chain"


def _consistent(old: Checkpoint, new: Checkpoint, path: Sequence[bytes]) -> bool:
    if not 0 < old.size < new.size:
        root = new.root if old.size else hashlib.sha256().digest()
        return not path and old.size <= new.size and old.root == root
    index, last = old.size - 1, new.size - 1
    while index % 2:
        index, last = index >> 1, last >> 1
    # A perfect tree is its own first subtree, so the proof leaves it out.
    steps = list(path) if index else [old.root, *path]
    return bool(steps) and _climbed(index, last, steps[0], steps[1:]) == (old.root, new.root)


def _climbed(index: int, last: int, start: bytes, path: Sequence[bytes]) -> tuple[bytes, ...]:
    """Give the roots of the older and the newer tree above a node, or nothing if the path does not fit.

    This is RFC 9162, 2.1.3.2 and 2.1.4.2: an inclusion proof has the newer tree only.
    """
    older = newer = start
    for beside in path:
        if not last:
            return ()
        if index % 2 or index == last:
            older, newer = _node(beside, older), _node(beside, newer)
            while index and not index % 2:
                index, last = index >> 1, last >> 1
        else:
            newer = _node(newer, beside)
        index, last = index >> 1, last >> 1
    return () if last else (older, newer)


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _json(data: bytes, what: str) -> Any:  # noqa: ANN401 - whatever stands there; callers look
    """Read JSON that stands exactly as RFC 8785 writes it: one value has one text, so no byte can differ."""
    try:
        found = json.loads(data)
        if _canonical(found) == data:
            return found
    except (ValueError, RecursionError):
        pass
    raise Fault(f"{what}: not canonical JSON")


def _canonical(value: object) -> bytes:
    """Write JSON as RFC 8785 does; for texts, whole numbers and names in ASCII this is all of it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _decoded(coded: bytes) -> bytes:
    """Decode Base64 that has one spelling only."""
    try:
        found = base64.b64decode(coded, validate=True)
    except ValueError:
        return b""
    return found if base64.b64encode(found) == coded else b""


def _fits(found: object, kind: str) -> bool:
    """Say whether a field holds a number, a text, one hash, one or none, or many."""
    if kind == "hashes":
        return isinstance(found, list) and all(_fits(each, "hash") for each in cast("list[object]", found))
    if kind == "number":
        return type(found) is int and found >= 0
    if found is None:
        return kind == "salt"
    return isinstance(found, str) and (kind == "text" or _HASH.fullmatch(found) is not None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify a bundle and say what was found."""
    asked = argparse.ArgumentParser(description="Verify one tenant's receipts.")
    asked.add_argument("bundle", type=Path)
    asked.add_argument("--key", required=True, help="the log's public key")
    asked.add_argument("--earlier", type=Path, help="a checkpoint that you kept")
    given = asked.parse_args(arguments)
    try:
        with zipfile.ZipFile(given.bundle) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
            twice = len(files) != len(archive.namelist())
        kept = given.earlier.read_bytes() if given.earlier else None
        found = ["the bundle holds a file twice"] if twice else faults(files, given.key, kept)
        whole = "" if found else f"whole: {head(files['head.txt'], given.key).count} receipts"
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        found, whole = [f"the bundle cannot be read ({type(error).__name__})"], ""
    sys.stdout.write("\n".join(found or [whole]) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
