CREATE TABLE book_intervals (
    symbol_id bigint NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz,
    reason text,
    PRIMARY KEY (symbol_id, valid_from),
    CONSTRAINT book_intervals_symbol_id_positive CHECK (symbol_id > 0),
    CONSTRAINT book_intervals_valid_from_range CHECK (
        valid_from >= timestamptz '1970-01-01 00:00:00+00' AND valid_from < timestamptz '2100-01-01 00:00:00+00'
    ),
    CONSTRAINT book_intervals_valid_to_range CHECK (
        valid_to >= valid_from AND valid_to < timestamptz '2100-01-01 00:00:00+00'
    ),
    CONSTRAINT book_intervals_end_has_a_reason CHECK ((valid_to IS NULL) = (reason IS NULL)),
    CONSTRAINT book_intervals_reason_known CHECK (
        reason IN (
            'gap', 'checksum', 'crossed', 'silence', 'overflow', 'malformed', 'disconnected', 'stopped', 'deleted'
        )
    )
);

COMMENT ON TABLE book_intervals IS 'Times in which the book of a symbol was valid without interruption, identified by (symbol_id, valid_from). Outside of them its levels are not known.';
COMMENT ON COLUMN book_intervals.symbol_id IS 'symbols.symbol_id of the metadata database.';
COMMENT ON COLUMN book_intervals.valid_from IS 'Time of the snapshot that made the book valid, inclusive.';
COMMENT ON COLUMN book_intervals.valid_to IS 'Time from which the book is not known, exclusive. NULL: it is valid.';
COMMENT ON COLUMN book_intervals.reason IS 'Reason of the end: of a stale book gap, checksum, crossed, silence, overflow, malformed or disconnected; stopped (the recorder ended); deleted (rows were deleted). NULL: it is valid.';
