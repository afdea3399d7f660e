"""Which server a process goes on with: one that has what was acknowledged, asked in a good order."""

import contextlib
import logging

import pytest

from firewall.core.errors import StoreUnavailable
from vault.fence import Fence, Lost, ServerBehind, TakenForDead, foremost


def test_a_server_passes_with_as_many_commits_as_are_known_and_not_with_one_less() -> None:
    fence = Fence()
    for number in (0, 7, 5):
        fence.reached(number)
    assert fence.known == 7
    for found in (7, 8):
        fence.check([(found,)], 7)
    with pytest.raises(ServerBehind):
        fence.check([(6,)], 7)
    with pytest.raises(TakenForDead):
        fence.check([], 7)


def test_a_server_that_lacks_commits_is_told_of_once_until_another_one_serves(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fence = Fence()
    for found in (3, 3, 9, 4):
        with caplog.at_level(logging.ERROR, "partywall"), contextlib.suppress(ServerBehind):
            fence.check([(found,)], 9)
    assert [record.getMessage().split(";")[0] for record in caplog.records] == [
        "the database server lacks 6 commits that were acknowledged",
        "the database server lacks 5 commits that were acknowledged",
    ]


def test_who_let_us_in_last_is_asked_first_and_everybody_is_asked_once() -> None:
    fence = Fence()
    assert fence.order(3) == [0, 1, 2]
    fence.host = 2
    assert fence.order(3) == [2, 0, 1]


@pytest.mark.parametrize(
    ("faults", "raised"),
    [
        pytest.param([Lost(), ServerBehind(), TakenForDead()], ServerBehind, id="who-lacks-commits-is-named"),
        pytest.param([TakenForDead(), Lost()], Lost, id="who-may-come-back-is-waited-for"),
        pytest.param([StoreUnavailable(), TakenForDead()], StoreUnavailable, id="else-the-first"),
    ],
)
def test_of_several_faults_the_one_that_says_most_is_raised(
    faults: list[StoreUnavailable], raised: type[StoreUnavailable]
) -> None:
    assert type(foremost(faults)) is raised
