CREATE TABLE deleted_accounts (
    account_id bigint PRIMARY KEY,
    deleted_at timestamptz NOT NULL
);

COMMENT ON TABLE deleted_accounts IS 'Deleted accounts. No other account gets their ids, since the time-series database may have copies of their events.';
COMMENT ON COLUMN deleted_accounts.account_id IS 'Id of the account.';
COMMENT ON COLUMN deleted_accounts.deleted_at IS 'When the account was deleted.';

CREATE FUNCTION remember_deleted_account() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO %I.deleted_accounts VALUES ($1, clock_timestamp())', TG_TABLE_SCHEMA)
        USING OLD.account_id;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION remember_deleted_account IS 'Keeps the id of a deleted account.';

CREATE TRIGGER accounts_remember_deleted
    AFTER DELETE ON accounts
    FOR EACH ROW
    EXECUTE FUNCTION remember_deleted_account();
