-- Which workspaces installed the app. The tokens stand in `sealed`, under the key of the tenant that owns the
-- workspace; the row is a keyed digest of app, organisation and workspace, and the other columns are for lists.

CREATE TABLE installations (
    row        TEXT PRIMARY KEY,
    tenant     TEXT NOT NULL,
    app        TEXT NOT NULL,
    enterprise TEXT,
    team       TEXT NOT NULL,
    bot_user   TEXT NOT NULL,
    scopes     TEXT NOT NULL,
    installer  TEXT NOT NULL,
    at_ms      INTEGER NOT NULL,
    key        TEXT NOT NULL REFERENCES keys (id),
    sealed     BLOB NOT NULL
) STRICT;
CREATE INDEX installations_by_key ON installations (key);

-- States of an installation that a browser came back with: none opens a second one. They are kept until they
-- end; the mark is a keyed digest.

CREATE TABLE install_states (
    mark   TEXT PRIMARY KEY,
    end_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX install_states_by_end ON install_states (end_ms);
