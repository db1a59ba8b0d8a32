//! Plans of the statements that read what the events of a batch refer to.

use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};
use tickbook::db::DatabasePools;
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::domain::{CostMethod, Side};

use super::{Site, account, scope};
use crate::samples::{created, filled};

/// More executions than those after which PostgreSQL may keep a plan for all values.
const APPENDS: i64 = 8;

#[derive(Debug, QueryableByName)]
struct Plans {
    #[diesel(sql_type = Text)]
    statement: String,
    #[diesel(sql_type = BigInt)]
    kept: i64,
    #[diesel(sql_type = BigInt)]
    own: i64,
}

#[tokio::test]
async fn reads_by_id_have_plans_of_their_own() {
    let site = Site::new().await;
    let mut config = site.config();
    config.pool.size = 1;
    let pools = DatabasePools::new(&config);
    let store = LedgerRepositories::postgres(pools.metadata());
    let id = account(&store, "main", CostMethod::Average)
        .await
        .account_id;
    let events = [
        created("o", Side::Buy, "10"),
        filled("o", "E1", 1, "4", "2"),
    ];
    for _ in 0..=APPENDS {
        let receipt = store.ledger.append(&scope(), id, &events, None).await;
        let receipt = receipt.expect("an answer");
        assert_eq!(receipt.appended.len() + receipt.duplicates.len(), 2);
    }
    // the only connection
    let metadata = pools.metadata();
    let read = metadata.read("plans", |connection| {
        let plans: Vec<Plans> = sql_query(
            "SELECT statement, generic_plans AS kept, custom_plans AS own FROM pg_prepared_statements \
             WHERE statement LIKE 'SELECT %' AND (statement LIKE '%ANY(%' OR statement LIKE '%UNNEST(%')",
        )
        .load(connection)?;
        Ok(plans)
    });
    let plans = read.await.expect("read");
    let reads = |table: &str| {
        let mut found = plans.iter();
        found.any(|it| it.statement.contains(table) && it.own >= APPENDS)
    };
    for table in ["FROM orders", "FROM order_events", "FROM positions"] {
        assert!(reads(table), "{table}: {plans:?}");
    }
    assert!(plans.iter().all(|it| it.kept == 0), "{plans:?}");
}
