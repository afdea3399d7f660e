-- What a bot took on and has not finished. A delivery is acknowledged once its row is committed; what was said
-- stands in `sealed` until it is answered. The marks are keyed digests, which outlive the content, so that a
-- delivery that comes again is known again.

CREATE TABLE inbox (
    n      INTEGER PRIMARY KEY AUTOINCREMENT,
    row    TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    lane   TEXT NOT NULL,
    holder TEXT NOT NULL,
    state  TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'unknown')),
    turn   TEXT,
    ref    TEXT,
    at_ms  INTEGER NOT NULL,
    end_ms INTEGER,
    key    TEXT REFERENCES keys (id),
    sealed BLOB
) STRICT;
CREATE INDEX inbox_open ON inbox (holder, n) WHERE state IN ('waiting', 'running');
CREATE INDEX inbox_unknown ON inbox (tenant, n) WHERE state = 'unknown';
CREATE INDEX inbox_done ON inbox (end_ms) WHERE state = 'done';
CREATE INDEX inbox_by_key ON inbox (key);

CREATE TABLE inbox_marks (
    mark  TEXT PRIMARY KEY,
    entry INTEGER NOT NULL REFERENCES inbox (n) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX inbox_marks_by_entry ON inbox_marks (entry);
