//! Several processes that write one account.

use tickbook::domain::PageLimit;
use tickbook_ledger::domain::{CostMethod, OrderEvent, Side};
use tickbook_ledger::repository::{OrderEventQuery, PositionQuery};

use super::{Site, account, scope};
use crate::samples::{created, filled};

/// Fills of one order, each of which two writers send.
fn fills(count: i64) -> Vec<OrderEvent> {
    let fills = (0..count).map(|n| filled("o", &format!("E{n}"), n % 50, "1", "2"));
    fills.collect()
}

#[tokio::test]
async fn writers_of_other_processes_are_noticed() {
    let site = Site::new().await;
    let stores: Vec<_> = (0..4).map(|_| site.repositories()).collect();
    let id = account(&stores[0], "main", CostMethod::Average)
        .await
        .account_id;
    let all = fills(200);
    let first = [created("o", Side::Buy, "1000")];
    stores[0]
        .ledger
        .append(&scope(), id, &first, None)
        .await
        .expect("created");
    let writers = stores.into_iter().enumerate().map(|(number, store)| {
        let events = all.clone();
        tokio::spawn(async move {
            let mut booked = 0;
            for step in 0..events.len() {
                // neighbours write the same fills
                let event = events[(step * 7 + number / 2 * 100) % events.len()].clone();
                let receipt = store.ledger.append(&scope(), id, &[event], None).await;
                let receipt = receipt.expect("events are appended");
                assert_eq!(receipt.appended.len() + receipt.duplicates.len(), 1);
                booked += receipt.appended.len();
            }
            booked
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut booked = 0;
    for writer in writers {
        booked += writer.await.expect("no panic");
    }
    assert_eq!(booked, all.len());
    let reader = site.repositories().ledger;
    let query = OrderEventQuery::new(id).limit(PageLimit::MAX);
    let events = reader.events(&scope(), &query).await.expect("read").items;
    let numbers: Vec<_> = events.iter().map(|it| it.sequence).collect();
    assert_eq!(numbers, Vec::from_iter(1..=201));
    assert!(events.is_sorted_by_key(|it| it.recorded_at));
    let found = reader.verify(&scope(), id).await.expect("read");
    assert!(found.is_equal(), "{found:?}");
}

/// The memory of a store is outdated in each way in which an account changes.
#[tokio::test]
async fn outdated_memory_is_read_again() {
    let site = Site::new().await;
    let (store, other) = (site.repositories(), site.repositories());
    let id = account(&store, "main", CostMethod::Average)
        .await
        .account_id;
    let book = async |store: &tickbook_ledger::LedgerRepositories, event: OrderEvent| {
        let receipt = store.ledger.append(&scope(), id, &[event], None).await;
        receipt.expect("an answer")
    };
    assert_eq!(
        book(&store, created("a", Side::Buy, "10"))
            .await
            .appended
            .len(),
        1
    );
    // another process books the order that this one creates next
    assert_eq!(
        book(&other, created("b", Side::Buy, "10"))
            .await
            .appended
            .len(),
        1
    );
    assert_eq!(
        book(&store, created("b", Side::Buy, "10"))
            .await
            .duplicates
            .len(),
        1
    );
    // and an earlier fill of the position that this one adds to
    assert_eq!(
        book(&store, filled("a", "E1", 10, "1", "5"))
            .await
            .appended
            .len(),
        1
    );
    assert_eq!(
        book(&other, filled("b", "E2", 20, "1", "7"))
            .await
            .appended
            .len(),
        1
    );
    let receipt = book(&store, filled("a", "E3", 15, "1", "6")).await;
    assert_eq!((receipt.appended.len(), receipt.adjusted.len()), (1, 1));
    // the account is closed elsewhere
    other.accounts.close(&scope(), id).await.expect("closed");
    let refused = book(&store, created("c", Side::Buy, "10")).await;
    assert_eq!(refused.quarantined[0].reason.as_str(), "account_closed");
    let query = PositionQuery::new(id);
    let positions = store
        .ledger
        .positions(&scope(), &query)
        .await
        .expect("read")
        .items;
    assert_eq!(positions[0].position.open_cost.to_string(), "18");
    let found = other.ledger.verify(&scope(), id).await.expect("read");
    assert!(found.is_equal() && found.sequence == 5, "{found:?}");
}
