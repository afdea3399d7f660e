-- One log over the receipts of all tenants: a leaf for each, and the tree of RFC 9162 over them. A leaf is a
-- commitment under `salt`; without the salt nobody can try what stands behind it, so erasing is setting it to
-- NULL. Subtrees that are full never change. The head is under a MAC, and open_vault makes it: it first puts the
-- receipts of older programs into the log.

CREATE TABLE log_head (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    size  INTEGER NOT NULL,
    peaks TEXT NOT NULL,
    mac   TEXT NOT NULL
) STRICT;

CREATE TABLE log_leaves (
    position INTEGER PRIMARY KEY,
    tenant   TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    salt     BLOB,
    UNIQUE (tenant, seq),
    FOREIGN KEY (tenant, seq) REFERENCES receipts (tenant, seq)
) STRICT;

CREATE TABLE log_nodes (
    level    INTEGER NOT NULL,
    position INTEGER NOT NULL,
    hash     BLOB NOT NULL,
    PRIMARY KEY (level, position)
) STRICT, WITHOUT ROWID;

-- What was signed about the log, as it was signed.

CREATE TABLE checkpoints (
    size  INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    note  TEXT NOT NULL
) STRICT;
