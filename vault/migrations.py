"""The schema: numbered files, applied in order, each in one transaction, never backwards."""

import sqlite3
from dataclasses import dataclass
from importlib import resources

from firewall.core.errors import IntegrityError, SchemaTooNew
from vault.job import Job

# "PWal"; says that a file is ours before anything in it is believed.
_APPLICATION_ID = 0x5057616C


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step of the schema."""

    version: int
    statements: tuple[str, ...]


def migrations() -> tuple[Migration, ...]:
    """Give all steps this program knows, oldest first, numbered from 1 without gaps."""
    folder = resources.files("vault") / "schema"
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name
    )
    steps = tuple(
        Migration(version=int(file.name[:4]), statements=_split(file.read_text(encoding="utf-8")))
        for file in files
    )
    if [step.version for step in steps] != list(range(1, len(steps) + 1)):
        raise IntegrityError("the installed schema files are not numbered 1, 2, 3; install the package again")
    return steps


def migrated(steps: tuple[Migration, ...]) -> Job[int]:
    """Bring the database to this program's schema and give its version; nothing to do is no write.

    Raises:
        SchemaTooNew: A newer program wrote it.
        IntegrityError: It is some other program's database.
    """
    version: int = (yield ("PRAGMA user_version", ()))[0][0]
    yield from _recognised(version)
    if version > len(steps):
        raise SchemaTooNew(
            f"the database has schema {version}, this program knows {len(steps)}; upgrade the program"
        )
    for step in steps[version:]:
        for statement in step.statements:
            yield (statement, ())
        yield (f"PRAGMA user_version = {step.version}", ())
        yield (f"PRAGMA application_id = {_APPLICATION_ID}", ())
    return len(steps)


def _recognised(version: int) -> Job[None]:
    found: int = (yield ("PRAGMA application_id", ()))[0][0]
    tables: int = (yield ("SELECT count(*) FROM sqlite_schema", ()))[0][0]
    if found != (_APPLICATION_ID if version or tables else 0):
        raise IntegrityError("this is another program's database; choose another path")


def _split(script: str) -> tuple[str, ...]:
    statements: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            statements.append(pending.strip())
            pending = ""
    if pending.strip():
        raise IntegrityError("an installed schema file ends inside a statement; install the package again")
    return tuple(statements)
