"""An operator's commands on a PostgreSQL server: told where the store is, and no credentials."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.fakes.commands import Ran, ran
from tests.fakes.postgres import alter_server, fresh_schema
from tests.fakes.services import needs
from vault.address import Address
from vault.migrations import migrations

pytestmark = needs("postgres")


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A schema, and a configuration in the working directory that names it."""
    monkeypatch.chdir(tmp_path)
    key = Path("master.key")
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    with fresh_schema() as url:
        configured(url)
        yield url


def configured(url: str, key: str = 'master_key_file = "master.key"') -> None:
    Path("partywall.toml").write_text(
        f'profile = "light"\n[store]\npath = "{url}"\n{key}\n', encoding="utf-8"
    )


def checks(done: Ran) -> dict[str, tuple[str, str]]:
    return {each["name"]: (each["state"], each["detail"]) for each in json.loads(done.out)["checks"]}


def kept(tenant: str) -> Ran:
    words = ("vault", "add", "badge", "-t", tenant, "-r", "members")
    return ran(*words, stdin=f"value of {tenant}".encode())


def test_doctor_says_where_the_store_is_and_nothing_to_log_in_with(url: str) -> None:
    found = checks(ran("doctor", "--json"))
    shown = Address.of(url).shown
    assert found["database"] == ("ok", f"none yet on {shown}; the first start makes it")
    for tenant in ("ACME", "GLOBEX"):
        assert kept(tenant).code == 0
    done = ran("doctor", "--json")
    found = checks(done)
    assert found["database"] == ("ok", f"opens on {shown}, and the master key fits")
    assert found["schema"] == ("ok", f"version {len(migrations())}")
    assert found["master key"][0] == "ok"
    user = urlsplit(url).username
    assert user is not None
    assert f"{user}@" not in done.out


def test_values_of_two_tenants_stay_apart_on_the_server(url: str) -> None:
    for tenant in ("ACME", "GLOBEX"):
        kept(tenant)
    assert ran("vault", "show", "badge", "-t", "GLOBEX").out == "value of GLOBEX\n"
    assert ran("vault", "remove", "badge", "-t", "ACME").code == 0
    assert ran("vault", "show", "badge", "-t", "ACME").code == 1
    assert ran("vault", "show", "badge", "-t", "GLOBEX").out == "value of GLOBEX\n"


def test_a_look_leaves_no_schema_behind(url: str) -> None:
    done = ran("vault", "list", "-t", "ACME")
    assert done.code == 3
    assert "no database" in done.err
    assert checks(ran("doctor", "--json"))["database"][1].startswith("none yet")


def test_a_newer_schema_is_refused_and_an_older_one_is_not_touched(url: str) -> None:
    kept("ACME")
    for version, state in ((len(migrations()) - 1, "warning"), (len(migrations()) + 1, "fault")):
        alter_server(url, [f"PRAGMA user_version = {version}"])
        assert checks(ran("doctor", "--json"))["schema"][0] == state
    assert "upgrade the program" in ran("vault", "list", "-t", "ACME").err


def test_a_server_without_a_master_key_is_refused_before_it_is_asked(url: str) -> None:
    configured(url, key="")
    assert checks(ran("doctor", "--json"))["master key"][0] == "fault"
    done = kept("ACME")
    assert done.code == 4
    assert "master_key_file" in done.err


def test_a_password_in_the_file_is_refused_and_not_repeated(url: str) -> None:
    configured("postgresql://wall:PLANTED@127.0.0.1/test")
    done = ran("doctor", "--json")
    assert "PGPASSWORD" in done.out
    assert "PLANTED" not in done.out + done.err


def test_a_server_that_does_not_answer_is_a_fault_without_credentials(url: str) -> None:
    configured("postgresql://PLANTED@127.0.0.1:1/test")
    done = ran("doctor", "--json")
    assert checks(done)["database"][0] == "fault"
    assert "PLANTED" not in done.out + done.err


def test_a_backup_of_a_server_is_refused_with_what_to_do(url: str) -> None:
    kept("ACME")
    done = ran("backup", "before.tar")
    assert done.code == 2
    assert "pg_dump" in done.err
    assert not Path("before.tar").exists()
