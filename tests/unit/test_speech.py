"""The measure of ordinary speech: what it counts, and that the wall stays under it on a real chat."""

from collections.abc import Sequence

import pytest

from benchmarks.speech import CHAT, LIMIT, VALUES, Disturbed, Said, chat, disturbed, main
from firewall.core.ports import Detector
from firewall.detect.detectors import All

NOTHING: Detector = All([])
WORDS = "the boiler on the second floor is leaking again"


def said(*lines: tuple[str, str, str]) -> Sequence[Said]:
    return [Said(channel=channel, sender=sender, text=text) for channel, sender, text in lines]


def measured(*lines: tuple[str, str, str], one: bool = False) -> Disturbed:
    return disturbed(said(*lines), NOTHING, one=one)


@pytest.mark.parametrize("one", [False, True], ids=["a-tenant-each", "one-tenant"])
def test_somebody_elses_words_are_counted_and_ones_own_are_not(one: bool) -> None:
    found = measured(
        ("#acme", "ada", WORDS), ("#acme", "ada", WORDS), ("#acme", "bob", f"well, {WORDS}!"), one=one
    )
    assert (found.messages, found.touched, found.by("excerpt")) == (3, 1, 1 / 3)
    assert sum(found.lengths.values()) == sum(found.people.values()) == 1
    assert WORDS not in repr(found.plain())


def test_the_same_person_in_two_channels_is_two_people_unless_they_are_one_tenant() -> None:
    lines = (("#acme", "ada", WORDS), ("#globex", "ada", WORDS))
    assert (measured(*lines).touched, measured(*lines, one=True).touched) == (1, 0)


def test_without_data_it_says_so(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--chat", f"{tmp_path}/none.gz"]) == 2
    assert "not here" in capsys.readouterr().err


@pytest.mark.skipif(not (CHAT.is_file() and VALUES.is_file()), reason="../shared/data is not here")
def test_few_of_the_first_messages_of_a_real_chat_are_touched() -> None:
    found = disturbed(chat(CHAT, 1_000), NOTHING, one=False)
    assert found.messages > 900
    assert found.by("excerpt") <= LIMIT
