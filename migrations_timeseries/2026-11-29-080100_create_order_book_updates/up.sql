CREATE TABLE order_book_updates (
    symbol_id bigint NOT NULL,
    update_time timestamptz NOT NULL,
    sequence bigint NOT NULL,
    bid_prices numeric(27, 12)[] NOT NULL,
    bid_quantities numeric(27, 12)[] NOT NULL,
    ask_prices numeric(27, 12)[] NOT NULL,
    ask_quantities numeric(27, 12)[] NOT NULL,
    PRIMARY KEY (symbol_id, update_time, sequence),
    CONSTRAINT order_book_updates_symbol_id_positive CHECK (symbol_id > 0),
    CONSTRAINT order_book_updates_update_time_range CHECK (
        update_time >= timestamptz '1970-01-01 00:00:00+00' AND update_time < timestamptz '2100-01-01 00:00:00+00'
    ),
    CONSTRAINT order_book_updates_sequence_not_negative CHECK (sequence >= 0),
    CONSTRAINT order_book_updates_bids_even CHECK (
        cardinality(bid_prices) = cardinality(bid_quantities) AND cardinality(bid_prices) <= 2000
        AND coalesce(array_ndims(bid_prices), 1) = 1 AND coalesce(array_ndims(bid_quantities), 1) = 1
    ),
    CONSTRAINT order_book_updates_asks_even CHECK (
        cardinality(ask_prices) = cardinality(ask_quantities) AND cardinality(ask_prices) <= 2000
        AND coalesce(array_ndims(ask_prices), 1) = 1 AND coalesce(array_ndims(ask_quantities), 1) = 1
    ),
    -- a comparison with NULL is NULL, and NaN is greater than every number
    CONSTRAINT order_book_updates_prices_numbers CHECK (
        ('NaN' > ALL (bid_prices)) IS TRUE AND ('NaN' > ALL (ask_prices)) IS TRUE
    ),
    CONSTRAINT order_book_updates_quantities_not_negative CHECK (
        (0 <= ALL (bid_quantities) AND 'NaN' > ALL (bid_quantities)) IS TRUE
        AND (0 <= ALL (ask_quantities) AND 'NaN' > ALL (ask_quantities)) IS TRUE
    )
);

-- as for ticks, a BRIN index replaces the default b-tree
SELECT create_hypertable('order_book_updates', by_range('update_time', INTERVAL '1 day'), create_default_indexes => false);
CREATE INDEX order_book_updates_update_time_brin ON order_book_updates USING brin (update_time);

COMMENT ON TABLE order_book_updates IS 'Changes of order books, identified by (symbol_id, update_time, sequence).';
COMMENT ON COLUMN order_book_updates.symbol_id IS 'symbols.symbol_id of the metadata database.';
COMMENT ON COLUMN order_book_updates.update_time IS 'Time of the message at the venue, in microseconds; from 1970 to before 2100, UTC.';
COMMENT ON COLUMN order_book_updates.sequence IS 'Position within the instant: number of the venue, or 0, 1, 2 … in the order of the feed.';
COMMENT ON COLUMN order_book_updates.bid_prices IS 'Prices of the changed bids, in the quote currency, the highest first; may be negative or zero.';
COMMENT ON COLUMN order_book_updates.bid_quantities IS 'New quantities of these bids, in units of the instrument; 0 removes the level.';
COMMENT ON COLUMN order_book_updates.ask_prices IS 'Prices of the changed asks, in the quote currency, the lowest first; may be negative or zero.';
COMMENT ON COLUMN order_book_updates.ask_quantities IS 'New quantities of these asks, in units of the instrument; 0 removes the level.';
