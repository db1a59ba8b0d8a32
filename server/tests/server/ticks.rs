//! Tests of `GET /api/v1/ticks`.

use orderbook_server::cursor::RangeCursorText as _;
use serde_json::json;
use tickbook::domain::{Page, PageLimit, SortOrder, SymbolId, TickCursor, TimeRange};
use tickbook::repository::TickQuery;
use tickbook::{Database, RepositoryError};

use crate::support::{Mocks, get, tick, time};

const ID: SymbolId = SymbolId::new(1);

#[tokio::test]
async fn range_order_limit_and_cursor_reach_the_repository() {
    let mut mocks = Mocks::with_symbols();
    let after = TickCursor {
        tick_time: time("2014-05-01T12:00:00Z"),
        sequence: 3,
    };
    let next = TickCursor {
        tick_time: time("2014-05-01T00:00:00.292Z"),
        sequence: 1,
    };
    let range = TimeRange::new(time("2014-05-01T00:00:00Z"), time("2014-05-02T00:00:00Z"))
        .expect("ordered");
    let expected = TickQuery::new(ID, range)
        .descending()
        .after(Some(after))
        .limit(PageLimit::new(1).expect("in range"));
    mocks.ticks.expect_range().once().returning(move |query| {
        assert_eq!(*query, expected);
        let mut item = tick(1, "2014-05-01T00:00:00.292Z", "1.386760", "1.38682");
        item.sequence = 1;
        item.received_at = Some(time("2014-05-01T00:00:00.293114Z"));
        Ok(Page::new(vec![item], Some(next)))
    });
    let order = SortOrder::Descending;
    // the + of an offset may be literal or escaped
    let path = format!(
        "/api/v1/ticks/1?from=2014-05-01T02:00:00+02:00&to=2014-05-02T02:00:00%2B02:00\
         &limit=1&order=desc&cursor={}",
        after.encode(ID, range, order)
    );
    let answer = get(&mocks.app(), &path).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(
        answer.json(),
        json!({
            "data": [{
                "symbol_id": 1, "tick_time": "2014-05-01T00:00:00.292000Z", "sequence": 1,
                "bid_price": "1.38676", "ask_price": "1.38682",
                "bid_volume": "0", "ask_volume": "0",
                "received_at": "2014-05-01T00:00:00.293114Z"
            }],
            "next_cursor": next.encode(ID, range, order)
        })
    );
}

#[tokio::test]
async fn default_range_has_the_first_500_ticks() {
    let mut mocks = Mocks::with_symbols();
    mocks.ticks.expect_range().times(3).returning(|query| {
        assert_eq!(*query, TickQuery::new(ID, TimeRange::all()));
        Ok(Page::new(
            vec![tick(1, "2014-05-01T00:00:00Z", "-37.63", "0")],
            None,
        ))
    });
    let app = mocks.app();
    let answer = get(&app, "/api/v1/ticks/1").await.json();
    assert_eq!(answer["next_cursor"], json!(null));
    assert_eq!(answer["data"][0]["bid_price"], "-37.63");
    assert_eq!(
        answer["data"][0]["tick_time"],
        "2014-05-01T00:00:00.000000Z"
    );
    assert_eq!(answer["data"][0]["received_at"], json!(null));
    // bounds beyond the range of ticks are accepted
    let wide = get(
        &app,
        "/api/v1/ticks/1?from=1066-10-14T00:00:00Z&to=3000-01-01T00:00:00Z",
    )
    .await;
    assert_eq!(wide.status, 200, "{}", wide.text);
    assert_eq!(get(&app, "/api/v1/ticks/1?").await.status, 200);
}

#[tokio::test]
async fn open_range_beyond_all_ticks_is_empty() {
    let mut mocks = Mocks::with_symbols();
    mocks.ticks.expect_range().times(2).returning(|query| {
        assert!(query.range.is_empty());
        Ok(Page::new(Vec::new(), None))
    });
    let app = mocks.app();
    for query in ["from=2150-01-01T00:00:00Z", "to=1950-01-01T00:00:00Z"] {
        let answer = get(&app, &format!("/api/v1/ticks/1?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text);
    }
}

#[tokio::test]
async fn unknown_symbol_is_404_and_named() {
    let app = Mocks::with_symbols().app();
    for path in [
        "/api/v1/ticks/99",
        "/api/v1/ohlc/99",
        "/api/v1/ticks/latest?symbols=1,99",
    ] {
        let detail = get(&app, path).await.problem(404);
        assert!(detail.contains("99"), "{path}: {detail}");
    }
}

#[tokio::test]
async fn known_symbols_are_cached_and_missing_ones_are_not() {
    let mut mocks = Mocks::with_symbols();
    mocks.symbols.checkpoint();
    let known = |ids: &[SymbolId]| ids == [SymbolId::new(1)];
    let missing = |ids: &[SymbolId]| ids == [SymbolId::new(99)];
    mocks
        .symbols
        .expect_get_many()
        .withf(known)
        .once()
        .returning(|_| Ok(vec![crate::support::symbol(1)]));
    mocks
        .symbols
        .expect_get_many()
        .withf(missing)
        .times(2)
        .returning(|_| Ok(Vec::new()));
    mocks
        .ticks
        .expect_range()
        .times(2)
        .returning(|_| Ok(Page::new(Vec::new(), None)));
    let app = mocks.app();
    for path in ["/api/v1/ticks/1", "/api/v1/ticks/1"] {
        assert_eq!(get(&app, path).await.status, 200);
    }
    for path in ["/api/v1/ticks/99", "/api/v1/ohlc/99"] {
        get(&app, path).await.problem(404);
    }
}

#[tokio::test]
async fn all_symbols_of_a_request_are_looked_up_once() {
    let mut mocks = Mocks::default();
    mocks.symbols.expect_get_many().once().returning(|ids| {
        assert_eq!(ids.len(), 1_000);
        Ok(ids
            .iter()
            .map(|id| crate::support::symbol(id.get()))
            .collect())
    });
    let none_yet = mocks.ticks.expect_latest_of();
    none_yet.times(2).returning(|_| Ok(Vec::new()));
    let app = mocks.app();
    let ids: Vec<_> = (1..=1_000).map(|id: i64| id.to_string()).collect();
    let path = format!("/api/v1/ticks/latest?symbols={}", ids.join(","));
    for _ in 0..2 {
        assert_eq!(get(&app, &path).await.status, 200);
    }
}

#[tokio::test]
async fn latest_ticks_come_as_a_complete_list() {
    let mut mocks = Mocks::with_symbols();
    mocks.ticks.expect_latest_of().once().returning(|ids| {
        assert_eq!(ids, [3, 1].map(SymbolId::new));
        Ok(vec![tick(1, "2014-05-01T00:00:00Z", "1", "2")])
    });
    let answer = get(&mocks.app(), "/api/v1/ticks/latest?symbols=3,1").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    assert_eq!(body["data"][0]["symbol_id"], 1);
    assert_eq!(body["next_cursor"], json!(null));
}

#[tokio::test]
async fn database_that_is_down_is_503() {
    let unavailable = |database| RepositoryError::Unavailable {
        database,
        reason: "gone".to_owned(),
    };
    let mut mocks = Mocks::with_symbols();
    mocks
        .ticks
        .expect_range()
        .returning(move |_| Err(unavailable(Database::Timeseries)));
    mocks
        .ticks
        .expect_latest_of()
        .returning(move |_| Err(unavailable(Database::Timeseries)));
    let app = mocks.app();
    for path in ["/api/v1/ticks/1", "/api/v1/ticks/latest?symbols=1"] {
        let answer = get(&app, path).await;
        assert!(answer.problem(503).contains("timeseries"));
        assert_eq!(answer.header("retry-after"), "2");
    }
    let mut mocks = Mocks::default();
    mocks
        .symbols
        .expect_get_many()
        .returning(move |_| Err(unavailable(Database::Metadata)));
    let answer = get(&mocks.app(), "/api/v1/ticks/1").await;
    assert!(answer.problem(503).contains("metadata"));
}
