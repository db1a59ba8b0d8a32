//! The repositories of the performance: the conformance suite, a mock, and the views of 15 minutes.

use std::sync::Arc;

use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook_ledger::PerformanceRepositories;
use tickbook_ledger::conformance::PerformanceSubject;
use tickbook_ledger::postgres::PgOrderHistoryRepository;

mod memory {
    use tickbook_ledger::memory::InMemoryOrderHistory;

    use super::*;

    async fn empty_store() -> PerformanceSubject {
        let history = InMemoryOrderHistory::new();
        let performance = PerformanceRepositories::in_memory_with_history(history.clone());
        PerformanceSubject::new(performance, Arc::new(history))
    }

    tickbook_ledger::performance_conformance_tests!(empty_store);
}

mod postgres {
    use super::*;

    async fn empty_store() -> PerformanceSubject {
        let schemas = ScratchSchemas::create();
        let pools = DatabasePools::new(&schemas.config());
        let migrated = tickbook::postgres::migrate_timeseries(&pools.timeseries()).await;
        migrated.expect("migrations of the time-series database");
        let performance = PerformanceRepositories::postgres(pools.timeseries());
        let history = PgOrderHistoryRepository::new(pools.timeseries());
        PerformanceSubject::guarded(performance, Arc::new(history), schemas)
    }

    tickbook_ledger::performance_conformance_tests!(empty_store);
}

mod mocks {
    use tickbook::RepositoryError;
    use tickbook_ledger::domain::AccountId;
    use tickbook_ledger::domain::performance::{PerformanceReport, Tz, Undefined};
    use tickbook_ledger::repository::{DailyQuery, InvalidDays, MockPerformanceRepository};

    use super::*;

    /// A part of a program: the profit of a month as text.
    async fn profit(repositories: &PerformanceRepositories) -> Result<String, RepositoryError> {
        let (from, to) = ("2024-05-01".parse(), "2024-06-01".parse());
        let query = DailyQuery::new(
            AccountId::new(3),
            Tz::UTC,
            from.expect("one"),
            to.expect("one"),
        );
        let report = repositories
            .performance
            .report(&query.expect("a month"))
            .await?;
        Ok(report
            .profit
            .map_or_else(|| "-".to_owned(), |it| it.to_string()))
    }

    #[tokio::test]
    async fn profit_of_a_report_is_shown() {
        let mut mock = MockPerformanceRepository::new();
        mock.expect_report()
            .withf(|query| query.account_id == AccountId::new(3))
            .returning(|_| Ok(PerformanceReport::of(&[]).expect("nothing")));
        let repositories = PerformanceRepositories::new(Arc::new(mock));
        assert_eq!(profit(&repositories).await.expect("read"), "-");
    }

    #[test]
    fn impossible_days_are_refused() {
        let days = |from: &str, to: &str| {
            let (from, to) = (from.parse().expect("a date"), to.parse().expect("a date"));
            DailyQuery::new(AccountId::new(1), Tz::UTC, from, to).map(|query| query.days().len())
        };
        assert_eq!(days("2024-01-01", "2024-01-01"), Ok(0));
        assert_eq!(days("2024-01-01", "2025-01-01"), Ok(366));
        let error = days("2024-01-02", "2024-01-01").expect_err("reversed");
        assert_eq!(
            error.to_string(),
            "from (2024-01-02) is after to (2024-01-01): swap them"
        );
        assert_eq!(
            days("2010-01-01", "2024-01-01"),
            Err(InvalidDays::TooMany(5_113))
        );
        let early = "1969-12-31".parse().expect("a date");
        assert_eq!(
            days("1969-12-31", "1970-01-01"),
            Err(InvalidDays::OutOfRange(early))
        );
        assert_eq!("ruined".parse(), Ok(Undefined::Ruined));
    }
}

mod views {
    use diesel::connection::SimpleConnection as _;
    use diesel::sql_types::Text;
    use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, sql_query};
    use tickbook::Database;
    use tickbook_ledger::domain::AccountId;
    use tickbook_ledger::domain::performance::EquityPoint;

    use super::*;
    use crate::samples::seconds;

    const VIEWS: &str = include_str!("../../../../manual_sql/performance_views.sql");
    const AGGREGATES: &str = include_str!("../../../../manual_sql/performance_aggregates.sql");

    const EQUITY: &str = "SELECT concat_ws(' ', to_char(open_time AT TIME ZONE 'UTC', 'HH24:MI'), points, \
        trim_scale(last_equity), trim_scale(low), trim_scale(flows)) AS text FROM account_equity_15m \
        ORDER BY open_time";

    const FILLS: &str = "SELECT concat_ws(' ', to_char(open_time AT TIME ZONE 'UTC', 'HH24:MI'), strategy_id, \
        symbol_id, fee_currency, fills, busts, corrections, trim_scale(bought), trim_scale(sold), \
        trim_scale(fees)) AS text FROM strategy_performance_15m ORDER BY 1";

    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        text: String,
    }

    fn rows(connection: &mut PgConnection, query: &str) -> Vec<String> {
        let rows: Vec<Row> = sql_query(query).load(connection).expect(query);
        rows.into_iter().map(|row| row.text).collect()
    }

    /// A schema with points and fills.
    async fn filled() -> (ScratchSchemas, PgConnection) {
        let schemas = ScratchSchemas::create();
        let pools = DatabasePools::new(&schemas.config());
        let migrated = tickbook::postgres::migrate_timeseries(&pools.timeseries()).await;
        migrated.expect("migrations of the time-series database");
        let point = |minute: i64, equity: &str, flows: &str| {
            let (time, equity) = (seconds(minute * 60), equity.parse().expect("an amount"));
            EquityPoint::new(AccountId::new(1), time, equity, equity, "test")
                .with_flows(flows.parse().expect("an amount"))
        };
        let points = [
            point(1, "100.5", "0"),
            point(10, "90", "-10"),
            point(14, "95", "5"),
            point(15, "96", "0"),
        ];
        let performance = PerformanceRepositories::postgres(pools.timeseries()).performance;
        performance.record_equity(&points).await.expect("recorded");
        let mut connection = schemas.connection(Database::Timeseries);
        let fills = "INSERT INTO fill_history (account_id, trade_time, sequence, order_id, kind, symbol_id, side, \
            strategy_id, quantity, price, venue, ref_exec_id, fee_amount, fee_currency, \
            fee_is_taken_from_quantity, recorded_at) VALUES \
            (1, '2024-05-01 00:01Z', 1, 'a', 'filled', 7, 'buy', 3, 2, 10.5, 'V', NULL, 0.5, 'USD', false, now()), \
            (1, '2024-05-01 00:14Z', 2, 'b', 'filled', 7, 'sell', 3, 1, 11, 'V', NULL, 0.25, 'USD', false, now()), \
            (1, '2024-05-01 00:15Z', 3, 'b', 'fill_corrected', 7, 'sell', 3, 1, 12, 'V', 'E', NULL, NULL, NULL, now()), \
            (1, '2024-05-01 00:16Z', 4, 'b', 'fill_busted', 7, 'sell', 3, NULL, NULL, 'V', 'E', NULL, NULL, NULL, now())";
        connection.batch_execute(fills).expect("inserted");
        (schemas, connection)
    }

    fn assert_sums(connection: &mut PgConnection) {
        let equity = rows(connection, EQUITY);
        assert_eq!(equity, ["00:00 3 95 90 -5", "00:15 1 96 96 0"]);
        let fills = rows(connection, FILLS);
        assert_eq!(
            fills,
            ["00:00 3 7 USD 2 0 0 21 11 0.75", "00:15 3 7 0 1 1 0 0 0"]
        );
    }

    #[tokio::test]
    async fn views_of_15_minutes_sum_points_and_fills() {
        let (_schemas, mut connection) = filled().await;
        for _ in 0..2 {
            connection.batch_execute(VIEWS).expect("views");
            assert_sums(&mut connection);
        }
    }

    #[tokio::test]
    async fn aggregates_of_15_minutes_equal_the_views() {
        let (_schemas, mut connection) = filled().await;
        let license = "SELECT coalesce(current_setting('timescaledb.license', true), '') AS text";
        if rows(&mut connection, license) != ["timescale"] {
            suite::skip("continuous aggregates need the Community edition");
            return;
        }
        connection.batch_execute(VIEWS).expect("views");
        for _ in 0..2 {
            // a refresh cannot run in a transaction, and the file has no semicolon within a statement but in its block
            let (block, statements) = AGGREGATES.split_once("$$;").expect("a block");
            connection
                .batch_execute(&format!("{block}$$;"))
                .expect("replaced");
            for statement in statements.split(';').filter(|it| !it.trim().is_empty()) {
                connection.batch_execute(statement).expect(statement);
            }
            assert_sums(&mut connection);
        }
        let refresh =
            "CALL refresh_continuous_aggregate('account_equity_15m', '2024-04-30', '2024-05-03')";
        connection.batch_execute(refresh).expect("refreshed");
        let refresh = "CALL refresh_continuous_aggregate('strategy_performance_15m', '2024-04-30', '2024-05-03')";
        connection.batch_execute(refresh).expect("refreshed");
        assert_sums(&mut connection);
        connection.batch_execute(VIEWS).expect("aggregates stay");
        assert_sums(&mut connection);
    }
}
