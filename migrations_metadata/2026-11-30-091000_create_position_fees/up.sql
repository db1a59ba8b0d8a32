CREATE TABLE position_fees (
    account_id bigint NOT NULL,
    strategy_id bigint NOT NULL,
    symbol_id bigint NOT NULL,
    position_name text NOT NULL,
    currency text NOT NULL,
    amount numeric(54, 24) NOT NULL,
    PRIMARY KEY (account_id, strategy_id, symbol_id, position_name, currency),
    FOREIGN KEY (account_id, strategy_id, symbol_id, position_name) REFERENCES positions ON DELETE CASCADE
) WITH (fillfactor = 70);

COMMENT ON TABLE position_fees IS 'Fees of positions by currency.';
COMMENT ON COLUMN position_fees.account_id IS 'The account.';
COMMENT ON COLUMN position_fees.strategy_id IS 'The strategy; 0: none.';
COMMENT ON COLUMN position_fees.symbol_id IS 'The symbol.';
COMMENT ON COLUMN position_fees.position_name IS 'Name of the position.';
COMMENT ON COLUMN position_fees.currency IS 'The currency.';
COMMENT ON COLUMN position_fees.amount IS 'Sum of the fees; negative for rebates.';
