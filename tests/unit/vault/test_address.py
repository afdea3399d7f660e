"""A database's address: what the driver is given, and what everybody may see."""

import pytest

from firewall.core.errors import ConfigError, IntegrityError
from vault.address import Address, has_password, is_server


def test_an_address_shows_the_place_and_no_credentials() -> None:
    address = Address.of(
        "postgresql://wall:PLANTED-password@db.example.org:5433/bots?schema=acme&sslmode=require"
    )
    assert address.shown == "db.example.org:5433/bots, schema acme"
    assert address.dsn == "postgresql://wall:PLANTED-password@db.example.org:5433/bots?sslmode=require"
    assert "PLANTED" not in repr(address)


def test_several_hosts_are_handed_on_and_the_schema_has_a_name_by_itself() -> None:
    address = Address.of("postgresql://wall@a:5432,b:5432/bots?target_session_attrs=read-write")
    assert (address.schema, address.shown) == ("partywall", "a:5432,b:5432/bots, schema partywall")
    assert address.dsn.endswith("a:5432,b:5432/bots?target_session_attrs=read-write")
    assert address.hosts == tuple(
        f"postgresql://wall@{host}:5432/bots?target_session_attrs=read-write" for host in ("a", "b")
    )


@pytest.mark.parametrize(
    "url", ["postgresql://wall:secret@[::1]:5432/bots", "postgresql://h", "postgres://h/d"]
)
def test_one_host_is_handed_on_as_it_is(url: str) -> None:
    address = Address.of(url)
    assert address.hosts == (url,) == (address.dsn,)


def test_the_hosts_of_an_address_have_its_user_and_none_of_its_schema() -> None:
    address = Address.of("postgresql://wall:PLANTED@[::1]:5433,b/bots?schema=acme&sslmode=require")
    assert address.hosts == (
        "postgresql://wall:PLANTED@[::1]:5433/bots?sslmode=require",
        "postgresql://wall:PLANTED@b/bots?sslmode=require",
    )
    assert "PLANTED" not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://h/d?schema=",
        "postgresql://h/d?schema=Wall",
        "postgresql://h/d?schema=a%22;drop",
        "postgresql://h/d?schema=" + "a" * 64,
        "postgresql://[h/d",
        "mysql://h/d",
        "postgresql://h/d?PLANTED",
    ],
)
def test_what_names_no_schema_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Address.of(url)
    assert "PLANTED" not in str(caught.value)


def test_two_schemas_and_two_processes_have_locks_of_their_own() -> None:
    acme, globex = Address.of("postgresql://h/d?schema=acme"), Address.of("postgresql://h/d?schema=globex")
    holder = "0" * 32
    locks = {each.lock_of(one) for each in (acme, globex) for one in ("", holder)}
    assert len(locks) == 4
    with pytest.raises(IntegrityError):
        acme.lock_of("'; DROP TABLE meta; --")


@pytest.mark.parametrize(
    ("where", "server", "password"),
    [
        ("postgresql://wall@h/d", True, False),
        ("postgres://wall:secret@h/d", True, True),
        ("postgresql://h/d?user=wall&password=secret", True, True),
        ("postgresql:///d?host=/run/postgresql", True, False),
        (":memory:", False, False),
        (".partywall/partywall.db", False, False),
        ("./postgresql://h", False, False),
    ],
)
def test_a_url_is_told_from_a_path_and_a_password_is_seen(where: str, server: bool, password: bool) -> None:
    assert (is_server(where), has_password(where)) == (server, password)
