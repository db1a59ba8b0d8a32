CREATE TABLE backtest_metrics (
    run_id bigint NOT NULL REFERENCES backtest_runs (run_id) ON DELETE CASCADE,
    metric text NOT NULL,
    definition text NOT NULL,
    value numeric,
    reason text,
    PRIMARY KEY (run_id, metric, definition),
    CONSTRAINT backtest_metrics_metric_length CHECK (char_length(metric) BETWEEN 1 AND 100),
    CONSTRAINT backtest_metrics_definition_length CHECK (char_length(definition) BETWEEN 1 AND 100),
    CONSTRAINT backtest_metrics_value_finite CHECK (value NOT IN ('NaN', 'Infinity', '-Infinity')),
    CONSTRAINT backtest_metrics_value_or_reason CHECK (num_nonnulls(value, reason) = 1),
    CONSTRAINT backtest_metrics_reason_length CHECK (char_length(reason) BETWEEN 1 AND 300)
);

COMMENT ON TABLE backtest_metrics IS 'Results of finished runs. Rows do not change.';
COMMENT ON COLUMN backtest_metrics.run_id IS 'The run.';
COMMENT ON COLUMN backtest_metrics.metric IS 'Name of the metric, such as sharpe_ratio.';
COMMENT ON COLUMN backtest_metrics.definition IS 'Name and version of the formula.';
COMMENT ON COLUMN backtest_metrics.value IS 'The value. NULL: the metric is undefined.';
COMMENT ON COLUMN backtest_metrics.reason IS 'Why the metric is undefined. NULL: it has a value.';

CREATE FUNCTION refuse_change_of_backtest_metric() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the metrics of backtest run % do not change', OLD.run_id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'backtest_metrics_immutable';
END
$$;

COMMENT ON FUNCTION refuse_change_of_backtest_metric IS 'Refuses changes of metrics, and deletions other than that of their run.';

CREATE TRIGGER backtest_metrics_immutable
    BEFORE UPDATE ON backtest_metrics
    FOR EACH ROW
    EXECUTE FUNCTION refuse_change_of_backtest_metric();

-- metrics are deleted with their run only
CREATE TRIGGER backtest_metrics_not_deleted
    BEFORE DELETE ON backtest_metrics
    FOR EACH ROW
    WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION refuse_change_of_backtest_metric();
