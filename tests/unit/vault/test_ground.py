"""What a vault stands on, where what it needs is not there."""

import sys

import pytest

from firewall.core.errors import KeyMismatch, ServiceUnavailable
from tests.fakes.vaults import opened
from vault.ground import schema_of

URL = "postgresql://wall@127.0.0.1:1/none"


async def test_without_the_driver_a_server_is_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("vault.marks", "vault.postgres", "vault.wires"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    for asked in (opened(URL), schema_of(URL)):
        with pytest.raises(ServiceUnavailable, match=r"partywall\[postgres\]"):
            await asked


async def test_without_a_master_key_a_server_is_not_even_asked() -> None:
    with pytest.raises(KeyMismatch, match="master_key_file"):
        await opened(URL, master=None)
