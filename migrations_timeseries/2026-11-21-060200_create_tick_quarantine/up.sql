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
    decided_at timestamptz,
    -- two that differ in content are both kept, also where they have one key
    CONSTRAINT tick_quarantine_once UNIQUE NULLS NOT DISTINCT (
        symbol_id, tick_time, sequence, occurrence, bid_price, ask_price, bid_volume, ask_volume
    ),
    CONSTRAINT tick_quarantine_occurrence_not_negative CHECK (occurrence >= 0),
    CONSTRAINT tick_quarantine_side_present CHECK (bid_price IS NOT NULL OR ask_price IS NOT NULL),
    CONSTRAINT tick_quarantine_volumes_have_prices CHECK (
        (bid_volume IS NULL OR bid_price IS NOT NULL) AND (ask_volume IS NULL OR ask_price IS NOT NULL)
    ),
    CONSTRAINT tick_quarantine_state_known CHECK (state IN ('pending', 'released', 'discarded')),
    CONSTRAINT tick_quarantine_decided CHECK ((state = 'pending') = (decided_at IS NULL))
);
CREATE INDEX tick_quarantine_pending ON tick_quarantine (quarantine_id) WHERE state = 'pending';

COMMENT ON TABLE tick_quarantine IS 'Ticks that were held back before they were stored, and what was decided about them.';
COMMENT ON COLUMN tick_quarantine.quarantine_id IS 'Number; they were kept in this order.';
COMMENT ON COLUMN tick_quarantine.symbol_id IS 'symbols.symbol_id of the metadata database.';
COMMENT ON COLUMN tick_quarantine.tick_time IS 'When it happened at the venue, in microseconds, UTC.';
COMMENT ON COLUMN tick_quarantine.sequence IS 'Number of the venue, or place within the instant.';
COMMENT ON COLUMN tick_quarantine.occurrence IS 'How many equal ticks of the instant its source brought before. NULL: the venue numbers its ticks.';
COMMENT ON COLUMN tick_quarantine.bid_price IS 'Price at which one can sell, in the quote currency. NULL: there is no bid.';
COMMENT ON COLUMN tick_quarantine.ask_price IS 'Price at which one can buy, in the quote currency. NULL: there is no ask.';
COMMENT ON COLUMN tick_quarantine.bid_volume IS 'Quantity offered at the bid, in units of the instrument. NULL: unknown, or there is no bid.';
COMMENT ON COLUMN tick_quarantine.ask_volume IS 'Quantity offered at the ask, in units of the instrument. NULL: unknown, or there is no ask.';
COMMENT ON COLUMN tick_quarantine.received_at IS 'When this side saw it.';
COMMENT ON COLUMN tick_quarantine.rule IS 'Which rule held it back, such as deviation.';
COMMENT ON COLUMN tick_quarantine.observed IS 'What the rule saw, in its own unit.';
COMMENT ON COLUMN tick_quarantine.rule_limit IS 'What would have passed.';
COMMENT ON COLUMN tick_quarantine.quarantined_at IS 'When it was held back.';
COMMENT ON COLUMN tick_quarantine.state IS 'pending, released (stored after all) or discarded.';
COMMENT ON COLUMN tick_quarantine.decided_at IS 'When it was released or discarded.';
