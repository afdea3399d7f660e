"""The referee of a replay, the values it plants, and that a broken wall is found out."""

import gzip
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from firewall.core.errors import MisuseError
from firewall.core.message import Message
from firewall.core.verdict import Allow, Case, Verdict
from firewall.detect.excerpts.index import Excerpts
from firewall.layers.history_reset import HistoryReset
from firewall.layers.redaction import Redaction
from partywall.cli.planting import Planting, spans_of, values_of
from partywall.cli.replay import fields
from partywall.config import Profile, load
from partywall.messages import message
from partywall.replay import Replay, Score
from partywall.wall import Wall
from partywall.witness import Witness

ADA, BEN = ("ACME", "ada"), ("ACME", "ben")


def chat(count: int = 36) -> Iterator[Message]:
    """Two tenants with three people each, who speak in turns."""
    for number in range(count):
        tenant = ("ACME", "GLOBEX")[number % 2]
        yield message(
            f"{tenant} wonders about matter number {number * 7919} of the day",
            channel="own",
            realm=tenant,
            sender=f"person-{number % 3}",
            conversation="hall",
            kind="group",
            id=str(number),
        )


async def played(folder: Path, *, seed: int = 4) -> Score:
    wall = Wall(
        load({"profile": Profile.LIGHT, "store": {"path": ":memory:"}, "files": {"path": str(folder)}})
    )
    async with wall:
        return await Replay(wall, values=iter(Planting([], seed=seed)), seed=seed).run(chat())


async def test_behind_the_wall_nobody_sees_anything_of_anybody_else(tmp_path: Path) -> None:
    score = await played(tmp_path / "f")
    assert score.sound
    assert (score.messages, score.senders) == (36, 6)
    assert score.switches == 34
    assert score.foreign_uttered > 3
    assert score.own_kept == score.own_uttered == 36
    assert score.admitted < score.presented / 2
    assert not score.denied


async def test_the_same_seed_gives_the_same_score(tmp_path: Path) -> None:
    assert await played(tmp_path / "a") == await played(tmp_path / "b")


async def allowed(self: object, case: Case) -> Verdict:
    return Allow()


async def test_without_history_reset_the_score_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HistoryReset, "judge", allowed)
    monkeypatch.setattr(Redaction, "judge", allowed)
    score = await played(tmp_path / "f")
    assert not score.sound
    assert score.resets_missed > 20
    assert score.foreign_in_prompts > 20


async def test_without_redaction_the_score_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Redaction, "judge", allowed)
    score = await played(tmp_path / "f")
    assert score.foreign_in_replies > 3
    assert (score.resets_missed, score.foreign_in_prompts) == (0, 0)


def test_a_witness_knows_whose_value_stands_in_a_text() -> None:
    witness = Witness()
    witness.owns(ADA, ["ORCHID-4417"])
    witness.owns(BEN, ["TULIP-0093"])
    assert witness.foreign_values(ADA, "it is ORCHID-4417") == 0
    assert witness.foreign_values(BEN, "it is ORCHID-4417 and TULIP-0093") == 1
    witness.said(BEN, "do you know ORCHID-4417?")
    assert witness.foreign_values(BEN, "ORCHID-4417") == 0


@pytest.mark.parametrize(
    ("presented", "foreign"),
    [
        pytest.param(["yes", "no"], 0, id="own-words"),
        pytest.param(["yesno"], 0, id="what-a-cut-leaves"),
        pytest.param(["yes", "yes"], 1, id="more-often-than-said"),
        pytest.param(["maybe"], 1, id="another's"),
        pytest.param(["yes maybe"], 1, id="a-piece-of-another's"),
    ],
)
def test_a_witness_knows_whose_messages_these_are(presented: list[str], foreign: int) -> None:
    witness = Witness()
    witness.said(ADA, "yes")
    witness.said(ADA, "no")
    witness.said(BEN, "maybe")
    assert witness.foreign_messages(ADA, presented) == foreign


def test_planted_values_are_disjoint_and_can_be_recognised() -> None:
    drawn = list(islice(Planting([], seed=1), 300))
    dealt = list(islice(Planting(["ORCHID-4417-0093", "Thomas"], seed=1), 50))
    for values in (drawn, dealt):
        assert len(set(values)) == len(values)
        assert all(Excerpts().keeps(value) for value in values)
    assert "Thomas" not in dealt


def test_values_below_the_floor_are_passed_over_and_counted() -> None:
    planting = Planting(["Thomas", "ORCHID-4417-0093"], seed=1)
    assert next(iter(planting)) == "ORCHID-4417-0093"
    assert planting.below_floor <= 1
    list(islice(planting, 2))
    assert planting.below_floor >= 1


def test_values_come_from_lists_and_from_marked_texts(tmp_path: Path) -> None:
    listed, marked = tmp_path / "v.jsonl", tmp_path / "s.jsonl.gz"
    listed.write_text('{"type": "KEY", "value": "ORCHID-4417"}\n\n{"type": "KEY", "value": "TULIP-0093"}\n')
    text = "call Ansel Masson in Oslo"
    spans = [{"start": 5, "end": 17, "type": "PERSON"}, {"start": 21, "end": 25, "type": "LOCATION"}]
    marked.write_bytes(gzip.compress(json.dumps({"text": text, "spans": spans}).encode()))
    assert values_of(listed) == ["ORCHID-4417", "TULIP-0093"]
    assert spans_of(marked) == ["Ansel Masson"]


@pytest.mark.parametrize("data", [b'{"type": "KEY"}\n', b"\xff\n", b"[]\n"])
def test_a_malformed_file_of_values_names_the_line(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "v.jsonl"
    path.write_bytes(b'{"type": "KEY", "value": "hunter2-0451"}\n' + data)
    with pytest.raises(MisuseError, match=r"^line 2: ") as raised:
        values_of(path)
    assert "hunter2" not in str(raised.value)


def test_a_broken_archive_or_a_missing_file_of_values_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "v.gz").write_bytes(gzip.compress(b"x" * 100)[:-9])
    for name in ("v.gz", "none"):
        with pytest.raises(MisuseError):
            values_of(tmp_path / name)


@pytest.mark.parametrize("text", ["sender", "=x", "sender=", "sender=a sender=b"])
def test_a_mapping_names_both_fields_once(text: str) -> None:
    assert fields(["sender=user", "text=body"]) == {"sender": "user", "text": "body"}
    with pytest.raises(MisuseError):
        fields(text.split())
