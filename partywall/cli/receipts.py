"""`partywall receipts`: what anyone can verify, from the log's key to a bundle for an auditor."""

import hashlib
import json
import os
import zipfile
from pathlib import Path
from typing import IO, Annotated

import typer

from firewall.core.errors import MisuseError
from firewall.core.ids import TenantId
from partywall.cli.desk import Absent, AsJson, ConfigPath, configuration, give, moment, opened, run, say, show
from partywall.config import Config
from vault.bundles import Fields, line, verifier
from vault.checkpoints import Checkpoint
from vault.open import Vault

app = typer.Typer(no_args_is_help=True, help="Receipts that anyone can verify.")

TenantName = Annotated[str, typer.Option("--tenant", "-t", help="Whose receipts.")]


@app.command()
def verify(
    tenant: Annotated[str | None, typer.Option("--tenant", "-t", help="Only this tenant's chain.")] = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Follow every chain and the whole log, from the first receipt to what was signed last."""
    rows, log = run(_verified(configuration(config), tenant))
    if as_json:
        give({"chains": rows, "log": log})
        return
    show("Chains", ("tenant", "receipts"), rows, empty="There are no receipts yet.")
    say(f"The log is whole: {log['size']} receipts, {log['erased']} of them erased.")
    say(f"It is what was signed in {log['checkpoints']} checkpoints.")


@app.command()
def prove(
    seq: Annotated[int, typer.Argument(min=1, help="The receipt's number in its chain.")],
    tenant: TenantName,
    config: ConfigPath = None,
) -> None:
    """Give one receipt with the proof that it is in the log, as JSON."""
    found = run(_proof(configuration(config), TenantId(tenant), seq))
    if found is None:
        raise Absent("this tenant has no receipt of that number; `partywall receipts verify` counts them")
    give(found)


@app.command()
def export(
    tenant: TenantName,
    bundle: Annotated[Path | None, typer.Option("--bundle", help="A new ZIP file for an auditor.")] = None,
    dsse: Annotated[
        Path | None, typer.Option("--dsse", help="A new file of in-toto statements, one on each line.")
    ] = None,
    earlier: Annotated[
        Path | None, typer.Option("--earlier", help="A checkpoint that the auditor has, to go on from.")
    ] = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Give one tenant's receipts with all that verifies them, and nothing of another tenant."""
    if (bundle is None) == (dsse is None) or (dsse and earlier):
        raise MisuseError("name one of --bundle and --dsse; --earlier goes with --bundle")
    loaded, target = configuration(config), bundle or dsse or Path()
    note = None if earlier is None else _read(earlier)
    found = run(_exported(loaded, TenantId(tenant), target, note, dsse=dsse is not None))
    if as_json:
        give(found)
    else:
        say(f"{found['receipts']} receipts, in a log of {found['size']}; verify with {found['key']}")


@app.command()
def checkpoint(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Sign the log as it stands, and print the checkpoint."""
    found = run(_checkpoint(configuration(config)))
    if as_json:
        give({"size": found.size, "root": found.root.hex(), "at": moment(found.at_ms), "note": found.note})
    else:
        say(found.note.removesuffix("\n"))


@app.command()
def key(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Print the log's public key, with which everything it signed is verified."""
    found = run(_key(configuration(config)))
    if as_json:
        give({"key": found})
    else:
        say(found)


async def _verified(config: Config, tenant: str | None) -> tuple[list[dict[str, object]], dict[str, int]]:
    async with opened(config) as vault:
        known = await vault.checkpoints.tenants()
        if tenant is not None and tenant not in known:
            raise Absent("this tenant has no receipts; `partywall tenants` lists them all")
        asked = known if tenant is None else (TenantId(tenant),)
        rows: list[dict[str, object]] = [
            {"tenant": each, "receipts": await vault.records.verify(each)} for each in asked
        ]
        log = await vault.checkpoints.verify()
    return rows, {"size": log.size, "erased": log.erased, "checkpoints": log.checkpoints}


async def _proof(config: Config, tenant: TenantId, seq: int) -> dict[str, object] | None:
    async with opened(config) as vault:
        signed = await vault.checkpoints.make()
        async for fields in vault.bundles.receipts(tenant, signed, after=seq - 1):
            if fields["seq"] == seq:
                return {"checkpoint": signed.note, "key": vault.checkpoints.signer.key, "receipt": fields}
            break
    return None


async def _exported(
    config: Config, tenant: TenantId, target: Path, earlier: bytes | None, *, dsse: bool
) -> dict[str, object]:
    async with opened(config) as vault:
        if tenant not in await vault.checkpoints.tenants():
            raise Absent("this tenant has no receipts; `partywall tenants` lists them all")
        # The attack: who can write the database, but lacks the key, takes a chain back to an older head, of
        # which the MAC is right. What is signed says how many receipts there are; the log must show no other.
        await vault.records.verify(tenant)
        await vault.checkpoints.verify()
        signed = await vault.checkpoints.make()
        with _made(target) as stream:
            try:
                if dsse:
                    count = await _statements(vault, tenant, signed, stream)
                else:
                    count = await _bundle(vault, tenant, signed, earlier, stream)
            except BaseException:
                # Half a bundle would be taken for a whole one that was tampered with.
                os.unlink(target)
                raise
        return {"receipts": count, "size": signed.size, "key": vault.checkpoints.signer.key}


async def _statements(vault: Vault, tenant: TenantId, signed: Checkpoint, stream: IO[bytes]) -> int:
    count = 0
    async for fields in vault.bundles.receipts(tenant, signed):
        stream.write(json.dumps(vault.bundles.statement(fields, signed)).encode() + b"\n")
        count += 1
    return count


async def _bundle(
    vault: Vault, tenant: TenantId, signed: Checkpoint, earlier: bytes | None, stream: IO[bytes]
) -> int:
    count, digest, last = 0, hashlib.sha256(), None
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("receipts.jsonl", "w", force_zip64=True) as lines:
            async for fields in vault.bundles.receipts(tenant, signed):
                text, last, count = line(fields), fields, count + 1
                lines.write(text)
                digest.update(text)
        for name, data in (await _signed(vault, tenant, signed, last, digest.hexdigest(), earlier)).items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return count


async def _signed(
    vault: Vault,
    tenant: TenantId,
    signed: Checkpoint,
    last: Fields | None,
    digest: str,
    earlier: bytes | None,
) -> dict[str, bytes]:
    files = {
        "checkpoint.txt": signed.note.encode(),
        "head.txt": vault.bundles.head(tenant, last, signed, digest).encode(),
        "verify_bundle.py": verifier(),
    }
    if earlier is not None:
        path = await vault.bundles.consistency(earlier, signed)
        files |= {
            "earlier.txt": earlier,
            "consistency.json": json.dumps(path, separators=(",", ":")).encode(),
        }
    return files


async def _checkpoint(config: Config) -> Checkpoint:
    async with opened(config) as vault:
        return await vault.checkpoints.make()


async def _key(config: Config) -> str:
    async with opened(config) as vault:
        return vault.checkpoints.signer.key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise MisuseError(f"the earlier checkpoint cannot be read ({error.strerror})") from error


def _made(path: Path) -> IO[bytes]:
    try:
        return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb")
    except OSError as error:
        raise MisuseError(
            f"the file cannot be made ({error.strerror}); name one that is not there yet"
        ) from error
