-- What the excerpt index gave away to whom: a mark for each different text of others that was found in a
-- principal's turns, made with the deployment's secret. What is older than the window is deleted with the next one.

CREATE TABLE foreign_findings (
    tenant    TEXT NOT NULL,
    principal TEXT NOT NULL,
    mark      TEXT NOT NULL,
    at_ms     INTEGER NOT NULL,
    PRIMARY KEY (tenant, principal, mark)
) STRICT, WITHOUT ROWID;

-- Principals to whom everything is refused, and until when.

CREATE TABLE holds (
    tenant    TEXT NOT NULL,
    principal TEXT NOT NULL,
    ref       TEXT NOT NULL,
    at_ms     INTEGER NOT NULL,
    until_ms  INTEGER NOT NULL,
    PRIMARY KEY (tenant, principal)
) STRICT, WITHOUT ROWID;
