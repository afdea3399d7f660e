"""What an auditor is given: one tenant's receipts, each with its salt and proof, and nothing of another's.

Beside a tenant's own receipts a bundle holds hashes of subtrees, which are of salted leaves, and two sizes.
So it tells how many receipts all tenants have together, and where among them this one stand; nothing else.
"""

import json
from collections.abc import AsyncIterator
from functools import partial
from importlib import resources
from typing import Any

import rfc8785

from firewall.core.errors import ChainBroken, MisuseError
from firewall.core.ids import TenantId, checked
from firewall.core.merkle import Node, consistency, consistent, inclusion
from firewall.core.receipt import GENESIS
from vault import verify_bundle
from vault.chain import page, receipt_of
from vault.checkpoints import Checkpoint
from vault.database import Database
from vault.job import Job, Row
from vault.log import roots
from vault.signing import Signer

STATEMENT = "https://in-toto.io/Statement/v1"
MEDIA = "application/vnd.in-toto+json"
PREDICATE = "urn:partywall:receipt:1"

Fields = dict[str, str | int | list[str] | None]


class Bundles:
    """Reads what a bundle is made of; writes nothing."""

    def __init__(self, database: Database, signer: Signer) -> None:
        self._database = database
        self._signer = signer

    async def receipts(
        self, tenant: TenantId, checkpoint: Checkpoint, *, after: int = 0
    ) -> AsyncIterator[Fields]:
        """Give the tenant's receipts after `after` that the checkpoint covers, oldest first, with proofs.

        Raises:
            ChainBroken: One of them is not in the log.
        """
        checked(tenant, what="tenant")
        known: dict[Node, bytes] = {}
        while True:
            found = await self._database.read(partial(_proved, tenant, after, checkpoint.size, known))
            for each, seq in found:
                after = seq
                yield each
            if not found:
                return
            # Only what is high in the tree is needed again.
            known = {node: digest for node, digest in known.items() if node[0] > 8}

    async def consistency(self, earlier: bytes, checkpoint: Checkpoint) -> list[str]:
        """Prove that the log of an earlier checkpoint, which this log's key signed, was only added to.

        Raises:
            MisuseError: It is none of this log's checkpoints, or younger than the other one.
            ChainBroken: This log's key signed it, but this log never was so.
        """
        try:
            old = verify_bundle.checkpoint(earlier, self._signer.key)
        except verify_bundle.Fault as error:
            raise MisuseError(f"this is no checkpoint of this log: {error}") from None
        if old.size > checkpoint.size:
            raise MisuseError("the earlier checkpoint is of a larger log; was an old backup restored?")
        spans = consistency(old.size, checkpoint.size)
        path = await self._database.read(lambda: roots(spans, {}))
        if not consistent(old.size, checkpoint.size, old.root, checkpoint.root, path):
            raise ChainBroken("this log did not grow from that checkpoint; was an old backup restored?")
        return [each.hex() for each in path]

    def head(self, tenant: TenantId, last: Fields | None, checkpoint: Checkpoint, digest: str) -> str:
        """Sign how many receipts the tenant has, which is the last, and the SHA-256 of their list."""
        count, youngest = (0, GENESIS) if last is None else (last["seq"], last["hash"])
        name = json.dumps(tenant, ensure_ascii=False)
        lines = (f"{self._signer.name}/chain", name, count, youngest, checkpoint.size, digest)
        return self._signer.note("".join(f"{line}\n" for line in lines))

    def statement(self, fields: Fields, checkpoint: Checkpoint) -> dict[str, object]:
        """Sign one receipt as an in-toto statement in a DSSE envelope."""
        body = str(fields["body"])
        judged = json.loads(body) if body else None
        log = {"leaf": fields["leaf"], "leaf_hash": fields["leaf_hash"], "name": self._signer.name}
        payload: Any = {
            "_type": STATEMENT,
            "subject": [{"name": f"receipt/{fields['seq']}", "digest": {"sha256": fields["hash"]}}],
            "predicateType": PREDICATE,
            "predicate": {
                **{name: fields[name] for name in ("at_ms", "previous", "seq", "tenant")},
                "judgement": judged,
                "log": {**log, "size": checkpoint.size},
            },
        }
        return self._signer.envelope(MEDIA, rfc8785.dumps(payload))


def line(fields: Fields) -> bytes:
    """Write a receipt as one line of canonical JSON."""
    return rfc8785.dumps(fields) + b"\n"


def verifier() -> bytes:
    """Give the program that verifies a bundle."""
    return (resources.files("vault") / "verify_bundle.py").read_bytes()


def _proved(
    tenant: TenantId, after: int, size: int, known: dict[Node, bytes]
) -> Job[list[tuple[Fields, int]]]:
    receipts, _ = yield from page(tenant, after)
    found: list[tuple[Fields, int]] = []
    for row in receipts:
        if row[8] is None or row[10] is None:
            raise ChainBroken(f"receipt {row[1]} is not in the log")
        if row[8] >= size:
            break
        path = yield from roots(inclusion(row[8], size), known)
        found.append((_fields(row, path), row[1]))
    return found


def _fields(row: Row, path: tuple[bytes, ...]) -> Fields:
    receipt = receipt_of(row)
    position, salt, leaf = row[8:11]
    return {
        "at_ms": receipt.at_ms,
        "body": receipt.body,
        "hash": receipt.hash,
        "leaf": position,
        "leaf_hash": leaf.hex(),
        "previous": receipt.previous,
        "proof": [each.hex() for each in path],
        "salt": None if salt is None else salt.hex(),
        "seq": receipt.seq,
        "tenant": receipt.tenant,
    }
