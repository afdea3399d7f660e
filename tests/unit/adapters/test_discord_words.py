"""Every text of a Discord request is found, judged and put back; what nobody has read yet is refused."""

import hashlib
import io
import json
from typing import Any, Final

import pytest

from adapters.discord import body as bodies
from adapters.discord import routes
from adapters.discord.body import MAX_TEXT_BYTES, NO_MENTIONS, opened, points_nowhere_else
from adapters.discord.routes import Kind, kind_of
from adapters.discord.words import FORMS, names, rewritten
from adapters.errors import Unreadable

SECRET: Final = "globex pin 9-9-9"


def collected(value: Any, form: str = "message") -> dict[str, tuple[str, bool]]:
    found: dict[str, tuple[str, bool]] = {}

    def visit(slot: str, text: str, fixed: bool) -> str:
        assert slot not in found
        found[slot] = (text, fixed)
        return text

    assert rewritten(value, form, visit) == value
    return found


WHOLE: Final[dict[str, Any]] = {
    "content": "t0",
    "nonce": "n",
    "tts": False,
    "flags": 4,
    "sticker_ids": ["1", 2],
    "username": "t1",
    "avatar_url": "f0",
    "thread_name": "t2",
    "embeds": [
        {
            "type": "rich",
            "title": "t3",
            "description": "t4",
            "url": "f1",
            "timestamp": "2026-01-01T00:00:00.5+00:00",
            "footer": {"text": "t5", "icon_url": "f2"},
            "author": {"name": "t6", "url": "f3", "icon_url": "f4"},
            "image": {"url": "f5", "width": 3},
            "fields": [{"name": "t7", "value": "t8", "inline": True}],
        }
    ],
    "components": [
        {
            "type": 1,
            "components": [
                {"type": 2, "label": "t9", "url": "f6", "emoji": {"name": "👍", "id": None}},
                {
                    "type": 3,
                    "custom_id": "f12 is more than a mark",
                    "placeholder": "t10",
                    "options": [{"label": "t11", "value": "f7", "description": "t12"}],
                    "default_values": [{"id": "1", "type": "user"}],
                },
            ],
        },
        {
            "type": 9,
            "components": [{"type": 10, "content": "t13"}],
            "accessory": {"type": 11, "media": {"url": "f8"}},
        },
        {"type": 12, "items": [{"media": {"url": "f9"}, "description": "t14"}]},
        {"type": 13, "file": {"url": "f10"}},
        {"type": 18, "label": "t15", "description": "t16", "component": {"type": 4, "value": "t17"}},
    ],
    "attachments": [{"id": 0, "filename": "f11", "description": "t18"}],
    "poll": {
        "question": {"text": "t19"},
        "answers": [{"poll_media": {"text": "t20", "emoji": {"name": "👍"}}}],
        "duration": 1,
    },
    "message_reference": {"message_id": 1, "channel_id": "2", "fail_if_not_exists": True},
}


def test_every_text_of_a_message_is_found_once_and_what_must_stay_whole_is_marked() -> None:
    found = list(collected(WHOLE).values())
    assert sorted(text for text, _ in found) == sorted(
        [f"t{n}" for n in range(21)] + [f"f{n}" for n in range(12)] + ["f12 is more than a mark"]
    )
    assert all(fixed == text.startswith("f") for text, fixed in found)


@pytest.mark.parametrize(
    ("form", "value", "count"),
    [
        ("form", {"title": "a", "custom_id": "x", "components": [{"type": 18, "label": "b"}]}, 2),
        ("thread", {"name": "a", "type": 11, "message": {"content": "b"}}, 2),
        ("message", {"content": None, "embeds": [], "components": []}, 0),
        ("message", {"content": ""}, 0),
    ],
)
def test_forms_and_threads_are_read_too(form: str, value: Any, count: int) -> None:
    assert len(collected(value, form)) == count


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"hologram": SECRET}, id="field"),
        pytest.param({"embeds": [{"hologram": SECRET}]}, id="inner-field"),
        pytest.param({"content": 999}, id="number-as-text"),
        pytest.param({"content": [SECRET]}, id="list-as-text"),
        pytest.param({"content": {"a": SECRET}}, id="object-as-text"),
        pytest.param({"flags": SECRET}, id="text-as-id"),
        pytest.param({"flags": {"a": SECRET}}, id="object-as-id"),
        pytest.param({"flags": "x" * 65}, id="long-id"),
        pytest.param({"nonce": {"a": SECRET}}, id="object-as-key"),
        pytest.param({"embeds": SECRET}, id="text-as-object"),
        pytest.param({"embeds": [SECRET]}, id="text-in-a-list-of-objects"),
        pytest.param([[[[[[[[[[[[[[{"content": SECRET}]]]]]]]]]]]]]], id="too-deep"),
    ],
)
def test_what_nobody_has_read_yet_is_refused_without_a_word_of_it(value: Any) -> None:
    with pytest.raises(Unreadable) as caught:
        collected(value)
    assert "globex" not in str(caught.value)


def test_every_inner_form_is_one_that_exists() -> None:
    kinds = {"text", "fixed", "id", "key", "name", "ignored"}
    used = {what for fields in FORMS.values() for what in fields.values()}
    assert used - kinds <= set(FORMS)
    assert set(FORMS) - used == {"message", "thread", "form"} - used


def test_what_was_judged_is_what_is_sent_and_nobody_is_pinged() -> None:
    payload = {"content": SECRET, "allowed_mentions": {"parse": ["everyone"]}}
    body = opened(payload, None, "message")
    texts = body.texts("because")
    assert texts.by_slot == {"content": SECRET, "reason": "because"}
    judged = body.judged({"content": "cut", "reason": "because"})
    assert (judged.payload, judged.multipart) == (
        {"content": "cut", "allowed_mentions": dict(NO_MENTIONS)},
        None,
    )
    thread = opened({"name": "a", "message": {"content": "b"}}, None, "thread")
    assert thread.judged(thread.texts().by_slot).payload["message"]["allowed_mentions"] == dict(NO_MENTIONS)


def test_a_file_is_judged_and_sent_as_it_was_read_whatever_happens_to_it_later() -> None:
    file = io.BytesIO(b"rows of acme")
    parts: list[dict[str, Any]] = [
        {"name": "payload_json", "value": json.dumps({"type": 4, "data": {"content": "see"}})},
        {"name": "files[0]", "value": file, "filename": "t.csv"},
    ]
    body = opened(None, parts, "message", within="data")
    assert file.tell() == 0
    file.write(b"globex")
    texts = body.texts()
    assert texts.by_slot == {"content": "see", "files.0.name": "t.csv", "files.0": "rows of acme"}
    assert texts.fixed == {"files.0.name", "files.0"}
    assert texts.altered({**texts.by_slot, "files.0": "rows of ****"})
    assert not texts.altered({**texts.by_slot, "content": "cut"})
    made = body.judged({**texts.by_slot, "content": "cut"}).multipart
    assert made is not None
    head, sent = made
    assert json.loads(head["value"]) == {
        "type": 4,
        "data": {"content": "cut", "allowed_mentions": dict(NO_MENTIONS)},
    }
    assert (sent["value"], sent["filename"]) == (b"rows of acme", "t.csv")


def part(value: object) -> dict[str, Any]:
    return {"name": "files[0]", "value": value, "filename": "a"}


@pytest.mark.parametrize("data", [b"\xff\xd8", b"a\0b"], ids=["no-text", "zero-bytes"])
def test_a_file_that_is_no_text_counts_by_the_hash_of_the_bytes_that_are_sent(data: bytes) -> None:
    for value in (data, io.BytesIO(data)):
        made = opened({}, [part(value), part(b"globex rows")], "message")
        assert made.opaque == {hashlib.sha256(data).hexdigest()}
        assert list(made.texts().by_slot) == ["files.0.name", "files.1.name", "files.1"]
        assert made.multipart is not None
        assert [one["value"] for one in made.multipart[1:]] == [data, b"globex rows"]
        assert "acme" not in repr(made.files)


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    too_long = b"x" * (MAX_TEXT_BYTES + 1)
    for value in (too_long, io.BytesIO(too_long)):
        with pytest.raises(Unreadable, match="too long"):
            opened({}, [part(value)], "message")
    monkeypatch.setattr(bodies, "MAX_FILE_BYTES", 3)
    for value in (b"\xff" * 4, io.BytesIO(b"\xff" * 4)):
        with pytest.raises(Unreadable, match="too large"):
            opened({}, [part(value)], "message")
    closed = io.BytesIO(b"acme")
    closed.close()
    with pytest.raises(Unreadable, match="cannot be read"):
        opened({}, [part(closed)], "message")


def test_a_body_that_is_no_object_is_refused() -> None:
    with pytest.raises(Unreadable):
        opened([SECRET], None, "message")


@pytest.mark.parametrize(
    "pointed",
    [{"type": 1, "channel_id": "7"}, {"channel_id": "8"}],
    ids=["forward", "another-channel"],
)
def test_what_stands_elsewhere_is_not_shown_here(pointed: dict[str, Any]) -> None:
    for payload in ({"message_reference": pointed}, {"message": {"message_reference": pointed}}):
        with pytest.raises(Unreadable, match="another place"):
            points_nowhere_else(payload, "7")
    points_nowhere_else({"message_reference": {"channel_id": 7, "type": 0}}, "7")
    points_nowhere_else({"content": "hello"}, "7")


def test_the_classes_of_calls_do_not_overlap() -> None:
    sets = [
        routes.QUIET,
        routes.OPERATES,
        routes.TAKES_BACK,
        routes.ACTS,
        routes.SAYS,
        routes.ANSWERS,
        routes.ANSWERS_TAKEN_BACK,
    ]
    assert sum(map(len, sets)) == len(frozenset[str]().union(*sets))
    assert kind_of("GET /channels/{channel_id}/messages") is Kind.READS
    assert kind_of("POST /channels/{channel_id}/new") is Kind.UNKNOWN


def test_what_a_bot_calls_its_parts_is_told_apart_from_texts() -> None:
    row: list[Any] = [{"type": 2, "custom_id": "go:1"}, {"type": 2, "custom_id": "no mark at all"}]
    value = {"content": "Hm.", "components": [{"type": 1, "components": row}, {"custom_id": ""}]}
    assert list(names(value).values()) == ["go:1"]
    assert names(None) == {}
    read = opened(value, None, "message")
    assert read.names == names(value)
    assert "no mark at all" in read.texts().by_slot.values()
