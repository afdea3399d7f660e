"""Our own adapters keep every promise of the conformance kit."""

from collections.abc import Mapping

import pytest

from adapters.testing import Case, Specimen, cases, left_out
from tests.fakes.specimens.discord import DiscordSpecimen
from tests.fakes.specimens.slack import SlackSpecimen
from tests.fakes.specimens.telegram import TelegramSpecimen

SPECIMENS: Mapping[str, Specimen] = {
    "slack": SlackSpecimen(),
    "telegram": TelegramSpecimen(),
    "discord": DiscordSpecimen(),
}
# What a platform does not have is listed here too, so that a case never stops being played unnoticed.
NOT_PLAYED: Mapping[str, set[str]] = {
    "slack": {"anonymous-accounts"},
    "telegram": {
        "two-realms",
        "realm-missing",
        "told-twice",
        "edited-by-another",
        "deletions",
        "command-in-a-room",
        "acts-as-itself-proxy",
        "strangers",
    },
    "discord": {"anonymous-accounts", "strangers", "threads", "told-twice", "edited-by-another"},
}
PLAYED = [
    pytest.param(name, case, id=f"{name}-{case}")
    for name, specimen in SPECIMENS.items()
    for case in cases()
    if not case.missing(specimen)
]


@pytest.mark.parametrize(("name", "case"), PLAYED)
def test_the_adapter_keeps_the_promise(name: str, case: Case) -> None:
    case.check(SPECIMENS[name])


@pytest.mark.parametrize("name", sorted(SPECIMENS))
def test_what_is_not_played_is_known(name: str) -> None:
    assert {case.name for case in cases() if case.missing(SPECIMENS[name])} == NOT_PLAYED[name]
    told = "\n".join(left_out(SPECIMENS[name]))
    assert all(case in told for case in NOT_PLAYED[name])
