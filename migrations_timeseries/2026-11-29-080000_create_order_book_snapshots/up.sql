CREATE TABLE order_book_snapshots (
    symbol_id bigint NOT NULL,
    snapshot_time timestamptz NOT NULL,
    sequence bigint NOT NULL,
    bid_prices numeric(27, 12)[] NOT NULL,
    bid_quantities numeric(27, 12)[] NOT NULL,
    ask_prices numeric(27, 12)[] NOT NULL,
    ask_quantities numeric(27, 12)[] NOT NULL,
    depth smallint NOT NULL,
    checksum bigint,
    source text NOT NULL,
    valid_since timestamptz NOT NULL,
    PRIMARY KEY (symbol_id, snapshot_time, sequence),
    CONSTRAINT order_book_snapshots_symbol_id_positive CHECK (symbol_id > 0),
    CONSTRAINT order_book_snapshots_snapshot_time_range CHECK (
        snapshot_time >= timestamptz '1970-01-01 00:00:00+00' AND snapshot_time < timestamptz '2100-01-01 00:00:00+00'
    ),
    CONSTRAINT order_book_snapshots_sequence_not_negative CHECK (sequence >= 0),
    CONSTRAINT order_book_snapshots_depth_range CHECK (depth BETWEEN 1 AND 1000),
    CONSTRAINT order_book_snapshots_bids_even CHECK (
        cardinality(bid_prices) = cardinality(bid_quantities) AND cardinality(bid_prices) <= depth
        AND coalesce(array_ndims(bid_prices), 1) = 1 AND coalesce(array_ndims(bid_quantities), 1) = 1
    ),
    CONSTRAINT order_book_snapshots_asks_even CHECK (
        cardinality(ask_prices) = cardinality(ask_quantities) AND cardinality(ask_prices) <= depth
        AND coalesce(array_ndims(ask_prices), 1) = 1 AND coalesce(array_ndims(ask_quantities), 1) = 1
    ),
    -- a comparison with NULL is NULL, and NaN is greater than every number
    CONSTRAINT order_book_snapshots_prices_numbers CHECK (
        ('NaN' > ALL (bid_prices)) IS TRUE AND ('NaN' > ALL (ask_prices)) IS TRUE
    ),
    CONSTRAINT order_book_snapshots_quantities_positive CHECK (
        (0 < ALL (bid_quantities) AND 'NaN' > ALL (bid_quantities)) IS TRUE
        AND (0 < ALL (ask_quantities) AND 'NaN' > ALL (ask_quantities)) IS TRUE
    ),
    CONSTRAINT order_book_snapshots_uncrossed CHECK (bid_prices[1] < ask_prices[1]),
    CONSTRAINT order_book_snapshots_source_length CHECK (char_length(source) BETWEEN 1 AND 50),
    CONSTRAINT order_book_snapshots_valid_since_range CHECK (
        valid_since >= timestamptz '1970-01-01 00:00:00+00' AND valid_since <= snapshot_time
    )
);

-- as for ticks, a BRIN index replaces the default b-tree
SELECT create_hypertable('order_book_snapshots', by_range('snapshot_time', INTERVAL '1 day'), create_default_indexes => false);
CREATE INDEX order_book_snapshots_snapshot_time_brin ON order_book_snapshots USING brin (snapshot_time);

COMMENT ON TABLE order_book_snapshots IS 'Snapshots of order books, identified by (symbol_id, snapshot_time, sequence).';
COMMENT ON COLUMN order_book_snapshots.symbol_id IS 'symbols.symbol_id of the metadata database.';
COMMENT ON COLUMN order_book_snapshots.snapshot_time IS 'Time of the last message that the book includes, in microseconds; from 1970 to before 2100, UTC.';
COMMENT ON COLUMN order_book_snapshots.sequence IS 'Position within the instant: number of the venue, or 0, 1, 2 … in the order of the feed.';
COMMENT ON COLUMN order_book_snapshots.bid_prices IS 'Prices of the bids, in the quote currency, the highest first; may be negative or zero.';
COMMENT ON COLUMN order_book_snapshots.bid_quantities IS 'Quantities of the bids, in units of the instrument; greater than zero.';
COMMENT ON COLUMN order_book_snapshots.ask_prices IS 'Prices of the asks, in the quote currency, the lowest first; may be negative or zero.';
COMMENT ON COLUMN order_book_snapshots.ask_quantities IS 'Quantities of the asks, in units of the instrument; greater than zero.';
COMMENT ON COLUMN order_book_snapshots.depth IS 'Largest number of stored levels of a side, 1 to 1000; a side with fewer levels is complete.';
COMMENT ON COLUMN order_book_snapshots.checksum IS 'Checksum of the venue. NULL: the venue has none.';
COMMENT ON COLUMN order_book_snapshots.source IS 'Feed or program that made the snapshot, 1 to 50 characters.';
COMMENT ON COLUMN order_book_snapshots.valid_since IS 'Time since which the book was valid without interruption; at most snapshot_time.';
