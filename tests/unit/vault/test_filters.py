"""What operators look up by an id is found by an index, word for word as schema 0008 has it."""

import sqlite3
from collections.abc import Mapping

import pytest

from firewall.core.ids import PrincipalId, SessionId, TurnId
from tests.fakes.vaults import ACME, GLOBEX
from vault.filters import FROM, Filter, condition
from vault.migrations import migrations

INDEXED: Mapping[str, Filter] = {
    "turn": Filter(turn=TurnId("t" * 24)),
    "trace": Filter(trace="5f" * 16, tenant=GLOBEX),
    "conversation": Filter(conversation="c" * 32, tenant=ACME),
    "session": Filter(session=SessionId("s" * 64)),
    "principal": Filter(principal=PrincipalId("p"), tenant=ACME),
}


def plan(where: Filter) -> str:
    connection = sqlite3.connect(":memory:")
    for step in migrations():
        for statement in step.statements:
            connection.execute(statement)
    text, values = condition(where)
    sql = f"EXPLAIN QUERY PLAN SELECT r.id{FROM} WHERE {text} ORDER BY r.id DESC LIMIT 100"
    found = " ".join(str(row[3]) for row in connection.execute(sql, values))
    connection.close()
    return found


@pytest.mark.parametrize("name", INDEXED)
def test_an_id_is_looked_up_and_not_searched_for_in_every_receipt(name: str) -> None:
    index = "receipts_by_session" if name == "principal" else f"receipts_by_{name}"
    assert f"USING INDEX {index}" in plan(INDEXED[name])


def test_an_id_shorter_than_what_an_index_holds_is_still_asked_for() -> None:
    text, values = condition(Filter(turn=TurnId("short")))
    assert "substr" not in text
    assert '"turn":"short"' in values
