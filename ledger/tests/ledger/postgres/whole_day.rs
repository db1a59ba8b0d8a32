//! The events of a whole day, delivered again and in the reversed order.

use tickbook::domain::{PageLimit, TimeRange};
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::domain::{AccountId, CostMethod, OrderEvent, OrderEventKind, Position, Side};
use tickbook_ledger::repository::{FillQuery, OrderQuery, PositionQuery};

use super::{Site, account, scope};
use crate::samples::{created, event, exec_id, filled, seconds};

const ORDERS: i64 = 150;

/// The creations of the orders of a day, and the reports about them.
fn day() -> (Vec<OrderEvent>, Vec<OrderEvent>) {
    let (mut creations, mut reports) = (Vec::new(), Vec::new());
    for number in 0..ORDERS {
        let name = format!("o{number}");
        let side = if number % 3 == 0 {
            Side::Sell
        } else {
            Side::Buy
        };
        creations.push(created(&name, side, "10"));
        let accepted = event(&name, OrderEventKind::Acknowledged(None));
        let accepted = accepted
            .with_exec_id(exec_id(&format!("A{number}")))
            .at(seconds(number * 4));
        let price = format!("{}.25", 100 + number % 7);
        reports.extend([
            accepted,
            filled(&name, &format!("F{number}"), number * 4 + 1, "4", &price),
            filled(&name, &format!("G{number}"), number * 4 + 2, "3.5", &price),
        ]);
        if number % 5 == 0 {
            let closing = event(&name, OrderEventKind::Canceled);
            reports.push(
                closing
                    .with_exec_id(exec_id(&format!("C{number}")))
                    .at(seconds(number * 4 + 3)),
            );
        }
    }
    (creations, reports)
}

async fn deliver(store: &LedgerRepositories, id: AccountId, events: &[OrderEvent]) -> [usize; 2] {
    let mut counts = [0, 0];
    for batch in events.chunks(70) {
        let receipt = store.ledger.append(&scope(), id, batch, None).await;
        let receipt = receipt.expect("events are appended");
        counts[0] += receipt.appended.len();
        counts[1] += receipt.duplicates.len();
    }
    counts
}

/// What does not depend on the order of arrival: states of orders, fills and positions.
async fn results(
    store: &LedgerRepositories,
    id: AccountId,
) -> (Vec<String>, Vec<String>, Vec<Position>) {
    let query = OrderQuery::new(id).limit(PageLimit::MAX);
    let orders = store
        .ledger
        .orders(&scope(), &query)
        .await
        .expect("read")
        .items;
    let mut orders: Vec<_> = orders
        .iter()
        .map(|it| {
            format!(
                "{} {} {} {}",
                it.order_id,
                it.status(),
                it.executed(),
                it.notional()
            )
        })
        .collect();
    orders.sort_unstable();
    let query = FillQuery::new(id, TimeRange::all()).limit(PageLimit::MAX);
    let fills = store
        .ledger
        .fills(&scope(), &query)
        .await
        .expect("read")
        .items;
    let fills = fills
        .iter()
        .map(|it| format!("{} {} {}", it.fill_id, it.quantity, it.price));
    let positions = store
        .ledger
        .positions(&scope(), &PositionQuery::new(id))
        .await;
    let positions = positions
        .expect("read")
        .items
        .into_iter()
        .map(|it| it.position);
    (orders, fills.collect(), positions.collect())
}

#[tokio::test]
async fn redelivered_day_changes_nothing() {
    let site = Site::new().await;
    let (store, other) = (site.repositories(), site.repositories());
    let id = account(&store, "main", CostMethod::Average)
        .await
        .account_id;
    let (creations, reports) = day();
    let all = [creations, reports].concat();
    assert_eq!(deliver(&store, id, &all).await, [all.len(), 0]);
    let before = store.ledger.verify(&scope(), id).await.expect("read");
    // by the process that booked it, and by another one
    assert_eq!(deliver(&store, id, &all).await, [0, all.len()]);
    assert_eq!(deliver(&other, id, &all).await, [0, all.len()]);
    let after = other.ledger.verify(&scope(), id).await.expect("read");
    assert_eq!(after, before);
    assert!(after.is_equal());
}

#[tokio::test]
async fn reversed_day_gives_the_same_positions() {
    let site = Site::new().await;
    let store = site.repositories();
    let (creations, mut reports) = day();
    for method in [CostMethod::Average, CostMethod::Fifo, CostMethod::Lifo] {
        let forward = account(&store, &format!("{method} forward"), method)
            .await
            .account_id;
        let backward = account(&store, &format!("{method} backward"), method)
            .await
            .account_id;
        for id in [forward, backward] {
            assert_eq!(deliver(&store, id, &creations).await, [creations.len(), 0]);
            assert_eq!(deliver(&store, id, &reports).await, [reports.len(), 0]);
            reports.reverse();
        }
        let (a, b) = (
            results(&store, forward).await,
            results(&store, backward).await,
        );
        assert_eq!(a.0, b.0, "{method}");
        assert_eq!(a.1, b.1, "{method}");
        assert_eq!(a.2, b.2, "{method}");
        for id in [forward, backward] {
            let found = store.ledger.verify(&scope(), id).await.expect("read");
            assert!(found.is_equal(), "{method}");
        }
    }
}
