"""Every text the vault keeps, with its label: what the excerpt index knows, at the start and from then on."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial

from firewall.core.errors import IntegrityError
from firewall.core.label import Label
from firewall.core.message import Origin
from vault.codec import part_from
from vault.database import Database
from vault.job import Job
from vault.keys import Keyring
from vault.notes import page as notes_page
from vault.said import row_of_part
from vault.shelf import Shelf

PAGE = 500
# In the order of the kinds.
_TABLES = ("entries", "notes", "parts")
_Page = list[tuple[int, str, Label]]
_Reader = Callable[[int], Job[_Page]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """How far the tables had come at one commit of this process.

    Attributes:
        others: Changes with every commit of another process, and with none of this one.
        entries: Highest id, 0 for an empty table.
        notes: As `entries`.
        parts: As `entries`.
    """

    others: int
    entries: int
    notes: int
    parts: int


def marked() -> Job[Marks]:
    """Read the marks, inside a transaction that writes anyway: they cost no commit and no thread's turn.

    Source: https://sqlite.org/pragma.html#pragma_data_version
    """
    others: int = (yield ("PRAGMA data_version", ()))[0][0]
    rows = yield (
        (
            "SELECT ifnull((SELECT max(id) FROM entries), 0), ifnull((SELECT max(id) FROM notes), 0),"
            " ifnull((SELECT max(id) FROM parts), 0)"
        ),
        (),
    )
    entries, notes, parts = rows[0]
    return Marks(others=others, entries=entries, notes=notes, parts=parts)


class Lexicon:
    """Reads everything of everybody; only the excerpt index may be given what it reads.

    Implements `ports.Lexicon`.
    """

    def __init__(self, database: Database, keyring: Keyring, *, secret: bytes) -> None:
        self._database = database
        self._keyring = keyring
        self._secret = secret
        self._shelf = Shelf(keyring=keyring, secret=secret)
        notes: _Reader = partial(notes_page, keyring, secret)
        # Reader of a page, and whether its texts are single values.
        self._kinds: tuple[tuple[_Reader, bool], ...] = (
            (self._entries, True),
            (notes, True),
            (self._parts, False),
        )
        self._read = [0, 0, 0]
        self._marks: Marks | None = None
        self._behind = True

    def note(self, marks: Marks) -> None:
        """Take notice of how far the tables had come when a session was taken.

        While no other process commits, notes and parts are this one's own, which it knows already: they are
        passed over. Entries are read whoever kept them.
        """
        before, self._marks = self._marks, marks
        if self._behind or before is None or before.others != marks.others:
            self._behind = True
            return
        self._read[1:] = [max(self._read[1], marks.notes), max(self._read[2], marks.parts)]
        self._behind = marks.entries > self._read[0]

    async def news(self) -> AsyncIterator[tuple[str, Label, bool]]:
        """Give what was kept since the last time, by whatever process; at first everything.

        As `each_text`, which is stateless. What was not read to its end is given again.
        """
        if not self._behind:
            return
        marks = self._marks
        for number, (_, whole) in enumerate(self._kinds):
            while found := await self._page(number, self._read[number]):
                for _, text, label in found:
                    if text:
                        yield text, label, whole
                self._read[number] = found[-1][0]
        self._behind = not self._covers(marks)

    async def _page(self, number: int, after: int) -> _Page:
        """Read a page, or say where the row stands that keeps the wall closed.

        Passing it over would let everybody have what it holds: nothing is known that was not read.
        """
        try:
            return await self._database.read(partial(self._kinds[number][0], after))
        except IntegrityError as error:
            raise IntegrityError(
                f"{error}; it is one of the {PAGE} rows of `{_TABLES[number]}` behind id {after}: restore a "
                "backup, or erase its owner; until then nothing is judged"
            ) from error

    def _covers(self, marks: Marks | None) -> bool:
        """True unless a session that was taken meanwhile may have seen more than was read here."""
        now = self._marks
        if now is None or marks is None or now is marks:
            return now is marks
        return now.others == marks.others and now.entries <= self._read[0]

    async def each_text(self) -> AsyncIterator[tuple[str, Label, bool]]:
        """Give every entry's value, every note's and every part's text, each kind oldest first.

        The truth value says that the text is one value, to be found by itself however short. What models
        said is left out: their set phrases are everybody's, and what they repeat of others is known by the
        others' own words. What is written meanwhile may or may not be among it.
        """
        for page, whole in self._kinds:
            async for text, label in self._paged(page):
                if text:
                    yield text, label, whole

    async def _paged(self, page: _Reader) -> AsyncIterator[tuple[str, Label]]:
        after = 0
        while found := await self._database.read(partial(page, after)):
            for _, text, label in found:
                yield text, label
            after = found[-1][0]

    def _entries(self, after: int) -> Job[_Page]:
        rows = yield from self._shelf.page(None, after)
        return [(row_id, entry.value, entry.label) for row_id, _, _, entry in rows]

    def _parts(self, after: int) -> Job[_Page]:
        rows = yield (
            (
                "SELECT id, session, position, tenant, part, key, sealed FROM parts"
                " WHERE id > ? ORDER BY id LIMIT ?"
            ),
            (after, PAGE),
        )
        found: _Page = []
        for row_id, session, position, tenant, part_id, key, sealed in rows:
            row = row_of_part(session, position)
            part = part_from(
                (yield from self._keyring.open(key, sealed, table="parts", row=row, tenant=tenant))
            )
            if part.id != part_id:
                raise IntegrityError("a stored part contradicts its row")
            found.append((row_id, "" if part.origin is Origin.MODEL else part.text, part.label))
        return found
