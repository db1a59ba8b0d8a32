-- Queries that show the state of both databases: hypertables, indexes, aggregates, policies and migrations. They only
-- read. Part 1 is for the time-series database, part 2 for both, part 3 for the metadata database with the compatibility
-- views:
--
--   psql -f docs/validation.sql "$TIMESCALEDB_URL"
--
-- `tickbook status`, `tickbook policies status` and `tickbook verify` check what these queries list.

-- Part 1: the time-series database.

-- the version of TimescaleDB, and its edition: apache, or timescale for the Community edition
SELECT extversion, current_setting('timescaledb.license') AS edition
FROM pg_extension
WHERE extname = 'timescaledb';

-- hypertables with their time columns, widths of chunks, and numbers of chunks
SELECT hypertable.hypertable_schema, hypertable.hypertable_name, dimension.column_name AS time_column,
    dimension.time_interval, hypertable.num_chunks, hypertable.compression_enabled
FROM timescaledb_information.hypertables AS hypertable
JOIN timescaledb_information.dimensions AS dimension USING (hypertable_schema, hypertable_name)
WHERE hypertable.hypertable_schema = current_schema()
ORDER BY hypertable.hypertable_name;

-- continuous aggregates; the Apache edition has none
SELECT view_name, materialization_hypertable_name, materialized_only
FROM timescaledb_information.continuous_aggregates
WHERE view_schema = current_schema()
ORDER BY view_name;

-- the relations of candles: views, and those of aggregates on the Community edition
SELECT relname, relkind
FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relname ~ '^(trade_)?ohlc_[0-9]+[mhd]$'
ORDER BY relname;

-- the columns by which compressed rows are grouped and ordered
SELECT hypertable_name, attname, segmentby_column_index, orderby_column_index, orderby_asc
FROM timescaledb_information.compression_settings
WHERE hypertable_schema = current_schema()
ORDER BY hypertable_name, segmentby_column_index, orderby_column_index;

-- the ages after which chunks are compressed
SELECT hypertable_name, job_id, schedule_interval, config ->> 'compress_after' AS compress_after
FROM timescaledb_information.jobs
WHERE proc_name IN ('policy_compression', 'policy_columnstore') AND hypertable_schema = current_schema()
ORDER BY hypertable_name;

-- the windows in which aggregates are refreshed
SELECT hypertable_name, job_id, schedule_interval, config ->> 'start_offset' AS start_offset,
    config ->> 'end_offset' AS end_offset
FROM timescaledb_information.jobs
WHERE proc_name = 'policy_refresh_continuous_aggregate'
ORDER BY hypertable_name;

-- jobs of the server that drop chunks: tickbook makes none, since it drops a chunk only after its candles are stored
SELECT hypertable_name, job_id, schedule_interval, config ->> 'drop_after' AS drop_after
FROM timescaledb_information.jobs
WHERE proc_name = 'policy_retention' AND hypertable_schema = current_schema()
ORDER BY hypertable_name;

-- the ages after which ticks, trades, order books and candles are dropped; no row: never
SELECT make_interval(secs => ticks_drop_after_seconds) AS ticks,
    make_interval(secs => trades_drop_after_seconds) AS trades,
    make_interval(secs => books_drop_after_seconds) AS books,
    make_interval(secs => candles_drop_after_seconds) AS candles, applied_at
FROM applied_policies;

-- jobs that failed
SELECT job_id, proc_name, hypertable_name, last_run_status, total_failures
FROM timescaledb_information.job_stats
JOIN timescaledb_information.jobs USING (job_id, hypertable_schema, hypertable_name)
WHERE total_failures > 0
ORDER BY job_id;

-- the size of each hypertable
SELECT hypertable_name, pg_size_pretty(hypertable_size(format('%I.%I', hypertable_schema, hypertable_name)::regclass))
FROM timescaledb_information.hypertables
WHERE hypertable_schema = current_schema()
ORDER BY hypertable_name;

-- days whose candles wait for a refresh because of late ticks or trades
SELECT day, count(*) AS batches, min(arrived_at) AS waiting_since
FROM late_days
GROUP BY day
ORDER BY day;

-- Part 2: both databases.

-- applied migrations
SELECT version, run_on
FROM __diesel_schema_migrations
ORDER BY version;

-- indexes
SELECT schemaname, tablename, indexname, indexdef
FROM pg_indexes
WHERE schemaname = current_schema()
ORDER BY tablename, indexname;

-- rights to each table
SELECT table_name, grantee, string_agg(privilege_type, ', ' ORDER BY privilege_type) AS privileges
FROM information_schema.role_table_grants
WHERE table_schema = current_schema()
GROUP BY table_name, grantee
ORDER BY table_name, grantee;

-- Part 3: the metadata database, with the compatibility views.

-- the last 100 orders of a symbol within a day
EXPLAIN (ANALYZE, BUFFERS)
SELECT *
FROM order_manager.orders
WHERE symbol = 'PETR4' AND created_at > now() - INTERVAL '1 day'
ORDER BY created_at DESC
LIMIT 100;

-- orders and executions of each account
SELECT account_id, count(*) AS orders, count(*) FILTER (WHERE is_open) AS open_orders, max(created_at) AS newest
FROM orders
GROUP BY account_id
ORDER BY account_id;

-- batches of order events that the relay has not copied to the time-series database
SELECT count(*) AS batches, min(recorded_at) AS waiting_since
FROM ledger_outbox;
