#!/usr/bin/env python3
"""Verifies one tenant's receipts from a bundle: python verify_bundle.py BUNDLE --key KEY [--earlier FILE].

It needs Python 3.11 and `cryptography`, nothing of Partywall. KEY is what `partywall receipts key` prints;
have it from the operator by another way than the bundle. FILE is an earlier bundle that you kept: with it the
log and the tenant's receipts are shown to have only grown since; with `checkpoint.txt` alone, the log only.
It says which records were changed, removed, added or moved, and ends with 1; else whose they are, and with 0.

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
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

GENESIS = "0" * 64
NEEDED = frozenset({"checkpoint.txt", "head.txt", "receipts.jsonl"})
PROOF = frozenset({"earlier.txt", "consistency.json"})
KNOWN = NEEDED | PROOF | {"verify_bundle.py"}
_SMALL_BYTES, _RATIO, _AROUND_BYTES = 1 << 20, 100, 200
_HASH = re.compile("[0-9a-f]{64}")
_NAME = re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\bfnrt]|\\u00(?:0[0-7bef]|1[0-9a-f]))*"')
_NUMBER = re.compile("0|[1-9][0-9]{0,15}")
_SIGNATURES = re.compile(b"(?:\xe2\x80\x94 [^\\s+]+ [A-Za-z0-9+/=]+\n){1,16}")
_H, _N = f'"{_HASH.pattern}"', f"(?:{_NUMBER.pattern})"
_PATH = rf"\[(?:{_H}(?:,{_H})*)?\]"
# A record without its two texts.
_SHAPE = re.compile(f'"at_ms":{_N},"hash":{_H},"leaf":{_N},"leaf_hash":{_H},"previous":{_H},"proof":{_PATH},'
                    f'"salt":(?:null|{_H}),"seq":{_N},')  # fmt: skip
_TEXT = json.JSONEncoder(ensure_ascii=False).encode
# How large the log was, and the root of its tree.
Checkpoint = NamedTuple("Checkpoint", [("size", int), ("root", bytes)])  # noqa: UP014 - in one line, for brevity
# Whose chain it was, its length and last hash, the log's size, and the digest of `receipts.jsonl`.
Head = NamedTuple("Head", [("tenant", str), ("count", int), ("hash", str), ("size", int), ("digest", str)])  # noqa: UP014 - as above
Files: TypeAlias = Mapping[str, bytes]
Record: TypeAlias = Mapping[str, Any]
# Nodes of the tree by their place and the last one of their level, each with its hash and its proof.
Proved: TypeAlias = dict[tuple[int, int], tuple[bytes, list[str]]]


class Fault(Exception):
    """What is wrong with the bundle, or with one record of it."""


def opened(note: bytes, key: str) -> list[str]:
    """Give the key's name and the lines of a note that it signed; signatures of others do not matter."""
    name, _, rest = key.strip().partition("+")
    raw = _decoded(rest.partition("+")[2].encode())
    key_id = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    if not name or len(raw) != 33 or raw[0] != 1 or rest.partition("+")[0] != key_id.hex():
        raise Fault("the key is none: take it as `partywall receipts key` prints it")
    text, _, signatures = note.rpartition(b"\n\n")
    for line in signatures.splitlines() if _SIGNATURES.fullmatch(signatures) else ():
        _, signer, coded = line.split(b" ")
        signature = _decoded(coded)
        if signer == name.encode() and signature[:4] == key_id:
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
    fits = len(lines) == 6 and lines[0] == f"{name}/chain" and all(map(_NUMBER.fullmatch, lines[2:5:2]))
    if not fits or not all(map(_HASH.fullmatch, lines[3:6:2])) or not _NAME.fullmatch(lines[1]):
        raise Fault("the head of the chain cannot be read")
    return Head(json.loads(lines[1]), int(lines[2]), lines[3], int(lines[4]), lines[5])


def faults(files: Files, key: str, earlier: bytes | None = None, ended: bytes | None = None) -> list[str]:
    """Say what is wrong with a bundle; `earlier` and `ended` are a checkpoint and a head that were kept."""
    try:
        if not NEEDED <= files.keys() <= KNOWN or len(files.keys() & PROOF) == 1:
            raise Fault("the bundle lacks a file, or holds one too many")
        log, chain = checkpoint(files["checkpoint.txt"], key), head(files["head.txt"], key)
        if log.size != chain.size:
            raise Fault("the checkpoint and the head of the chain are of two moments")
        past = head(ended, key) if ended else Head(chain.tenant, 0, "", 0, "")
        if past.tenant != chain.tenant or past.count > chain.count:
            raise Fault("the bundle has fewer receipts than your earlier one, or another tenant's")
        _grown(files, key, log, earlier)
    except Fault as fault:
        return [str(fault)]
    listed = files["receipts.jsonl"]
    found = _records(listed.split(b"\n"), chain, log, past)
    if not found and hashlib.sha256(listed).hexdigest() != chain.digest:
        return ["the list of receipts is not the one that was signed"]
    return found


def _grown(files: Files, key: str, log: Checkpoint, kept: bytes | None) -> None:
    if (note := files.get("earlier.txt")) is None:
        if kept is not None:
            raise Fault("the bundle does not go back to the earlier checkpoint; ask for one that does")
        return
    old = checkpoint(note, key)
    if kept is not None and checkpoint(kept, key) != old:
        raise Fault("the bundle goes back to another checkpoint than yours")
    path = files["consistency.json"]
    if not re.fullmatch(_PATH.encode(), path) or not _consistent(old, log, json.loads(path)):
        raise Fault("the log is not the one of the earlier checkpoint: it was rewritten or forked")


def _records(lines: list[bytes], chain: Head, log: Checkpoint, past: Head) -> list[str]:
    found = ["the last line does not end"] if lines.pop() else []
    good: dict[int, Record] = {0: {"hash": GENESIS, "leaf": -1, "at_ms": 0}}
    proved: Proved = {(0, 0): (log.root, [])}
    last = 0
    for number, line in enumerate(lines, 1):
        try:
            record, receipt = _record(line)
        except (Fault, ValueError, LookupError, TypeError, RecursionError) as error:
            found.append(f"line {number}: {error if isinstance(error, Fault) else 'no record'}")
            continue
        seq = record["seq"]
        if seq in good or seq > chain.count:
            found.append(f"receipt {seq}: added (line {number})")
            continue
        if seq < last:
            found.append(f"receipt {seq}: moved (line {number})")
        last, good[seq] = max(last, seq), record
        if wrong := _alone(record, receipt, chain.tenant, log.size, proved):
            found.append(f"receipt {seq}: changed: {wrong}")
            good[seq] = {}
    found += [f"receipt {seq}: missing" for seq in range(1, chain.count + 1) if seq not in good]
    return [*found, *_links(good, chain, past)]


def _record(line: bytes) -> tuple[Record, bytes]:
    """Read a line, which stands exactly as RFC 8785 writes it, and give what its leaf commits to as well."""
    found = json.loads(line.decode())
    body, tenant, proof = found["body"], found["tenant"], str(found["proof"])
    at, own = f'"at_ms":{found["at_ms"]},', f'"hash":"{found["hash"]}",'
    leaf = f'"leaf":{found["leaf"]},"leaf_hash":"{found["leaf_hash"]}",'
    previous, seq = f'"previous":"{found["previous"]}",', f'"seq":{found["seq"]},'
    salt = "null" if found["salt"] is None else f'"{found["salt"]}"'
    apart = '"proof":' + proof.replace("'", '"').replace(" ", "") + f',"salt":{salt},'
    if not (type(body) is type(tenant) is str and _SHAPE.fullmatch(at + own + leaf + previous + apart + seq)):
        raise Fault("no record")
    begin, end = f'{{{at}"body":{_TEXT(body)},{own}', f'{seq}"tenant":{_TEXT(tenant)}}}'
    if f"{begin}{leaf}{previous}{apart}{end}".encode() != line:
        raise Fault("not canonical JSON")
    return found, f"{begin}{previous}{end}".encode()


def _alone(record: Record, receipt: bytes, tenant: str, size: int, proved: Proved) -> str:
    """Say what is wrong with a record by itself; nothing if it is what the log took in, or was erased."""
    if record["tenant"] != tenant:
        return "it is another tenant's"
    body, name = json.dumps(record["body"]), json.dumps(tenant)
    linked = f'[{name},{record["seq"]},{record["at_ms"]},{body},"{record["previous"]}"]'
    if (record["body"] or record["salt"]) and hashlib.sha256(linked.encode()).hexdigest() != record["hash"]:
        return "its hash is another's"
    if record["salt"] is not None:
        salted = hmac.digest(bytes.fromhex(record["salt"]), receipt, "sha256")
        if hashlib.sha256(b"\x00" + salted).hexdigest() != record["leaf_hash"]:
            return "its leaf in the log commits to something else"
    there = _included(record["leaf"], size - 1, bytes.fromhex(record["leaf_hash"]), record["proof"], proved)
    return "" if there else "its leaf is not in the log"


def _included(index: int, last: int, node: bytes, path: list[str], proved: Proved) -> bool:
    """Climb from a leaf to the root, or to a node from which an earlier proof led there the same way."""
    climbed: Proved = {}
    while index <= last and (index, last) not in proved:
        climbed[index, last] = node, path
        if index % 2 or index < last:
            if not path:
                return False
            beside, path = bytes.fromhex(path[0]), path[1:]
            node = _node(beside, node) if index % 2 else _node(node, beside)
        index, last = index >> 1, last >> 1
    there = proved.get((index, last)) == (node, path)
    # Only now: what was merely seen on the way to another root proves nothing.
    proved |= climbed if there else {}
    return there


def _links(good: Mapping[int, Record], chain: Head, past: Head) -> Iterator[str]:
    """Say where records that are good alone do not follow each other, or an earlier bundle's end."""
    for seq, record in ((seq, record) for seq, record in good.items() if seq and record):
        before = good.get(seq - 1) or {**record, "hash": record["previous"], "leaf": -1}
        follows = record["previous"] == before["hash"] and record["leaf"] > before["leaf"]
        if not follows or record["at_ms"] < before["at_ms"]:
            yield f"receipt {seq}: does not follow receipt {seq - 1}"
        # The attack: who signs appends the chain to the log a second time, without one receipt. The log only
        # grew, as its checkpoints show; the end of the chain that somebody kept is in no such second chain.
        if seq == past.count and record["hash"] != past.hash:
            yield f"receipt {seq}: changed: your earlier bundle ended in another"
        if seq > past.count and record["leaf"] < past.size:
            yield f"receipt {seq}: your earlier bundle left it out"
        if seq == chain.count and record["hash"] != chain.hash:
            yield f"receipt {seq}: changed: it is not the head of its chain"


def _consistent(old: Checkpoint, new: Checkpoint, path: Sequence[str]) -> bool:
    if not 0 < old.size < new.size:
        root = new.root if old.size else hashlib.sha256().digest()
        return not path and old.size <= new.size and old.root == root
    index, last = old.size - 1, new.size - 1
    while index % 2:
        index, last = index >> 1, last >> 1
    # A perfect tree is its own first subtree, so the proof leaves it out.
    steps = [*([] if index else [old.root]), *map(bytes.fromhex, path)]
    older = newer = steps[0] if steps else b""
    for beside in steps[1:]:
        if not last:
            return False
        if index % 2 or index == last:
            older, newer = _node(beside, older), _node(beside, newer)
            while index and not index % 2:
                index, last = index >> 1, last >> 1
        else:
            newer = _node(newer, beside)
        index, last = index >> 1, last >> 1
    return not last and (older, newer) == (old.root, new.root)


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _decoded(coded: bytes) -> bytes:
    """Decode Base64 that has one spelling only."""
    try:
        found = base64.b64decode(coded, validate=True)
    except ValueError:
        return b""
    return found if base64.b64encode(found) == coded else b""


def unpacked(path: Path) -> Files:
    """Give a bundle's files, if every program that reads ZIP files would give these and nothing else."""
    with zipfile.ZipFile(path) as archive:
        listed = {each.filename: each for each in archive.infolist()}
        if len(listed) < len(archive.infolist()) or not NEEDED <= listed.keys() <= KNOWN:
            raise Fault("the bundle holds a file twice, lacks one, or holds one too many")
        packed = sum(each.compress_size + _AROUND_BYTES for each in listed.values())
        large = any(each.file_size > _SMALL_BYTES + _RATIO * each.compress_size for each in listed.values())
        if large or archive.comment or path.stat().st_size > packed:
            raise Fault("the bundle is packed as none of ours is")
        return {name: archive.read(each) for name, each in listed.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify a bundle and say what was found."""
    asked = argparse.ArgumentParser(description="Verify one tenant's receipts.")
    asked.add_argument("bundle", type=Path)
    asked.add_argument("--key", required=True, help="the log's public key")
    asked.add_argument("--earlier", type=Path, help="an earlier bundle that you kept, or its checkpoint")
    asked.add_argument("--tenant", help="whose the bundle must be")
    try:
        found, whole = _judged(asked.parse_args(arguments))
    except Exception as error:  # noqa: BLE001 - what cannot be read in any way is not whole
        name = type(error).__name__
        found, whole = [str(error) if name == "Fault" else f"the bundle cannot be read ({name})"], ""
    sys.stdout.write("\n".join(found or [whole]) + "\n")
    return 1 if found else 0


def _judged(given: argparse.Namespace) -> tuple[list[str], str]:
    files, kept = unpacked(given.bundle), cast("Files", {})
    if given.earlier:
        again = zipfile.is_zipfile(given.earlier)
        kept = unpacked(given.earlier) if again else {"checkpoint.txt": given.earlier.read_bytes()}
    if found := faults(files, given.key, kept.get("checkpoint.txt"), kept.get("head.txt")):
        return found, ""
    chain, bare = head(files["head.txt"], given.key), files["receipts.jsonl"].count(b'"salt":null,')
    whose = f"of tenant {json.dumps(chain.tenant)}"
    less = f"; {bare} of them have no salt, so that only their chain holds them" if bare else ""
    other = [] if given.tenant in (None, chain.tenant) else [f"the bundle is {whose}"]
    return other, f"whole: {chain.count} receipts {whose}, in a log of {chain.size}{less}"


if __name__ == "__main__":
    sys.exit(main())
