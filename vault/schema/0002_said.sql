-- Which message opened which turn, so that what was said in it can be emptied when the message is taken back.
-- The mark is a keyed digest: the table tells neither ids nor places.

CREATE TABLE said (
    mark    TEXT NOT NULL,
    session TEXT NOT NULL REFERENCES sessions (id),
    turn    INTEGER NOT NULL,
    first   INTEGER NOT NULL,
    PRIMARY KEY (mark, session, turn)
) STRICT, WITHOUT ROWID;
CREATE INDEX said_by_session ON said (session, turn);
