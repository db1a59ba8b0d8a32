//! Reading orders, events and fills.

use tickbook::domain::{SortOrder, TimeRange};

use super::samples::{
    OTHER_SYMBOL, SYMBOL, account, all_fills, assert_verified, book, busted, client_id, create,
    created, created_with, dec, event, exec_id, filled, fills, in_symbol, limit, market, order,
    order_id, orders, range, scope, seconds, terms,
};
use crate::LedgerRepositories;
use crate::domain::{
    AccountId, OrderEvent, OrderEventKind, OrderStatus, OrderTerms, Side, StrategyId,
};
use crate::repository::{FillQuery, OrderEventQuery, OrderQuery};

const STRATEGY: StrategyId = StrategyId::new(3);

/// The names of the orders of a query.
async fn names(store: &LedgerRepositories, query: &OrderQuery) -> Vec<String> {
    let found = orders(store, query).await;
    found
        .iter()
        .map(|order| order.order_id.to_string())
        .collect()
}

/// The ids of the fills of a query.
async fn execs(store: &LedgerRepositories, query: &FillQuery) -> Vec<String> {
    let found = fills(store, query).await;
    found.iter().map(|fill| fill.fill_id.to_string()).collect()
}

pub async fn order_reads_back_with_its_status(store: &LedgerRepositories) {
    let id = account(store).await;
    let terms = OrderTerms::limit(SYMBOL, Side::Sell, dec("10.50"), dec("99.5"))
        .with_strategy(STRATEGY)
        .with_stop_price(dec("100"));
    let events = [
        created_with("o", terms.clone()).with_client_order_id(client_id("X")),
        event("o", OrderEventKind::Submitted),
        filled("o", "E1", 1, "4", "2"),
    ];
    book(store, id, &events).await;
    let order = order(store, id, "o").await;
    assert_eq!(order.terms, terms.normalized().expect("valid"));
    assert_eq!(order.client_order_id, Some(client_id("X")));
    assert_eq!(order.status(), OrderStatus::PartiallyFilled);
    assert_eq!((order.executed(), order.leaves()), (dec("4"), dec("6.5")));
    assert_eq!((order.first_sequence, order.last_sequence), (1, 3));
    assert!(order.created_at <= order.updated_at);
    let unknown = store.ledger.order(&scope(), id, &order_id("p")).await;
    assert_eq!(unknown.expect("read"), None);
}

pub async fn orders_are_listed_by_their_first_event(store: &LedgerRepositories) {
    let id = account(store).await;
    for name in ["c", "a", "b"] {
        book(store, id, &[created(name, Side::Buy, "1")]).await;
    }
    book(store, id, &[filled("c", "E1", 1, "1", "2")]).await;
    assert_eq!(names(store, &OrderQuery::new(id)).await, ["c", "a", "b"]);
    let newest = OrderQuery::new(id).order(SortOrder::Descending);
    assert_eq!(names(store, &newest).await, ["b", "a", "c"]);
}

pub async fn list_has_only_matching_orders(store: &LedgerRepositories) {
    let id = account(store).await;
    let other = create(store, terms("other")).await.account_id;
    let of_strategy = market(Side::Buy, "10").with_strategy(STRATEGY);
    let events = [
        created("plain", Side::Buy, "10"),
        in_symbol("symbol", OTHER_SYMBOL),
        created_with("strategy", of_strategy),
        created("full", Side::Buy, "10"),
        filled("full", "E1", 1, "10", "2"),
        created("canceled", Side::Buy, "10"),
        event("canceled", OrderEventKind::Canceled).with_exec_id(exec_id("E2")),
        created_with("unknown", OrderTerms::market(SYMBOL, Side::Buy, None)),
    ];
    book(store, id, &events).await;
    book(store, other, &[created("foreign", Side::Buy, "10")]).await;
    let query = || OrderQuery::new(id);
    assert_eq!(
        names(store, &query().symbol_id(OTHER_SYMBOL)).await,
        ["symbol"]
    );
    assert_eq!(
        names(store, &query().strategy_id(STRATEGY)).await,
        ["strategy"]
    );
    let open = ["plain", "symbol", "strategy", "unknown"];
    assert_eq!(names(store, &query().open(true)).await, open);
    assert_eq!(
        names(store, &query().open(false)).await,
        ["full", "canceled"]
    );
    let both = query().open(false).symbol_id(OTHER_SYMBOL);
    assert_eq!(names(store, &both).await, Vec::<String>::new());
}

pub async fn orders_are_found_by_the_day_of_their_creation(store: &LedgerRepositories) {
    let id = account(store).await;
    book(store, id, &[created("o", Side::Buy, "10")]).await;
    let created_at = order(store, id, "o").await.created_at;
    let microsecond = chrono::TimeDelta::microseconds(1);
    let found = async |from, to| {
        let range = TimeRange::new(from, to).expect("ordered");
        names(store, &OrderQuery::new(id).range(range)).await.len()
    };
    assert_eq!(found(created_at, created_at + microsecond).await, 1);
    assert_eq!(found(created_at - microsecond, created_at).await, 0);
    assert_eq!(
        found(created_at + microsecond, created_at + microsecond * 9).await,
        0
    );
}

pub async fn pages_of_orders_neither_skip_nor_repeat(store: &LedgerRepositories) {
    let id = account(store).await;
    for number in 0..9 {
        let symbol = if number % 3 == 0 {
            OTHER_SYMBOL
        } else {
            SYMBOL
        };
        book(store, id, &[in_symbol(&format!("o{number}"), symbol)]).await;
    }
    for order in [SortOrder::Ascending, SortOrder::Descending] {
        let query = OrderQuery::new(id).symbol_id(SYMBOL).order(order);
        let all = names(store, &query).await;
        assert_eq!(all.len(), 6);
        for size in [1, 2, 5, 6, 7] {
            let mut query = query.clone().limit(limit(size));
            let mut found = Vec::new();
            loop {
                let page = store.ledger.orders(&scope(), &query).await.expect("read");
                found.extend(page.items.iter().map(|order| order.order_id.to_string()));
                match page.next {
                    Some(next) => query = query.after(next),
                    None => break,
                }
            }
            assert_eq!(found, all, "pages of {size}, {order}");
        }
    }
}

/// Some events of two orders.
fn events() -> Vec<OrderEvent> {
    let mut report = filled("o", "E1", 1, "4.0", "2.50");
    report.received_at = Some(seconds(2));
    report.reason = Some("partial".to_owned());
    vec![
        created("o", Side::Buy, "10").with_client_order_id(client_id("X")),
        created("p", Side::Sell, "10"),
        report,
        filled("p", "E2", 3, "1", "2"),
        busted("o", "E3", "E1"),
        event("p", OrderEventKind::DoneForDay).with_exec_id(exec_id("E4")),
    ]
}

pub async fn events_read_back_in_their_stored_form(store: &LedgerRepositories) {
    let id = account(store).await;
    book(store, id, &events()).await;
    let page = store
        .ledger
        .events(&scope(), &OrderEventQuery::new(id))
        .await;
    let found = page.expect("read").items;
    assert_eq!(found.len(), events().len());
    for (number, (recorded, given)) in (1..).zip(found.iter().zip(events())) {
        assert_eq!(recorded.sequence, number);
        assert_eq!(Some(&recorded.order_id), given.order_id.as_ref());
        assert_eq!(recorded.event, given.normalized().expect("valid"));
    }
    let of_order = OrderEventQuery::new(id).order_id(order_id("p"));
    let page = store
        .ledger
        .events(&scope(), &of_order)
        .await
        .expect("read");
    let numbers: Vec<_> = page
        .items
        .iter()
        .map(|recorded| recorded.sequence)
        .collect();
    assert_eq!(numbers, [2, 4, 6]);
}

pub async fn pages_of_events_neither_skip_nor_repeat(store: &LedgerRepositories) {
    let id = account(store).await;
    book(store, id, &events()).await;
    for size in [1, 2, 5, 6, 7] {
        let mut query = OrderEventQuery::new(id).limit(limit(size));
        let mut found = Vec::new();
        loop {
            let page = store.ledger.events(&scope(), &query).await.expect("read");
            found.extend(page.items.iter().map(|recorded| recorded.sequence));
            match page.next {
                Some(next) => query = query.after(next),
                None => break,
            }
        }
        assert_eq!(found, [1, 2, 3, 4, 5, 6], "pages of {size}");
    }
}

/// Fills that arrive in another order than that of the venue; two have one time.
async fn book_fills(store: &LedgerRepositories) -> AccountId {
    let id = account(store).await;
    let numbered = |exec: &str, at, sequence| {
        let mut fill = filled("o", exec, at, "1", "2");
        fill.venue_sequence = sequence;
        fill
    };
    let events = [
        created("o", Side::Buy, "10"),
        in_symbol("p", OTHER_SYMBOL),
        numbered("A", 5, 0),
        numbered("C", 3, 2),
        numbered("D", 3, 1),
        filled("p", "B", 4, "1", "2"),
        filled("o", "G", 1, "1", "2"),
        // the venue does not number these
        filled("o", "F", 2, "1", "2"),
        filled("o", "E", 2, "1", "2"),
    ];
    book(store, id, &events).await;
    id
}

pub async fn fills_are_in_the_order_of_the_venue(store: &LedgerRepositories) {
    let id = book_fills(store).await;
    let found = execs(store, &FillQuery::new(id, TimeRange::all())).await;
    assert_eq!(found, ["G", "F", "E", "D", "C", "B", "A"]);
}

pub async fn fills_are_found_by_symbol_order_and_time(store: &LedgerRepositories) {
    let id = book_fills(store).await;
    let query = |from, to| FillQuery::new(id, range(from, to));
    assert_eq!(execs(store, &query(1, 3)).await, ["G", "F", "E"]);
    assert_eq!(
        execs(store, &query(0, 9).symbol_id(OTHER_SYMBOL)).await,
        ["B"]
    );
    assert_eq!(
        execs(store, &query(3, 6).order_id(order_id("o"))).await,
        ["D", "C", "A"]
    );
    assert_eq!(execs(store, &query(3, 3)).await, Vec::<String>::new());
}

pub async fn pages_of_fills_neither_skip_nor_repeat(store: &LedgerRepositories) {
    let id = book_fills(store).await;
    let all = all_fills(store, id).await;
    for size in [1, 2, 3, 6, 7, 8] {
        let mut query = FillQuery::new(id, TimeRange::all()).limit(limit(size));
        let mut found = Vec::new();
        loop {
            let page = store.ledger.fills(&scope(), &query).await.expect("read");
            found.extend(page.items);
            match page.next {
                Some(next) => query = query.after(next),
                None => break,
            }
        }
        assert_eq!(found, all, "pages of {size}");
    }
}

pub async fn journal_gives_what_is_stored(store: &LedgerRepositories) {
    let id = account(store).await;
    let empty = store.ledger.verify(&scope(), id).await.expect("read");
    assert!(empty.is_equal() && empty.sequence == 0, "{empty:?}");
    book(store, id, &events()).await;
    assert_verified(store, id).await;
    let found = store.ledger.verify(&scope(), id).await.expect("read");
    assert_eq!(found.sequence, 6);
    assert_ne!(found.stored, empty.stored);
}
