CREATE TABLE trades (
    symbol_id bigint NOT NULL,
    trade_time timestamptz NOT NULL,
    sequence bigint NOT NULL,
    price numeric(27, 12) NOT NULL,
    quantity numeric(27, 12) NOT NULL,
    aggressor_side text,
    is_block boolean NOT NULL,
    trade_id text,
    received_at timestamptz,
    PRIMARY KEY (symbol_id, trade_time, sequence),
    CONSTRAINT trades_symbol_id_positive CHECK (symbol_id > 0),
    CONSTRAINT trades_trade_time_range CHECK (
        trade_time >= timestamptz '1970-01-01 00:00:00+00' AND trade_time < timestamptz '2100-01-01 00:00:00+00'
    ),
    CONSTRAINT trades_sequence_not_negative CHECK (sequence >= 0),
    CONSTRAINT trades_price_number CHECK (price <> 'NaN'),
    -- NaN is greater than every number
    CONSTRAINT trades_quantity_positive CHECK (quantity > 0 AND quantity <> 'NaN'),
    CONSTRAINT trades_aggressor_side_known CHECK (aggressor_side IN ('buy', 'sell')),
    CONSTRAINT trades_trade_id_length CHECK (char_length(trade_id) BETWEEN 1 AND 100),
    CONSTRAINT trades_received_at_range CHECK (
        received_at >= timestamptz '1970-01-01 00:00:00+00' AND received_at < timestamptz '2100-01-01 00:00:00+00'
    )
);

-- as for ticks, a BRIN index replaces the default b-tree
SELECT create_hypertable('trades', by_range('trade_time', INTERVAL '1 day'), create_default_indexes => false);
CREATE INDEX trades_trade_time_brin ON trades USING brin (trade_time);

COMMENT ON TABLE trades IS 'Trades, identified by (symbol_id, trade_time, sequence).';
COMMENT ON COLUMN trades.symbol_id IS 'symbols.symbol_id of the metadata database.';
COMMENT ON COLUMN trades.trade_time IS 'Time of the trade at the venue, in microseconds; from 1970 to before 2100, UTC.';
COMMENT ON COLUMN trades.sequence IS 'Position within the instant: number of the venue, or 0, 1, 2 … in the order of the feed.';
COMMENT ON COLUMN trades.price IS 'Price of one unit, in the quote currency; may be negative or zero.';
COMMENT ON COLUMN trades.quantity IS 'Traded quantity, in units of the instrument; greater than zero.';
COMMENT ON COLUMN trades.aggressor_side IS 'Side of the order that removed liquidity: buy or sell. NULL: unknown.';
COMMENT ON COLUMN trades.is_block IS 'Whether the trade was negotiated outside of the order book.';
COMMENT ON COLUMN trades.trade_id IS 'Id of a venue whose ids are not integers, 1 to 100 characters. NULL: the venue has no such ids.';
COMMENT ON COLUMN trades.received_at IS 'Time at which this system received the trade; not part of its identity. NULL: unknown.';
