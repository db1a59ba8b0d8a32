CREATE TABLE fill_history (
    account_id bigint NOT NULL,
    trade_time timestamptz NOT NULL,
    sequence bigint NOT NULL,
    order_id text NOT NULL,
    kind text NOT NULL,
    symbol_id bigint NOT NULL,
    side text NOT NULL,
    strategy_id bigint,
    quantity numeric(27, 12),
    price numeric(27, 12),
    venue text NOT NULL,
    exec_id text,
    ref_exec_id text,
    fee_amount numeric(27, 12),
    fee_currency text,
    fee_is_taken_from_quantity boolean,
    liquidity text,
    recorded_at timestamptz NOT NULL,
    -- the time of the booking distinguishes events that a restored metadata database numbered again
    PRIMARY KEY (account_id, trade_time, sequence, recorded_at),
    CONSTRAINT fill_history_account_id_positive CHECK (account_id > 0),
    CONSTRAINT fill_history_trade_time_range CHECK (
        trade_time >= timestamptz '1970-01-01 00:00:00+00' AND trade_time < timestamptz '2100-01-01 00:00:00+00'
    ),
    CONSTRAINT fill_history_sequence_positive CHECK (sequence > 0),
    CONSTRAINT fill_history_kind_known CHECK (kind IN ('filled', 'fill_busted', 'fill_corrected')),
    CONSTRAINT fill_history_symbol_id_positive CHECK (symbol_id > 0),
    CONSTRAINT fill_history_side_known CHECK (side IN ('buy', 'sell')),
    CONSTRAINT fill_history_busts_have_no_quantity CHECK (
        (kind = 'fill_busted') = (quantity IS NULL) AND (kind = 'fill_busted') = (price IS NULL)
    ),
    CONSTRAINT fill_history_references CHECK ((kind = 'filled') = (ref_exec_id IS NULL)),
    CONSTRAINT fill_history_fee_whole CHECK (num_nulls(fee_amount, fee_currency, fee_is_taken_from_quantity) IN (0, 3)),
    CONSTRAINT fill_history_quantity_positive CHECK (quantity > 0 AND quantity <> 'NaN'),
    CONSTRAINT fill_history_recorded_at_range CHECK (
        recorded_at >= timestamptz '1970-01-01 00:00:00+00' AND recorded_at < timestamptz '2100-01-01 00:00:00+00'
    )
);

SELECT create_hypertable('fill_history', by_range('trade_time', INTERVAL '7 days'), create_default_indexes => false);
CREATE INDEX fill_history_trade_time_brin ON fill_history USING brin (trade_time);

COMMENT ON TABLE fill_history IS 'Fills, and busts and corrections of fills, as venues reported them, identified by (account_id, trade_time, sequence, recorded_at).';
COMMENT ON COLUMN fill_history.account_id IS 'accounts.account_id of the metadata database.';
COMMENT ON COLUMN fill_history.trade_time IS 'Time of the report at the venue, or of its booking if it has none, in microseconds; from 1970 to before 2100, UTC.';
COMMENT ON COLUMN fill_history.sequence IS 'Number of the event in the account.';
COMMENT ON COLUMN fill_history.order_id IS 'Id of the order, unique within the account.';
COMMENT ON COLUMN fill_history.kind IS 'filled, fill_busted or fill_corrected.';
COMMENT ON COLUMN fill_history.symbol_id IS 'symbols.symbol_id of the metadata database.';
COMMENT ON COLUMN fill_history.side IS 'Side of the order: buy or sell.';
COMMENT ON COLUMN fill_history.strategy_id IS 'Strategy of the order. NULL: none.';
COMMENT ON COLUMN fill_history.quantity IS 'Executed or corrected quantity, in units of the instrument; greater than zero. NULL: busted.';
COMMENT ON COLUMN fill_history.price IS 'Executed or corrected price of one unit, in the quote currency; may be negative or zero. NULL: busted.';
COMMENT ON COLUMN fill_history.venue IS 'Venue that reported the fill.';
COMMENT ON COLUMN fill_history.exec_id IS 'Id of the report of the venue. NULL: it has none.';
COMMENT ON COLUMN fill_history.ref_exec_id IS 'Id of the report that is busted or corrected. NULL: a new fill.';
COMMENT ON COLUMN fill_history.fee_amount IS 'Fee, in units of its currency; a rebate is negative. NULL: none.';
COMMENT ON COLUMN fill_history.fee_currency IS 'Currency of the fee. NULL: no fee.';
COMMENT ON COLUMN fill_history.fee_is_taken_from_quantity IS 'Whether the venue took the fee from the traded quantity. NULL: no fee.';
COMMENT ON COLUMN fill_history.liquidity IS 'maker, taker or auction. NULL: unknown.';
COMMENT ON COLUMN fill_history.recorded_at IS 'Time at which the event was booked, in microseconds; from 1970 to before 2100, UTC.';
