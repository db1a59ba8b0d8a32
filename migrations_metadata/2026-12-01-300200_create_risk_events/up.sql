CREATE TABLE risk_events (
    risk_event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint REFERENCES accounts (account_id) ON DELETE CASCADE,
    strategy_id bigint,
    symbol_id bigint,
    kind text NOT NULL,
    severity text NOT NULL,
    metric text NOT NULL,
    observed numeric(27, 12) NOT NULL,
    threshold numeric(27, 12) NOT NULL,
    action text,
    details jsonb NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT risk_events_kind_known CHECK (kind IN (
        'overfill', 'position_limit', 'drawdown', 'stale_feed', 'conflict_rate'
    )),
    CONSTRAINT risk_events_severity_known CHECK (severity IN ('info', 'warning', 'critical')),
    CONSTRAINT risk_events_metric_length CHECK (char_length(metric) BETWEEN 1 AND 500),
    CONSTRAINT risk_events_details_object CHECK (jsonb_typeof(details) = 'object'),
    CONSTRAINT risk_events_occurred_at_finite CHECK (isfinite(occurred_at))
);

CREATE INDEX risk_events_account ON risk_events (account_id, risk_event_id);
CREATE INDEX risk_events_occurred_at ON risk_events (occurred_at);

COMMENT ON TABLE risk_events IS 'Observations beyond a limit. Rows are not changed.';
COMMENT ON COLUMN risk_events.risk_event_id IS 'Id of the event; positive and ascending.';
COMMENT ON COLUMN risk_events.account_id IS 'The account. NULL: the event is about no account.';
COMMENT ON COLUMN risk_events.strategy_id IS 'The strategy.';
COMMENT ON COLUMN risk_events.symbol_id IS 'The symbol.';
COMMENT ON COLUMN risk_events.kind IS 'Rule that raised the event, such as overfill.';
COMMENT ON COLUMN risk_events.severity IS 'info, warning or critical.';
COMMENT ON COLUMN risk_events.metric IS 'Name of the observed number.';
COMMENT ON COLUMN risk_events.observed IS 'Value of the number.';
COMMENT ON COLUMN risk_events.threshold IS 'Limit of the number.';
COMMENT ON COLUMN risk_events.action IS 'What was done about it.';
COMMENT ON COLUMN risk_events.details IS 'Further facts: an object of texts.';
COMMENT ON COLUMN risk_events.occurred_at IS 'When it was observed.';
COMMENT ON COLUMN risk_events.recorded_at IS 'When it was recorded.';

CREATE FUNCTION refuse_change_of_risk_event() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are not changed', TG_TABLE_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = 'risk_events_append_only';
END
$$;

COMMENT ON FUNCTION refuse_change_of_risk_event IS 'Refuses changes of risk events and their acknowledgements.';

CREATE TRIGGER risk_events_append_only
    BEFORE UPDATE ON risk_events
    FOR EACH ROW
    EXECUTE FUNCTION refuse_change_of_risk_event();

-- events are deleted with their account only
CREATE TRIGGER risk_events_not_deleted
    BEFORE DELETE ON risk_events
    FOR EACH ROW
    WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION refuse_change_of_risk_event();
