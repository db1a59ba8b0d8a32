CREATE TABLE fills (
    account_id bigint NOT NULL,
    sequence bigint NOT NULL,
    order_id text NOT NULL,
    venue text,
    exec_id text,
    effect text,
    content_hash bytea,
    trade_time timestamptz NOT NULL,
    venue_sequence bigint NOT NULL,
    strategy_id bigint,
    symbol_id bigint NOT NULL,
    position_name text NOT NULL,
    side text NOT NULL,
    quantity numeric(27, 12) NOT NULL,
    price numeric(27, 12) NOT NULL,
    fee_amount numeric(27, 12),
    fee_currency text,
    fee_is_taken_from_quantity boolean,
    liquidity text,
    multiplier numeric(27, 12) NOT NULL,
    is_inverse boolean NOT NULL,
    trading_day date,
    latest_exec_id text,
    versions integer NOT NULL,
    is_busted boolean NOT NULL,
    PRIMARY KEY (account_id, sequence)
);

CREATE INDEX fills_time ON fills (account_id, trade_time, venue_sequence, sequence);
CREATE INDEX fills_position ON fills (account_id, symbol_id, trade_time, venue_sequence, sequence);
CREATE INDEX fills_order ON fills (account_id, order_id);

CREATE TRIGGER accounts_delete_fills
    AFTER DELETE ON accounts
    FOR EACH ROW
    EXECUTE FUNCTION delete_rows_of_account('fills');

COMMENT ON TABLE fills IS 'Fills in their present form, busted ones too.';
COMMENT ON COLUMN fills.account_id IS 'The account.';
COMMENT ON COLUMN fills.sequence IS 'The event that reported the fill.';
COMMENT ON COLUMN fills.order_id IS 'The order that was executed.';
COMMENT ON COLUMN fills.venue IS 'Venue of the first report. NULL: the report had no id.';
COMMENT ON COLUMN fills.exec_id IS 'Id of the first report. NULL: it had none.';
COMMENT ON COLUMN fills.effect IS 'Part of an execution that was reported in two parts: open or close.';
COMMENT ON COLUMN fills.content_hash IS 'SHA-256 digest of the content of a report without an id.';
COMMENT ON COLUMN fills.trade_time IS 'Time at the venue.';
COMMENT ON COLUMN fills.venue_sequence IS 'Order among the fills of one instant, as the venue numbers them.';
COMMENT ON COLUMN fills.strategy_id IS 'Strategy of the order.';
COMMENT ON COLUMN fills.symbol_id IS 'Symbol of the order.';
COMMENT ON COLUMN fills.position_name IS 'Name of the position that the fill changed.';
COMMENT ON COLUMN fills.side IS 'Side of the order: buy or sell.';
COMMENT ON COLUMN fills.quantity IS 'Quantity, after corrections.';
COMMENT ON COLUMN fills.price IS 'Price, after corrections.';
COMMENT ON COLUMN fills.fee_amount IS 'Fee; negative for a rebate.';
COMMENT ON COLUMN fills.fee_currency IS 'Currency of the fee.';
COMMENT ON COLUMN fills.fee_is_taken_from_quantity IS 'Whether the venue took the fee from the traded quantity.';
COMMENT ON COLUMN fills.liquidity IS 'maker, taker or auction.';
COMMENT ON COLUMN fills.multiplier IS 'Units of the underlying in one contract at the time of the fill.';
COMMENT ON COLUMN fills.is_inverse IS 'Whether the contract is inverse.';
COMMENT ON COLUMN fills.trading_day IS 'Trading day at the venue.';
COMMENT ON COLUMN fills.latest_exec_id IS 'Id of the latest report: the fill, its latest correction, or its bust.';
COMMENT ON COLUMN fills.versions IS 'Number of corrections and busts.';
COMMENT ON COLUMN fills.is_busted IS 'Whether the fill was withdrawn. It counts in no sum.';
