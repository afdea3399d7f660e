"""Notes: what a bot was asked to remember, under the label of the turn that wrote it."""

from collections.abc import Mapping

from firewall.core.errors import IntegrityError, MisuseError
from firewall.core.ids import derived
from firewall.core.label import Audience, Label, Owned, Principals, admits
from firewall.core.ports import Entry
from firewall.core.session import Turn
from vault.codec import entry_bytes, entry_from
from vault.database import Database
from vault.job import Job, Row
from vault.keys import Keyring
from vault.readers import audience_tokens, tokens
from vault.writer import Writer

TABLE = "notes"
PAGE = 500
MAX_NOTES = 1_000


class Notes:
    """The note store; implements `NoteStore`. Keeps the youngest 1,000 notes under each label."""

    def __init__(self, database: Database, writer: Writer, keyring: Keyring, *, secret: bytes) -> None:
        self._database = database
        self._writer = writer
        self._keyring = keyring
        self._secret = secret

    async def remember(self, turn: Turn, key: str, value: str) -> None:
        """Keep a note under the turn's own label; another label's note of that key is another note.

        Raises:
            MisuseError: Nobody could own what this turn writes.
        """
        label = turn.writes
        if not isinstance(label, Owned):
            raise MisuseError("this turn has no owner for what it writes, so it cannot keep a note")
        entry = Entry(name=key, value=value, label=label)
        await self._writer.submit(label.tenant, lambda: self._kept(turn, entry, label))

    async def recall(self, turn: Turn) -> Mapping[str, str]:
        """Give every note that the turn's whole audience may read, by key, sorted; may be empty.

        Where the principal's own note and the room's have one key, the principal's is given.
        """
        notes = await self._database.read(lambda: self._read(turn.audience))
        return dict(sorted(notes.items()))

    def _kept(self, turn: Turn, entry: Entry, label: Owned) -> Job[None]:
        reader = _reader(label)
        row = derived(self._secret, "note", label.tenant, reader, entry.name)
        key = yield from self._keyring.current(turn.principal.tenant, turn.principal.id)
        sealed = self._keyring.seal(key, entry_bytes(entry), table=TABLE, row=row, tenant=label.tenant)
        yield ("DELETE FROM notes WHERE row = ?", (row,))
        yield (
            "INSERT INTO notes (row, tenant, reader, key, sealed) VALUES (?, ?, ?, ?, ?)",
            (row, label.tenant, reader, key.id, sealed),
        )
        yield (
            (
                "DELETE FROM notes WHERE id IN (SELECT id FROM notes WHERE tenant = ? AND reader = ?"
                " ORDER BY id DESC LIMIT -1 OFFSET ?)"
            ),
            (label.tenant, reader, MAX_NOTES),
        )

    def _read(self, audience: Audience) -> Job[dict[str, str]]:
        found: dict[str, str] = {}
        for token in reversed(audience_tokens(audience)):
            rows = yield (
                (
                    "SELECT id, row, tenant, reader, key, sealed FROM notes"
                    " WHERE tenant = ? AND reader = ? ORDER BY id"
                ),
                (audience.tenant, token),
            )
            for row in rows:
                note = yield from opened(self._keyring, self._secret, row)
                if not admits(note.label, audience):
                    raise IntegrityError("a note was found for an audience it is not for")
                found[note.name] = note.value
        return found


def opened(keyring: Keyring, secret: bytes, row: Row) -> Job[Entry]:
    """Open one row: id, row, tenant, reader, key, sealed.

    Raises:
        IntegrityError: It was altered, moved, or put among other readers.
    """
    _, name, tenant, reader, key, sealed = row
    note = entry_from((yield from keyring.open(key, sealed, table=TABLE, row=name, tenant=tenant)))
    if not isinstance(note.label, Owned) or note.label.tenant != tenant:
        raise IntegrityError("a note stands among other readers than it was sealed for")
    if derived(secret, "note", tenant, reader, note.name) != name:
        raise IntegrityError("a note stands under another key than it was sealed for")
    return note


def page(keyring: Keyring, secret: bytes, after: int) -> Job[list[tuple[int, str, Label]]]:
    """Read the next notes of all tenants, oldest first: id, value, label."""
    rows = yield (
        "SELECT id, row, tenant, reader, key, sealed FROM notes WHERE id > ? ORDER BY id LIMIT ?",
        (after, PAGE),
    )
    notes: list[tuple[int, str, Label]] = []
    for row in rows:
        note = yield from opened(keyring, secret, row)
        notes.append((row[0], note.value, note.label))
    return notes


def _reader(label: Owned) -> str:
    """Give the one token a note stands under: what a turn writes is for its room or for one principal."""
    found = tokens(label.readers)
    if len(found) != 1 or (isinstance(label.readers, Principals) and len(label.readers.ids) != 1):
        raise IntegrityError("a note is for one room or one principal")
    return found[0]
