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
