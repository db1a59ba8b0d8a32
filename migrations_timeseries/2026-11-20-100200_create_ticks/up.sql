CREATE TABLE ticks (
    symbol_id bigint NOT NULL,
    tick_time timestamptz NOT NULL,
    sequence bigint NOT NULL,
    bid_price numeric(27, 12),
    ask_price numeric(27, 12),
    bid_volume numeric(27, 12),
    ask_volume numeric(27, 12),
    received_at timestamptz,
    PRIMARY KEY (symbol_id, tick_time, sequence),
    CONSTRAINT ticks_symbol_id_positive CHECK (symbol_id > 0),
    CONSTRAINT ticks_tick_time_range CHECK (
        tick_time >= timestamptz '1970-01-01 00:00:00+00' AND tick_time < timestamptz '2100-01-01 00:00:00+00'
    ),
    CONSTRAINT ticks_sequence_not_negative CHECK (sequence >= 0),
    CONSTRAINT ticks_side_present CHECK (bid_price IS NOT NULL OR ask_price IS NOT NULL),
    -- a CHECK passes if its result is NULL
    CONSTRAINT ticks_prices_numbers CHECK (bid_price <> 'NaN' AND ask_price <> 'NaN'),
    CONSTRAINT ticks_volumes_have_prices CHECK (
        (bid_volume IS NULL OR bid_price IS NOT NULL) AND (ask_volume IS NULL OR ask_price IS NOT NULL)
    ),
    -- NaN is greater than every number, so that >= 0 alone accepts it
    CONSTRAINT ticks_volumes_not_negative CHECK (
        bid_volume >= 0 AND ask_volume >= 0 AND bid_volume <> 'NaN' AND ask_volume <> 'NaN'
    ),
    CONSTRAINT ticks_received_at_range CHECK (
        received_at >= timestamptz '1970-01-01 00:00:00+00' AND received_at < timestamptz '2100-01-01 00:00:00+00'
    )
);

-- The default b-tree on tick_time costs a third of the write speed and misleads the planner, so a BRIN
-- index replaces it, which costs nothing.
SELECT create_hypertable('ticks', by_range('tick_time', INTERVAL '1 day'), create_default_indexes => false);
CREATE INDEX ticks_tick_time_brin ON ticks USING brin (tick_time);

COMMENT ON TABLE ticks IS 'Quotes, identified by (symbol_id, tick_time, sequence).';
COMMENT ON COLUMN ticks.symbol_id IS 'symbols.symbol_id of the metadata database.';
COMMENT ON COLUMN ticks.tick_time IS 'Time of the tick at the venue, in microseconds; from 1970 to before 2100, UTC.';
COMMENT ON COLUMN ticks.sequence IS 'Position within the instant: number of the venue, or 0, 1, 2 … in the order of the feed.';
COMMENT ON COLUMN ticks.bid_price IS 'Price at which one can sell, in the quote currency; may be negative. NULL: the bid is absent.';
COMMENT ON COLUMN ticks.ask_price IS 'Price at which one can buy, in the quote currency; may be below the bid. NULL: the ask is absent.';
COMMENT ON COLUMN ticks.bid_volume IS 'Quantity offered at the bid, in units of the instrument. NULL: unknown, or the bid is absent.';
COMMENT ON COLUMN ticks.ask_volume IS 'Quantity offered at the ask, in units of the instrument. NULL: unknown, or the ask is absent.';
COMMENT ON COLUMN ticks.received_at IS 'Time at which this system received the tick; not part of its identity. NULL: unknown.';
