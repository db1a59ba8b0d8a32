-- The relay of the ledger writes these tables together, in one transaction.
CREATE TABLE order_event_history (
    account_id bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    sequence bigint NOT NULL,
    order_id text NOT NULL,
    kind text NOT NULL,
    symbol_id bigint NOT NULL,
    side text NOT NULL,
    strategy_id bigint,
    venue text NOT NULL,
    exec_id text,
    client_order_id text,
    venue_time timestamptz,
    received_at timestamptz,
    last_quantity numeric(27, 12),
    last_price numeric(27, 12),
    payload jsonb NOT NULL,
    PRIMARY KEY (account_id, recorded_at, sequence),
    CONSTRAINT order_event_history_account_id_positive CHECK (account_id > 0),
    CONSTRAINT order_event_history_recorded_at_range CHECK (
        recorded_at >= timestamptz '1970-01-01 00:00:00+00' AND recorded_at < timestamptz '2100-01-01 00:00:00+00'
    ),
    CONSTRAINT order_event_history_sequence_positive CHECK (sequence > 0),
    CONSTRAINT order_event_history_symbol_id_positive CHECK (symbol_id > 0),
    CONSTRAINT order_event_history_side_known CHECK (side IN ('buy', 'sell')),
    CONSTRAINT order_event_history_last_present CHECK ((last_quantity IS NULL) = (last_price IS NULL))
);

-- accounts have few events a day, so chunks are long; as for ticks, a BRIN index replaces the default b-tree
SELECT create_hypertable('order_event_history', by_range('recorded_at', INTERVAL '7 days'), create_default_indexes => false);
CREATE INDEX order_event_history_recorded_at_brin ON order_event_history USING brin (recorded_at);

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

CREATE TABLE ledger_relay_cursor (
    account_id bigint PRIMARY KEY,
    sequence bigint NOT NULL,
    relayed_at timestamptz NOT NULL,
    CONSTRAINT ledger_relay_cursor_account_id_positive CHECK (account_id > 0),
    CONSTRAINT ledger_relay_cursor_sequence_not_negative CHECK (sequence >= 0)
);

COMMENT ON TABLE order_event_history IS 'Copies of the order events of the metadata database, identified by (account_id, recorded_at, sequence).';
COMMENT ON COLUMN order_event_history.account_id IS 'accounts.account_id of the metadata database.';
COMMENT ON COLUMN order_event_history.recorded_at IS 'Time at which the event was booked, in microseconds; from 1970 to before 2100, UTC.';
COMMENT ON COLUMN order_event_history.sequence IS 'Number of the event in the account: 1, 2, 3 and so on.';
COMMENT ON COLUMN order_event_history.order_id IS 'Id of the order, unique within the account.';
COMMENT ON COLUMN order_event_history.kind IS 'Kind of the event, such as filled.';
COMMENT ON COLUMN order_event_history.symbol_id IS 'symbols.symbol_id of the order.';
COMMENT ON COLUMN order_event_history.side IS 'Side of the order: buy or sell.';
COMMENT ON COLUMN order_event_history.strategy_id IS 'Strategy of the order. NULL: none.';
COMMENT ON COLUMN order_event_history.venue IS 'Venue that reported the event, or the venue of the account.';
COMMENT ON COLUMN order_event_history.exec_id IS 'Id of the report of the venue. NULL: it has none.';
COMMENT ON COLUMN order_event_history.client_order_id IS 'Id of the request that the event is about. NULL: it names none.';
COMMENT ON COLUMN order_event_history.venue_time IS 'Time of the event at the venue. NULL: unknown.';
COMMENT ON COLUMN order_event_history.received_at IS 'Time at which this system received the event. NULL: unknown.';
COMMENT ON COLUMN order_event_history.last_quantity IS 'Executed or corrected quantity of this event, in units of the instrument. NULL: no such event.';
COMMENT ON COLUMN order_event_history.last_price IS 'Executed or corrected price of this event, in the quote currency. NULL: no such event.';
COMMENT ON COLUMN order_event_history.payload IS 'The whole event, with decimals as strings.';
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
COMMENT ON TABLE ledger_relay_cursor IS 'Positions up to which the relay copied the order events of each account. Written in the transaction that copies them.';
COMMENT ON COLUMN ledger_relay_cursor.account_id IS 'accounts.account_id of the metadata database.';
COMMENT ON COLUMN ledger_relay_cursor.sequence IS 'Number of the last copied event; 0 if the whole journal is to be copied again.';
COMMENT ON COLUMN ledger_relay_cursor.relayed_at IS 'Time of the last copy.';
