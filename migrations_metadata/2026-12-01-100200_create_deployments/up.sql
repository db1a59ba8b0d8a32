CREATE TABLE deployments (
    deployment_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts (account_id) ON DELETE CASCADE,
    strategy_id bigint NOT NULL,
    version integer NOT NULL,
    status text NOT NULL GENERATED ALWAYS AS (CASE WHEN stopped_at IS NULL THEN 'running' ELSE 'stopped' END) STORED,
    allocated_capital numeric(27, 12),
    max_position_size numeric(27, 12),
    max_leverage numeric(27, 12),
    deployed_at timestamptz NOT NULL,
    stopped_at timestamptz,
    CONSTRAINT deployments_deployment_id_positive CHECK (deployment_id > 0),
    CONSTRAINT deployments_allocated_capital_positive CHECK (allocated_capital > 0),
    CONSTRAINT deployments_max_position_size_positive CHECK (max_position_size > 0),
    CONSTRAINT deployments_max_leverage_positive CHECK (max_leverage > 0),
    CONSTRAINT deployments_deployed_at_finite CHECK (isfinite(deployed_at)),
    CONSTRAINT deployments_stopped_at_finite CHECK (isfinite(stopped_at)),
    CONSTRAINT deployments_stopped_at_ordered CHECK (stopped_at >= deployed_at),
    CONSTRAINT deployments_version_fkey
        FOREIGN KEY (strategy_id, version) REFERENCES strategy_versions (strategy_id, version),
    -- ids as ranges of one number, because the operator class of a number would need an extension
    CONSTRAINT deployments_do_not_overlap EXCLUDE USING gist (
        int8range(account_id, account_id, '[]') WITH &&,
        int8range(strategy_id, strategy_id, '[]') WITH &&,
        tstzrange(deployed_at, stopped_at) WITH &&
    )
);

CREATE UNIQUE INDEX deployments_one_is_running ON deployments (account_id, strategy_id) WHERE stopped_at IS NULL;
CREATE INDEX deployments_strategy ON deployments (strategy_id, deployment_id);
CREATE INDEX deployments_account ON deployments (account_id, deployment_id);

COMMENT ON TABLE deployments IS 'Times in which an account runs a version of a strategy.';
COMMENT ON COLUMN deployments.deployment_id IS 'Id of the deployment; positive.';
COMMENT ON COLUMN deployments.account_id IS 'The account.';
COMMENT ON COLUMN deployments.strategy_id IS 'The strategy.';
COMMENT ON COLUMN deployments.version IS 'Version of the strategy.';
COMMENT ON COLUMN deployments.status IS 'running or stopped, which follows from stopped_at.';
COMMENT ON COLUMN deployments.allocated_capital IS 'Capital for the strategy, in the base currency of the account. NULL: no limit was given.';
COMMENT ON COLUMN deployments.max_position_size IS 'Largest quantity of a position. NULL: no limit was given.';
COMMENT ON COLUMN deployments.max_leverage IS 'Largest ratio of the value of the positions to the capital. NULL: no limit was given.';
COMMENT ON COLUMN deployments.deployed_at IS 'When the deployment began.';
COMMENT ON COLUMN deployments.stopped_at IS 'When it was stopped. NULL: it is running.';

CREATE FUNCTION refuse_change_of_deployment() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'deployment % may only be stopped, once', OLD.deployment_id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'deployments_immutable';
END
$$;

COMMENT ON FUNCTION refuse_change_of_deployment IS 'Refuses a change of a deployment other than its stop.';

CREATE TRIGGER deployments_immutable
    BEFORE UPDATE ON deployments
    FOR EACH ROW
    WHEN (
        OLD.stopped_at IS NOT NULL
        OR (OLD.deployment_id, OLD.account_id, OLD.strategy_id, OLD.version, OLD.allocated_capital,
            OLD.max_position_size, OLD.max_leverage, OLD.deployed_at)
        IS DISTINCT FROM
        (NEW.deployment_id, NEW.account_id, NEW.strategy_id, NEW.version, NEW.allocated_capital,
            NEW.max_position_size, NEW.max_leverage, NEW.deployed_at)
    )
    EXECUTE FUNCTION refuse_change_of_deployment();
