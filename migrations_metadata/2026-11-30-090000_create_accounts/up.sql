CREATE TABLE accounts (
    account_id bigint PRIMARY KEY,
    tenant_id bigint NOT NULL,
    name text NOT NULL,
    venue text NOT NULL,
    environment text NOT NULL,
    base_currency text NOT NULL,
    time_zone text NOT NULL,
    cost_method text NOT NULL,
    position_mode text NOT NULL,
    created_at timestamptz NOT NULL,
    closed_at timestamptz,
    CONSTRAINT accounts_account_id_positive CHECK (account_id > 0),
    CONSTRAINT accounts_tenant_id_positive CHECK (tenant_id > 0),
    CONSTRAINT accounts_name_length CHECK (char_length(name) BETWEEN 1 AND 100),
    CONSTRAINT accounts_venue_length CHECK (char_length(venue) BETWEEN 1 AND 100),
    CONSTRAINT accounts_environment_known CHECK (environment IN ('live', 'paper', 'sim', 'backtest')),
    CONSTRAINT accounts_base_currency_length CHECK (char_length(base_currency) BETWEEN 1 AND 100),
    CONSTRAINT accounts_cost_method_known CHECK (cost_method IN ('average', 'fifo', 'lifo')),
    CONSTRAINT accounts_position_mode_known CHECK (position_mode IN ('netting', 'hedging')),
    CONSTRAINT accounts_created_at_finite CHECK (isfinite(created_at)),
    CONSTRAINT accounts_closed_at_finite CHECK (isfinite(closed_at)),
    CONSTRAINT accounts_name_unique UNIQUE (tenant_id, name)
);

COMMENT ON TABLE accounts IS 'Accounts. Each owns its orders, fills and positions.';
COMMENT ON COLUMN accounts.account_id IS 'Id of the account; positive.';
COMMENT ON COLUMN accounts.tenant_id IS 'Id of the owner; positive.';
COMMENT ON COLUMN accounts.name IS 'Name, unique within the tenant; 1 to 100 characters.';
COMMENT ON COLUMN accounts.venue IS 'Venue or broker that keeps the account.';
COMMENT ON COLUMN accounts.environment IS 'Where orders are executed: live, paper, sim or backtest. Never changes.';
COMMENT ON COLUMN accounts.base_currency IS 'Currency of the reports of the account, such as USD.';
COMMENT ON COLUMN accounts.time_zone IS 'IANA name of the time zone in which the days of the account begin.';
COMMENT ON COLUMN accounts.cost_method IS 'How the cost of the closed part of a position is computed: average, fifo or lifo. Never changes.';
COMMENT ON COLUMN accounts.position_mode IS 'netting: one position for each strategy and symbol. hedging: several. Never changes.';
COMMENT ON COLUMN accounts.created_at IS 'When the account was created.';
COMMENT ON COLUMN accounts.closed_at IS 'When the account was closed. NULL: it is open.';

CREATE FUNCTION refuse_change_of_account() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'only the name and the closing of account % may change', OLD.account_id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'accounts_immutable';
END
$$;

COMMENT ON FUNCTION refuse_change_of_account IS 'Refuses a change of what an account is created with.';

-- the rows of an account that are written with its events have no foreign key, which would be checked for each of them
CREATE FUNCTION delete_rows_of_account() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('DELETE FROM %I.%I WHERE account_id = $1', TG_TABLE_SCHEMA, TG_ARGV[0]) USING OLD.account_id;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION delete_rows_of_account IS 'Deletes the rows of a deleted account from the table that the trigger names.';

CREATE TRIGGER accounts_immutable
    BEFORE UPDATE ON accounts
    FOR EACH ROW
    WHEN (
        (OLD.account_id, OLD.tenant_id, OLD.venue, OLD.environment, OLD.base_currency, OLD.time_zone, OLD.cost_method,
            OLD.position_mode, OLD.created_at)
        IS DISTINCT FROM
        (NEW.account_id, NEW.tenant_id, NEW.venue, NEW.environment, NEW.base_currency, NEW.time_zone, NEW.cost_method,
            NEW.position_mode, NEW.created_at)
    )
    EXECUTE FUNCTION refuse_change_of_account();
