CREATE TABLE exchanges (
    name text PRIMARY KEY,
    description text NOT NULL DEFAULT '',
    code text,
    time_zone text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT exchanges_name_length CHECK (char_length(name) BETWEEN 1 AND 50),
    -- exchange:name is split at the first colon
    CONSTRAINT exchanges_name_without_colon CHECK (strpos(name, ':') = 0),
    CONSTRAINT exchanges_code_length CHECK (char_length(code) BETWEEN 1 AND 20),
    CONSTRAINT exchanges_time_zone_form CHECK (time_zone ~ '^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$')
);

-- Names are unique without regard to case. The collation "C" folds only A to Z, identically on every server.
CREATE UNIQUE INDEX exchanges_folded_name_key ON exchanges (lower(name COLLATE "C"));

COMMENT ON TABLE exchanges IS 'Exchanges, brokers and feeds that quote symbols.';
COMMENT ON COLUMN exchanges.name IS 'Name, 1 to 50 characters, such as oanda; unique without regard to case.';
COMMENT ON COLUMN exchanges.description IS 'Free text; may be empty.';
COMMENT ON COLUMN exchanges.code IS 'Code of the venue, 1 to 20 characters, such as its MIC XNYS. NULL: unknown.';
COMMENT ON COLUMN exchanges.time_zone IS 'IANA time zone, such as America/New_York. NULL: unknown.';
COMMENT ON COLUMN exchanges.created_at IS 'Time at which the row was created.';
