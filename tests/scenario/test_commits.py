"""What a whole turn costs on the disk, what it waits for, and what a wall that runs learns from outside."""

from collections.abc import Sequence
from pathlib import Path

import pytest

import partywall as pw
from firewall.core.ids import TenantId
from firewall.core.label import Members
from partywall import origin
from partywall.wall import Wall
from tests.fakes.models import Scripted
from tests.fakes.tenants import ACME, GLOBEX, REALMS, message
from tests.fakes.vaults import SteppedClock
from vault.job import Make, Outcome
from vault.open import open_vault

# Taking the session with the turn's count, the message, the answer, the intent; and what nobody waits for:
# the outcome and the letting go.
COMMITS = 6
VALUE = "K9-4417-0093"


def wall(folder: Path) -> Wall:
    return pw.open(
        {
            "profile": "light",
            "store": {"path": str(folder / "store" / "partywall.db")},
            "files": {"path": str(folder / "files")},
            "tenant": [
                {"id": tenant, "realms": [{"channel": "slack", "realm": realm}]}
                for tenant, realm in REALMS.items()
            ],
        }
    )


async def told(opened: Wall, tenant: TenantId, answer: str, name: str = "ann") -> str:
    ask = opened.guard_model(Scripted([answer]).__call__)
    async with opened.turn(message("hello", name, tenant)) as turn:
        reply = await ask(model="x", messages=[{"role": "user", "content": "hello"}])
        return await turn.reply(reply["choices"][0]["message"]["content"])


async def test_a_turn_waits_for_four_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with wall(tmp_path) as opened:
        await told(opened, ACME, "welcome")
        vault = (await opened.runtime()).vault
        commits: list[int] = []
        write = vault.engine.database.write

        async def counted(makes: Sequence[Make]) -> list[Outcome]:
            commits.append(len(makes))
            return await write(makes)

        monkeypatch.setattr(vault.engine.writer, "_write", counted)
        ask = opened.guard_model(Scripted(["welcome"]).__call__)
        async with opened.turn(message("hello", tenant=GLOBEX)) as turn:
            reply = await ask(model="x", messages=[{"role": "user", "content": "hello"}])
            await turn.reply(reply["choices"][0]["message"]["content"])
            assert len(commits) == 4
        await told(opened, GLOBEX, "welcome")
        assert len(commits) <= 2 * COMMITS - 1


async def test_a_value_kept_by_another_process_is_recognised_from_the_next_turn_on(tmp_path: Path) -> None:
    async with wall(tmp_path) as opened:
        assert VALUE in await told(opened, GLOBEX, f"it is {VALUE}", "bob")
        ids = type((await opened.runtime()).vault.ids)
        path = str(tmp_path / "store" / "partywall.db")
        async with await open_vault(path, clock=SteppedClock(), ids_factory=ids) as other:
            await other.entries.add(ACME, "badge", VALUE, Members())
        assert VALUE not in await told(opened, GLOBEX, f"it is {VALUE}")
        assert VALUE in await told(opened, ACME, f"it is {VALUE}")


async def test_a_wall_that_opens_checks_once_more_whose_packages_it_runs_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def strays() -> list[origin.Stray]:
        return [origin.Stray(package="vault", place="elsewhere", loaded=True)]

    made = wall(tmp_path)
    monkeypatch.setattr(origin, "strays", strays)
    with pytest.raises(origin.Shadowed):
        await made.runtime()
    assert not (tmp_path / "store").exists()
