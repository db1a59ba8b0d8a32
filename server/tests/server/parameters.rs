//! Tests of invalid parameters: each gives a 400 that names the parameter, and no repository is called.

use orderbook_server::cursor::{
    CandleCursorText as _, RangeCursorText as _, SymbolCursorText as _,
};
use tickbook::domain::{
    CandleCursor, PriceBasis, SortOrder, SymbolCursor, SymbolId, TickCursor, TimeRange, Timeframe,
};

use crate::support::{Mocks, get, time};

/// Requests `path` with each query and expects a 400 whose detail contains the word.
async fn refused(path: &str, cases: &[(&str, &str)]) {
    let app = Mocks::with_symbols().app();
    for (query, word) in cases {
        let answer = get(&app, &format!("{path}?{query}")).await;
        let detail = answer.problem(400);
        assert!(detail.contains(word), "{path}?{query}: {detail}");
    }
}

const LIMITS: [(&str, &str); 8] = [
    ("limit=0", "limit 0"),
    ("limit=10001", "1 to 10000"),
    ("limit=-1", "limit -1"),
    ("limit=abc", "limit \"abc\""),
    ("limit=", "limit"),
    ("limit=1.5", "limit"),
    ("limit=99999999999999999999", "out of range"),
    ("limit=5&limit=6", "limit is given twice"),
];

const TIMES: [(&str, &str); 6] = [
    ("from=yesterday", "from:"),
    ("to=2014-05", "to:"),
    ("from=1398902400", "milliseconds"),
    (
        "from=2014-05-02T00:00:00Z&to=2014-05-01T00:00:00Z",
        "is after to",
    ),
    ("from=%zz", "from:"),
    ("order=up", "asc or desc"),
];

#[tokio::test]
async fn limits_out_of_range_are_refused_everywhere() {
    for path in ["/api/v1/symbols", "/api/v1/ticks/1", "/api/v1/ohlc/1"] {
        refused(path, &LIMITS).await;
    }
}

#[tokio::test]
async fn invalid_times_and_orders_are_refused() {
    for path in ["/api/v1/ticks/1", "/api/v1/ohlc/1"] {
        refused(path, &TIMES).await;
    }
}

#[tokio::test]
async fn unknown_timeframes_bases_and_flags_are_refused() {
    refused(
        "/api/v1/ohlc/1",
        &[
            (
                "timeframe=7x",
                "timeframe: invalid timeframe \"7x\": expected 1m, 5m,",
            ),
            ("timeframe=1441m", "up to 1440 of one of them"),
            ("timeframe=", "5m"),
            ("basis=last", "one of bid, ask, mid"),
            ("fill=zero", "none, null, previous or flat"),
            ("closed=1", "closed"),
        ],
    )
    .await;
    refused("/api/v1/symbols", &[("active=yes", "active")]).await;
}

#[tokio::test]
async fn unknown_parameters_are_refused_with_the_known_ones() {
    for (path, known) in [
        ("/api/v1/symbols", "name, exchange, active, limit, cursor"),
        ("/api/v1/symbols/1", "none"),
        ("/api/v1/ticks/1", "from, to, limit, cursor, order"),
        ("/api/v1/ticks/latest", "symbols"),
        ("/api/v1/ohlc/1", "timeframe, basis, from"),
    ] {
        refused(path, &[("frm=1", known), ("Limit=1", "\"Limit\"")]).await;
    }
}

#[tokio::test]
async fn broken_and_foreign_cursors_are_refused() {
    let id = SymbolId::new(1);
    let all = TimeRange::all();
    let of_ticks = TickCursor {
        tick_time: time("2014-05-01T00:00:00Z"),
        sequence: 0,
    }
    .encode(id, all, SortOrder::Ascending);
    let of_candles = CandleCursor {
        open_time: time("2014-05-01T00:00:00Z"),
    }
    .encode(
        id,
        Timeframe::M5,
        PriceBasis::Bid,
        all,
        SortOrder::Ascending,
    );
    let of_symbols = SymbolCursor { symbol_id: id }.encode();
    let foreign = "cursor belongs to another listing";
    let broken = "invalid cursor";
    for (path, query, word) in [
        ("/api/v1/ticks/1", "cursor=abc".to_owned(), broken),
        ("/api/v1/ticks/1", "cursor=".to_owned(), broken),
        (
            "/api/v1/ticks/1",
            format!("cursor={}", &of_ticks[1..]),
            broken,
        ),
        ("/api/v1/ticks/2", format!("cursor={of_ticks}"), foreign),
        (
            "/api/v1/ticks/1",
            format!("order=desc&cursor={of_ticks}"),
            foreign,
        ),
        (
            "/api/v1/ticks/1",
            format!("from=2014-05-01T00:00:00Z&cursor={of_ticks}"),
            foreign,
        ),
        (
            "/api/v1/ohlc/1",
            format!("timeframe=5m&to=2014-05-02T00:00:00Z&cursor={of_candles}"),
            foreign,
        ),
        ("/api/v1/ticks/1", format!("cursor={of_candles}"), foreign),
        (
            "/api/v1/ohlc/1",
            format!("timeframe=1m&cursor={of_candles}"),
            foreign,
        ),
        (
            "/api/v1/ohlc/1",
            format!("timeframe=5m&basis=ask&cursor={of_candles}"),
            foreign,
        ),
        ("/api/v1/ohlc/1", format!("cursor={of_ticks}"), foreign),
        ("/api/v1/symbols", format!("cursor={of_ticks}"), foreign),
        ("/api/v1/ticks/1", format!("cursor={of_symbols}"), foreign),
        ("/api/v1/symbols", "cursor=%00".to_owned(), broken),
    ] {
        refused(path, &[(&query, word)]).await;
    }
}

#[tokio::test]
async fn invalid_lists_of_symbols_are_refused() {
    let many = format!("symbols={}1", "1,".repeat(1_000));
    refused(
        "/api/v1/ticks/latest",
        &[
            ("", "symbols is missing"),
            ("symbols=", "symbols is missing"),
            ("symbols=1,,2", "symbols:"),
            ("symbols=1,x", "\"x\""),
            ("symbols=0", "symbols:"),
            ("symbols=-1", "symbols:"),
            (&many, "at most 1000"),
        ],
    )
    .await;
}
