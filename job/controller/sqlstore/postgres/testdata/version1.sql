-- The tables of version 1, in the form of pg_dump.
CREATE TABLE patchpolicy_records (
    tbl text NOT NULL COLLATE pg_catalog."C",
    key bytea NOT NULL,
    value bytea NOT NULL
)
WITH (fillfactor='80');
CREATE TABLE patchpolicy_schema (
    one smallint NOT NULL,
    version integer NOT NULL,
    CONSTRAINT patchpolicy_schema_one_check CHECK ((one = 1))
);
INSERT INTO patchpolicy_records VALUES ('assets', '\x7765622d310001', '\x7b226964223a227765622d31227d');
INSERT INTO patchpolicy_records VALUES ('assets', '\xff00', '\x');
INSERT INTO patchpolicy_records VALUES ('meta', '\x666f726d61740001', '\x31');
INSERT INTO patchpolicy_schema VALUES (1, 1);
ALTER TABLE ONLY patchpolicy_records ADD CONSTRAINT patchpolicy_records_pkey PRIMARY KEY (tbl, key);
ALTER TABLE ONLY patchpolicy_schema ADD CONSTRAINT patchpolicy_schema_pkey PRIMARY KEY (one);
