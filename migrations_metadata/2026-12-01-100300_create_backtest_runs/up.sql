CREATE TABLE backtest_runs (
    run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts (account_id) ON DELETE CASCADE,
    strategy_id bigint NOT NULL,
    version integer NOT NULL,
    data_hash bytea NOT NULL,
    parameters_hash bytea NOT NULL,
    seed bigint NOT NULL,
    engine_version text NOT NULL,
    parameters jsonb NOT NULL,
    data_from timestamptz NOT NULL,
    data_to timestamptz NOT NULL,
    starting_capital numeric(27, 12),
    journal_level text NOT NULL,
    state text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    error text,
    CONSTRAINT backtest_runs_run_id_positive CHECK (run_id > 0),
    CONSTRAINT backtest_runs_data_hash_length CHECK (octet_length(data_hash) = 32),
    CONSTRAINT backtest_runs_parameters_hash_length CHECK (octet_length(parameters_hash) = 32),
    CONSTRAINT backtest_runs_engine_version_length CHECK (char_length(engine_version) BETWEEN 1 AND 100),
    CONSTRAINT backtest_runs_parameters_object CHECK (jsonb_typeof(parameters) = 'object'),
    CONSTRAINT backtest_runs_data_from_finite CHECK (isfinite(data_from)),
    CONSTRAINT backtest_runs_data_to_finite CHECK (isfinite(data_to)),
    CONSTRAINT backtest_runs_data_ordered CHECK (data_from < data_to),
    CONSTRAINT backtest_runs_starting_capital_positive CHECK (starting_capital > 0),
    CONSTRAINT backtest_runs_journal_level_known CHECK (journal_level IN ('none', 'fills', 'all')),
    CONSTRAINT backtest_runs_state_known CHECK (state IN ('running', 'finished', 'failed')),
    CONSTRAINT backtest_runs_started_at_finite CHECK (isfinite(started_at)),
    CONSTRAINT backtest_runs_finished_at_finite CHECK (isfinite(finished_at)),
    CONSTRAINT backtest_runs_finished_at_whole CHECK ((state = 'running') = (finished_at IS NULL)),
    CONSTRAINT backtest_runs_finished_at_ordered CHECK (finished_at >= started_at),
    CONSTRAINT backtest_runs_error_whole CHECK ((state = 'failed') = (error IS NOT NULL)),
    CONSTRAINT backtest_runs_error_length CHECK (char_length(error) BETWEEN 1 AND 1000),
    CONSTRAINT backtest_runs_version_fkey
        FOREIGN KEY (strategy_id, version) REFERENCES strategy_versions (strategy_id, version),
    CONSTRAINT backtest_runs_account_unique UNIQUE (account_id),
    CONSTRAINT backtest_runs_input_unique UNIQUE (strategy_id, version, data_hash, parameters_hash, seed)
);

CREATE INDEX backtest_runs_strategy ON backtest_runs (strategy_id, run_id);

COMMENT ON TABLE backtest_runs IS 'Runs of strategies over stored market data. The orders and fills of a run are those of its account.';
COMMENT ON COLUMN backtest_runs.run_id IS 'Id of the run; positive.';
COMMENT ON COLUMN backtest_runs.account_id IS 'Account of the run, in the environment backtest. It is deleted with the run.';
COMMENT ON COLUMN backtest_runs.strategy_id IS 'The strategy.';
COMMENT ON COLUMN backtest_runs.version IS 'Version of the strategy.';
COMMENT ON COLUMN backtest_runs.data_hash IS 'SHA-256 digest of the market data.';
COMMENT ON COLUMN backtest_runs.parameters_hash IS 'SHA-256 digest of the parameters, the range of the data, the starting capital and the terms of the account.';
COMMENT ON COLUMN backtest_runs.seed IS 'Seed of random numbers.';
COMMENT ON COLUMN backtest_runs.engine_version IS 'Name and version of the program; 1 to 100 characters.';
COMMENT ON COLUMN backtest_runs.parameters IS 'Parameters of the run beside those of the strategy: a JSON object.';
COMMENT ON COLUMN backtest_runs.data_from IS 'Start of the range of the data; inclusive.';
COMMENT ON COLUMN backtest_runs.data_to IS 'End of the range of the data; exclusive.';
COMMENT ON COLUMN backtest_runs.starting_capital IS 'Capital at the start, in the base currency of the account. NULL: unknown.';
COMMENT ON COLUMN backtest_runs.journal_level IS 'Events that the run records: none, fills (orders and their fills) or all.';
COMMENT ON COLUMN backtest_runs.state IS 'running, finished or failed.';
COMMENT ON COLUMN backtest_runs.started_at IS 'When the run was started last.';
COMMENT ON COLUMN backtest_runs.finished_at IS 'When it finished or failed. NULL: it is running.';
COMMENT ON COLUMN backtest_runs.error IS 'Why it failed; 1 to 1000 characters. NULL: it did not fail.';

CREATE FUNCTION refuse_change_of_backtest_run() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the input of backtest run % does not change, and a finished run is final', OLD.run_id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'backtest_runs_immutable';
END
$$;

COMMENT ON FUNCTION refuse_change_of_backtest_run IS 'Refuses a change of the input of a run, and of a finished run.';

CREATE TRIGGER backtest_runs_immutable
    BEFORE UPDATE ON backtest_runs
    FOR EACH ROW
    WHEN (
        OLD.state = 'finished'
        OR (OLD.run_id, OLD.account_id, OLD.strategy_id, OLD.version, OLD.data_hash, OLD.parameters_hash, OLD.seed,
            OLD.parameters, OLD.data_from, OLD.data_to, OLD.starting_capital)
        IS DISTINCT FROM
        (NEW.run_id, NEW.account_id, NEW.strategy_id, NEW.version, NEW.data_hash, NEW.parameters_hash, NEW.seed,
            NEW.parameters, NEW.data_from, NEW.data_to, NEW.starting_capital)
    )
    EXECUTE FUNCTION refuse_change_of_backtest_run();

CREATE FUNCTION require_backtest_account() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM accounts WHERE account_id = NEW.account_id AND environment = 'backtest'
    ) THEN
        RAISE EXCEPTION 'account % is not in the environment backtest', NEW.account_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'backtest_runs_account_environment';
    END IF;
    RETURN NEW;
END
$$;

COMMENT ON FUNCTION require_backtest_account IS 'Refuses a run whose account is not in the environment backtest.';

CREATE TRIGGER backtest_runs_account_environment
    BEFORE INSERT ON backtest_runs
    FOR EACH ROW
    EXECUTE FUNCTION require_backtest_account();
