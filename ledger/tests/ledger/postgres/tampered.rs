//! Stored orders, fills and positions that differ from the journal.

use diesel::connection::SimpleConnection as _;
use diesel::result::{DatabaseErrorKind, Error};
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::domain::{AccountId, CostMethod, Side};

use super::{Site, account, scope};
use crate::samples::{created, event, exec_id, filled};
use tickbook_ledger::domain::{FillReference, OrderEventKind};

/// An account with two orders, a busted fill, an open position and lots.
async fn filled_account(store: &LedgerRepositories) -> AccountId {
    let id = account(store, "main", CostMethod::Fifo).await.account_id;
    let bust = OrderEventKind::FillBusted(FillReference::new(exec_id("E2")));
    let events = [
        created("a", Side::Buy, "10").with_client_order_id(crate::samples::client_id("c-a")),
        created("b", Side::Sell, "3"),
        filled("a", "E1", 1, "4", "2.5"),
        filled("a", "E2", 2, "3", "2.75"),
        filled("a", "E3", 3, "2", "2.25"),
        filled("b", "E4", 4, "1", "3"),
        event("a", bust).with_exec_id(exec_id("E5")),
    ];
    let receipt = store
        .ledger
        .append(&scope(), id, &events, None)
        .await
        .expect("booked");
    assert_eq!(receipt.appended.len(), events.len(), "{receipt:?}");
    id
}

#[tokio::test]
async fn rebuild_restores_each_tampered_column() {
    let site = Site::new().await;
    let store = site.repositories();
    let id = filled_account(&store).await;
    let mut connection = site.connection();
    for change in [
        "UPDATE orders SET filled = filled + 1 WHERE order_id = 'a'",
        "UPDATE orders SET facts = '{stopped}' WHERE order_id = 'b'",
        "UPDATE orders SET updated_at = updated_at + interval '1 microsecond'",
        "DELETE FROM orders WHERE order_id = 'b'",
        "UPDATE fills SET price = 2.76 WHERE exec_id = 'E2'",
        "UPDATE fills SET is_busted = false",
        "DELETE FROM fills WHERE exec_id = 'E1'",
        "UPDATE positions SET realized = realized + 0.000000000000000000000001",
        "UPDATE position_lots SET cost = cost + 1 WHERE lot = 1",
        "DELETE FROM position_lots",
        "DELETE FROM positions",
    ] {
        connection.batch_execute(change).expect(change);
        let found = store.ledger.verify(&scope(), id).await.expect("read");
        assert!(!found.is_equal(), "{change}");
        let rebuilt = store.ledger.rebuild(&scope(), id).await.expect("rebuilt");
        assert_eq!(rebuilt, found, "{change}");
        let found = store.ledger.verify(&scope(), id).await.expect("read");
        assert!(found.is_equal(), "{change}");
    }
    // the store goes on from what was rebuilt
    let next = [filled("a", "E6", 5, "1", "2")];
    let receipt = store
        .ledger
        .append(&scope(), id, &next, None)
        .await
        .expect("booked");
    assert_eq!((receipt.appended.len(), receipt.sequence), (1, 8));
    let found = store.ledger.verify(&scope(), id).await.expect("read");
    assert!(found.is_equal());
}

#[tokio::test]
async fn rebuild_of_an_equal_ledger_writes_nothing() {
    let site = Site::new().await;
    let store = site.repositories();
    let id = filled_account(&store).await;
    let mut connection = site.connection();
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION 'a write'; END $$; \
         CREATE TRIGGER refuse BEFORE UPDATE OR DELETE OR INSERT ON orders \
         FOR EACH STATEMENT EXECUTE FUNCTION refuse()";
    connection.batch_execute(refuse).expect("a trigger");
    let found = store
        .ledger
        .rebuild(&scope(), id)
        .await
        .expect("nothing to do");
    assert!(found.is_equal());
    connection
        .batch_execute("UPDATE positions SET realized = 0")
        .expect("tampered");
    store
        .ledger
        .rebuild(&scope(), id)
        .await
        .expect_err("the trigger refuses");
}

#[tokio::test]
async fn journal_refuses_changes_and_deletions() {
    let site = Site::new().await;
    let store = site.repositories();
    filled_account(&store).await;
    let mut connection = site.connection();
    for change in [
        "UPDATE order_events SET kind = 'canceled'",
        "DELETE FROM order_events",
        "TRUNCATE order_events",
        "UPDATE accounts SET environment = 'paper'",
        "UPDATE accounts SET cost_method = 'lifo'",
    ] {
        let error = connection.batch_execute(change).expect_err(change);
        let is_check = matches!(
            error,
            Error::DatabaseError(DatabaseErrorKind::CheckViolation, _)
        );
        assert!(is_check, "{change}: {error}");
    }
    // an account is deleted with all that it owns
    connection
        .batch_execute("DELETE FROM accounts")
        .expect("deleted");
    for table in [
        "account_heads",
        "order_events",
        "orders",
        "order_client_ids",
        "order_venue_ids",
        "fills",
        "positions",
        "position_fees",
    ] {
        let count = format!("DO $$ BEGIN ASSERT (SELECT count(*) FROM {table}) = 0; END $$");
        connection.batch_execute(&count).expect(table);
    }
}
