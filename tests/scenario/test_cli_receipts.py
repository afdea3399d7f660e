"""An operator verifies, proves and hands out receipts; an auditor checks them with nothing of ours."""

import asyncio
import base64
import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer._key import Key

from firewall.core.errors import Denied
from firewall.core.receipt import Judgement
from partywall.messages import message
from partywall.wall import Wall
from partywall.wall import open as wall_of
from tests.fakes.commands import Ran, ran
from tests.fakes.services import ROOT

SECRET = "ORCHID-4417-0093"
CONFIG = 'profile = "light"\n'


async def refused(wall: Wall, tenant: str) -> None:
    said = message(
        f"please run it, {SECRET}",
        channel="own",
        realm=tenant,
        sender=f"ada-of-{tenant}",
        conversation="hall",
        kind="group",
        private=True,
    )
    async with wall.turn(said) as turn:
        with pytest.raises(Denied):
            await turn.call_tool("exec", {"command": f"echo {SECRET}"})
        await turn.reply(f"words of nobody {SECRET}")


async def lived(*tenants: str) -> None:
    async with wall_of("partywall.toml") as wall:
        for tenant in tenants:
            await refused(wall, tenant)


def tenant_of(name: str) -> str:
    return json.dumps(["own", name, "hall"], separators=(",", ":"))


ACME, GLOBEX = tenant_of("ACME"), tenant_of("GLOBEX")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a bot served two tenants."""
    monkeypatch.chdir(tmp_path)
    Path("partywall.toml").write_text(CONFIG)
    asyncio.run(lived("ACME", "GLOBEX", "ACME"))
    return tmp_path


def given(*words: str) -> Any:
    done = ran("receipts", *words, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def key() -> str:
    return ran("receipts", "key").out.strip()


def audited(bundle: str, *words: str, public: str | None = None) -> Ran:
    """Run the bundle's own verifier, in a process that finds nothing of ours."""
    with zipfile.ZipFile(bundle) as archive:
        Path("alone").mkdir(exist_ok=True)
        archive.extract("verify_bundle.py", "alone")
    done = subprocess.run(
        [sys.executable, "-P", "-I", "alone/verify_bundle.py", bundle, "--key", public or key(), *words],
        capture_output=True,
        check=False,
        timeout=60,
    )
    return Ran(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())


def test_all_chains_and_the_log_verify() -> None:
    found = given("verify")
    counts = {each["tenant"]: each["receipts"] for each in found["chains"]}
    assert counts.keys() == {ACME, GLOBEX}
    assert counts[ACME] == 2 * counts[GLOBEX]
    # The bot's own closing signed the log once.
    assert found["log"] == {"size": sum(counts.values()), "erased": 0, "checkpoints": 1}
    assert "The log is whole" in ran("receipts", "verify", "--tenant", ACME).out
    assert ran("receipts", "verify", "--tenant", "INITECH").code == 1


def test_a_bundle_is_verified_by_its_own_program_without_ours() -> None:
    done = ran("receipts", "export", "--tenant", ACME, "--bundle", "acme.zip")
    assert done.code == 0, done.err
    assert key() in done.out
    checked = audited("acme.zip")
    assert (checked.code, checked.err) == (0, "")
    assert "whole" in checked.out


def test_nothing_of_another_tenant_and_nothing_that_was_said_is_in_a_bundle() -> None:
    ran("receipts", "export", "--tenant", ACME, "--bundle", "acme.zip")
    ran("receipts", "export", "--tenant", GLOBEX, "--bundle", "globex.zip")
    theirs = contents("globex.zip")
    lines = [json.loads(line) for line in theirs["receipts.jsonl"].splitlines()]
    opaque = ("session", "turn", "ref", "digest", "conversation")
    planted = {
        "GLOBEX",
        SECRET,
        *(line[field] for line in lines for field in ("hash", "previous", "salt")),
        *(json.loads(line["body"])[field] for line in lines for field in opaque),
    } - {"0" * 64}
    ours = b"".join(contents("acme.zip").values())
    assert [each for each in planted if each.encode() in ours] == []
    assert all(each.encode() in b"".join(theirs.values()) for each in planted - {SECRET})


def contents(bundle: str) -> dict[str, bytes]:
    with zipfile.ZipFile(bundle) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(bundle: str, **files: bytes) -> None:
    with zipfile.ZipFile("altered.zip", "w") as archive:
        for name, data in {**contents(bundle), **files}.items():
            archive.writestr(name, data)


def test_a_changed_record_is_named() -> None:
    ran("receipts", "export", "--tenant", ACME, "--bundle", "acme.zip")
    lines = contents("acme.zip")["receipts.jsonl"].splitlines(keepends=True)
    lines[2] = lines[2].replace(b"bytes_scanned", b"bytes_skipped")
    rewritten("acme.zip", **{"receipts.jsonl": b"".join(lines)})
    found = audited("altered.zip")
    assert found.code == 1
    assert found.out == "receipt 3: changed: its hash is another's\n"


def test_the_wrong_key_and_a_file_that_is_no_bundle_are_refused() -> None:
    ran("receipts", "export", "--tenant", ACME, "--bundle", "acme.zip")
    other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert "not signed by this key" in audited("acme.zip", public=other).out
    assert "the key is none" in audited("acme.zip", public="nonsense").out
    Path("alone/text.zip").write_text("this is no archive")
    done = subprocess.run(
        [sys.executable, "-I", "alone/verify_bundle.py", "alone/text.zip", "--key", other],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, b"the bundle cannot be read (BadZipFile)\n")


def test_a_bundle_goes_on_from_the_checkpoint_that_the_auditor_kept() -> None:
    kept = ran("receipts", "checkpoint")
    Path("kept.txt").write_text(kept.out)
    asyncio.run(lived("GLOBEX", "ACME"))
    export = ("receipts", "export", "--tenant", ACME)
    assert ran(*export, "--bundle", "later.zip", "--earlier", "kept.txt").code == 0
    assert audited("later.zip", "--earlier", "kept.txt").code == 0
    assert ran(*export, "--bundle", "alone.zip").code == 0
    found = audited("alone.zip", "--earlier", "kept.txt")
    assert (found.code, "does not go back" in found.out) == (1, True)
    Path("forged.txt").write_text(kept.out.replace("partywall/", "partywall/0", 1))
    assert ran(*export, "--bundle", "forged.zip", "--earlier", "forged.txt").code == 2
    assert not Path("forged.zip").exists()


def test_a_checkpoint_is_given_again_while_nothing_is_added() -> None:
    first = given("checkpoint")
    assert given("checkpoint") == first
    asyncio.run(lived("GLOBEX"))
    after = given("checkpoint")
    assert after["size"] > first["size"]
    found = given("verify")
    assert found["log"]["checkpoints"] == 2


def test_one_receipt_is_proved_by_itself() -> None:
    found = json.loads(ran("receipts", "prove", "2", "--tenant", ACME).out)
    assert (found["receipt"]["seq"], found["receipt"]["tenant"]) == (2, ACME)
    assert found["key"] == key()
    assert ran("receipts", "prove", "999", "--tenant", ACME).code == 1


def test_a_file_that_is_there_is_never_replaced() -> None:
    Path("there.zip").write_text("mine")
    assert ran("receipts", "export", "--tenant", ACME, "--bundle", "there.zip").code == 2
    assert Path("there.zip").read_text() == "mine"
    assert ran("receipts", "export", "--tenant", ACME).code == 2
    assert ran("receipts", "export", "--tenant", "INITECH", "--bundle", "none.zip").code == 1
    assert not Path("none.zip").exists()
    ran("receipts", "export", "--tenant", ACME, "--bundle", "acme.zip")
    assert stat.S_IMODE(os.stat("acme.zip").st_mode) == 0o600


def test_statements_are_what_securesystemslib_takes_for_dsse() -> None:
    assert ran("receipts", "export", "--tenant", ACME, "--dsse", "acme.jsonl").code == 0
    envelopes = [json.loads(line) for line in Path("acme.jsonl").read_text().splitlines()]
    public = ed25519(key())
    seqs: list[int] = []
    for each in envelopes:
        envelope = Envelope.from_dict(each)  # pyright: ignore[reportUnknownMemberType] - the library says only dict
        assert envelope.verify([public], 1).keys() == {public.keyid}
        statement = json.loads(envelope.payload)
        assert envelope.payload_type == "application/vnd.in-toto+json"
        assert statement["_type"] == "https://in-toto.io/Statement/v1"
        assert statement["predicate"]["judgement"]["tenant"] == ACME
        seqs.append(statement["predicate"]["seq"])
        envelope.payload += b" "
        with pytest.raises(VerificationError):
            envelope.verify([public], 1)
    assert seqs == list(range(1, len(envelopes) + 1))
    assert seqs


def ed25519(line: str) -> Key:
    raw = base64_of(line)[1:]
    form = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": raw.hex()}}
    return Key.from_dict(hashlib.sha256(raw).hexdigest(), form)


def base64_of(line: str) -> bytes:
    return base64.b64decode(line.split("+", 2)[2])


def test_a_receipt_names_the_policy_and_the_mode_that_were_in_force() -> None:
    bodies = [json.loads(json.loads(line)["body"]) for line in exported("before.zip")]
    assert {each["mode"] for each in bodies} == {"enforce"}
    (policy,) = {each["policy"] for each in bodies}
    Path("partywall.toml").write_text('profile = "light"\n[limits]\nmax_rounds = 3\n')
    asyncio.run(lived("ACME"))
    Path("partywall.toml").write_text(CONFIG)
    after = [json.loads(json.loads(line)["body"])["policy"] for line in exported("after.zip")]
    assert after[: len(bodies)] == [policy] * len(bodies)
    assert set(after[len(bodies) :]) - {policy} == set(after[len(bodies) :])
    assert len(after) > len(bodies)


def exported(bundle: str) -> list[bytes]:
    assert ran("receipts", "export", "--tenant", ACME, "--bundle", bundle).code == 0
    return contents(bundle)["receipts.jsonl"].splitlines()


def test_the_page_names_every_field_of_a_body() -> None:
    text = (ROOT / "docs" / "receipts.md").read_text().partition("## What a receipt names")[2]
    cells = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", text, re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert named == {each.name for each in fields(Judgement)}
    assert named - {"trace"} == set(json.loads(json.loads(exported("acme.zip")[0])["body"]))


def test_the_commands_of_the_page_work() -> None:
    """Every shell line of the page, in its order."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "receipts.md").read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) >= 6
    for each in lines:
        words = [ACME if word == "acme" else word for word in each.split()]
        if words[0] == "partywall":
            command, _, target = " ".join(words).partition(" > ")
            done = ran(*command.split()[1:])
            assert done.code == 0, (each, done.err)
            if target:
                Path(target).write_text(done.out)
        else:
            assert words[:2] == ["python", "verify_bundle.py"]
            rest = [key() if word == "KEY" else word for word in words[3:]]
            assert audited(words[2], *rest[2:]).code == 0
