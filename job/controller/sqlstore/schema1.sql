-- One table for every kind of record: a new kind needs no new schema. Keys are BLOBs, which compare as bytes.
CREATE TABLE records (
    tbl   TEXT NOT NULL,
    key   BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (tbl, key)
);
-- One row: whether a server has the file open, and, in a backup, when it was made (seconds since 1970).
CREATE TABLE session (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    open  INTEGER NOT NULL,
    saved INTEGER NOT NULL
);
INSERT INTO session VALUES (1, 0, 0);
