DROP TABLE backtest_runs;
DROP FUNCTION refuse_change_of_backtest_run;
DROP FUNCTION require_backtest_account;
