CREATE TABLE position_lots (
    account_id bigint NOT NULL,
    strategy_id bigint NOT NULL,
    symbol_id bigint NOT NULL,
    position_name text NOT NULL,
    lot bigint NOT NULL,
    quantity numeric(27, 12) NOT NULL,
    price numeric(27, 12) NOT NULL,
    cost numeric(54, 24) NOT NULL,
    venue text,
    exec_id text,
    effect text,
    content_hash bytea,
    opened_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, strategy_id, symbol_id, position_name, lot),
    FOREIGN KEY (account_id, strategy_id, symbol_id, position_name) REFERENCES positions ON DELETE CASCADE
);

COMMENT ON TABLE position_lots IS 'Open lots of the positions of accounts that use fifo or lifo.';
COMMENT ON COLUMN position_lots.account_id IS 'The account.';
COMMENT ON COLUMN position_lots.strategy_id IS 'The strategy; 0: none.';
COMMENT ON COLUMN position_lots.symbol_id IS 'The symbol.';
COMMENT ON COLUMN position_lots.position_name IS 'Name of the position.';
COMMENT ON COLUMN position_lots.lot IS 'Place in the order in which the lots were opened.';
COMMENT ON COLUMN position_lots.quantity IS 'Open quantity; negative for a short position.';
COMMENT ON COLUMN position_lots.price IS 'Price at which the lot was opened.';
COMMENT ON COLUMN position_lots.cost IS 'Cost of the open quantity.';
COMMENT ON COLUMN position_lots.venue IS 'Venue of the fill that opened the lot. NULL: its report had no id.';
COMMENT ON COLUMN position_lots.exec_id IS 'Id of the fill that opened the lot. NULL: its report had no id.';
COMMENT ON COLUMN position_lots.effect IS 'Part of an execution that was reported in two parts.';
COMMENT ON COLUMN position_lots.content_hash IS 'Digest of the fill that opened the lot, if its report had no id.';
COMMENT ON COLUMN position_lots.opened_at IS 'Time of the fill that opened the lot.';
