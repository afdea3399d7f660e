"""Attacks on what an auditor is given: by an operator who holds every key, and by others on the way."""

import base64
import hashlib
import json
import random
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from firewall.core.ids import TenantId
from firewall.core.merkle import EMPTY, consistency, inclusion, leaf_hash, node_hash
from firewall.core.receipt import GENESIS, Receipt, linked
from tests.fakes.vaults import ACME, GLOBEX
from vault.bundles import Fields, line
from vault.log import commitment
from vault.signing import Signer
from vault.verify_bundle import faults, main

Files = dict[str, bytes]
AT_MS = 1_700_000_000_000
RECEIPTS, HEAD, CHECKPOINT = "receipts.jsonl", "head.txt", "checkpoint.txt"
WHOLE = "whole: {} receipts of tenant {}, in a log of {}"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A receipt with its place in the log; its salt is None where the operator says that it was erased."""

    receipt: Receipt
    leaf: int
    salt: bytes | None


class Operator:
    """Holds the log and its key, and signs what an honest program would not."""

    def __init__(self, secret: bytes = b"s" * 32) -> None:
        self.signer = Signer.of(secret)
        self.leaves: list[bytes] = []

    def judged(self, tenant: TenantId, words: str, chain: list[Entry]) -> None:
        """Append a receipt to the log and to a chain."""
        before = chain[-1].receipt if chain else None
        seq, previous = (before.seq + 1, before.hash) if before else (1, GENESIS)
        receipt = linked(tenant, seq, AT_MS + len(self.leaves), f'{{"said":"{words}"}}', previous)
        salt = hashlib.sha256(f"{words} {len(self.leaves)}".encode()).digest()
        self.leaves.append(leaf_hash(commitment(salt, receipt)))
        chain.append(Entry(receipt=receipt, leaf=len(self.leaves) - 1, salt=salt))

    def root(self, start: int, stop: int) -> bytes:
        if stop - start == 1:
            return self.leaves[start]
        middle = start + (1 << (stop - start - 1).bit_length() - 1)
        return node_hash(self.root(start, middle), self.root(middle, stop))

    def checkpoint(self, size: int | None = None) -> bytes:
        size = len(self.leaves) if size is None else size
        root = base64.b64encode(self.root(0, size) if size else EMPTY).decode()
        return self.signer.note(f"{self.signer.name}\n{size}\n{root}\n").encode()

    def head(self, tenant: str, count: int, last: str, size: int, listed: bytes) -> bytes:
        digest = hashlib.sha256(listed).hexdigest()
        text = f"{self.signer.name}/chain\n{json.dumps(tenant)}\n{count}\n{last}\n{size}\n{digest}\n"
        return self.signer.note(text).encode()

    def bundle(
        self, chain: Sequence[Entry], *, tenant: TenantId = ACME, since: int | None = None, **more: bytes
    ) -> Files:
        size = len(self.leaves)
        listed = b"".join(self.line(each) for each in chain)
        last = chain[-1].receipt.hash if chain else GENESIS
        files = {
            RECEIPTS: listed,
            CHECKPOINT: self.checkpoint(),
            HEAD: self.head(tenant, len(chain), last, size, listed),
        }
        if since is not None:
            path = [self.root(*span).hex() for span in consistency(since, size)]
            files["earlier.txt"] = self.checkpoint(since)
            files["consistency.json"] = json.dumps(path, separators=(",", ":")).encode()
        return {**files, **more}

    def line(self, entry: Entry) -> bytes:
        receipt, size = entry.receipt, len(self.leaves)
        return line(
            {
                "at_ms": receipt.at_ms,
                "body": receipt.body,
                "hash": receipt.hash,
                "leaf": entry.leaf,
                "leaf_hash": self.leaves[entry.leaf].hex(),
                "previous": receipt.previous,
                "proof": [self.root(*span).hex() for span in inclusion(entry.leaf, size)],
                "salt": None if entry.salt is None else entry.salt.hex(),
                "seq": receipt.seq,
                "tenant": receipt.tenant,
            }
        )

    def relinked(self, receipts: Sequence[Receipt], chain: list[Entry]) -> None:
        """Append these to a chain and to the log, as if nothing had stood between them."""
        for each in receipts:
            before = chain[-1].receipt
            made = linked(each.tenant, before.seq + 1, each.at_ms, each.body, before.hash)
            salt = hashlib.sha256(each.hash.encode()).digest()
            self.leaves.append(leaf_hash(commitment(salt, made)))
            chain.append(Entry(receipt=made, leaf=len(self.leaves) - 1, salt=salt))


@pytest.fixture
def operator() -> Operator:
    return Operator()


@pytest.fixture
def chain(operator: Operator) -> list[Entry]:
    """Five receipts of ACME, with one of GLOBEX before each."""
    ours, theirs = list[Entry](), list[Entry]()
    for number in range(5):
        operator.judged(GLOBEX, f"theirs {number}", theirs)
        operator.judged(ACME, f"ours {number}", ours)
    return ours


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def told(capsys: pytest.CaptureFixture[str], path: Path, operator: Operator, *words: str) -> tuple[int, str]:
    capsys.readouterr()
    code = main([str(path), "--key", operator.signer.key, *words])
    return code, capsys.readouterr().out.removesuffix("\n")


def test_the_forgers_own_bundles_are_whole(operator: Operator, chain: list[Entry]) -> None:
    assert faults(operator.bundle(chain), operator.signer.key) == []
    assert faults(operator.bundle(chain, since=7), operator.signer.key, operator.checkpoint(7)) == []


def test_a_receipt_that_an_operator_hides_is_missed_by_whoever_kept_the_earlier_bundle(
    operator: Operator, chain: list[Entry], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log is only added to, so a checkpoint alone tells nothing: the chain is written a second time."""
    kept = operator.bundle(chain)
    earlier = zipped(tmp_path / "earlier.zip", kept)
    size = len(operator.leaves)
    hiding = chain[:2]
    operator.relinked([each.receipt for each in chain[3:]], hiding)
    later = operator.bundle(hiding, since=size)
    assert faults(later, operator.signer.key, kept[CHECKPOINT]) == []
    path = zipped(tmp_path / "later.zip", later)
    assert told(capsys, path, operator, "--earlier", str(earlier)) == (
        1,
        "the bundle has fewer receipts than your earlier one, or another tenant's",
    )
    operator.judged(ACME, "one more", hiding)
    path = zipped(tmp_path / "longer.zip", operator.bundle(hiding, since=size))
    assert told(capsys, path, operator, "--earlier", str(earlier)) == (
        1,
        "receipt 5: changed: your earlier bundle ended in another",
    )


def test_a_receipt_that_the_earlier_bundle_lacked_is_named_when_it_comes_to_light(
    operator: Operator, chain: list[Entry], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = zipped(tmp_path / "short.zip", operator.bundle(chain[:3]))
    later = zipped(tmp_path / "later.zip", operator.bundle(chain, since=len(operator.leaves)))
    assert told(capsys, later, operator, "--earlier", str(short)) == (
        1,
        "receipt 4: your earlier bundle left it out\nreceipt 5: your earlier bundle left it out",
    )


def test_a_whole_bundle_that_goes_on_from_an_earlier_one_is_whole(
    operator: Operator, chain: list[Entry], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    size = len(operator.leaves)
    earlier = zipped(tmp_path / "earlier.zip", operator.bundle(chain))
    operator.judged(GLOBEX, "theirs", [])
    operator.judged(ACME, "ours", chain)
    later = zipped(tmp_path / "later.zip", operator.bundle(chain, since=size))
    expected = WHOLE.format(6, '"ACME"', 12)
    checkpoint = tmp_path / "kept.txt"
    checkpoint.write_bytes(operator.checkpoint(size))
    for kept in (earlier, checkpoint):
        assert told(capsys, later, operator, "--earlier", str(kept)) == (0, expected)
    others = zipped(tmp_path / "others.zip", operator.bundle([], tenant=GLOBEX))
    assert told(capsys, later, operator, "--earlier", str(others))[0] == 1


def test_a_bundle_says_whose_it_is_and_another_tenants_is_not_taken_for_it(
    operator: Operator, chain: list[Entry], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs: list[Entry] = []
    operator.judged(GLOBEX, "theirs", theirs)
    path = zipped(tmp_path / "acme.zip", operator.bundle(theirs, tenant=GLOBEX))
    assert told(capsys, path, operator) == (0, WHOLE.format(1, '"GLOBEX"', 11))
    assert told(capsys, path, operator, "--tenant", ACME) == (1, 'the bundle is of tenant "GLOBEX"')
    assert told(capsys, path, operator, "--tenant", GLOBEX)[0] == 0
    empty = zipped(tmp_path / "empty.zip", operator.bundle([]))
    assert told(capsys, empty, operator, "--tenant", ACME) == (0, WHOLE.format(0, '"ACME"', 11))


def test_a_tenants_name_moves_no_cursor(
    operator: Operator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chain, name = list[Entry](), TenantId("\x1b[2J\u202eACME\nwhole")
    operator.judged(name, "ours", chain)
    operator.judged(GLOBEX, "theirs", [])
    size = len(operator.leaves)
    text = json.dumps(name, ensure_ascii=False)
    files = operator.bundle(chain, tenant=name)
    files[HEAD] = operator.signer.note(
        f"{operator.signer.name}/chain\n{text}\n1\n{chain[0].receipt.hash}\n{size}\n"
        f"{hashlib.sha256(files[RECEIPTS]).hexdigest()}\n"
    ).encode()
    code, said = told(capsys, zipped(tmp_path / "acme.zip", files), operator)
    # JSON leaves U+007F and above as they are here, and so a terminal would see them.
    assert (code, said.isprintable(), said.isascii()) == (0, True, True)


def test_receipts_rewritten_as_if_their_salts_were_erased_are_counted(
    operator: Operator, chain: list[Entry], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A leaf without salt binds nothing, so the operator can put any receipt before it: that is said."""
    bare = [replace(each, salt=None) for each in chain]
    path = zipped(tmp_path / "bare.zip", operator.bundle([*chain[:2], *bare[2:]]))
    assert told(capsys, path, operator) == (
        0,
        WHOLE.format(5, '"ACME"', 10) + "; 3 of them have no salt, so that only their chain holds them",
    )


def test_two_receipts_never_share_a_leaf(operator: Operator, chain: list[Entry]) -> None:
    extra = chain[-1].receipt
    added = linked(ACME, 6, extra.at_ms, '{"said":"never"}', extra.hash)
    forged = [*chain, Entry(receipt=added, leaf=chain[-1].leaf, salt=None)]
    assert faults(operator.bundle(forged), operator.signer.key) == ["receipt 6: does not follow receipt 5"]


def test_receipts_of_two_tenants_are_no_bundle(operator: Operator, chain: list[Entry]) -> None:
    theirs: list[Entry] = []
    operator.judged(GLOBEX, "theirs", theirs)
    mixed = operator.bundle([*chain, *theirs])
    found = faults(mixed, operator.signer.key)
    assert found[0] == "receipt 1: added (line 6)"
    body = chain[-1].receipt
    foreign = linked(GLOBEX, 6, body.at_ms, body.body, body.hash)
    operator.leaves.append(leaf_hash(commitment(b"x" * 32, foreign)))
    forged = [*chain, Entry(receipt=foreign, leaf=len(operator.leaves) - 1, salt=b"x" * 32)]
    found = faults(operator.bundle(forged), operator.signer.key)
    assert found == ["receipt 6: changed: it is another tenant's"]


def test_the_same_receipts_in_another_order_are_another_log(operator: Operator, chain: list[Entry]) -> None:
    size, kept = len(operator.leaves), operator.checkpoint()
    operator.leaves[0], operator.leaves[2] = operator.leaves[2], operator.leaves[0]
    operator.judged(ACME, "ours", chain)
    assert faults(operator.bundle(chain, since=size), operator.signer.key, kept) == [
        "the bundle goes back to another checkpoint than yours"
    ]
    lying = {**operator.bundle(chain, since=size), "earlier.txt": kept}
    assert faults(lying, operator.signer.key, kept) == [
        "the log is not the one of the earlier checkpoint: it was rewritten or forked"
    ]


def test_a_node_between_leaves_is_no_leaf(operator: Operator, chain: list[Entry]) -> None:
    """A node's hash with the rest of its path: as a leaf of this size the path is too short."""
    files = operator.bundle(chain)
    record: Fields = json.loads(files[RECEIPTS].splitlines()[0])
    node = operator.root(0, 2).hex()
    for leaf in range(len(operator.leaves)):
        proof = json.loads(files[RECEIPTS].splitlines()[0])["proof"][1:]
        forged: Fields = {**record, "salt": None, "leaf": leaf, "leaf_hash": node, "proof": proof}
        found = faults(signed_anew(operator, files, forged), operator.signer.key)
        assert "receipt 1: changed: its leaf is not in the log" in found


def signed_anew(operator: Operator, files: Files, first: Fields) -> Files:
    lines = files[RECEIPTS].splitlines(keepends=True)
    listed = b"".join([line(first), *lines[1:]])
    last = json.loads(lines[-1])
    head = operator.head(ACME, len(lines), last["hash"], len(operator.leaves), listed)
    return {**files, RECEIPTS: listed, HEAD: head}


def test_a_checkpoint_older_than_the_receipts_does_not_cover_them(
    operator: Operator, chain: list[Entry]
) -> None:
    files = operator.bundle(chain)
    last = chain[-1].receipt.hash
    old = {
        **files,
        CHECKPOINT: operator.checkpoint(9),
        HEAD: operator.head(ACME, 5, last, 9, files[RECEIPTS]),
    }
    assert "receipt 5: changed: its leaf is not in the log" in faults(old, operator.signer.key)
    assert faults({**files, CHECKPOINT: operator.checkpoint(9)}, operator.signer.key) == [
        "the checkpoint and the head of the chain are of two moments"
    ]


def test_a_proof_for_another_size_proves_nothing(operator: Operator, chain: list[Entry]) -> None:
    before = operator.bundle(chain)
    operator.judged(GLOBEX, "theirs", [])
    after = operator.bundle(chain)
    mixed = {
        **after,
        RECEIPTS: before[RECEIPTS],
        HEAD: operator.head(ACME, 5, chain[-1].receipt.hash, 11, before[RECEIPTS]),
    }
    assert len(faults(mixed, operator.signer.key)) == 5


def test_another_logs_key_and_checkpoint_are_refused(operator: Operator, chain: list[Entry]) -> None:
    other = Operator(b"o" * 32)
    files = operator.bundle(chain)
    assert faults(files, other.signer.key) == ["a note is not signed by this key"]
    size = str(len(operator.leaves))
    alien = operator.signer.note(f"{other.signer.name}\n{size}\n{'A' * 43}=\n").encode()
    assert faults({**files, CHECKPOINT: alien}, operator.signer.key) == ["the checkpoint cannot be read"]
    # The head is a note of the same key, and the checkpoint too: neither is taken for the other.
    crossed = {**files, CHECKPOINT: files[HEAD], HEAD: files[CHECKPOINT]}
    assert faults(crossed, operator.signer.key) == ["the checkpoint cannot be read"]


def odd_notes(operator: Operator) -> dict[str, bytes]:
    name, size = operator.signer.name, len(operator.leaves)
    root = base64.b64encode(operator.root(0, size)).decode()
    good = operator.checkpoint()
    text, _, signature = good.partition(b"\n\n")
    coded = signature.removeprefix(f"\u2014 {name} ".encode())
    wrong = base64.b64encode(base64.b64decode(coded)[:4] + bytes(64))

    def signed(text: str) -> bytes:
        return operator.signer.note(text).encode()

    return {
        "leading-zero": signed(f"{name}\n0{size}\n{root}\n"),
        "plus": signed(f"{name}\n+{size}\n{root}\n"),
        "other-digits": signed(f"{name}\n\u0661\u0660\n{root}\n"),
        "more-lines": signed(f"{name}\n{size}\n{root}\nmore\n"),
        "carriage-returns": signed(f"{name}\r\n{size}\r\n{root}\r\n"),
        "text-with-blank-line": signed(f"{name}\n{size}\n\n{root}\n"),
        "root-spelt-otherwise": signed(f"{name}\n{size}\n{root.replace('=', '')}\n"),
        "carriage-return-behind": good.replace(b"\n\n", b"\r\n\r\n"),
        "no-last-line-end": good[:-1],
        "signature-without-name": text + b"\n\n" + coded,
        "wrong-signature-first": text + b"\n\n" + f"\u2014 {name} ".encode() + wrong + b"\n" + signature,
        "junk-behind": good + b"\x00\x1b[2J junk\n",
        "text-behind": good + b"\n",
        "name-with-space": text + b"\n\n" + f"\u2014 x y {name} ".encode() + coded,
        "empty": b"",
        "no-text": text,
        "utf-16": good.decode().encode("utf-16"),
    }


NOTES = (
    "leading-zero",
    "plus",
    "other-digits",
    "more-lines",
    "carriage-returns",
    "text-with-blank-line",
    "root-spelt-otherwise",
    "carriage-return-behind",
    "no-last-line-end",
    "signature-without-name",
    "wrong-signature-first",
    "junk-behind",
    "text-behind",
    "name-with-space",
    "empty",
    "no-text",
    "utf-16",
)


@pytest.mark.parametrize("case", NOTES)
def test_a_note_in_any_other_form_is_refused(operator: Operator, chain: list[Entry], case: str) -> None:
    odd = {**operator.bundle(chain), CHECKPOINT: odd_notes(operator)[case]}
    assert len(faults(odd, operator.signer.key)) == 1
    assert odd_notes(operator).keys() == set(NOTES)


def test_signatures_of_witnesses_may_stand_beside_the_logs(operator: Operator, chain: list[Entry]) -> None:
    others = "\u2014 witness.example/w1 jWbPPwAAAAA=\n".encode()
    files = operator.bundle(chain)
    text, _, signature = files[CHECKPOINT].partition(b"\n\n")
    for signatures in (others + signature, signature + others):
        noted = {**files, CHECKPOINT: text + b"\n\n" + signatures}
        assert faults(noted, operator.signer.key) == []


ODD_LINES: Mapping[str, Callable[[bytes], bytes]] = {
    "duplicate-key": lambda text: text.replace(b'"seq":1,', b'"seq":1,"seq":1,'),
    "not-a-number": lambda text: text.replace(b'"seq":1,', b'"seq":NaN,'),
    "infinity": lambda text: text.replace(b'"seq":1,', b'"seq":Infinity,'),
    "float": lambda text: text.replace(b'"seq":1,', b'"seq":1.0,'),
    "exponent": lambda text: text.replace(b'"seq":1,', b'"seq":1e0,'),
    "minus-zero": lambda text: text.replace(b'"leaf":1,', b'"leaf":-0,'),
    "true": lambda text: text.replace(b'"seq":1,', b'"seq":true,'),
    "text": lambda text: text.replace(b'"seq":1,', b'"seq":"1",'),
    "enormous": lambda text: text.replace(b'"seq":1,', b'"seq":1' + b"0" * 5_000 + b","),
    "large": lambda text: text.replace(b'"seq":1,', b'"seq":1' + b"0" * 4_000 + b","),
    "surrogate": lambda text: text.replace(b'"tenant":"ACME"', b'"tenant":"ACME\\ud800"'),
    "escaped": lambda text: text.replace(b'"tenant":"ACME"', b'"tenant":"\\u0041CME"'),
    "upper-hex": lambda text: text.replace(b'"hash":"', b'"hash":"A', 1),
    "space": lambda text: b" " + text,
    "mark": lambda text: b"\xef\xbb\xbf" + text,
    "utf-16": lambda text: text.decode().encode("utf-16"),
    "nul": lambda text: text + b"\x00",
}


@pytest.mark.parametrize("case", ODD_LINES)
def test_a_receipt_in_any_other_spelling_is_found(operator: Operator, chain: list[Entry], case: str) -> None:
    files = operator.bundle(chain)
    first, *rest = files[RECEIPTS].split(b"\n")
    odd = ODD_LINES[case](first)
    assert odd != first
    listed = b"\n".join([odd, *rest])
    last = chain[-1].receipt.hash
    forged = {**files, RECEIPTS: listed, HEAD: operator.head(ACME, 5, last, 10, listed)}
    assert "receipt 1: missing" in faults(forged, operator.signer.key)


def test_a_bundle_without_its_consistency_proof_is_refused(operator: Operator, chain: list[Entry]) -> None:
    files = operator.bundle(chain, since=7)
    for name in ("earlier.txt", "consistency.json"):
        less = {each: data for each, data in files.items() if each != name}
        assert faults(less, operator.signer.key) == ["the bundle lacks a file, or holds one too many"]
    odd_paths: tuple[object, ...] = ([], ["0" * 64], ["0" * 64] * 10_000, {}, None, "0" * 64)
    for path in odd_paths:
        odd = {**files, "consistency.json": json.dumps(path, separators=(",", ":")).encode()}
        assert len(faults(odd, operator.signer.key)) == 1


def packed(path: Path, files: Mapping[str, bytes], **how: int) -> Path:
    """Make a ZIP file as others make it; `how` says with what it is compressed."""
    with zipfile.ZipFile(path, "w", how.get("compression", zipfile.ZIP_DEFLATED)) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def doubled(path: Path, files: Files) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in [(RECEIPTS, b""), *files.items()]:
            archive.writestr(name, data)


def escaping(path: Path, files: Files) -> None:
    packed(path, {**files, "../../etc/cron.d/evil": b"* * * * * root true"})


def aliased(path: Path, files: Files) -> None:
    packed(path, {**files, "./head.txt": files[HEAD]})


def foldered(path: Path, files: Files) -> None:
    packed(path, {**files, "head.txt/": b""})


def exploding(path: Path, files: Files) -> None:
    packed(path, {**files, RECEIPTS: files[RECEIPTS] + bytes(30_000_000)})


def exploding_verifier(path: Path, files: Files) -> None:
    packed(path, {**files, "verify_bundle.py": bytes(30_000_000)})


def lying_about_size(path: Path, files: Files) -> None:
    """A central directory that says less than what is packed."""
    packed(path, files)
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (1).to_bytes(4, "little")
    path.write_bytes(data)


def two_directories(path: Path, files: Files) -> None:
    """A whole ZIP file before the bundle: who unpacks from the front sees that one."""
    packed(path, {**files, RECEIPTS: b"forged" * 200})
    first = path.read_bytes()
    packed(path, files)
    path.write_bytes(first + path.read_bytes())


def commented(path: Path, files: Files) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.comment = b"PK\x05\x06" + bytes(18)


def trailing(path: Path, files: Files) -> None:
    packed(path, files)
    path.write_bytes(path.read_bytes() + b"more" * 100)


def gap(path: Path, files: Files) -> None:
    """Something between the files and their directory, where who reads from the front would find it."""
    packed(path, files)
    data = path.read_bytes()
    at, size = data.index(b"PK\x01\x02"), 2_000
    end = bytearray(data[at:])
    end[-6:-2] = (at + size).to_bytes(4, "little")
    path.write_bytes(data[:at] + bytes(size) + end)


def locked(path: Path, files: Files) -> None:
    packed(path, files)
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)


def cut_short(path: Path, files: Files) -> None:
    packed(path, files)
    path.write_bytes(path.read_bytes()[:-30])


def spoilt(path: Path, files: Files) -> None:
    packed(path, files, compression=zipfile.ZIP_LZMA)
    data = bytearray(path.read_bytes())
    data[60:90] = bytes(30)
    path.write_bytes(data)


PACKINGS = {
    each.__name__: each
    for each in (
        doubled,
        escaping,
        aliased,
        foldered,
        exploding,
        exploding_verifier,
        lying_about_size,
        two_directories,
        commented,
        trailing,
        gap,
        locked,
        cut_short,
        spoilt,
    )
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("case", PACKINGS)
def test_a_bundle_that_two_programs_may_unpack_in_two_ways_is_refused(
    operator: Operator, chain: list[Entry], case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "acme.zip"
    PACKINGS[case](path, operator.bundle(chain))
    code, said = told(capsys, path, operator)
    assert (code, said.count("\n")) == (1, 0)
    if case in (exploding.__name__, exploding_verifier.__name__, gap.__name__, two_directories.__name__):
        assert said == "the bundle is packed as none of ours is"


def test_any_byte_of_a_bundle_may_be_spoilt_and_the_verifier_says_one_word(
    operator: Operator, chain: list[Entry], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = zipped(tmp_path / "whole.zip", operator.bundle(chain)).read_bytes()
    expected = told(capsys, tmp_path / "whole.zip", operator)
    seed, path = random.Random(7), tmp_path / "spoilt.zip"
    for _ in range(600):
        data = bytearray(whole)
        data[seed.randrange(len(data))] ^= 1 << seed.randrange(8)
        path.write_bytes(data[: seed.choice((len(data), seed.randrange(len(data))))])
        code, said = told(capsys, path, operator)
        # A date or an attribute of the ZIP file is no part of a bundle.
        assert code == 1 or (code, said) == expected
