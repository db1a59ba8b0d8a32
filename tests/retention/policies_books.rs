//! Tests of the policies of order books: old books are dropped, refused and not known, and compressed books are
//! read like others.
#![cfg(all(feature = "postgres", feature = "conformance"))]

use chrono::{DateTime, TimeDelta, Utc};
use tickbook::audit::FindingKind;
use tickbook::domain::book::{BookInterval, BookSnapshot, BookUpdate, EndReason, PriceLevel};
use tickbook::domain::{SymbolId, TimeRange, Timeframe};
use tickbook::postgres::{apply_policies, maintain, plan_policies, timeseries_state};
use tickbook::repository::{BookIntervalQuery, OrderBookRepository};
use tickbook::retention::{PolicyDuration, RetentionPolicies};

use crate::support::ten_day_history::{SYMBOLS, TenDayHistory, short_policies};

const SYMBOL: SymbolId = SYMBOLS[0];

fn policies() -> RetentionPolicies {
    short_policies(PolicyDuration::days(30))
}

fn level(price: i64, quantity: i64) -> PriceLevel {
    PriceLevel::new(price.into(), quantity.into())
}

fn snapshot(time: DateTime<Utc>) -> BookSnapshot {
    let snapshot = BookSnapshot::new(SYMBOL, time, "test").with_bids(vec![level(99, 5)]);
    snapshot.normalized().expect("valid")
}

fn update(time: DateTime<Utc>, quantity: i64) -> BookUpdate {
    BookUpdate::new(SYMBOL, time).with_bids(vec![level(99, quantity)])
}

/// Noon of the days up to `last`, oldest first.
fn noons(last: DateTime<Utc>, days: i32) -> Vec<DateTime<Utc>> {
    let midnight = Timeframe::D1.bucket_start(last - TimeDelta::days(1));
    let noon = |ago: i32| midnight + TimeDelta::hours(12) - TimeDelta::days(1) * ago;
    (0..days).rev().map(noon).collect()
}

/// Stores a snapshot at noon of each day and an update one minute later, in one interval of all days.
async fn fill(books: &dyn OrderBookRepository, noons: &[DateTime<Utc>]) {
    let interval = BookInterval::open(SYMBOL, noons[0]);
    let short = BookInterval::open(SYMBOL, noons[0] - TimeDelta::hours(1))
        .closed(noons[0] - TimeDelta::minutes(1), EndReason::Stopped);
    books
        .put_intervals(&[short, interval])
        .await
        .expect("stored");
    let snapshots: Vec<_> = noons.iter().copied().map(snapshot).collect();
    books.insert_snapshots(&snapshots).await.expect("stored");
    let updates = noons
        .iter()
        .map(|noon| update(*noon + TimeDelta::minutes(1), 7));
    let updates: Vec<_> = updates.collect();
    books.insert_updates(&updates).await.expect("stored");
}

/// The quantity of the book a while after `noon`.
async fn quantity_after(books: &dyn OrderBookRepository, noon: DateTime<Utc>) -> Option<String> {
    let book = books.book_at(SYMBOL, noon + TimeDelta::minutes(5)).await;
    let book = book.expect("read")?;
    Some(book.bids[0].quantity.to_string())
}

#[tokio::test]
async fn old_books_are_dropped_refused_and_not_known() {
    let history = TenDayHistory::empty().await;
    let books = history.repositories.books.as_ref();
    let noons = noons(history.now, 12);
    fill(books, &noons).await;
    for noon in &noons {
        let found = quantity_after(books, *noon).await;
        assert_eq!(found.as_deref(), Some("7"), "{noon}");
    }
    let plan = plan_policies(&history.db(), &policies())
        .await
        .expect("read");
    let due: Vec<_> = plan.due_drops.iter().map(|it| &*it.relation).collect();
    assert_eq!(due, ["order_book_snapshots", "order_book_updates"]);
    apply_policies(&history.db(), &policies())
        .await
        .expect("applied");
    let report = maintain(&history.db()).await.expect("maintained");
    let dropped = plan.due_drops.iter().map(|it| it.chunks).sum::<u64>();
    assert_eq!(report.dropped_books, dropped);
    assert!((8..=10).contains(&dropped), "{report:?}");
    let before = plan.due_drops[0].before;
    for noon in &noons {
        let found = quantity_after(books, *noon).await;
        assert_eq!(found.is_some(), *noon >= before, "{noon}");
    }
    let query = BookIntervalQuery::new(SYMBOL, TimeRange::all());
    let left = books.intervals(&query).await.expect("read").items;
    assert_eq!(
        left,
        [BookInterval::open(SYMBOL, noons[0])],
        "the short one ended before"
    );

    let old = snapshot(history.now - TimeDelta::days(8));
    let receipt = books.insert_snapshots(&[old]).await.expect("a receipt");
    let reason = &receipt.rejected[0].reason;
    assert!(
        reason.starts_with("snapshot_time is older than"),
        "{reason}"
    );
    let old = update(history.now - TimeDelta::days(8), 1);
    let receipt = books.insert_updates(&[old]).await.expect("a receipt");
    let reason = &receipt.rejected[0].reason;
    assert!(reason.starts_with("update_time is older than"), "{reason}");
    let again = maintain(&history.db()).await.expect("maintained");
    assert_eq!(again.dropped_books, 0);
    let state = timeseries_state(&history.db(), &policies())
        .await
        .expect("read");
    let of_books = state
        .problems
        .iter()
        .filter(|it| it.kind != FindingKind::JobFailed && it.object.contains("book"));
    assert_eq!(of_books.count(), 0, "{:?}", state.problems);
}

#[tokio::test]
async fn book_of_rows_stored_after_a_drop_is_not_known() {
    let mut history = TenDayHistory::empty().await;
    let noons = noons(history.now, 12);
    fill(history.repositories.books.as_ref(), &noons).await;
    apply_policies(&history.db(), &policies())
        .await
        .expect("applied");
    maintain(&history.db()).await.expect("maintained");
    // a program that does not know of the policies
    history.execute(&format!(
        "INSERT INTO order_book_snapshots SELECT {SYMBOL}, '{}', 0, '{{99}}', '{{5}}', '{{}}', '{{}}', 20, \
         NULL, 'other', '{}'",
        noons[1].to_rfc3339(),
        noons[1].to_rfc3339()
    ));
    let books = history.repositories.books.as_ref();
    let found = books.snapshot_as_of(SYMBOL, noons[1], 1).await;
    assert!(found.expect("read").is_some(), "the row is there");
    assert_eq!(quantity_after(books, noons[1]).await, None);
}

#[tokio::test]
async fn compressed_books_are_read_like_others() {
    let mut history = TenDayHistory::empty().await;
    if !history.is_community() {
        return;
    }
    let noons = noons(history.now, 6);
    fill(history.repositories.books.as_ref(), &noons).await;
    apply_policies(&history.db(), &policies())
        .await
        .expect("applied");
    history.run_jobs("policy_compression");
    let compressed = "SELECT count(*) AS number FROM timescaledb_information.chunks WHERE is_compressed \
                      AND hypertable_schema = current_schema() AND hypertable_name LIKE 'order_book%'";
    assert!(history.number(compressed) >= 6);
    let books = history.repositories.books.as_ref();
    for noon in &noons {
        let found = quantity_after(books, *noon).await;
        assert_eq!(found.as_deref(), Some("7"), "{noon}");
        let found = books.snapshot_as_of(SYMBOL, *noon, 20).await;
        let expected = Some(snapshot(*noon));
        let mut found = found.expect("read");
        if let Some(found) = &mut found {
            found.depth = 1_000;
        }
        assert_eq!(found, expected);
    }
    // sent again, the rows are duplicates
    let receipt = books.insert_snapshots(&[snapshot(noons[0])]).await;
    assert_eq!(receipt.expect("a receipt").duplicates, 1);
}
