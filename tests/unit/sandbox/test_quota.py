"""What a compartment may hold."""

import pytest

from sandbox.errors import QuotaExceeded, QuotaLimit, SetupFault, SetupRefused
from sandbox.quota import Quota, Usage


@pytest.mark.parametrize("limits", [(0, 1, 1), (1, 0, 1), (1, 1, 0), (-1, 1, 1)])
def test_a_limit_is_positive(limits: tuple[int, int, int]) -> None:
    with pytest.raises(SetupRefused) as refused:
        Quota(max_bytes=limits[0], max_entries=limits[1], max_file_bytes=limits[2])
    assert refused.value.fault is SetupFault.BAD_LIMIT


def test_the_room_is_what_the_tightest_limit_leaves() -> None:
    quota = Quota(max_bytes=100, max_entries=2, max_file_bytes=60)
    empty = quota.room(Usage(bytes=0, entries=0), replaced_bytes=0, new_entries=1)
    assert (empty.bytes, empty.limit) == (60, QuotaLimit.FILE_BYTES)
    fuller = quota.room(Usage(bytes=90, entries=1), replaced_bytes=10, new_entries=1)
    assert (fuller.bytes, fuller.limit) == (20, QuotaLimit.BYTES)
    outgrown = quota.room(Usage(bytes=500, entries=2), replaced_bytes=10, new_entries=0)
    assert outgrown.bytes == 0
    with pytest.raises(QuotaExceeded):
        quota.room(Usage(bytes=0, entries=2), replaced_bytes=0, new_entries=1)


def test_the_room_takes_exactly_what_fits() -> None:
    room = Quota(max_bytes=5, max_entries=1, max_file_bytes=9).room(
        Usage(bytes=0, entries=0), replaced_bytes=0, new_entries=1
    )
    room.require(5)
    with pytest.raises(QuotaExceeded) as refused:
        room.require(6)
    assert refused.value.allowed == 5
