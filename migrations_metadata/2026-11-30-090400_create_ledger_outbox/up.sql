CREATE TABLE ledger_outbox (
    id bigint GENERATED ALWAYS AS IDENTITY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    account_id bigint NOT NULL,
    first_sequence bigint NOT NULL,
    last_sequence bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (xid, id)
);

COMMENT ON TABLE ledger_outbox IS 'Batches of events that the relay copies to the time-series database. It is read in the order of xid and id, below the oldest open transaction.';
COMMENT ON COLUMN ledger_outbox.id IS 'Number of the batch. A higher number may be committed first.';
COMMENT ON COLUMN ledger_outbox.xid IS 'The transaction that wrote the batch.';
COMMENT ON COLUMN ledger_outbox.account_id IS 'The account.';
COMMENT ON COLUMN ledger_outbox.first_sequence IS 'First event of the batch.';
COMMENT ON COLUMN ledger_outbox.last_sequence IS 'Last event of the batch.';
COMMENT ON COLUMN ledger_outbox.recorded_at IS 'When the batch was booked.';
