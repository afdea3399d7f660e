"""Every statement that a job in `vault` yields is one that PostgreSQL understands, in our schema."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.fakes.postgres import fresh_schema, with_connection
from tests.fakes.services import needs
from tests.fakes.vaults import opened
from vault.dialect import translated

VAULT = Path(__file__).resolve().parents[2] / "vault"
VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "PRAGMA data_version")
# What a few statements are put together from at run time: one choice of each. The suites run the others.
CHOICES = {
    "chosen": "tenant = ?",
    "column": "end_ms",
    "columns": "r.rule",
    "narrower": "",
    "notices": "tenant = ?",
    "numbers": "1",
    "step": "1000",
    "table": "sessions",
    "text": "r.tenant = ? AND r.kind <> ? AND t.at_ms >= ?",
    "which": "session = ?",
    "where": "d.state = 'dead' AND d.tenant = ?",
}


def statements() -> Iterator[tuple[str, str]]:
    """Give each statement that is yielded somewhere, with where it stands."""
    for path in sorted(VAULT.glob("*.py")):
        if path.stem == "migrations":  # its statements are the schema, which every opened vault has run
            continue
        source = path.read_text(encoding="utf-8")
        if "yield (" not in source or "import sqlite3" in source:
            continue
        names = {**CHOICES, **vars(importlib.import_module(f"vault.{path.stem}"))}
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple):
                sql = _text(node.value.elts[0], names)
                if sql.startswith(VERBS):
                    yield f"{path.stem}:{node.lineno}", sql


def _text(part: ast.expr, names: dict[str, Any]) -> str:
    """Give a statement's text; a name that is not among the choices is an error to be seen."""
    if not isinstance(part, ast.Constant | ast.JoinedStr):
        return ""
    return str(eval(compile(ast.Expression(part), "statement", "eval"), dict(names)))  # noqa: S307 - our own source


@needs("postgres")
async def test_every_statement_of_every_job_is_prepared_by_postgresql() -> None:
    found = list(statements())
    assert len(found) > 100, "the search itself must work"
    with fresh_schema() as url:
        async with await opened(url):
            assert with_connection(url, lambda connection, _: _refused(connection, found)) == []


async def _refused(connection: Any, found: list[tuple[str, str]]) -> list[str]:
    refused: list[str] = []
    await connection.execute("SET partywall.writer = ''")
    for where, sql in found:
        text, _ = translated(sql, (None,) * sql.count("?"))
        try:
            await connection.prepare(text)
        except Exception as error:  # noqa: BLE001 - each is told, with where its statement stands
            refused.append(f"{where}: {error}")
    return refused


def test_the_search_finds_statements_in_pieces_and_leaves_other_yields_alone() -> None:
    found = dict(statements())
    assert any(sql.startswith("SELECT e.row, e.tenant") for sql in found.values()), "an f-string"
    assert all(sql.isascii() for sql in found.values())
