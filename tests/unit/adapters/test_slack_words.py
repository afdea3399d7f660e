"""What a bot calls its blocks and elements on Slack is found, beside the words."""

from typing import Any

from adapters.slack.words import collected, names, walk


def _message() -> dict[str, Any]:
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    return {
        "text": "See.",
        "blocks": [
            {"type": "actions", "block_id": "row", "elements": [button, {"type": "x", "action_id": ""}]}
        ],
        "view": {"callback_id": "form", "private_metadata": "state", "external_id": "one"},
        "metadata": {"event_type": "asked", "event_payload": {"a": "words"}},
    }


def test_names_are_found_at_any_depth_in_their_order_and_words_are_none() -> None:
    found = names(_message())
    assert sorted(found.values()) == ["asked", "form", "go", "one", "row", "state"]
    assert found == names(_message())
    words = collected(_message(), frozenset())
    assert set(words.values()) == {"See.", "Go", "words"}
    assert not found.keys() & words.keys()


def test_names_go_out_as_they_are() -> None:
    after = walk(_message(), frozenset(), lambda slot, text: text.upper())
    assert names(after) == names(_message())
    assert after["text"] == "SEE."


def test_other_names_are_looked_for_likewise() -> None:
    other = _message() | {"blocks": [{"type": "divider", "block_id": "kelp"}]}
    assert "kelp" in names(other).values()
    assert "kelp" not in collected(other, frozenset()).values()
