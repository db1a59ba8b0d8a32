CREATE TABLE trade_quarantine (
    quarantine_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    symbol_id bigint NOT NULL,
    trade_time timestamptz NOT NULL,
    sequence bigint NOT NULL,
    occurrence bigint,
    price numeric(27, 12) NOT NULL,
    quantity numeric(27, 12) NOT NULL,
    aggressor_side text,
    is_block boolean NOT NULL,
    trade_id text,
    received_at timestamptz,
    rule text NOT NULL,
    observed numeric NOT NULL,
    rule_limit numeric NOT NULL,
    quarantined_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'pending',
    resolved_at timestamptz,
    -- two trades with the same key and different content are both stored
    CONSTRAINT trade_quarantine_once UNIQUE NULLS NOT DISTINCT (
        symbol_id, trade_time, sequence, occurrence, price, quantity, aggressor_side, is_block, trade_id
    ),
    CONSTRAINT trade_quarantine_occurrence_not_negative CHECK (occurrence >= 0),
    CONSTRAINT trade_quarantine_quantity_positive CHECK (quantity > 0 AND quantity <> 'NaN'),
    CONSTRAINT trade_quarantine_aggressor_side_known CHECK (aggressor_side IN ('buy', 'sell')),
    CONSTRAINT trade_quarantine_state_known CHECK (state IN ('pending', 'released', 'discarded')),
    CONSTRAINT trade_quarantine_resolved CHECK ((state = 'pending') = (resolved_at IS NULL))
);
CREATE INDEX trade_quarantine_pending ON trade_quarantine (quarantine_id) WHERE state = 'pending';

COMMENT ON TABLE trade_quarantine IS 'Trades that were held back instead of stored, and the decisions about them.';
COMMENT ON COLUMN trade_quarantine.quarantine_id IS 'Id, ascending in the order of insertion.';
COMMENT ON COLUMN trade_quarantine.symbol_id IS 'symbols.symbol_id of the metadata database.';
COMMENT ON COLUMN trade_quarantine.trade_time IS 'Time of the trade at the venue, in microseconds, UTC.';
COMMENT ON COLUMN trade_quarantine.sequence IS 'Number of the venue, or position within the instant.';
COMMENT ON COLUMN trade_quarantine.occurrence IS 'Number of earlier equal trades of the same instant and source. NULL: the venue numbers its trades.';
COMMENT ON COLUMN trade_quarantine.price IS 'Price of one unit, in the quote currency; may be negative or zero.';
COMMENT ON COLUMN trade_quarantine.quantity IS 'Traded quantity, in units of the instrument; greater than zero.';
COMMENT ON COLUMN trade_quarantine.aggressor_side IS 'Side of the order that removed liquidity: buy or sell. NULL: unknown.';
COMMENT ON COLUMN trade_quarantine.is_block IS 'Whether the trade was negotiated outside of the order book.';
COMMENT ON COLUMN trade_quarantine.trade_id IS 'Id of a venue whose ids are not integers, 1 to 100 characters. NULL: the venue has no such ids.';
COMMENT ON COLUMN trade_quarantine.received_at IS 'Time at which this system received the trade. NULL: unknown.';
COMMENT ON COLUMN trade_quarantine.rule IS 'Rule that held the trade back, such as deviation.';
COMMENT ON COLUMN trade_quarantine.observed IS 'Value that the rule observed, in its own unit.';
COMMENT ON COLUMN trade_quarantine.rule_limit IS 'Limit of the rule, in the same unit.';
COMMENT ON COLUMN trade_quarantine.quarantined_at IS 'Time at which the trade was held back.';
COMMENT ON COLUMN trade_quarantine.state IS 'pending, released (stored) or discarded.';
COMMENT ON COLUMN trade_quarantine.resolved_at IS 'Time of the release or discard. NULL: pending.';
