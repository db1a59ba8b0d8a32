//! Tests of `/api/v1/books`.

use std::sync::{Arc, Mutex};

use orderbook_server::cursor::RangeCursorText;
use serde_json::{Value, json};
use tickbook::Repositories;
use tickbook::domain::book::{
    BookInterval, BookSnapshot, BookUpdate, EndReason, PriceLevel, StaleReason,
};
use tickbook::domain::{BookCursor, SortOrder, SymbolId, TimeRange};
use tickbook::ingest::book::LiveBooks;
use tickbook::repository::MockOrderBookRepository;

use crate::book_events::{Venue, at};
use crate::support::{
    Mocks, app, app_with_books, database_errors, get, internal_errors, with_symbols,
};

const ID: SymbolId = SymbolId::new(1);

fn level(price: i64, quantity: i64) -> PriceLevel {
    PriceLevel::new(price.into(), quantity.into())
}

fn snapshot(millis: i64, bids: &[(i64, i64)]) -> BookSnapshot {
    let bids = bids
        .iter()
        .map(|(price, quantity)| level(*price, *quantity));
    BookSnapshot::new(ID, at(millis), "venue")
        .with_sequence(millis)
        .with_depth(20)
        .with_valid_since(at(0))
        .with_bids(bids.collect())
}

/// Two intervals: from 0 to 5 s, with snapshots each second and an update, and from 10 s on, without liquidity.
async fn stored() -> Repositories {
    let repositories = with_symbols().await;
    let books = &repositories.books;
    let gap = EndReason::Stale(StaleReason::Gap);
    let intervals = [
        BookInterval::open(ID, at(0)).closed(at(5_000), gap),
        BookInterval::open(ID, at(10_000)),
    ];
    books.put_intervals(&intervals).await.expect("memory");
    let mut snapshots: Vec<_> = (0..5)
        .map(|second| snapshot(second * 1_000, &[(9, second + 1), (8, 7), (7, 1)]))
        .collect();
    snapshots.push(snapshot(10_000, &[]).with_valid_since(at(10_000)));
    books.insert_snapshots(&snapshots).await.expect("memory");
    let update = BookUpdate::new(ID, at(4_500)).with_bids(vec![level(9, 0)]);
    let update = update.with_asks(vec![level(12, 3)]);
    books.insert_updates(&[update]).await.expect("memory");
    repositories
}

async fn book(app: &axum::Router, path: &str) -> Value {
    let answer = get(app, path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()
}

#[tokio::test]
async fn live_book_has_its_state() {
    let live = LiveBooks::new();
    let app = app_with_books(with_symbols().await, live.clone());
    let unknown = json!({
        "symbol_id": 1, "state": "unknown", "reason": null, "since": null, "time": null,
        "sequence": null, "source": null, "depth": 20, "bids": null, "asks": null
    });
    assert_eq!(book(&app, "/api/v1/books/1").await, unknown);
    let mut venue = Venue::new(&live);
    venue.load(1, 0, "9.50 1, 8 2, 7 3", "10 4").await;
    venue.change(1, 250, "9.50 2", "").await;
    let valid = json!({
        "symbol_id": 1, "state": "valid", "reason": null, "since": "2014-05-01T00:00:00.000000Z",
        "time": "2014-05-01T00:00:00.250000Z", "sequence": 250, "source": "venue", "depth": 2,
        "bids": [["9.5", "2"], ["8", "2"]], "asks": [["10", "4"]]
    });
    assert_eq!(book(&app, "/api/v1/books/1?depth=2").await, valid);
    venue.lose(1, 300, StaleReason::Checksum).await;
    let stale = json!({
        "symbol_id": 1, "state": "stale", "reason": "checksum",
        "since": "2014-05-01T00:00:00.300000Z", "time": null,
        "sequence": null, "source": "venue", "depth": 20, "bids": null, "asks": null
    });
    assert_eq!(book(&app, "/api/v1/books/1").await, stale);
    venue.load(1, 400, "", "").await;
    let empty = book(&app, "/api/v1/books/1").await;
    let expected = (&json!("valid"), &json!([]), &json!([]));
    assert_eq!((&empty["state"], &empty["bids"], &empty["asks"]), expected);
    drop(venue);
    let ended = book(&app, "/api/v1/books/1").await;
    assert_eq!(
        (&ended["state"], &ended["reason"]),
        (&json!("stale"), &json!("stopped"))
    );
}

#[tokio::test]
async fn stored_book_of_an_instant() {
    let app = app(stored().await, Vec::new());
    let of = async |millis: i64, more: &str| {
        let at = at(millis).format("%Y-%m-%dT%H:%M:%S%.6fZ");
        book(&app, &format!("/api/v1/books/1?at={at}{more}")).await
    };
    let known = of(4_499, "").await;
    let expected = json!({
        "symbol_id": 1, "state": "valid", "reason": null, "since": "2014-05-01T00:00:00.000000Z",
        "time": "2014-05-01T00:00:04.000000Z", "sequence": 4_000, "source": "venue", "depth": 20,
        "bids": [["9", "5"], ["8", "7"], ["7", "1"]], "asks": []
    });
    assert_eq!(known, expected);
    let updated = of(4_500, "&depth=1").await;
    assert_eq!(
        (&updated["bids"], &updated["asks"]),
        (&json!([["8", "7"]]), &json!([["12", "3"]]))
    );
    assert_eq!(
        (&updated["depth"], &updated["sequence"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(of(0, "&depth=1000").await["depth"], 20, "as stored");
    let lost = of(7_000, "").await;
    let expected = json!({
        "symbol_id": 1, "state": "unknown", "reason": "gap",
        "since": "2014-05-01T00:00:05.000000Z", "time": null, "sequence": null, "source": null,
        "depth": 0, "bids": null, "asks": null
    });
    assert_eq!(lost, expected);
    let before = of(-1, "").await;
    let expected = (&json!("unknown"), &Value::Null, &Value::Null);
    assert_eq!(
        (&before["state"], &before["reason"], &before["since"]),
        expected
    );
    let empty = of(99_000, "").await;
    let expected = (&json!("valid"), &json!([]), &json!([]));
    assert_eq!((&empty["state"], &empty["bids"], &empty["asks"]), expected);
}

#[tokio::test]
async fn pages_of_snapshots_follow_their_cursors() {
    let app = app(stored().await, Vec::new());
    for order in ["asc", "desc"] {
        let mut path = format!("/api/v1/books/1/snapshots?order={order}&limit=2&depth=2");
        let (mut times, mut pages) = (Vec::new(), 0);
        let base = path.clone();
        loop {
            let page = book(&app, &path).await;
            let data = page["data"].as_array().expect("a list");
            for row in data {
                assert!(row["bids"].as_array().expect("levels").len() <= 2, "{row}");
                assert_eq!(row["depth"], 2);
                times.push(row["sequence"].as_i64().expect("a number"));
            }
            pages += 1;
            let Some(next) = page["next_cursor"].as_str() else {
                break;
            };
            assert!(pages < 6, "more pages than rows: {times:?}");
            path = format!("{base}&cursor={next}");
        }
        if order == "desc" {
            times.reverse();
        }
        assert_eq!(
            (times, pages),
            (vec![0, 1_000, 2_000, 3_000, 4_000, 10_000], 3)
        );
    }
    let one = book(
        &app,
        "/api/v1/books/1/snapshots?limit=1&from=2014-05-01T00:00:01Z",
    )
    .await;
    let expected = json!({
        "symbol_id": 1, "snapshot_time": "2014-05-01T00:00:01.000000Z", "sequence": 1_000,
        "source": "venue", "valid_since": "2014-05-01T00:00:00.000000Z", "checksum": null, "depth": 20,
        "bids": [["9", "2"], ["8", "7"], ["7", "1"]], "asks": []
    });
    assert_eq!(one["data"], json!([expected]));
}

#[tokio::test]
async fn pages_of_deep_snapshots_are_shorter() {
    let mut books = MockOrderBookRepository::new();
    books.expect_snapshots().returning(|query| {
        // with two sides of 1,000 levels, 10,000 rows would take more than a gigabyte
        assert!(
            (1..100).contains(&query.limit.get()),
            "{}",
            query.limit.get()
        );
        assert_eq!(query.depth, 1_000);
        Ok(tickbook::domain::Page::new(Vec::new(), None))
    });
    let mut repositories = with_symbols().await;
    repositories.books = Arc::new(books);
    let app = app(repositories, Vec::new());
    book(&app, "/api/v1/books/1/snapshots?limit=10000&depth=1000").await;
}

#[tokio::test]
async fn pages_of_intervals_follow_their_cursors() {
    let app = app(stored().await, Vec::new());
    let first = json!({
        "symbol_id": 1, "valid_from": "2014-05-01T00:00:00.000000Z",
        "valid_to": "2014-05-01T00:00:05.000000Z", "reason": "gap"
    });
    let second = json!({
        "symbol_id": 1, "valid_from": "2014-05-01T00:00:10.000000Z", "valid_to": null, "reason": null
    });
    for (order, expected) in [("asc", [&first, &second]), ("desc", [&second, &first])] {
        let path = format!("/api/v1/books/1/intervals?order={order}&limit=1");
        let page = book(&app, &path).await;
        assert_eq!(page["data"], json!([expected[0]]));
        let next = page["next_cursor"].as_str().expect("another page");
        let page = book(&app, &format!("{path}&cursor={next}")).await;
        assert_eq!(page, json!({"data": [expected[1]], "next_cursor": null}));
    }
    // an interval that begins before the range
    let path = "/api/v1/books/1/intervals?from=2014-05-01T00:00:02Z&to=2014-05-01T00:00:03Z";
    assert_eq!(book(&app, path).await["data"], json!([first]));
}

#[tokio::test]
async fn invalid_parameters_of_books_are_refused() {
    let app = Mocks::with_symbols().app();
    let depths = [
        "depth=0",
        "depth=1001",
        "depth=-1",
        "depth=x",
        "depth=99999999999999999999",
    ];
    for path in ["/api/v1/books/1", "/api/v1/books/1/snapshots"] {
        for depth in depths {
            let detail = get(&app, &format!("{path}?{depth}")).await.problem(400);
            assert!(detail.contains("depth"), "{depth}: {detail}");
        }
    }
    let cursor = BookCursor {
        time: at(0),
        sequence: 1,
    };
    let (all, asc) = (TimeRange::all(), SortOrder::Ascending);
    let of_book = RangeCursorText::encode(&cursor, ID, all, asc);
    let of_interval = RangeCursorText::encode(&at(0), ID, all, asc);
    for (path, word) in [
        ("/api/v1/books/0".to_owned(), "symbol: invalid id"),
        ("/api/v1/books/x:/snapshots".to_owned(), "symbol:"),
        ("/api/v1/books/1?at=yesterday".to_owned(), "at:"),
        (
            "/api/v1/books/1?from=2014-05-01T00:00:00Z".to_owned(),
            "expected depth, at",
        ),
        ("/api/v1/books/1/snapshots?limit=0".to_owned(), "limit 0"),
        (
            "/api/v1/books/1/snapshots?at=2014-05-01T00:00:00Z".to_owned(),
            "unknown parameter",
        ),
        (
            "/api/v1/books/1/intervals?depth=5".to_owned(),
            "unknown parameter",
        ),
        (
            "/api/v1/books/1/intervals?order=up".to_owned(),
            "asc or desc",
        ),
        (
            "/api/v1/books/1/snapshots?cursor=abc".to_owned(),
            "invalid cursor",
        ),
        (
            format!("/api/v1/books/1/snapshots?cursor={of_interval}"),
            "another listing",
        ),
        (
            format!("/api/v1/books/1/intervals?cursor={of_book}"),
            "another listing",
        ),
        (
            format!("/api/v1/books/2/snapshots?cursor={of_book}"),
            "another listing",
        ),
        (
            format!("/api/v1/books/1/snapshots?order=desc&cursor={of_book}"),
            "another listing",
        ),
    ] {
        let detail = get(&app, &path).await.problem(400);
        assert!(detail.contains(word), "{path}: {detail}");
    }
}

#[tokio::test]
async fn forged_cursors_of_books_are_refused() {
    let app = app(with_symbols().await, Vec::new());
    let (all, asc) = (TimeRange::all(), SortOrder::Ascending);
    let wild = [all.start() - chrono::TimeDelta::microseconds(1), all.end()];
    for time in wild {
        let of_book = RangeCursorText::encode(&BookCursor { time, sequence: 0 }, ID, all, asc);
        let of_interval = RangeCursorText::encode(&time, ID, all, asc);
        for path in [
            format!("/api/v1/books/1/snapshots?cursor={of_book}"),
            format!("/api/v1/books/1/intervals?cursor={of_interval}"),
        ] {
            let detail = get(&app, &path).await.problem(400);
            assert!(detail.contains("invalid cursor"), "{path}: {detail}");
        }
    }
    let negative = BookCursor {
        time: at(0),
        sequence: -1,
    };
    let negative = RangeCursorText::encode(&negative, ID, all, asc);
    let path = format!("/api/v1/books/1/snapshots?cursor={negative}");
    get(&app, &path).await.problem(400);
    // any time that can be written
    for at in [
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "1970-01-01T00:00:00Z",
    ] {
        let found = book(&app, &format!("/api/v1/books/1?at={at}")).await;
        assert_eq!(found["state"], "unknown", "{at}");
    }
}

#[tokio::test]
async fn books_of_unknown_symbols_are_not_found() {
    let app = app(with_symbols().await, Vec::new());
    for path in ["", "?at=2014-05-01T00:00:00Z", "/snapshots", "/intervals"] {
        let detail = get(&app, &format!("/api/v1/books/9{path}"))
            .await
            .problem(404);
        assert!(detail.contains('9'), "{detail}");
    }
}

#[tokio::test]
async fn failures_of_the_books_are_problems() {
    for path in ["?at=2014-05-01T00:00:00Z", "/snapshots", "/intervals"] {
        let cases = database_errors().into_iter().map(|error| (error, 503));
        let cases = cases.chain(internal_errors().into_iter().map(|error| (error, 500)));
        for (error, status) in cases {
            let error = Arc::new(Mutex::new(Some(error)));
            let again = move || error.lock().expect("no panic").take().expect("called once");
            let mut books = MockOrderBookRepository::new();
            let of_book = again.clone();
            books.expect_book_at().returning(move |_, _| Err(of_book()));
            let of_snapshots = again.clone();
            books
                .expect_snapshots()
                .returning(move |_| Err(of_snapshots()));
            books.expect_intervals().returning(move |_| Err(again()));
            let mut repositories = with_symbols().await;
            repositories.books = Arc::new(books);
            let app = app(repositories, Vec::new());
            let path = format!("/api/v1/books/1{path}");
            get(&app, &path).await.problem(status);
        }
    }
}
