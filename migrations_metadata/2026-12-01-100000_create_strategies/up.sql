CREATE TABLE strategies (
    strategy_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id bigint NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    class_name text,
    strategy_type text,
    created_at timestamptz NOT NULL,
    CONSTRAINT strategies_strategy_id_positive CHECK (strategy_id > 0),
    CONSTRAINT strategies_tenant_id_positive CHECK (tenant_id > 0),
    CONSTRAINT strategies_name_length CHECK (char_length(name) BETWEEN 1 AND 100),
    CONSTRAINT strategies_description_length CHECK (char_length(description) <= 1000),
    CONSTRAINT strategies_class_name_length CHECK (char_length(class_name) BETWEEN 1 AND 100),
    CONSTRAINT strategies_strategy_type_length CHECK (char_length(strategy_type) BETWEEN 1 AND 100),
    CONSTRAINT strategies_created_at_finite CHECK (isfinite(created_at)),
    CONSTRAINT strategies_name_unique UNIQUE (tenant_id, name)
);

COMMENT ON TABLE strategies IS 'Trading strategies. What a strategy does is in its versions.';
COMMENT ON COLUMN strategies.strategy_id IS 'Id of the strategy; positive.';
COMMENT ON COLUMN strategies.tenant_id IS 'Id of the owner; positive.';
COMMENT ON COLUMN strategies.name IS 'Name, unique within the tenant; 1 to 100 characters.';
COMMENT ON COLUMN strategies.description IS 'Free text; may be empty.';
COMMENT ON COLUMN strategies.class_name IS 'Name of the class or function that implements the strategy. NULL: unknown.';
COMMENT ON COLUMN strategies.strategy_type IS 'Kind of strategy, such as trend. NULL: none was given.';
COMMENT ON COLUMN strategies.created_at IS 'When the strategy was created.';
