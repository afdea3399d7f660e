"""Every way in which a delivery comes in keeps every promise of the kit, with the unmodified library.

The platforms are ours and stand behind real sockets; what is delivered is what the kit makes.
"""

from collections.abc import Mapping

import pytest

from adapters.testing import LiveCase, live_cases
from partywall.wall import Wall
from tests.fakes.transports.ways import WAYS

CASES = {case.name: case for case in live_cases()}
PLAYED = [
    pytest.param(name, case, id=f"{name}-{case}")
    for name, way in WAYS.items()
    for case in live_cases()
    if case.missing(way.specimen, way.without) is None
]
_SIGNED = {"live-forged-signature", "live-stale-timestamp"}
_OWN_CONNECTION = {*_SIGNED, "live-wrong-secret"}
# Listed here too, so that a case never stops being played unnoticed.
NOT_PLAYED: Mapping[str, set[str]] = {
    "slack-guarded-by-socket-mode": _OWN_CONNECTION,
    "slack-guarded-by-http": {"live-wrong-secret"},
    "slack-guarded-in-threads-by-http": {"live-wrong-secret"},
    "slack-managed-by-socket-mode": _OWN_CONNECTION,
    "slack-managed-by-http": {"live-wrong-secret"},
    "telegram-guarded-by-polls": {*_OWN_CONNECTION, "live-lookup-fails", "live-own-message"},
    "telegram-guarded-by-webhook": {*_SIGNED, "live-lookup-fails", "live-own-message"},
    "telegram-managed-by-polls": {*_OWN_CONNECTION, "live-lookup-fails", "live-own-message"},
    "telegram-managed-by-webhook": {*_SIGNED, "live-lookup-fails", "live-own-message"},
    "discord-guarded-by-gateway": _OWN_CONNECTION,
    "discord-managed-by-gateway": _OWN_CONNECTION,
}
# How many deliveries each case makes: on a platform with direct messages, groups, rooms and threads, and on
# Discord, where a bot is in no group and a thread is a room.
DELIVERED: Mapping[str, tuple[int, int]] = {
    "live-answers-in-place": (12, 6),
    "live-forged-signature": (13, 0),
    "live-stale-timestamp": (13, 0),
    "live-wrong-secret": (37, 0),
    "live-delivered-thrice": (36, 18),
    "live-reordered": (12, 6),
    "live-nameless": (241, 121),
    "live-lookup-fails": (25, 13),
    "live-own-message": (2, 2),
}
# Of the 30 bodies that are no delivery, what no delivery of that way can look like.
NOT_CARRIED: Mapping[str, Mapping[str, int]] = {
    "socket-mode": {"a frame of text that is no UTF-8 ends the connection (RFC 6455)": 4},
    "polls": {
        "an answer of the Bot API that is no JSON holds no update": 24,
        "the Bot API numbers every update that it gives out": 6,
    },
    "gateway": {
        "a frame that is no JSON ends the client, in the library itself": 24,
        "a frame that is no object ends the client, in the library itself": 5,
        "a hello begins a connection, and this one has begun": 1,
    },
}
# The 30, what the platform delivers besides that is nobody's words, and one genuine message after all of it.
GARBAGE: Mapping[str, int] = {"slack": 40, "telegram": 37, "discord": 38}


def carried(name: str, case: str) -> tuple[int, Mapping[str, int]]:
    """Give how much a case delivers on a way, and what it cannot deliver there."""
    platform, way = name.partition("-")[0], name.partition("-by-")[2]
    if case != "live-garbage":
        return DELIVERED[case][platform == "discord"], {}
    left = NOT_CARRIED.get(way, {})
    return GARBAGE[platform] - sum(left.values()), left


@pytest.mark.parametrize(("name", "case"), PLAYED)
async def test_the_bot_keeps_the_promise(name: str, case: LiveCase, wall: Wall) -> None:
    async with WAYS[name].opened(wall) as transport:
        assert transport.without == WAYS[name].without
        played = await case.check(WAYS[name].specimen, transport)
    assert (played.deliveries, played.not_carried) == carried(name, case.name)


@pytest.mark.parametrize(
    ("name", "case"),
    [
        pytest.param(name, case, id=f"{name}-has-no-{case}")
        for name in WAYS
        for case in sorted(NOT_PLAYED[name])
    ],
)
def test_what_is_not_played_on_a_way_is_left_out_with_a_reason(name: str, case: str) -> None:
    way = WAYS[name]
    reason = CASES[case].missing(way.specimen, way.without)
    assert reason in {*way.without.values(), *way.specimen.without.values()}
    assert len(reason.split()) > 4, "in a sentence"


@pytest.mark.parametrize("name", WAYS)
def test_what_is_not_played_on_a_way_is_known(name: str) -> None:
    way = WAYS[name]
    missing = {case.name for case in live_cases() if case.missing(way.specimen, way.without) is not None}
    assert missing == NOT_PLAYED[name]


def test_so_much_is_played_over_real_sockets() -> None:
    pairs = [(name, case) for name in WAYS for case in sorted({*CASES} - NOT_PLAYED[name])]
    deliveries = sum(carried(name, case)[0] for name, case in pairs)
    assert (len(WAYS), len(CASES), len(pairs), deliveries) == (11, 10, 77, 3624)
    assert len(PLAYED) == len(pairs)
