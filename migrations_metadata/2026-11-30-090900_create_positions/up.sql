CREATE TABLE positions (
    account_id bigint NOT NULL REFERENCES accounts (account_id) ON DELETE CASCADE,
    strategy_id bigint NOT NULL,
    symbol_id bigint NOT NULL,
    position_name text NOT NULL,
    quantity numeric(27, 12) NOT NULL,
    open_cost numeric(54, 24) NOT NULL,
    realized numeric(54, 24) NOT NULL,
    opened_at timestamptz,
    last_sequence bigint NOT NULL,
    PRIMARY KEY (account_id, strategy_id, symbol_id, position_name)
) WITH (fillfactor = 70);

COMMENT ON TABLE positions IS 'Positions, as the fills give them. A position that was closed stays.';
COMMENT ON COLUMN positions.account_id IS 'The account.';
COMMENT ON COLUMN positions.strategy_id IS 'The strategy; 0: none.';
COMMENT ON COLUMN positions.symbol_id IS 'The symbol.';
COMMENT ON COLUMN positions.position_name IS 'net in a netting account; otherwise the position id of the venue, long or short.';
COMMENT ON COLUMN positions.quantity IS 'Quantity; negative for a short position.';
COMMENT ON COLUMN positions.open_cost IS 'Cost of the open quantity; negative for a short position at positive prices.';
COMMENT ON COLUMN positions.realized IS 'Profit of what was closed, without fees.';
COMMENT ON COLUMN positions.opened_at IS 'Time of the fill that opened the position. NULL: the quantity is 0.';
COMMENT ON COLUMN positions.last_sequence IS 'The last event that changed the position.';
