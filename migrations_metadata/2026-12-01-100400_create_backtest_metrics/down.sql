DROP TABLE backtest_metrics;
DROP FUNCTION refuse_change_of_backtest_metric;
