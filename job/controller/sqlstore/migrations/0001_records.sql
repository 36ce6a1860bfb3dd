-- One table for every kind of record: a new kind needs no new schema. Keys are BLOBs, which compare as bytes.
CREATE TABLE records (
    tbl   TEXT NOT NULL,
    key   BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (tbl, key)
);
