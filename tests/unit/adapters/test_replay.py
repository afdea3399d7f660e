"""A recorded chat is read line by line, or refused with the line's number."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import Unreadable
from adapters.replay import FIELDS, read
from firewall.core.errors import ConfigError
from firewall.core.identity import ConversationKind, SenderKind

ACME = {"id": "7", "sender": "ada", "realm": "acme", "conversation": "kitchen", "text": "who has the key?"}
GLOBEX = {"id": 8, "sender": 42, "realm": "globex", "conversation": "attic", "text": "me"}


def write(path: Path, *lines: object, packed: bool = False) -> Path:
    data = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    path.write_bytes(gzip.compress(data) if packed else data)
    return path


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_messages_come_in_the_files_order(tmp_path: Path, packed: bool) -> None:
    acme, globex = read(write(tmp_path / "chat", ACME, b"", GLOBEX, packed=packed))
    assert (acme.id, acme.delivery, acme.text) == ("7", "7", "who has the key?")
    assert acme.conversation.place == ("replay", "replay", "acme", "kitchen", None)
    assert (globex.sender.realm, globex.sender.id, globex.sender.verified) == ("globex", "42", True)


def test_everything_a_message_has_can_be_said(tmp_path: Path) -> None:
    more = {"thread": 3, "kind": "dm", "sender_kind": "bot", "closed": True, "private": True, "edit": 2}
    quotes = [{"text": "who?", "message": 7}, {"text": "somebody"}]
    (found,) = read(
        write(tmp_path / "chat", {**ACME, **more, "quotes": quotes, "sender_realm": "other", "delivery": 9})
    )
    assert (found.conversation.thread, found.conversation.kind, found.conversation.closed) == (
        "3",
        ConversationKind.DM,
        True,
    )
    assert (found.sender.kind, found.sender.realm, found.private, found.edit) == (
        SenderKind.BOT,
        "other",
        True,
        2,
    )
    assert [(one.text, one.message) for one in found.quotes] == [("who?", "7"), ("somebody", None)]


def test_a_mapped_field_is_read_under_our_name_only(tmp_path: Path) -> None:
    line = {"n": 1, "user": "ada", "channel": "#acme", "body": "hi", "sender": "globex-decoy"}
    mapping = {"id": "n", "sender": "user", "conversation": "channel", "text": "body"}
    (found,) = read(write(tmp_path / "chat", line), mapping)
    assert (found.sender.id, found.conversation.id, found.conversation.channel) == ("ada", "#acme", "replay")


def test_a_file_cannot_say_that_its_senders_are_verified_or_not(tmp_path: Path) -> None:
    (found,) = read(write(tmp_path / "chat", {**ACME, "verified": False}))
    assert found.sender.verified


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"acme secret", id="words"),
        pytest.param(b'{"id": "acme secret"', id="cut"),
        pytest.param(b'{"id": "\xff"}', id="malformed-utf-8"),
        pytest.param({**ACME, "text": None}, id="no-text"),
        pytest.param({**ACME, "sender": ""}, id="empty-sender"),
        pytest.param({**ACME, "sender": "null"}, id="placeholder-sender"),
        pytest.param({**ACME, "sender": "  "}, id="blank-sender"),
        pytest.param({**ACME, "kind": "acme secret"}, id="unknown-kind"),
        pytest.param({**ACME, "id": 1.5}, id="broken-number"),
        pytest.param({**ACME, "thread": ""}, id="empty-thread"),
        pytest.param({**ACME, "quotes": [{"text": "acme secret"}] * 21}, id="too-many-quotes"),
        pytest.param({**ACME, "text": "acme secret" * 100_000}, id="endless-line"),
        pytest.param(["acme secret"], id="list"),
        pytest.param(b"[" * 100_000, id="nesting-bomb"),
    ],
)
@pytest.mark.parametrize("mapping", [{}, {"edit": "revision"}], ids=["own-form", "mapped"])
def test_a_malformed_line_is_refused_by_number_and_without_a_word_of_it(
    tmp_path: Path, line: Any, mapping: dict[str, str]
) -> None:
    messages = read(write(tmp_path / "chat", GLOBEX, line), mapping)
    assert next(messages).id == "8"
    with pytest.raises(Unreadable, match="line 2") as caught:
        next(messages)
    assert caught.value.line == 2
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None


def test_an_endless_line_is_refused_for_its_length(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="line 1: over 1000000 bytes"):
        next(read(write(tmp_path / "chat", b"\0" * 3_000_000, packed=True)))


def test_a_cut_archive_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "chat", *[ACME] * 50, packed=True)
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(Unreadable, match="cannot be read on"):
        list(read(path))


def test_a_mapping_to_a_field_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="known are"):
        next(read(write(tmp_path / "chat", ACME), {"verified": "ok"}))


def test_the_page_names_every_field() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "replay.md").read_text(encoding="utf-8")
    rows = [row.split("|")[1] for row in page.splitlines() if row.startswith("| `")]
    assert sorted(name for row in rows for name in re.findall(r"`(\w+)`", row)) == sorted(FIELDS)
