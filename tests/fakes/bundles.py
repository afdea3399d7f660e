"""Small logs of two tenants and their bundles, whole, forked, and as somebody would tamper with them."""

import hashlib
import json
import os
import random
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firewall.core.ids import TenantId
from firewall.core.merkle import consistency
from tests.fakes.vaults import ACME, GLOBEX, denial, judgement, opened, turn
from vault.bundles import line
from vault.checkpoints import Checkpoint
from vault.log import roots
from vault.open import Vault
from vault.verify_bundle import GENESIS

Files = dict[str, bytes]
RECEIPTS = "receipts.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What an auditor has: a bundle, the log's key, and a checkpoint that was kept."""

    files: Mapping[str, bytes]
    key: str
    kept: bytes | None

    @property
    def lines(self) -> list[bytes]:
        return self.files[RECEIPTS].splitlines(keepends=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen:
    """One log's bundle, the other tenant's, and what a fork of the log would give in their place."""

    ours: Given
    theirs: Given
    forks: tuple[Given, ...]


async def written(vault: Vault, count: int, seed: random.Random, mark: str = "r") -> None:
    for n in range(count):
        tenant = seed.choice((ACME, GLOBEX))
        await vault.records.record(judgement(turn(tenant, number=n), denial(f"{mark}{n}")))


async def bundle(vault: Vault, tenant: TenantId, signed: Checkpoint, earlier: Checkpoint | None) -> Given:
    """Make a bundle as the command does; of an earlier checkpoint of another log, as a liar would."""
    fields = [each async for each in vault.bundles.receipts(tenant, signed)]
    listed = b"".join(map(line, fields))
    digest = hashlib.sha256(listed).hexdigest()
    files: Files = {
        RECEIPTS: listed,
        "checkpoint.txt": signed.note.encode(),
        "head.txt": vault.bundles.head(tenant, fields[-1] if fields else None, signed, digest).encode(),
    }
    if earlier is not None:
        path: tuple[bytes, ...] = ()
        if earlier.size <= signed.size:
            spans = consistency(earlier.size, signed.size)
            path = await vault.engine.database.read(lambda: roots(spans, {}))
        files["earlier.txt"] = earlier.note.encode()
        files["consistency.json"] = dumped([each.hex() for each in path])
    kept = None if earlier is None else earlier.note.encode()
    return Given(files=files, key=vault.checkpoints.signer.key, kept=kept)


async def specimen(folder: Path, number: int) -> Specimen:
    """Make a log that grew past a kept checkpoint, and forks of it that went another way before that."""
    seed = random.Random(number)
    os.mkdir(folder)
    main, fork = folder / "main.db", folder / "fork.db"
    async with await opened(main) as vault:
        await written(vault, seed.randint(2, 6), seed)
    shutil.copy(main, fork)
    async with await opened(main) as vault:
        await written(vault, seed.randint(1, 9), seed)
        kept = await vault.checkpoints.make()
        await written(vault, seed.randint(0, 9), seed)
        signed = await vault.checkpoints.make()
        ours, theirs = [await bundle(vault, tenant, signed, kept) for tenant in (ACME, GLOBEX)]
    async with await opened(fork) as vault:
        forks: list[Given] = []
        for _ in range(3):
            await written(vault, seed.randint(1, 9), seed, "forked")
            forks.append(await bundle(vault, ACME, await vault.checkpoints.make(), kept))
    return Specimen(ours=ours, theirs=theirs, forks=tuple(forks))


def dumped(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _listed(ours: Given, lines: list[bytes]) -> Files:
    return {**ours.files, RECEIPTS: b"".join(lines)}


def flipped(of: Specimen, seed: random.Random) -> Files:
    name = seed.choice(sorted(of.ours.files))
    data = bytearray(of.ours.files[name])
    data[seed.randrange(len(data))] ^= 1 << seed.randrange(8)
    return {**of.ours.files, name: bytes(data)}


def deleted(of: Specimen, seed: random.Random) -> Files:
    lines = of.ours.lines
    for _ in range(seed.randint(1, max(1, len(lines) // 2))):
        if lines:
            del lines[seed.randrange(len(lines))]
    return _listed(of.ours, lines)


def renumbered(of: Specimen, seed: random.Random) -> Files:
    """One removed, and those after it linked anew as somebody would who knows the format."""
    lines = of.ours.lines
    gone = seed.randrange(len(lines))
    return _listed(of.ours, relinked(lines[:gone] + lines[gone + 1 :]))


def inserted(of: Specimen, seed: random.Random) -> Files:
    lines = of.ours.lines
    foreign = [*lines, *of.theirs.lines, *of.forks[0].lines]
    lines.insert(seed.randint(0, len(lines)), seed.choice(foreign))
    return _listed(of.ours, lines if seed.random() < 0.5 else relinked(lines))


def swapped(of: Specimen, seed: random.Random) -> Files:
    lines = of.ours.lines
    if len(lines) < 2:
        return deleted(of, seed)
    one, two = seed.sample(range(len(lines)), 2)
    lines[one], lines[two] = lines[two], lines[one]
    return _listed(of.ours, lines)


def truncated(of: Specimen, seed: random.Random) -> Files:
    name = seed.choice(sorted(of.ours.files))
    data = of.ours.files[name]
    if name == RECEIPTS and seed.random() < 0.5:
        return _listed(of.ours, of.ours.lines[: seed.randrange(len(of.ours.lines))])
    return {**of.ours.files, name: data[: seed.randrange(len(data))]}


def rewritten(of: Specimen, seed: random.Random) -> Files:
    """A field of one record changed, with right hashes from there on, and with or without its salt."""
    lines = of.ours.lines
    at = seed.randrange(len(lines))
    record = json.loads(lines[at])
    match seed.randrange(4):
        case 0:
            record["body"] = record["body"].replace(
                '"bytes_scanned":12', f'"bytes_scanned":{seed.randint(13, 99)}'
            )
        case 1:
            record["at_ms"] += seed.randint(1, 10)
        case 2:
            record["salt"] = None
        case _:
            record["tenant"] = GLOBEX
    lines[at] = dumped(record) + b"\n"
    return _listed(of.ours, lines if seed.random() < 0.5 else relinked(lines))


def forked(of: Specimen, seed: random.Random) -> Files:
    """Another log under the same key in place of the one that was kept, whole or in pieces."""
    other = seed.choice(of.forks).files
    names = [name for name in other if name != "earlier.txt"]
    taken = names if seed.random() < 0.5 else seed.sample(names, seed.randint(1, len(names)))
    files = {**of.ours.files, **{name: other[name] for name in taken}}
    path = json.loads(files["consistency.json"])
    if path and seed.random() < 0.5:
        seed.shuffle(path)
        files["consistency.json"] = dumped(path[: seed.randint(0, len(path))])
    return files


TAMPERINGS: tuple[Callable[[Specimen, random.Random], Files], ...] = (
    flipped,
    deleted,
    renumbered,
    inserted,
    swapped,
    truncated,
    rewritten,
    forked,
)


def relinked(lines: list[bytes]) -> list[bytes]:
    """Number and link records anew, each with the leaf it now makes."""
    previous, found = GENESIS, list[bytes]()
    for seq, each in enumerate(lines, 1):
        record: dict[str, Any] = {**json.loads(each), "seq": seq, "previous": previous}
        text = [record[name] for name in ("tenant", "seq", "at_ms", "body", "previous")]
        linked = json.dumps(text, separators=(",", ":"), ensure_ascii=True)
        record["hash"] = previous = hashlib.sha256(linked.encode()).hexdigest()
        found.append(dumped(record) + b"\n")
    return found
