//! Tests of the order books of the simulated feed.

use serde_json::{Value, json};
use tickbook::domain::book::EndReason;
use tickbook::domain::{SymbolId, TimeRange};
use tickbook::repository::BookIntervalQuery;

use crate::whole_server::{Server, eventually};

const ID: SymbolId = SymbolId::new(1);

#[tokio::test]
async fn simulated_books_are_stored_and_served() {
    let settings = [
        ("TICKBOOK__BOOKS__SNAPSHOT_EVERY_MS", "50"),
        ("TICKBOOK__BOOKS__DEPTH", "5"),
    ];
    let server = Server::start_with(&["--feed", "simulated", "--seed", "7"], &settings).await;
    let stored = async |id| {
        server
            .all(&format!("/api/v1/books/{id}/snapshots?order=asc"), 100)
            .await
    };
    eventually("books are stored", async || {
        let mut all = true;
        for id in 1..=4 {
            all &= stored(id).await.len() > 3;
        }
        all
    })
    .await;
    let live = server.get("/api/v1/books/1").await;
    assert_eq!(
        (&live["state"], &live["source"]),
        (&json!("valid"), &json!("simulated"))
    );
    assert_eq!(live["bids"].as_array().expect("levels").len(), 20);
    for snapshot in stored(2).await {
        assert_eq!(snapshot["bids"].as_array().expect("levels").len(), 5);
        // the best levels are the quote of that instant
        let time = snapshot["snapshot_time"].as_str().expect("a time");
        let path = format!("/api/v1/ticks/2?from={time}&limit=1");
        let quote = async || server.get(&path).await["data"][0].clone();
        let is_stored = async || !quote().await.is_null();
        eventually("the quote is stored", is_stored).await;
        let quote = quote().await;
        assert_eq!(quote["tick_time"], time);
        let best = (&snapshot["bids"][0], &snapshot["asks"][0]);
        let bid = json!([quote["bid_price"], quote["bid_volume"]]);
        let ask = json!([quote["ask_price"], quote["ask_volume"]]);
        assert_eq!(best, (&bid, &ask));
        let path = format!("/api/v1/books/2?at={time}");
        assert_eq!(server.get(&path).await["bids"], snapshot["bids"]);
    }
    let feed = server.get("/health/ready").await["feed"].clone();
    assert_eq!(feed["books"]["health"], "up");
    assert!(
        feed["books"]["inserted"].as_u64().expect("a number") > 12,
        "{feed}"
    );
    assert!(
        feed["feeds"][0]["book_events"].as_u64().expect("a number") > 12,
        "{feed}"
    );
    let metrics = server.get_text("/metrics").await;
    for line in [
        "feed_book_events_total{feed=\"simulated\",outcome=\"published\"}",
        "feed_book_records_refused_total",
        "books_live{state=\"valid\"}",
        "book_buffer_sent_events_total",
    ] {
        assert!(metrics.contains(line), "missing {line}:\n{metrics}");
    }
    let repositories = server.repositories.clone();
    assert!(server.stop().await);
    let query = BookIntervalQuery::new(ID, TimeRange::all());
    let intervals = repositories
        .books
        .intervals(&query)
        .await
        .expect("memory")
        .items;
    let ends: Vec<_> = intervals.iter().filter_map(|it| it.end).collect();
    assert_eq!(ends.len(), intervals.len(), "{intervals:?}");
    assert!(ends.iter().all(|end| end.reason == EndReason::Stopped));
}

#[tokio::test]
async fn books_are_not_stored_if_the_setting_is_off() {
    let settings = [("TICKBOOK__BOOKS__RECORD", "false")];
    let server = Server::start_with(&["--feed", "simulated"], &settings).await;
    eventually("a book is live", async || {
        server.get("/api/v1/books/1").await["state"] == "valid"
    })
    .await;
    let feed = server.get("/health/ready").await["feed"].clone();
    assert_eq!(feed["books"], Value::Null);
    let repositories = server.repositories.clone();
    assert!(server.stop().await);
    let query = BookIntervalQuery::new(ID, TimeRange::all());
    let intervals = repositories
        .books
        .intervals(&query)
        .await
        .expect("memory")
        .items;
    assert_eq!(intervals, []);
}
