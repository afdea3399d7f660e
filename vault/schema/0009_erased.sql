-- Receipts whose content was erased. Body, session, reference and salt are gone; the mark, made with the
-- deployment's secret, is bound to the hash that stays, so that what was erased can be told from what somebody
-- removed.

CREATE TABLE erased (
    tenant TEXT NOT NULL,
    seq    INTEGER NOT NULL,
    mac    TEXT NOT NULL,
    PRIMARY KEY (tenant, seq)
) STRICT, WITHOUT ROWID;

-- Where new sessions of a tenant begin to count: over all that erased ones had counted. So no later turn gets
-- the id or the reference of an erased one, and no process that held one can write under its old epoch.

CREATE TABLE floors (
    tenant TEXT PRIMARY KEY,
    epoch  INTEGER NOT NULL,
    turns  INTEGER NOT NULL
) STRICT;
