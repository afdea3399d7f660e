"""`partywall replay` on small recorded chats, and on a slice of a real one where it is at hand."""

import gzip
import json
from pathlib import Path

import pytest

from tests.fakes.commands import ran
from tests.fakes.services import data_root, needs

LIGHT = ("--profile", "light", "--json")


@pytest.fixture
def chat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    lines = [
        {
            "id": number,
            "user": f"u{number % 3}",
            "room": f"r{number % 2}",
            "text": f"matter {number * 7919} of today",
        }
        for number in range(24)
    ]
    path = tmp_path / "chat.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode()))
    return path


def test_a_chat_of_another_form_is_replayed_by_naming_its_fields(chat: Path) -> None:
    done = ran("replay", str(chat), "--map", "sender=user", "--map", "conversation=room", *LIGHT)
    assert done.code == 0, done.err
    figures = json.loads(done.out)
    assert (figures["messages"], figures["senders"], figures["switches"]) == (24, 6, 22)
    assert (figures["foreign_in_prompts"], figures["foreign_in_replies"], figures["resets_missed"]) == (
        0,
        0,
        0,
    )
    assert figures["own_kept_share"] == 1
    assert figures["foreign_uttered"] > 0
    assert sorted(path.name for path in chat.parent.iterdir()) == ["chat.jsonl.gz"]


def test_the_table_says_how_it_ended(chat: Path) -> None:
    mapping = ("--map", "sender=user", "--map", "conversation=room")
    done = ran("replay", str(chat), *mapping, "--profile", "light", "--limit", "4")
    assert done.code == 0
    assert "Nothing of anybody else was shown" in done.out


def test_planted_values_come_from_a_file(chat: Path) -> None:
    Path("v.jsonl").write_text('{"type": "KEY", "value": "ORCHID-4417-0093"}\n')
    mapping = ("--map", "sender=user", "--map", "conversation=room")
    done = ran("replay", str(chat), *mapping, "--plant", "v.jsonl", "--limit", "6", *LIGHT)
    assert done.code == 0
    assert "ORCHID" not in done.out + done.err
    assert json.loads(done.out)["own_kept"] == 6


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("--map", "sender"), id="no-mapping"),
        pytest.param(("--map", "nobody=user"), id="no-field-of-ours"),
        pytest.param((), id="fields-are-missing"),
        pytest.param(("--plant", "a", "--plant-spans", "b"), id="two-sources"),
        pytest.param(("--plant", "none"), id="no-such-values"),
    ],
)
def test_wrong_use_is_one_line(words: tuple[str, ...], chat: Path) -> None:
    done = ran("replay", str(chat), *words, *LIGHT)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1


def test_a_missing_file_is_named_as_missing(chat: Path) -> None:
    assert "no such file" in ran("replay", "none", *LIGHT).err


@needs("data")
def test_a_real_chat_is_kept_apart() -> None:
    done = ran(
        "replay",
        str(data_root() / "chat" / "ubuntu_irc_test.jsonl.gz"),
        *("--map", "conversation=channel", "--limit", "60", "--seed", "5"),
        *("--plant-spans", str(data_root() / "pii" / "presidio_generated_large.jsonl.gz")),
        *LIGHT,
    )
    assert done.code == 0, done.err
    figures = json.loads(done.out)
    assert figures["messages"] == 60
    assert (figures["foreign_in_prompts"], figures["foreign_in_replies"], figures["resets_missed"]) == (
        0,
        0,
        0,
    )
    assert figures["own_kept_share"] >= 0.99
    assert figures["denied"] == {}
