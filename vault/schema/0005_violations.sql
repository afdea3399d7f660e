-- How far the records of a tenant were pruned by age: those of receipts up to `seq` are gone, the receipts stay.
-- The mark is sealed with the deployment's secret and bound to that receipt, so that a range which was pruned can
-- be told from one that somebody removed.

CREATE TABLE pruned (
    tenant TEXT PRIMARY KEY,
    seq    INTEGER NOT NULL,
    at_ms  INTEGER NOT NULL,
    mac    TEXT NOT NULL
) STRICT;
