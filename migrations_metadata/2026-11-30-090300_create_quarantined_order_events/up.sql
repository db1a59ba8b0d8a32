CREATE TABLE quarantined_order_events (
    account_id bigint NOT NULL REFERENCES accounts (account_id) ON DELETE CASCADE,
    number bigint NOT NULL,
    digest bytea NOT NULL,
    reason text NOT NULL,
    message text NOT NULL,
    first_sequence bigint,
    quarantined_at timestamptz NOT NULL,
    deliveries bigint NOT NULL,
    payload json NOT NULL,
    PRIMARY KEY (account_id, number),
    CONSTRAINT quarantined_order_events_once UNIQUE (account_id, digest),
    CONSTRAINT quarantined_order_events_number_positive CHECK (number > 0),
    CONSTRAINT quarantined_order_events_deliveries_positive CHECK (deliveries > 0),
    CONSTRAINT quarantined_order_events_conflict_whole CHECK ((reason = 'conflict') = (first_sequence IS NOT NULL))
);

COMMENT ON TABLE quarantined_order_events IS 'Events that were not booked.';
COMMENT ON COLUMN quarantined_order_events.account_id IS 'The account.';
COMMENT ON COLUMN quarantined_order_events.number IS 'Number within the account: 1, 2, 3 and so on.';
COMMENT ON COLUMN quarantined_order_events.digest IS 'SHA-256 digest of the event, so that it is kept once.';
COMMENT ON COLUMN quarantined_order_events.reason IS 'conflict, or the name of the reason, such as unknown_order.';
COMMENT ON COLUMN quarantined_order_events.message IS 'Text of the reason.';
COMMENT ON COLUMN quarantined_order_events.first_sequence IS 'The booked event that the event contradicts. NULL: the reason is not a conflict.';
COMMENT ON COLUMN quarantined_order_events.quarantined_at IS 'When the event arrived first.';
COMMENT ON COLUMN quarantined_order_events.deliveries IS 'How often the event arrived.';
COMMENT ON COLUMN quarantined_order_events.payload IS 'The event as it arrived.';
