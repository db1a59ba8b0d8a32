-- Creates the roles of tickbook and grants each of them its rights to every table. Apply it to both databases, as the
-- owner of the tables or a superuser, after `tickbook migrate`, `tickbook aggregates apply` and the compatibility views:
--
--   psql -v ON_ERROR_STOP=1 -f manual_sql/roles.sql "$DATABASE_URL"
--   psql -v ON_ERROR_STOP=1 -f manual_sql/roles.sql "$TIMESCALEDB_URL"
--
-- The roles cannot log in. Create a login for each program and make it a member:
--
--   CREATE ROLE orderbook_server LOGIN PASSWORD '…' IN ROLE tickbook_writer, tickbook_relay;
--
--   tickbook_writer       the server: reads and writes
--   tickbook_relay        copies order events to the time-series database; part of the server
--   tickbook_reader       reads, except users, credentials and the audit log
--   tickbook_risk         like tickbook_reader; raises and acknowledges risk events
--   tickbook_auditor      reads the metadata database, with users and the audit log, without encrypted secrets
--   tickbook_maintenance  deletes and corrects rows: `tickbook delete`, `tickbook ledger rebuild`
--   tickbook_backup       reads all tables: pg_dump
--
-- Only the owner of the tables migrates, drops chunks, refreshes candles and applies policies; it must not be the login
-- of the server. PUBLIC loses its rights to the schema. A table that a later migration creates has no rights until the
-- file is applied again, which can be done at any time.
DO $roles$
DECLARE
    role_names constant text[] := ARRAY[
        'tickbook_writer', 'tickbook_relay', 'tickbook_reader', 'tickbook_risk', 'tickbook_auditor',
        'tickbook_maintenance'
    ];
    role_name text;
    granted record;
    letters text;
    schema_name text;
    sequence_name text;
BEGIN
    FOREACH role_name IN ARRAY role_names || 'tickbook_backup'::text LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
    GRANT pg_read_all_data TO tickbook_backup;

    -- the schema of the tables, and that of the functions of the extension
    EXECUTE format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', current_schema());
    FOR schema_name IN
        SELECT current_schema()
        UNION
        SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'timescaledb'
    LOOP
        FOREACH role_name IN ARRAY role_names LOOP
            EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', schema_name, role_name);
        END LOOP;
    END LOOP;

    -- S: SELECT, I: INSERT, U: UPDATE, D: DELETE; in the order of role_names
    FOR granted IN SELECT * FROM (VALUES
        -- migrations
        ('__diesel_schema_migrations', 'S', 'S', 'S', 'S', 'S', 'S'),
        -- symbols
        ('exchanges', 'SIU', '', 'S', 'S', 'S', 'SIUD'),
        ('exchange_sessions', 'SIUD', '', 'S', 'S', 'S', 'SIUD'),
        ('symbols', 'SIU', '', 'S', 'S', 'S', 'SIUD'),
        ('instruments', 'SIUD', '', 'S', 'S', 'S', 'SIUD'),
        ('instrument_versions', 'SI', '', 'S', 'S', 'S', 'SIUD'),
        ('feed_symbols', 'SIUD', '', 'S', 'S', 'S', 'SIUD'),
        -- the ledger: the journal is only appended to; lots and fees of a position are written again
        ('accounts', 'SIU', 'S', 'S', 'S', 'S', 'SIUD'),
        ('account_heads', 'SIU', 'S', 'S', 'S', 'S', 'SIUD'),
        ('order_events', 'SI', 'S', 'S', 'S', 'S', 'S'),
        ('quarantined_order_events', 'SIU', '', 'S', 'S', 'S', 'SIUD'),
        ('ledger_outbox', 'I', 'SD', '', '', '', 'S'),
        ('orders', 'SIU', '', 'S', 'S', 'S', 'SIUD'),
        ('order_client_ids', 'SI', '', 'S', 'S', 'S', 'SIUD'),
        ('order_venue_ids', 'SI', '', 'S', 'S', 'S', 'SIUD'),
        ('fills', 'SIU', 'S', 'S', 'S', 'S', 'SIUD'),
        ('positions', 'SIU', '', 'S', 'S', 'S', 'SIUD'),
        ('position_fees', 'SIUD', '', 'S', 'S', 'S', 'SIUD'),
        ('position_lots', 'SIUD', '', 'S', 'S', 'S', 'SIUD'),
        ('position_reports', 'SIU', '', 'S', 'S', 'S', 'SIUD'),
        ('ledger_orders', 'S', '', 'S', 'S', 'S', 'S'),
        -- strategies, backtests, risk, users, credentials and the audit log
        ('strategies', 'SIU', '', 'S', 'S', 'S', 'SIUD'),
        ('strategy_versions', 'SI', '', 'S', 'S', 'S', 'SI'),
        ('deployments', 'SIU', '', 'S', 'S', 'S', 'SIUD'),
        ('backtest_runs', 'SIU', '', 'S', 'S', 'S', 'SIUD'),
        ('backtest_metrics', 'SI', '', 'S', 'S', 'S', 'SID'),
        ('artifacts', 'SIU', '', 'S', 'S', 'S', 'SIUD'),
        ('run_artifacts', 'SIU', '', 'S', 'S', 'S', 'SIUD'),
        ('deleted_accounts', 'S', '', 'S', 'S', 'S', 'SI'),
        ('risk_events', 'SI', '', 'S', 'SI', 'S', 'S'),
        ('risk_acknowledgements', 'SI', '', 'S', 'SI', 'S', 'S'),
        ('users', 'SIU', '', '', '', 'S', 'SIUD'),
        ('user_grants', 'SIUD', '', '', '', 'S', 'SIUD'),
        ('credentials', 'SI', '', '', '', '', ''),
        ('audit_heads', 'SIU', '', '', '', 'S', 'SIU'),
        ('audit_log', 'SI', '', '', '', 'S', 'SI'),
        -- market data: only corrections of trades change stored rows
        ('ticks', 'SI', '', 'S', 'S', '', 'SIUD'),
        ('trades', 'SIUD', '', 'S', 'S', '', 'SIUD'),
        ('ohlc_candles', 'SIU', '', 'S', 'S', '', 'SIUD'),
        ('symbol_days', 'SI', '', 'S', 'S', '', 'SIUD'),
        ('trade_days', 'SI', '', 'S', 'S', '', 'SIUD'),
        ('unrecorded_ticks', 'S', '', 'S', 'S', '', 'SIUD'),
        ('unrecorded_trades', 'S', '', 'S', 'S', '', 'SIUD'),
        ('late_days', 'SI', '', 'S', 'S', '', 'SIUD'),
        ('applied_policies', 'S', '', 'S', 'S', '', 'SIUD'),
        ('tick_quarantine', 'SIU', '', 'S', 'S', '', 'SIUD'),
        ('trade_quarantine', 'SIU', '', 'S', 'S', '', 'SIUD'),
        ('trade_corrections', 'SIU', '', 'S', 'S', '', 'SIUD'),
        ('order_book_snapshots', 'SI', '', 'S', 'S', '', 'SIUD'),
        ('order_book_updates', 'SI', '', 'S', 'S', '', 'SIUD'),
        ('book_intervals', 'SIU', '', 'S', 'S', '', 'SIUD'),
        ('feed_gaps', 'SIU', '', 'S', 'S', '', 'SIUD'),
        ('feed_messages', 'SI', '', 'S', 'S', '', 'SIUD'),
        -- copies of the ledger, equity and system metrics
        ('order_event_history', 'S', 'SI', 'S', 'S', '', 'SIUD'),
        ('fill_history', 'S', 'SI', 'S', 'S', '', 'SIUD'),
        ('position_history', 'S', 'SI', 'S', 'S', '', 'SIUD'),
        ('ledger_relay_cursor', 'S', 'SIU', '', '', '', 'SIUD'),
        ('equity_points', 'SIU', '', 'S', 'S', '', 'SIUD'),
        ('metric_series', 'SI', '', 'S', 'S', '', 'SIUD'),
        ('system_metrics', 'SI', '', 'S', 'S', '', 'SIUD'),
        -- candles
        ('ohlc_1m', 'S', '', 'S', 'S', '', 'S'),
        ('ohlc_5m', 'S', '', 'S', 'S', '', 'S'),
        ('ohlc_15m', 'S', '', 'S', 'S', '', 'S'),
        ('ohlc_30m', 'S', '', 'S', 'S', '', 'S'),
        ('ohlc_1h', 'S', '', 'S', 'S', '', 'S'),
        ('ohlc_4h', 'S', '', 'S', 'S', '', 'S'),
        ('ohlc_1d', 'S', '', 'S', 'S', '', 'S'),
        ('trade_ohlc_1m', 'S', '', 'S', 'S', '', 'S'),
        ('trade_ohlc_5m', 'S', '', 'S', 'S', '', 'S'),
        ('trade_ohlc_15m', 'S', '', 'S', 'S', '', 'S'),
        ('trade_ohlc_30m', 'S', '', 'S', 'S', '', 'S'),
        ('trade_ohlc_1h', 'S', '', 'S', 'S', '', 'S'),
        ('trade_ohlc_4h', 'S', '', 'S', 'S', '', 'S'),
        ('trade_ohlc_1d', 'S', '', 'S', 'S', '', 'S')
    ) AS matrix (relation, writer, relay, reader, risk, auditor, maintenance)
    LOOP
        CONTINUE WHEN to_regclass(granted.relation) IS NULL;
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', to_regclass(granted.relation));
        FOR role_name, letters IN
            SELECT right_of.role_name, right_of.letters
            FROM unnest(
                role_names,
                ARRAY[granted.writer, granted.relay, granted.reader, granted.risk, granted.auditor, granted.maintenance]
            ) AS right_of (role_name, letters)
        LOOP
            EXECUTE format('REVOKE ALL ON %s FROM %I', to_regclass(granted.relation), role_name);
            CONTINUE WHEN letters = '';
            EXECUTE format(
                'GRANT %s ON %s TO %I',
                (
                    SELECT string_agg(CASE verb
                        WHEN 'S' THEN 'SELECT' WHEN 'I' THEN 'INSERT' WHEN 'U' THEN 'UPDATE' WHEN 'D' THEN 'DELETE'
                    END, ', ')
                    FROM regexp_split_to_table(letters, '') AS verb
                ),
                to_regclass(granted.relation), role_name
            );
            -- numbers of new rows come from the sequences of the table
            FOR sequence_name IN
                SELECT objid::regclass::text FROM pg_depend
                WHERE refobjid = to_regclass(granted.relation) AND classid = 'pg_class'::regclass AND deptype = 'a'
                AND (SELECT relkind FROM pg_class WHERE pg_class.oid = objid) = 'S' AND letters LIKE '%I%'
            LOOP
                EXECUTE format('GRANT USAGE ON SEQUENCE %s TO %I', sequence_name, role_name);
            END LOOP;
        END LOOP;
    END LOOP;

    -- a credential changes only when its key is wrapped again and when it is revoked; its secret is for the server alone
    IF to_regclass('credentials') IS NOT NULL THEN
        GRANT UPDATE (key_id, wrapped_key, rewrapped_at, revoked_at) ON credentials TO tickbook_writer;
        GRANT SELECT (credential_id, account_id, broker, label, version, key_id, created_at, rewrapped_at, revoked_at)
            ON credentials TO tickbook_auditor;
    END IF;

    -- compatibility views have the rights of their reader, so that these grants show no further table
    FOR schema_name IN
        SELECT nspname FROM pg_namespace
        WHERE nspname IN ('s1_databaseschema', 's2_dual', 's3_okx', 's4_trading', 'order_manager', 'data_capture')
    LOOP
        FOREACH role_name IN ARRAY role_names LOOP
            EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', schema_name, role_name);
            EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', schema_name, role_name);
        END LOOP;
    END LOOP;
END
$roles$;
