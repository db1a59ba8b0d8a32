CREATE TABLE tick_quarantine (
    quarantine_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    symbol_id bigint NOT NULL,
    tick_time timestamptz NOT NULL,
    sequence bigint NOT NULL,
    occurrence bigint,
    bid_price numeric(27, 12),
    ask_price numeric(27, 12),
    bid_volume numeric(27, 12),
    ask_volume numeric(27, 12),
    received_at timestamptz,
    rule text NOT NULL,
    observed numeric NOT NULL,
    rule_limit numeric NOT NULL,
    quarantined_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'pending',
    resolved_at timestamptz,
    -- two ticks with the same key and different content are both stored
    CONSTRAINT tick_quarantine_once UNIQUE NULLS NOT DISTINCT (
        symbol_id, tick_time, sequence, occurrence, bid_price, ask_price, bid_volume, ask_volume
    ),
    CONSTRAINT tick_quarantine_occurrence_not_negative CHECK (occurrence >= 0),
    CONSTRAINT tick_quarantine_side_present CHECK (bid_price IS NOT NULL OR ask_price IS NOT NULL),
    CONSTRAINT tick_quarantine_volumes_have_prices CHECK (
        (bid_volume IS NULL OR bid_price IS NOT NULL) AND (ask_volume IS NULL OR ask_price IS NOT NULL)
    ),
    CONSTRAINT tick_quarantine_state_known CHECK (state IN ('pending', 'released', 'discarded')),
    CONSTRAINT tick_quarantine_resolved CHECK ((state = 'pending') = (resolved_at IS NULL))
);
CREATE INDEX tick_quarantine_pending ON tick_quarantine (quarantine_id) WHERE state = 'pending';

COMMENT ON TABLE tick_quarantine IS 'Ticks that were held back instead of stored, and the decisions about them.';
COMMENT ON COLUMN tick_quarantine.quarantine_id IS 'Id, ascending in the order of insertion.';
COMMENT ON COLUMN tick_quarantine.symbol_id IS 'symbols.symbol_id of the metadata database.';
COMMENT ON COLUMN tick_quarantine.tick_time IS 'Time of the tick at the venue, in microseconds, UTC.';
COMMENT ON COLUMN tick_quarantine.sequence IS 'Number of the venue, or position within the instant.';
COMMENT ON COLUMN tick_quarantine.occurrence IS 'Number of earlier equal ticks of the same instant and source. NULL: the venue numbers its ticks.';
COMMENT ON COLUMN tick_quarantine.bid_price IS 'Price at which one can sell, in the quote currency. NULL: the bid is absent.';
COMMENT ON COLUMN tick_quarantine.ask_price IS 'Price at which one can buy, in the quote currency. NULL: the ask is absent.';
COMMENT ON COLUMN tick_quarantine.bid_volume IS 'Quantity offered at the bid, in units of the instrument. NULL: unknown, or the bid is absent.';
COMMENT ON COLUMN tick_quarantine.ask_volume IS 'Quantity offered at the ask, in units of the instrument. NULL: unknown, or the ask is absent.';
COMMENT ON COLUMN tick_quarantine.received_at IS 'Time at which this system received the tick. NULL: unknown.';
COMMENT ON COLUMN tick_quarantine.rule IS 'Rule that held the tick back, such as deviation.';
COMMENT ON COLUMN tick_quarantine.observed IS 'Value that the rule observed, in its own unit.';
COMMENT ON COLUMN tick_quarantine.rule_limit IS 'Limit of the rule, in the same unit.';
COMMENT ON COLUMN tick_quarantine.quarantined_at IS 'Time at which the tick was held back.';
COMMENT ON COLUMN tick_quarantine.state IS 'pending, released (stored) or discarded.';
COMMENT ON COLUMN tick_quarantine.resolved_at IS 'Time of the release or discard. NULL: pending.';
