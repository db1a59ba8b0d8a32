CREATE TABLE position_history (
    account_id bigint NOT NULL,
    symbol_id bigint NOT NULL,
    as_of timestamptz NOT NULL,
    sequence bigint NOT NULL,
    strategy_id bigint,
    position_name text NOT NULL,
    quantity numeric(27, 12) NOT NULL,
    open_cost numeric(54, 24) NOT NULL,
    realized numeric(54, 24) NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, symbol_id, as_of, sequence, recorded_at),
    CONSTRAINT position_history_account_id_positive CHECK (account_id > 0),
    CONSTRAINT position_history_symbol_id_positive CHECK (symbol_id > 0),
    CONSTRAINT position_history_as_of_range CHECK (
        as_of >= timestamptz '1970-01-01 00:00:00+00' AND as_of < timestamptz '2100-01-01 00:00:00+00'
    ),
    CONSTRAINT position_history_sequence_positive CHECK (sequence > 0),
    CONSTRAINT position_history_flat_costs_nothing CHECK (quantity <> 0 OR open_cost = 0),
    CONSTRAINT position_history_numbers CHECK (quantity <> 'NaN' AND open_cost <> 'NaN' AND realized <> 'NaN'),
    CONSTRAINT position_history_recorded_at_range CHECK (
        recorded_at >= timestamptz '1970-01-01 00:00:00+00' AND recorded_at < timestamptz '2100-01-01 00:00:00+00'
    )
);

SELECT create_hypertable('position_history', by_range('as_of', INTERVAL '7 days'), create_default_indexes => false);
CREATE INDEX position_history_as_of_brin ON position_history USING brin (as_of);

COMMENT ON TABLE position_history IS 'Positions after each event that changed them, identified by (account_id, symbol_id, as_of, sequence, recorded_at).';
COMMENT ON COLUMN position_history.account_id IS 'accounts.account_id of the metadata database.';
COMMENT ON COLUMN position_history.symbol_id IS 'symbols.symbol_id of the metadata database.';
COMMENT ON COLUMN position_history.as_of IS 'Time of the event at the venue, or of its booking if it has none, in microseconds; from 1970 to before 2100, UTC.';
COMMENT ON COLUMN position_history.sequence IS 'Number of the event in the account. Of a position, the row with the largest number is the present state.';
COMMENT ON COLUMN position_history.strategy_id IS 'Strategy that owns the position. NULL: none.';
COMMENT ON COLUMN position_history.position_name IS 'net, or the position of a hedging account.';
COMMENT ON COLUMN position_history.quantity IS 'Quantity after the event, in units of the instrument; negative for a short position.';
COMMENT ON COLUMN position_history.open_cost IS 'Cost of the open quantity after the event, in the quote currency; negative for a short position at positive prices.';
COMMENT ON COLUMN position_history.realized IS 'Profit of the closed quantities after the event, in the quote currency, without fees.';
COMMENT ON COLUMN position_history.recorded_at IS 'Time at which the event was booked, in microseconds; from 1970 to before 2100, UTC.';
