"""What the driver says, in our words: no value of a row, whose fault it is, whether to try again."""

from urllib.parse import urlsplit, urlunsplit

import asyncpg  # type: ignore[import-untyped]  # it has no types
import pytest

from firewall.core.errors import ConfigError, IntegrityError, StoreUnavailable
from tests.fakes.services import needs, postgres_url
from vault.address import Address
from vault.fence import Fence, Lost
from vault.wires import Hub, Stuck, Terms, Wire, fault_of

SAID = "PLANTED value of a row"


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        pytest.param(asyncpg.UniqueViolationError(SAID), IntegrityError, id="a-row-twice"),
        pytest.param(
            asyncpg.CharacterNotInRepertoireError(SAID), IntegrityError, id="a-value-it-cannot-keep"
        ),
        pytest.param(asyncpg.DataCorruptedError(SAID), IntegrityError, id="damage"),
        pytest.param(asyncpg.DiskFullError(SAID), StoreUnavailable, id="a-full-disk"),
        pytest.param(asyncpg.LockNotAvailableError(SAID), StoreUnavailable, id="a-lock"),
        pytest.param(asyncpg.InvalidPasswordError(SAID), StoreUnavailable, id="a-wrong-password"),
        pytest.param(asyncpg.AdminShutdownError(SAID), Lost, id="a-server-that-stops"),
        pytest.param(asyncpg.CannotConnectNowError(SAID), Lost, id="a-server-that-starts"),
        pytest.param(asyncpg.ReadOnlySQLTransactionError(SAID), Lost, id="a-standby"),
        pytest.param(asyncpg.TargetServerAttributeNotMatched(SAID), Lost, id="only-standbys"),
        pytest.param(asyncpg.ConnectionDoesNotExistError(SAID), Lost, id="a-connection-that-ended"),
        pytest.param(asyncpg.InterfaceError(SAID), Lost, id="a-connection-that-is-closed"),
        pytest.param(ConnectionRefusedError(SAID), Lost, id="nobody-there"),
        pytest.param(TimeoutError(SAID), Stuck, id="no-answer"),
        pytest.param(asyncpg.exceptions.ClientConfigurationError(SAID), ConfigError, id="a-wrong-url"),
        pytest.param("\ud800".encode, IntegrityError, id="a-lone-surrogate"),
    ],
)
def test_an_error_of_the_driver_is_ours_and_repeats_nothing(error: object, ours: type[Exception]) -> None:
    if callable(error):
        with pytest.raises(UnicodeEncodeError) as caught:
            error()
        error = caught.value
    assert isinstance(error, Exception)
    fault = fault_of(error)
    assert type(fault) is ours
    assert "PLANTED" not in str(fault)


def test_a_bug_stays_what_it_is() -> None:
    bug = KeyError("of ours")
    assert fault_of(bug) is bug


def test_a_commit_that_need_not_be_durable_says_so_and_no_credentials_are_shown() -> None:
    address = Address.of("postgresql://wall:PLANTED@h/d?schema=acme")
    for durable, told in ((True, False), (False, True)):
        terms = Terms(address=address, writer="0" * 32, busy_timeout_s=0.5, durable=durable)
        assert ("synchronous_commit" in terms.settings()) is told
        assert terms.settings()["lock_timeout"] == "500"
        assert "PLANTED" not in repr(terms)


async def test_what_is_asked_after_the_end_is_refused() -> None:
    hub = Hub()

    async def one() -> int:
        return 1

    assert await hub.run(one) == 1
    await hub.close()
    await hub.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await hub.run(one)


@needs("postgres")
async def test_when_one_connection_moves_to_another_host_the_others_follow() -> None:
    """The same server twice: a primary that still answers, and the one that another connection went on to."""
    url = urlsplit(postgres_url())
    user, at, host = url.netloc.rpartition("@")
    address = Address.of(urlunsplit(url._replace(netloc=f"{user}{at}{host},{host}")))
    fence, terms = Fence(), Terms(address=address, writer="0" * 32, busy_timeout_s=0.5, durable=True)
    stays, moves = Wire(terms, fence), Wire(terms, fence)
    try:
        assert (await stays.ready(), await moves.ready(), await stays.ready()) == (True, True, False)
        fence.host = 1
        assert (await stays.ready(), await stays.ready()) == (True, False)
    finally:
        await stays.close()
        await moves.close()
