"""A guest of a room asks for a private answer, to be taken for one of those whose room it is.

Ada is ACME's, by her own chat with the bot; the kitchen is ACME's room. Carol, of GLOBEX, is a guest there.
"""

from pathlib import Path

import pytest

from firewall.core.errors import Denied
from firewall.core.ids import TenantId
from firewall.core.label import Members
from partywall.handle import TurnHandle
from tests.fakes.telegram.accounts import User
from tests.fakes.telegram.managed import ADA, CAROL, Agent, House, housed

BADGE = "K9-4417-0093"
NONE = "There is no such entry."


def looks_up(_: House) -> Agent:
    async def answers(turn: TurnHandle) -> str | None:
        try:
            return f"Found: {await turn.call_tool('vault_lookup', {'name': 'badge'})}"
        except Denied:
            return "Found: refused"

    return answers


@pytest.mark.parametrize("nobodys", [False, True], ids=["another-tenants", "no-tenants"])
async def test_whoever_is_let_into_a_room_of_a_tenant_reads_by_asking_privately_no_more_than_the_room(
    tmp_path: Path, nobodys: bool
) -> None:
    async with housed(tmp_path, looks_up) as house:
        guest = User(id=7005, first_name="Eve") if nobodys else CAROL
        own = house.telegram.dm(guest, house.otto) if nobodys else house.carol
        entries = (await house.wall.runtime()).vault.entries
        await entries.add(TenantId("T-ACME"), "badge", BADGE, Members())
        own.says(guest, "Hello!")
        house.ada.says(ADA, "Hello!")
        await house.told(house.ada)
        house.kitchen.says(ADA, "@otto_bot the badge?")
        (public,) = await house.told(house.kitchen)
        house.kitchen.says(guest, "/private the badge?")
        asked = (await house.told(own, 1 if nobodys else 2))[-1]
        house.kitchen.says(ADA, "/private the badge?")
        member = (await house.told(house.ada, 2))[-1]
    assert asked.text == public.text == f"Found: {NONE}"
    assert member.text == f"Found: {BADGE}", "who is the tenant's by their own chat is so in its rooms"
