CREATE TABLE position_reports (
    account_id bigint NOT NULL REFERENCES accounts (account_id) ON DELETE CASCADE,
    symbol_id bigint NOT NULL,
    position_name text NOT NULL,
    reported_at timestamptz NOT NULL,
    quantity numeric(27, 12) NOT NULL,
    average_price numeric(27, 12),
    margin numeric(27, 12),
    leverage numeric(27, 12),
    liquidation_price numeric(27, 12),
    received_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, symbol_id, position_name, reported_at)
);

COMMENT ON TABLE position_reports IS 'Positions as venues report them, kept apart from those that the fills give.';
COMMENT ON COLUMN position_reports.account_id IS 'The account.';
COMMENT ON COLUMN position_reports.symbol_id IS 'The symbol.';
COMMENT ON COLUMN position_reports.position_name IS 'Name of the position, as in positions.';
COMMENT ON COLUMN position_reports.reported_at IS 'Time at the venue.';
COMMENT ON COLUMN position_reports.quantity IS 'Quantity; negative for a short position.';
COMMENT ON COLUMN position_reports.average_price IS 'Average price that the venue states.';
COMMENT ON COLUMN position_reports.margin IS 'Margin of the position.';
COMMENT ON COLUMN position_reports.leverage IS 'Leverage of the position.';
COMMENT ON COLUMN position_reports.liquidation_price IS 'Price at which the venue closes the position.';
COMMENT ON COLUMN position_reports.received_at IS 'When the report was received.';
