"""What detection rests on, missing, damaged or without bounds: the wall stays closed and says why."""

import asyncio
import json
import logging
import random
import sqlite3
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

import partywall
from adapters.channels import Accept, Drop, Forget
from firewall.core.errors import ConfigError, IntegrityError, PartywallError
from firewall.core.ids import TenantId
from partywall import bot as managed
from partywall import supplied
from partywall.config import load
from partywall.doctor import State
from tests.fakes.bad_input import SECRET, Bot, answered, arrived, recorded, serving, tells
from tests.fakes.channels import MemoryChannel
from tests.fakes.commands import ran
from tests.fakes.tenants import ACME, GLOBEX

DRAW = random.Random(5)


@pytest.fixture(autouse=True)
def nothing_is_told(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    assert not any(tells(record.getMessage()) for record in caplog.get_records("call"))


# --- an operator's rule that needs exponential time

RULE = """[[rule]]
id = "acme-badge"
provider = "ACME"
description = "Badge"
pattern = '(x+x+)+\\1y'
edge = "none"
{keywords}
positive = ["xxxxy"]
negative = ["none"]
"""


def ruled(folder: Path, keywords: str) -> dict[str, object]:
    file = folder / "acme.toml"
    file.write_text(RULE.format(keywords=keywords), encoding="utf-8")
    return {
        "profile": "standard",
        "pii": {"entities": ["CREDIT_CARD"], "rules": "standard"},
        "secrets": {"rules": [str(file)]},
    }


async def test_a_rule_without_bounds_keeps_the_wall_closed_and_the_doctor_names_it(tmp_path: Path) -> None:
    settings = ruled(tmp_path, "")
    for _ in (ACME, GLOBEX):
        with pytest.raises(ConfigError, match=r"acme\.toml: rule 'acme-badge': keywords"):
            async with serving(tmp_path, **settings):
                pass
    found = {each.name: each for each in supplied.examined(load(settings))}
    assert found["rules"].state is State.FAULT
    assert "acme-badge" in found["rules"].detail


async def test_a_rule_that_takes_too_long_refuses_that_text_and_no_other(tmp_path: Path) -> None:
    settings = ruled(tmp_path, 'keywords = ["x"]')
    hostile = f"{'x' * 300}!y {SECRET}"
    async with serving(tmp_path, **settings) as bot:
        for place in ("answer", "reply"):
            assert await arrived(bot, place, hostile) is None
        assert not any("xxxx" in row or tells(row) for row in await recorded(bot.wall))
        await answered(bot.wall, "Hello.", tenant=ACME)
        await answered(bot.wall, "Hello.", tenant=GLOBEX)
    found = {each.name: each for each in supplied.examined(load(settings))}
    assert found["rules"].state is State.OK


# --- what others said, on a damaged disk


def _damaged(file: Path) -> bytes:
    """Overwrite a stretch of what is sealed, where it stands in the file, and give what stood there."""
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (sealed,) = connection.execute("SELECT sealed FROM parts ORDER BY id LIMIT 1").fetchone()
    connection.close()
    data = file.read_bytes()
    at = data.index(sealed)
    file.write_bytes(data[:at] + b"\xa5" * len(sealed) + data[at + len(sealed) :])
    return data


async def test_a_block_of_the_file_that_is_damaged_keeps_the_wall_closed_for_everybody(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path):
        pass
    file = tmp_path / "partywall.db"
    whole = _damaged(file)
    bot = Bot(tmp_path)
    for tenant in (ACME, GLOBEX, ACME):
        with pytest.raises(IntegrityError, match="restore a backup") as caught:
            await answered(bot.wall, "Hello.", tenant=tenant)
        assert not tells("".join(traceback.format_exception(caught.value)))
    assert bot.wall.opened is None
    file.write_bytes(whole)
    async with bot.wall:
        assert "[REDACTED:EXCERPT]" in str(await arrived(bot, "answer", f"It is said that {SECRET}."))
        await answered(bot.wall, SECRET, tenant=GLOBEX)


async def test_pages_of_the_file_that_are_damaged_keep_the_wall_closed(tmp_path: Path) -> None:
    async with serving(tmp_path):
        pass
    file = tmp_path / "partywall.db"
    _damaged(file)
    data = file.read_bytes()
    file.write_bytes(data[:100] + bytes(DRAW.randbytes(len(data) - 100)))
    bot = Bot(tmp_path)
    for tenant in (ACME, GLOBEX):
        with pytest.raises(IntegrityError) as caught:
            await answered(bot.wall, "Hello.", tenant=tenant)
        assert not tells("".join(traceback.format_exception(caught.value)))
    assert bot.wall.opened is None


# --- a model, a classifier or a detector that is configured and not there

MISSING: Final[Mapping[str, tuple[str, str]]] = {
    "classifier": ("injection", '[injection]\nclassifier = "/nowhere/classifier"\n'),
    "model": ("injection", '[injection]\nmodel = "/nowhere/model"\nmodel_kind = "prompt_guard"\n'),
    "nlp-model": (
        "nlp models",
        '[pii.nlp]\nnlp_engine_name = "spacy"\nmodels = [{lang_code = "en", model_name = "en_absent"}]\n',
    ),
    "rules": ("rules", '[secrets]\nrules = ["/nowhere/rules.toml"]\n'),
    "recognisers": ("recognisers", '[pii]\nrecognizers = "/nowhere/own.yaml"\n'),
    "public-text": ("public text", '[excerpts]\npublic = ["/nowhere/public.txt"]\n'),
}


SERVED = 'model = "echo/x"\n[bot.telegram]\ntoken_env = "PARTYWALL_TEST_TOKEN"\n'


async def _refused_to(tenant: TenantId) -> None:
    wall = partywall.open("partywall.toml")
    asked = partywall.message("Hello.", channel="own", realm=tenant, sender="ann", conversation="d")
    with pytest.raises(PartywallError):
        async with wall.turn(asked):
            pass
    assert wall.opened is None


@pytest.mark.parametrize("name", MISSING)
def test_what_is_configured_and_missing_is_never_off_by_itself(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # `serve` sets it for its process.
    caplog.set_level(logging.INFO, logger="partywall")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARTYWALL_TEST_TOKEN", "1234:nobodys")
    check, settings = MISSING[name]
    Path("partywall.toml").write_text(f'profile = "standard"\n{SERVED}{settings}', encoding="utf-8")
    told = ran("doctor", "--json")
    assert told.code == 1
    examined = json.loads(told.out)
    assert examined["sound"] is False
    assert {each["name"] for each in examined["checks"] if each["state"] == "fault"} == {check}
    served = ran("serve")
    assert served.code in (2, 3)
    assert any(one in served.err for one in ("/nowhere/", "en_absent", "rules.toml"))
    for tenant in (ACME, GLOBEX):
        asyncio.run(_refused_to(tenant))


def test_rules_that_a_profile_does_not_use_are_told(tmp_path: Path) -> None:
    settings = {**ruled(tmp_path, ""), "profile": "light"}
    (found,) = supplied.examined(load(settings))
    assert (found.name, found.state) == ("rules", State.WARNING)


async def test_no_channel_takes_anything_before_the_wall_is_open(tmp_path: Path) -> None:
    async def silent(_: object) -> None:
        return None

    seen: list[bool] = []

    class Looking(MemoryChannel):
        async def open(self, accept: Accept, forget: Forget, drop: Drop) -> None:
            seen.append(wall.opened is not None)

    for settings in ({}, {"excerpts": {"public": ["/nowhere/public.txt"]}}):
        wall = Bot(tmp_path, **settings).wall
        bot = managed.Bot(wall, silent, [Looking()])
        if settings:
            with pytest.raises(ConfigError):
                await bot.serve()
        else:
            async with wall, bot.serving():
                pass
    assert seen == [True]
