"""Nobody is called by an answer: Telegram finds no name in it."""

import pytest

from adapters.telegram.calm import harmless

APART, ALIKE = "@\u200b", "\uff20"


@pytest.mark.parametrize(
    ("text", "calm"),
    [
        pytest.param("@ada and @globex_bot", f"{APART}ada and {APART}globex_bot", id="names"),
        pytest.param("(@ada)", f"({APART}ada)", id="in-brackets"),
        pytest.param("é@ada", f"é{APART}ada", id="after-a-letter-that-may-not-count-as-one"),
        pytest.param("@@ada", f"@{APART}ada", id="twice"),
        pytest.param("ada@example.org", "ada@example.org", id="an-address"),
        pytest.param("5 @ 3, @", "5 @ 3, @", id="no-name"),
        pytest.param("\ud800@ada", f"\ud800{APART}ada", id="no-text"),
    ],
)
def test_a_name_is_parted_from_its_sign(text: str, calm: str) -> None:
    assert harmless(text, 4096) == calm


@pytest.mark.parametrize("text", ["@a!" * 1365 + "x", "@a" + "\U0001f600" * 2047])
def test_a_text_that_has_no_room_for_it_gets_no_longer(text: str) -> None:
    calm = harmless(text, 4096)
    assert len(calm.encode("utf-16-le")) == len(text.encode("utf-16-le")) == 2 * 4096
    assert "@" not in calm
    assert calm.startswith(f"{ALIKE}a")
