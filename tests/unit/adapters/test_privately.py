"""Whether a message asks, in words, for an answer that nobody else sees."""

import pytest

from adapters.privately import asked_privately


@pytest.mark.parametrize(
    "text",
    [
        "/private what is mine?",
        "<@U1> /private x",
        "@otto_bot, private: hi",
        "/private@otto hi",
        "PRIVATE: x",
        "<@!12> <@3>/private",
    ],
)
def test_a_message_that_begins_so_asks_for_it(text: str) -> None:
    assert asked_privately(text)


@pytest.mark.parametrize(
    "text",
    ["/privateer", "tell me /private", "private matters", "", "<@U1>", "> /private somebody else said"],
)
def test_no_other_message_does(text: str) -> None:
    assert not asked_privately(text)


def test_the_words_are_the_operators() -> None:
    assert asked_privately("Psst, where is it?", ["psst"])
    assert not asked_privately("psstt", ["psst"])
    assert not asked_privately("/private", [])
    assert not asked_privately("anything", [""])


def test_a_thousand_mentions_are_no_work() -> None:
    assert not asked_privately("<@U1> " * 100_000 + "/private")
