-- without conditions: each append changes a row, and each statement parses all conditions of a table that it changes
CREATE TABLE account_heads (
    account_id bigint PRIMARY KEY REFERENCES accounts (account_id) ON DELETE CASCADE,
    sequence bigint NOT NULL,
    revision bigint NOT NULL,
    updated_at timestamptz NOT NULL
) WITH (fillfactor = 50);

COMMENT ON TABLE account_heads IS 'Last event of each account. Writers of an account lock its row.';
COMMENT ON COLUMN account_heads.account_id IS 'The account.';
COMMENT ON COLUMN account_heads.sequence IS 'Number of the last event; 0 without events.';
COMMENT ON COLUMN account_heads.revision IS 'Number of changes of the account other than events: it was renamed, closed or rebuilt.';
COMMENT ON COLUMN account_heads.updated_at IS 'Time of the last change; never decreases, and no later event has an earlier time.';
