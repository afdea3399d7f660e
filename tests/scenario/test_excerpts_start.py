"""What others said is known at every start, or nothing is judged: never with half of it."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

import partywall
from firewall.core.errors import ConfigError, IntegrityError, StoreUnavailable
from firewall.core.ids import TenantId
from firewall.core.label import Label
from partywall.wall import Wall
from tests.fakes.models import Scripted
from tests.fakes.tenants import ACME, GLOBEX, REALMS, message
from tests.fakes.vaults import altered
from vault.lexicon import Lexicon

SECRETS = {
    ACME: "the orchid opens with four four one seven under the stairs",
    GLOBEX: "our merger with the glass works is announced on tuesday",
}


def opened(folder: Path, excerpts: Mapping[str, object] | None = None) -> Wall:
    tenants = [{"id": t, "realms": [{"channel": "slack", "realm": r}]} for t, r in REALMS.items()]
    return partywall.open(
        {
            "profile": "light",
            "store": {"path": str(folder / "partywall.db"), "synchronous": "NORMAL"},
            "files": {"path": str(folder / "files")},
            "tenant": tenants,
            "excerpts": excerpts or {},
        }
    )


async def told(wall: Wall, secret: str, *, tenant: TenantId) -> str:
    """Give what reaches a member of the tenant of a reply that names the secret."""
    ask = wall.guard_model(Scripted([f"I heard that {secret}."]).__call__)
    async with wall.turn(message("what have you heard?", tenant=tenant)) as turn:
        answer = await ask(model="m", messages=[{"role": "user", "content": "what have you heard?"}])
        text: str = answer["choices"][0]["message"]["content"]
        await turn.reply(text)
    return text


async def tell_all(folder: Path) -> None:
    """Have a member of each tenant say its secret, and stop."""
    async with opened(folder) as wall:
        for tenant, secret in SECRETS.items():
            async with wall.turn(message(secret, tenant=tenant)) as turn:
                await turn.reply("noted")


async def protected(folder: Path) -> None:
    """Check that each tenant's secret reaches its own member and nobody else's."""
    async with opened(folder) as wall:
        for tenant, secret in SECRETS.items():
            for reader in (ACME, GLOBEX):
                assert (secret in await told(wall, secret, tenant=reader)) == (reader == tenant)


async def test_what_was_said_before_a_restart_is_known_after_it(tmp_path: Path) -> None:
    await tell_all(tmp_path)
    await protected(tmp_path)
    await protected(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param("zeroblob(length(sealed))", id="overwritten"),
        pytest.param("substr(sealed, 1, 20)", id="cut-short"),
        pytest.param("x''", id="emptied"),
        pytest.param("(SELECT sealed FROM parts ORDER BY id DESC LIMIT 1)", id="another-row"),
    ],
)
async def test_with_one_damaged_row_nothing_is_judged_until_it_is_mended(damage: str, tmp_path: Path) -> None:
    await tell_all(tmp_path)
    file = tmp_path / "partywall.db"
    [(first, sealed)] = sqlite3.connect(file).execute("SELECT id, sealed FROM parts ORDER BY id LIMIT 1")
    altered(file, f"UPDATE parts SET sealed = {damage} WHERE id = {first}")  # noqa: S608 - a test's own words
    wall = opened(tmp_path)
    for tenant in (ACME, GLOBEX, ACME):
        with pytest.raises(IntegrityError, match="rows of `parts` behind id 0: restore a backup") as caught:
            await told(wall, SECRETS[GLOBEX], tenant=tenant)
        assert not any(secret in str(caught.value) for secret in SECRETS.values())
    assert wall.opened is None
    mended = sqlite3.connect(file, isolation_level=None)
    mended.execute("UPDATE parts SET sealed = ? WHERE id = ?", (sealed, first))
    mended.close()
    # The same wall opens then, and begins anew: half an index was never kept.
    for reader in (ACME, GLOBEX):
        assert (SECRETS[ACME] in await told(wall, SECRETS[ACME], tenant=reader)) == (reader == ACME)
    await wall.close()
    await protected(tmp_path)


async def test_reading_that_breaks_off_half_way_leaves_the_wall_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tell_all(tmp_path)
    whole = Lexicon.news

    async def half(self: Lexicon) -> AsyncIterator[tuple[str, Label, bool]]:
        async for each in whole(self):
            yield each
            raise StoreUnavailable("the database did not answer")

    monkeypatch.setattr(Lexicon, "news", half)
    wall = opened(tmp_path)
    for tenant in (ACME, GLOBEX):
        with pytest.raises(StoreUnavailable):
            await told(wall, SECRETS[ACME], tenant=tenant)
    monkeypatch.setattr(Lexicon, "news", whole)
    assert SECRETS[ACME] not in await told(wall, SECRETS[ACME], tenant=GLOBEX)
    assert SECRETS[GLOBEX] not in await told(wall, SECRETS[GLOBEX], tenant=ACME)
    await wall.close()


async def test_what_was_erased_is_not_known_at_the_next_start(tmp_path: Path) -> None:
    await tell_all(tmp_path)
    async with opened(tmp_path) as wall:
        vault = (await wall.runtime()).vault
        await vault.erasure.erase(ACME, None)
    async with opened(tmp_path) as wall:
        # Nobody owns it any more; what is left is still kept from others.
        assert SECRETS[ACME] in await told(wall, SECRETS[ACME], tenant=GLOBEX)
        assert SECRETS[GLOBEX] not in await told(wall, SECRETS[GLOBEX], tenant=ACME)


SPEAKER = """
import asyncio, sys
from pathlib import Path
from tests.scenario.test_excerpts_start import opened, SECRETS, message
async def main():
    async with opened(Path(sys.argv[1])) as wall:
        for tenant, secret in SECRETS.items():
            async with wall.turn(message(secret, tenant=tenant)) as turn:
                await turn.reply("noted")
        print("told", flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


async def test_what_was_said_before_kill_9_is_known_at_the_next_start(tmp_path: Path) -> None:
    with subprocess.Popen(  # noqa: ASYNC220 - it has to be there before anything else happens
        [sys.executable, "-c", SPEAKER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as speaker:
        assert speaker.stdout is not None
        assert speaker.stdout.readline() == "told\n"
        os.kill(speaker.pid, signal.SIGKILL)
    await protected(tmp_path)


async def test_what_an_operator_calls_public_is_nobodys(tmp_path: Path) -> None:
    await tell_all(tmp_path)
    public = tmp_path / "public.txt"
    public.write_text(SECRETS[ACME], encoding="utf-8")
    async with opened(tmp_path, {"public": [str(public)]}) as wall:
        assert SECRETS[ACME] in await told(wall, SECRETS[ACME], tenant=GLOBEX)
        assert SECRETS[GLOBEX] not in await told(wall, SECRETS[GLOBEX], tenant=ACME)


async def test_a_file_of_public_text_that_is_none_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "public.txt").write_bytes(b"\xff\xfe")
    for name in ("public.txt", "missing.txt"):
        with pytest.raises(ConfigError, match=r"excerpts\.public .* cannot be read"):
            async with opened(tmp_path, {"public": [str(tmp_path / name)]}):
                pass
