"""What holds for every test: services that may be missing, no network, repeatable searches."""

import logging
import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.fakes.network import LoopbackOnly
from tests.fakes.services import enforce, required, tally
from tests.fakes.threads import begin_all_the_same

# The machine is shared and slow at times: a deadline or a "too slow" would fail a property that holds.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

_LOOPBACK = LoopbackOnly()
pytest_plugins = ["partywall.testing"]


def pytest_configure(config: pytest.Config) -> None:
    try:
        required(os.environ)
    except ValueError as error:
        raise pytest.UsageError(str(error)) from error
    begin_all_the_same()
    _LOOPBACK.install()
    config.add_cleanup(_LOOPBACK.disarm)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        enforce(str(mark.args[0]), must=required(os.environ))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    # The reasons travel in the reports, so the count is right whichever worker skipped the test.
    reports = terminalreporter.getreports("skipped")
    terminalreporter.write_line(tally(str(report.longrepr) for report in reports))


@pytest.fixture
def loopback() -> LoopbackOnly:
    """The guard of the network, for a test of the guard itself."""
    return _LOOPBACK


@pytest.fixture(autouse=True)
def _stays_on_this_machine() -> Iterator[None]:
    before = len(_LOOPBACK.attempts)
    yield
    attempts = _LOOPBACK.attempts[before:]
    assert not attempts, f"the test tried to leave the machine: {', '.join(attempts)}"


@pytest.fixture(autouse=True)
def _leaves_logging_as_it_was() -> Iterator[None]:
    # What is muted here and not restored makes another test, on another day, pass or fail by its order.
    ours = logging.getLogger("partywall")
    before = (logging.root.manager.disable, ours.level, ours.propagate, ours.disabled)
    yield
    assert (logging.root.manager.disable, ours.level, ours.propagate, ours.disabled) == before


@pytest.fixture(autouse=True)
def _leaves_discord_as_it_was() -> Iterator[None]:
    """Take out what a test's guard has left in classes that all of discord.py's clients share.

    A later test that puts something else there would find it hooked already, and hook nothing.
    """
    yield
    shared = sys.modules.get("adapters.discord.shared")
    for owner in list(vars(shared)["_OWNERS"]) if shared is not None else ():
        vars(shared)["leave"](owner)
