//! The outbox.

use std::time::Duration;

use tickbook::domain::PageLimit;

use super::samples::{
    account, all_fills, append, book, busted, create, created, dec, filled, limit, scope, seconds,
    terms,
};
use super::{RelaySubject, relay_samples::corrected};
use crate::domain::{AccountId, HistoryEvent, Side};
use crate::repository::{AccountSequence, EventRange, OutboxEntry};

/// Waits until the outbox has so many entries: an open transaction of another test may hold them back.
async fn entries(subject: &RelaySubject, count: usize) -> Vec<OutboxEntry> {
    let outbox = &subject.relay().outbox;
    let read = async {
        loop {
            let found = outbox.entries(PageLimit::MAX).await.expect("read");
            if found.len() >= count {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(60), read).await;
    let found = found.expect("the entries appear in time");
    assert_eq!(found.len(), count, "{found:?}");
    found
}

async fn events(subject: &RelaySubject, ranges: &[EventRange]) -> Vec<HistoryEvent> {
    let outbox = &subject.relay().outbox;
    outbox.events(ranges).await.expect("read")
}

pub async fn each_append_adds_one_entry(subject: &RelaySubject) {
    let store = subject.ledger();
    let (a, b) = (account(store).await, create(store, terms("b")).await);
    let b = b.account_id;
    entries(subject, 0).await;
    book(store, a, &[created("o", Side::Buy, "9")]).await;
    book(store, b, &[created("o", Side::Buy, "9")]).await;
    let fills = [
        filled("o", "E1", 1, "1", "2"),
        filled("o", "E2", 2, "1", "2"),
    ];
    book(store, a, &fills).await;
    let found = entries(subject, 3).await;
    let found: Vec<_> = found.iter().map(|it| it.events).collect();
    let expected = [(a, 1, 1), (b, 1, 1), (a, 2, 3)];
    assert_eq!(
        found,
        expected.map(|(id, first, last)| EventRange::new(id, first, last))
    );
}

pub async fn append_that_books_nothing_adds_none(subject: &RelaySubject) {
    let store = subject.ledger();
    let id = account(store).await;
    append(store, id, &[]).await;
    append(store, id, &[filled("nobody", "E", 1, "1", "2")]).await;
    entries(subject, 0).await;
    let batch = [created("o", Side::Buy, "1")];
    book(store, id, &batch).await;
    append(store, id, &batch).await;
    let entries = entries(subject, 1).await;
    assert_eq!(entries[0].events, EventRange::new(id, 1, 1));
}

pub async fn entries_are_ordered_and_limited(subject: &RelaySubject) {
    let store = subject.ledger();
    let id = account(store).await;
    for number in 0..5 {
        let order = format!("o{number}");
        book(store, id, &[created(&order, Side::Buy, "1")]).await;
    }
    let all = entries(subject, 5).await;
    assert!(all.is_sorted_by(|a, b| a.position < b.position), "{all:?}");
    let some = subject.relay().outbox.entries(limit(3)).await;
    assert_eq!(some.expect("read"), all[..3]);
    let backlog = subject.relay().outbox.backlog().await.expect("read");
    assert_eq!(backlog.oldest, Some(all[0].recorded_at));
}

pub async fn trimmed_entries_do_not_come_back(subject: &RelaySubject) {
    let store = subject.ledger();
    let id = account(store).await;
    for number in 0..4 {
        let order = format!("o{number}");
        book(store, id, &[created(&order, Side::Buy, "1")]).await;
    }
    let all = entries(subject, 4).await;
    let outbox = &subject.relay().outbox;
    assert_eq!(outbox.trim(all[1].position).await.expect("removed"), 2);
    assert_eq!(entries(subject, 2).await, all[2..]);
    assert_eq!(outbox.trim(all[1].position).await.expect("nothing"), 0);
    assert_eq!(outbox.trim(all[3].position).await.expect("removed"), 2);
    entries(subject, 0).await;
    let backlog = outbox.backlog().await.expect("read");
    assert_eq!((backlog.oldest, backlog.held_since), (None, None));
    // the journal keeps the events
    let whole = EventRange::new(id, 1, 4);
    assert_eq!(events(subject, &[whole]).await.len(), 4);
}

pub async fn events_have_the_position_after_them(subject: &RelaySubject) {
    let store = subject.ledger();
    let id = account(store).await;
    let batch = [
        created("o", Side::Buy, "10"),
        created("s", Side::Sell, "10"),
        filled("o", "E1", 1, "4", "100"),
        filled("s", "E2", 2, "1", "110"),
        corrected("o", "E3", "E1", "4", "90"),
        busted("s", "E4", "E2"),
    ];
    book(store, id, &batch).await;
    let found = events(subject, &[EventRange::new(id, 1, 6)]).await;
    let positions: Vec<_> = found
        .iter()
        .map(|event| {
            let after = event.position.as_ref()?;
            let amounts = [after.open_cost.to_string(), after.realized.to_string()];
            Some((&*after.name, after.quantity, amounts))
        })
        .collect();
    let after = |quantity, cost: &str, realized: &str| {
        Some(("net", dec(quantity), [cost.to_owned(), realized.to_owned()]))
    };
    assert_eq!(
        positions,
        [
            None,
            None,
            after("4", "400", "0"),
            after("3", "300", "10"),
            after("3", "270", "20"),
            after("4", "360", "0"),
        ]
    );
    let sides: Vec<_> = found.iter().map(|event| event.side).collect();
    use Side::{Buy, Sell};
    assert_eq!(sides, [Buy, Sell, Buy, Sell, Buy, Sell]);
    let fill = &found[2];
    assert_eq!((fill.account_id, fill.symbol_id.get()), (id, 7));
    assert_eq!((fill.venue.as_str(), fill.strategy_id), ("kraken", None));
    assert_eq!(fill.recorded.sequence, 3);
    assert_eq!(fill.event_time(), seconds(1));
    assert_eq!(fill.last(), Some((dec("4"), dec("100"))));
    assert_eq!(all_fills(store, id).await.len(), 2);
}

pub async fn events_are_those_of_the_journal(subject: &RelaySubject) {
    let store = subject.ledger();
    let id = account(store).await;
    let batch = [
        created("o", Side::Buy, "10"),
        filled("o", "E1", 1, "4.50", "100.0"),
    ];
    book(store, id, &batch).await;
    let query = crate::repository::OrderEventQuery::new(id);
    let journal = store.ledger.events(&scope(), &query).await.expect("read");
    let found = events(subject, &[EventRange::new(id, 1, 2)]).await;
    let found: Vec<_> = found.into_iter().map(|event| event.recorded).collect();
    assert_eq!(found, journal.items);
}

pub async fn events_of_ranges_come_once_and_sorted(subject: &RelaySubject) {
    let store = subject.ledger();
    let (a, b) = (account(store).await, create(store, terms("b")).await);
    let b = b.account_id;
    for id in [a, b] {
        let orders = (0..6).map(|n| created(&format!("o{n}"), Side::Buy, "1"));
        book(store, id, &orders.collect::<Vec<_>>()).await;
    }
    let ranges = [
        EventRange::new(b, 5, 90),
        EventRange::new(a, 2, 4),
        EventRange::new(a, 3, 5),
        EventRange::new(AccountId::new(b.get() + 1), 1, 9),
        EventRange::new(b, 2, 1),
    ];
    let found = events(subject, &ranges).await;
    let found: Vec<_> = found
        .iter()
        .map(|event| (event.account_id, event.recorded.sequence))
        .collect();
    assert_eq!(found, [(a, 2), (a, 3), (a, 4), (a, 5), (b, 5), (b, 6)]);
    assert_eq!(events(subject, &[]).await, []);
}

pub async fn heads_are_the_last_numbers_of_accounts(subject: &RelaySubject) {
    let store = subject.ledger();
    let mut expected = Vec::new();
    for number in 0..5_i64 {
        let id = create(store, terms(&number.to_string())).await.account_id;
        for order in 0..number {
            book(store, id, &[created(&order.to_string(), Side::Buy, "1")]).await;
        }
        expected.push(AccountSequence::new(id, number));
    }
    for size in [1, 2, 5, 6] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = subject.relay().outbox.heads(after, limit(size)).await;
            let page = page.expect("read");
            found.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "pages of {size}");
    }
}
