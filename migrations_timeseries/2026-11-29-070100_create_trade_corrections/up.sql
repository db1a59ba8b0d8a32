CREATE TABLE trade_corrections (
    correction_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    symbol_id bigint NOT NULL,
    trade_time timestamptz NOT NULL,
    sequence bigint,
    trade_id text,
    is_cancelled boolean NOT NULL,
    price numeric(27, 12),
    quantity numeric(27, 12),
    aggressor_side text,
    is_block boolean,
    corrected_at timestamptz NOT NULL,
    source text NOT NULL,
    recorded_at timestamptz NOT NULL,
    before_sequence bigint,
    before_price numeric(27, 12),
    before_quantity numeric(27, 12),
    before_aggressor_side text,
    before_is_block boolean,
    before_trade_id text,
    before_received_at timestamptz,
    -- the corrections of an instant are found by the first two columns
    CONSTRAINT trade_corrections_once UNIQUE NULLS NOT DISTINCT (
        symbol_id, trade_time, sequence, trade_id, corrected_at, is_cancelled, price, quantity, aggressor_side,
        is_block
    ),
    CONSTRAINT trade_corrections_symbol_id_positive CHECK (symbol_id > 0),
    CONSTRAINT trade_corrections_one_reference CHECK ((sequence IS NULL) <> (trade_id IS NULL)),
    CONSTRAINT trade_corrections_sequence_not_negative CHECK (sequence >= 0),
    CONSTRAINT trade_corrections_trade_id_length CHECK (char_length(trade_id) BETWEEN 1 AND 100),
    CONSTRAINT trade_corrections_content_present CHECK (
        is_cancelled = (price IS NULL) AND is_cancelled = (quantity IS NULL) AND is_cancelled = (is_block IS NULL)
    ),
    CONSTRAINT trade_corrections_quantity_positive CHECK (quantity > 0 AND quantity <> 'NaN'),
    CONSTRAINT trade_corrections_aggressor_side_known CHECK (aggressor_side IN ('buy', 'sell')),
    CONSTRAINT trade_corrections_source_length CHECK (char_length(source) BETWEEN 1 AND 50),
    CONSTRAINT trade_corrections_before_present CHECK (
        (before_sequence IS NULL) = (before_price IS NULL)
        AND (before_sequence IS NULL) = (before_quantity IS NULL)
        AND (before_sequence IS NULL) = (before_is_block IS NULL)
    )
);

COMMENT ON TABLE trade_corrections IS 'Corrections and cancellations of trades. Of the corrections of one trade the latest one decides.';
COMMENT ON COLUMN trade_corrections.correction_id IS 'Id, ascending in the order of insertion.';
COMMENT ON COLUMN trade_corrections.symbol_id IS 'symbols.symbol_id of the metadata database.';
COMMENT ON COLUMN trade_corrections.trade_time IS 'Time of the trade at the venue, in microseconds, UTC.';
COMMENT ON COLUMN trade_corrections.sequence IS 'Number of the trade. NULL: it is named by its id.';
COMMENT ON COLUMN trade_corrections.trade_id IS 'Id of the trade. NULL: it is named by its number.';
COMMENT ON COLUMN trade_corrections.is_cancelled IS 'Whether the trade is removed.';
COMMENT ON COLUMN trade_corrections.price IS 'Corrected price of one unit, in the quote currency. NULL: cancelled.';
COMMENT ON COLUMN trade_corrections.quantity IS 'Corrected quantity, in units of the instrument. NULL: cancelled.';
COMMENT ON COLUMN trade_corrections.aggressor_side IS 'Corrected side: buy or sell. NULL: unknown, or cancelled.';
COMMENT ON COLUMN trade_corrections.is_block IS 'Corrected block flag. NULL: cancelled.';
COMMENT ON COLUMN trade_corrections.corrected_at IS 'Time at which the venue corrected the trade.';
COMMENT ON COLUMN trade_corrections.source IS 'Origin of the correction, 1 to 50 characters, such as the name of a feed.';
COMMENT ON COLUMN trade_corrections.recorded_at IS 'Time at which the correction was recorded.';
COMMENT ON COLUMN trade_corrections.before_sequence IS 'Sequence of the trade. NULL: the correction was not applied.';
COMMENT ON COLUMN trade_corrections.before_price IS 'Price before the correction. NULL: it was not applied.';
COMMENT ON COLUMN trade_corrections.before_quantity IS 'Quantity before the correction. NULL: it was not applied.';
COMMENT ON COLUMN trade_corrections.before_aggressor_side IS 'Side before the correction. NULL: unknown, or not applied.';
COMMENT ON COLUMN trade_corrections.before_is_block IS 'Block flag before the correction. NULL: it was not applied.';
COMMENT ON COLUMN trade_corrections.before_trade_id IS 'Id of the trade. NULL: it has none, or the correction was not applied.';
COMMENT ON COLUMN trade_corrections.before_received_at IS 'Time at which this system received the trade. NULL: unknown, or not applied.';
