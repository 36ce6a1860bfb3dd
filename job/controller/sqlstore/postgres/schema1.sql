-- One table for every kind of record. Room is left in each page, so that a change of a value seldom changes the index.
CREATE TABLE patchpolicy_records (
    tbl   TEXT COLLATE "C" NOT NULL,
    key   BYTEA NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (tbl, key)
) WITH (fillfactor = 80);
