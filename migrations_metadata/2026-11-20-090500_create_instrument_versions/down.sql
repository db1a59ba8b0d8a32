DROP TABLE instrument_versions;

ALTER TABLE feed_symbols
    DROP COLUMN listed_name,
    DROP COLUMN listed;
