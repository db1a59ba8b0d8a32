CREATE TABLE ledger_relay_cursor (
    account_id bigint PRIMARY KEY,
    sequence bigint NOT NULL,
    relayed_at timestamptz NOT NULL,
    CONSTRAINT ledger_relay_cursor_account_id_positive CHECK (account_id > 0),
    CONSTRAINT ledger_relay_cursor_sequence_not_negative CHECK (sequence >= 0)
);

COMMENT ON TABLE ledger_relay_cursor IS 'Positions up to which the relay copied the order events of each account. Written in the transaction that copies them.';
COMMENT ON COLUMN ledger_relay_cursor.account_id IS 'accounts.account_id of the metadata database.';
COMMENT ON COLUMN ledger_relay_cursor.sequence IS 'Number of the last copied event; 0 if the whole journal is to be copied again.';
COMMENT ON COLUMN ledger_relay_cursor.relayed_at IS 'Time of the last copy.';
