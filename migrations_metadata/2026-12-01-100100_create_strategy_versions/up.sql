CREATE TABLE strategy_versions (
    strategy_id bigint NOT NULL REFERENCES strategies (strategy_id),
    version integer NOT NULL,
    parameters jsonb NOT NULL,
    risk_limits jsonb NOT NULL,
    symbols bigint[] NOT NULL,
    code_ref text NOT NULL,
    content_hash bytea NOT NULL,
    created_by text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (strategy_id, version),
    CONSTRAINT strategy_versions_version_positive CHECK (version > 0),
    CONSTRAINT strategy_versions_parameters_object CHECK (jsonb_typeof(parameters) = 'object'),
    CONSTRAINT strategy_versions_risk_limits_object CHECK (jsonb_typeof(risk_limits) = 'object'),
    CONSTRAINT strategy_versions_symbols_positive CHECK (0 < ALL (symbols)),
    CONSTRAINT strategy_versions_code_ref_length CHECK (char_length(code_ref) BETWEEN 1 AND 300),
    CONSTRAINT strategy_versions_content_hash_length CHECK (octet_length(content_hash) = 32),
    CONSTRAINT strategy_versions_created_by_length CHECK (char_length(created_by) BETWEEN 1 AND 100),
    CONSTRAINT strategy_versions_created_at_finite CHECK (isfinite(created_at)),
    CONSTRAINT strategy_versions_content_unique UNIQUE (strategy_id, content_hash)
);

COMMENT ON TABLE strategy_versions IS 'Versions of strategies. Rows are neither changed nor deleted.';
COMMENT ON COLUMN strategy_versions.strategy_id IS 'The strategy.';
COMMENT ON COLUMN strategy_versions.version IS 'Number within the strategy: 1, 2, 3 and so on, without gaps.';
COMMENT ON COLUMN strategy_versions.parameters IS 'Parameters: a JSON object.';
COMMENT ON COLUMN strategy_versions.risk_limits IS 'Limits of risk: a JSON object.';
COMMENT ON COLUMN strategy_versions.symbols IS 'Symbols that the strategy trades, by ascending id.';
COMMENT ON COLUMN strategy_versions.code_ref IS 'The code, such as a commit or the digest of an image; 1 to 300 characters.';
COMMENT ON COLUMN strategy_versions.content_hash IS 'SHA-256 digest of parameters, risk limits, symbols and code reference.';
COMMENT ON COLUMN strategy_versions.created_by IS 'Who added the version. NULL: unknown.';
COMMENT ON COLUMN strategy_versions.created_at IS 'When the version was added.';

CREATE FUNCTION refuse_change_of_strategy_version() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of strategy_versions are neither changed nor deleted'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'strategy_versions_immutable';
END
$$;

COMMENT ON FUNCTION refuse_change_of_strategy_version IS 'Refuses changes and deletions of versions of strategies.';

CREATE TRIGGER strategy_versions_immutable
    BEFORE UPDATE OR DELETE ON strategy_versions
    FOR EACH ROW
    EXECUTE FUNCTION refuse_change_of_strategy_version();

CREATE TRIGGER strategy_versions_not_truncated
    BEFORE TRUNCATE ON strategy_versions
    FOR EACH STATEMENT
    EXECUTE FUNCTION refuse_change_of_strategy_version();
