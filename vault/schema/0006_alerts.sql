-- What operators are told, and on which route. An incident groups the violations of one tenant, layer and rule
-- on one route; a delivery is one message about it, whose id stays the same however often it is sent. Nothing
-- here was said by anybody: names of the configuration, ids, counts, and previews, which hold type and length.

CREATE TABLE incidents (
    id       TEXT PRIMARY KEY,
    route    TEXT NOT NULL,
    tenant   TEXT NOT NULL,
    layer    TEXT NOT NULL,
    rule     TEXT NOT NULL,
    state    TEXT NOT NULL CHECK (state IN ('live', 'quiet', 'closed')),
    severity TEXT NOT NULL,
    count    INTEGER NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms  INTEGER NOT NULL,
    seen_ms  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX incidents_live ON incidents (route, tenant, layer, rule) WHERE state = 'live';
CREATE INDEX incidents_open ON incidents (tenant, layer, rule) WHERE state <> 'closed';

CREATE TABLE deliveries (
    n        INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    incident TEXT NOT NULL REFERENCES incidents (id),
    route    TEXT NOT NULL,
    tenant   TEXT NOT NULL,
    verb     TEXT NOT NULL CHECK (verb IN ('trigger', 'update', 'resolve')),
    kind     TEXT NOT NULL,
    severity TEXT NOT NULL,
    ref      TEXT NOT NULL,
    preview  TEXT NOT NULL,
    count    INTEGER NOT NULL,
    last_ms  INTEGER NOT NULL,
    state    TEXT NOT NULL CHECK (state IN ('waiting', 'sending', 'sent', 'dead')),
    attempts INTEGER NOT NULL,
    due_ms   INTEGER NOT NULL,
    at_ms    INTEGER NOT NULL,
    end_ms   INTEGER,
    holder   TEXT,
    fault    TEXT NOT NULL
) STRICT;
CREATE INDEX deliveries_by_incident ON deliveries (incident, n);
CREATE INDEX deliveries_waiting ON deliveries (route, due_ms) WHERE state = 'waiting';
CREATE INDEX deliveries_sending ON deliveries (holder) WHERE state = 'sending';
CREATE INDEX deliveries_sent ON deliveries (route, end_ms) WHERE state = 'sent';
CREATE INDEX deliveries_dead ON deliveries (n) WHERE state = 'dead';

-- How the receiver of a route does; the mark is a keyed digest of its address.

CREATE TABLE receivers (
    route    TEXT PRIMARY KEY,
    mark     TEXT NOT NULL,
    failures INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    gone     INTEGER NOT NULL CHECK (gone IN (0, 1))
) STRICT, WITHOUT ROWID;
