-- Every table that keeps somebody's data names its tenant. What people wrote stands in `sealed` columns only.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

CREATE TABLE holders (
    id   TEXT PRIMARY KEY,
    beat INTEGER NOT NULL
) STRICT;

CREATE TABLE tenants (
    id       TEXT PRIMARY KEY,
    first_ms INTEGER NOT NULL,
    last_ms  INTEGER NOT NULL
) STRICT;

CREATE TABLE principals (
    tenant   TEXT NOT NULL,
    id       TEXT NOT NULL,
    kind     TEXT NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms  INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;

CREATE TABLE keys (
    id        TEXT PRIMARY KEY,
    tenant    TEXT NOT NULL,
    principal TEXT,
    parent    TEXT REFERENCES keys (id),
    wrapped   BLOB NOT NULL,
    current   INTEGER NOT NULL CHECK (current IN (0, 1))
) STRICT;
CREATE UNIQUE INDEX keys_of_tenants ON keys (tenant) WHERE current = 1 AND principal IS NULL;
CREATE UNIQUE INDEX keys_of_principals ON keys (tenant, principal) WHERE current = 1 AND principal IS NOT NULL;
CREATE INDEX keys_by_parent ON keys (parent);

CREATE TABLE sessions (
    id        TEXT PRIMARY KEY,
    tenant    TEXT NOT NULL,
    principal TEXT NOT NULL,
    owner     TEXT NOT NULL,
    epoch     INTEGER NOT NULL,
    holder    TEXT,
    turns     INTEGER NOT NULL,
    tail      INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_principal ON sessions (tenant, principal);

CREATE TABLE parts (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    session  TEXT NOT NULL REFERENCES sessions (id),
    position INTEGER NOT NULL,
    tenant   TEXT NOT NULL,
    part     TEXT NOT NULL,
    key      TEXT NOT NULL REFERENCES keys (id),
    sealed   BLOB NOT NULL,
    UNIQUE (session, position)
) STRICT;
CREATE INDEX parts_by_key ON parts (key);

CREATE TABLE entries (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    row        TEXT NOT NULL UNIQUE,
    tenant     TEXT NOT NULL,
    lookup     TEXT NOT NULL,
    readers    TEXT NOT NULL,
    at_ms      INTEGER NOT NULL,
    codepoints INTEGER NOT NULL,
    key        TEXT NOT NULL REFERENCES keys (id),
    sealed     BLOB NOT NULL,
    UNIQUE (tenant, lookup, readers)
) STRICT;
CREATE INDEX entries_by_key ON entries (key);

CREATE TABLE entry_readers (
    tenant TEXT NOT NULL,
    reader TEXT NOT NULL,
    lookup TEXT NOT NULL,
    entry  INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
    PRIMARY KEY (tenant, reader, lookup, entry)
) STRICT, WITHOUT ROWID;
CREATE INDEX entry_readers_by_entry ON entry_readers (entry);

CREATE TABLE notes (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    row    TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    reader TEXT NOT NULL,
    key    TEXT NOT NULL REFERENCES keys (id),
    sealed BLOB NOT NULL
) STRICT;
CREATE INDEX notes_by_reader ON notes (tenant, reader, id);
CREATE INDEX notes_by_key ON notes (key);

CREATE TABLE chains (
    tenant TEXT PRIMARY KEY,
    seq    INTEGER NOT NULL,
    at_ms  INTEGER NOT NULL,
    hash   TEXT NOT NULL,
    mac    TEXT NOT NULL
) STRICT;

CREATE TABLE receipts (
    tenant   TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    entry    TEXT NOT NULL UNIQUE,
    ref      TEXT NOT NULL,
    session  TEXT NOT NULL,
    at_ms    INTEGER NOT NULL,
    body     TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash     TEXT NOT NULL,
    PRIMARY KEY (tenant, seq)
) STRICT;
CREATE INDEX receipts_by_ref ON receipts (ref);

CREATE TABLE records (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant    TEXT NOT NULL,
    seq       INTEGER NOT NULL,
    n         INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    layer     TEXT NOT NULL,
    rule      TEXT NOT NULL,
    severity  TEXT NOT NULL,
    violation INTEGER NOT NULL CHECK (violation IN (0, 1)),
    count     INTEGER NOT NULL,
    slot      TEXT NOT NULL,
    preview   TEXT NOT NULL,
    UNIQUE (tenant, seq, n),
    FOREIGN KEY (tenant, seq) REFERENCES receipts (tenant, seq)
) STRICT;
CREATE INDEX violations ON records (tenant, id) WHERE violation = 1;

CREATE TABLE outbox (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant   TEXT NOT NULL,
    record   INTEGER NOT NULL UNIQUE REFERENCES records (id),
    state    TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'failed')),
    at_ms    INTEGER NOT NULL,
    attempts INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_by_state ON outbox (state, id);

CREATE TABLE effects (
    n       INTEGER PRIMARY KEY AUTOINCREMENT,
    id      TEXT NOT NULL UNIQUE,
    tenant  TEXT NOT NULL,
    session TEXT NOT NULL,
    turn    TEXT NOT NULL,
    ref     TEXT NOT NULL,
    kind    TEXT NOT NULL,
    digest  TEXT NOT NULL,
    holder  TEXT NOT NULL,
    state   TEXT NOT NULL CHECK (state IN ('intent', 'done', 'failed', 'cancelled', 'unknown')),
    at_ms   INTEGER NOT NULL,
    end_ms  INTEGER
) STRICT;
CREATE INDEX effects_by_turn ON effects (tenant, turn);
CREATE INDEX effects_open ON effects (state, n) WHERE state IN ('intent', 'unknown');
