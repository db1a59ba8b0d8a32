CREATE TABLE order_events (
    account_id bigint NOT NULL REFERENCES accounts (account_id) ON DELETE CASCADE,
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
    recorded_at timestamptz NOT NULL,
    last_quantity numeric(27, 12),
    last_price numeric(27, 12),
    fill_sequence bigint,
    position_name text,
    position_quantity numeric(27, 12),
    position_open_cost numeric(54, 24),
    position_realized numeric(54, 24),
    event_key uuid NOT NULL,
    content_hash bytea NOT NULL,
    payload jsonb NOT NULL,
    PRIMARY KEY (account_id, sequence),
    CONSTRAINT order_events_sequence_positive CHECK (sequence > 0),
    CONSTRAINT order_events_kind_known CHECK (kind IN (
        'created', 'submitted', 'denied', 'acknowledged', 'rejected', 'triggered', 'cancel_requested',
        'cancel_pending', 'replace_requested', 'replace_pending', 'request_rejected', 'replaced', 'canceled',
        'expired', 'done_for_day', 'restated', 'suspended', 'stopped', 'filled', 'fill_busted', 'fill_corrected'
    )),
    CONSTRAINT order_events_side_known CHECK (side IN ('buy', 'sell')),
    CONSTRAINT order_events_content_hash_length CHECK (octet_length(content_hash) = 32),
    CONSTRAINT order_events_fill_whole CHECK (
        CASE WHEN kind IN ('filled', 'fill_busted', 'fill_corrected')
            THEN num_nulls(
                fill_sequence, position_name, position_quantity, position_open_cost, position_realized
            ) = 0
            ELSE num_nonnulls(
                fill_sequence, position_name, position_quantity, position_open_cost, position_realized
            ) = 0
        END
    )
);

CREATE UNIQUE INDEX order_events_event_key ON order_events (account_id, event_key);
CREATE INDEX order_events_order ON order_events (account_id, order_id, sequence);
CREATE INDEX order_events_exec_id ON order_events (account_id, exec_id) WHERE exec_id IS NOT NULL;

COMMENT ON TABLE order_events IS 'Journal: all events of orders. Rows are neither changed nor deleted.';
COMMENT ON COLUMN order_events.account_id IS 'The account.';
COMMENT ON COLUMN order_events.sequence IS 'Number within the account: 1, 2, 3 and so on, without gaps.';
COMMENT ON COLUMN order_events.order_id IS 'The order.';
COMMENT ON COLUMN order_events.kind IS 'What happened, such as filled.';
COMMENT ON COLUMN order_events.symbol_id IS 'Symbol of the order.';
COMMENT ON COLUMN order_events.side IS 'Side of the order: buy or sell.';
COMMENT ON COLUMN order_events.strategy_id IS 'Strategy of the order.';
COMMENT ON COLUMN order_events.venue IS 'Venue that reported the event, or the venue of the account.';
COMMENT ON COLUMN order_events.exec_id IS 'Id of the report. NULL: a command, or a report without an id.';
COMMENT ON COLUMN order_events.client_order_id IS 'Id of the request that the event is about.';
COMMENT ON COLUMN order_events.venue_time IS 'Time at the venue.';
COMMENT ON COLUMN order_events.received_at IS 'When the report was received.';
COMMENT ON COLUMN order_events.recorded_at IS 'When the event was booked.';
COMMENT ON COLUMN order_events.last_quantity IS 'Quantity of a fill or of a correction.';
COMMENT ON COLUMN order_events.last_price IS 'Price of a fill or of a correction.';
COMMENT ON COLUMN order_events.fill_sequence IS 'The fill that the event adds or changes.';
COMMENT ON COLUMN order_events.position_name IS 'Name of the position that the event changes. NULL: it changes none.';
COMMENT ON COLUMN order_events.position_quantity IS 'Quantity of the position after the event; negative for a short one.';
COMMENT ON COLUMN order_events.position_open_cost IS 'Cost of the open quantity after the event.';
COMMENT ON COLUMN order_events.position_realized IS 'Realized profit of the position after the event, without fees.';
COMMENT ON COLUMN order_events.event_key IS 'First 16 bytes of a SHA-256 digest of the identity of the event.';
COMMENT ON COLUMN order_events.content_hash IS 'SHA-256 digest of the content, which tells a duplicate from a conflict.';
COMMENT ON COLUMN order_events.payload IS 'The event, with numbers as strings.';

CREATE FUNCTION refuse_change_of_journal() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of order_events are neither changed nor deleted'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'order_events_append_only';
END
$$;

COMMENT ON FUNCTION refuse_change_of_journal IS 'Refuses changes and deletions of the journal.';

CREATE TRIGGER order_events_append_only
    BEFORE UPDATE ON order_events
    FOR EACH ROW
    EXECUTE FUNCTION refuse_change_of_journal();

-- events are deleted with their account only
CREATE TRIGGER order_events_not_deleted
    BEFORE DELETE ON order_events
    FOR EACH ROW
    WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION refuse_change_of_journal();

CREATE TRIGGER order_events_not_truncated
    BEFORE TRUNCATE ON order_events
    FOR EACH STATEMENT
    EXECUTE FUNCTION refuse_change_of_journal();
