//! Tests of `/api/v1/ohlc`.

use chrono::TimeDelta;
use orderbook_server::cursor::CandleCursorText as _;
use serde_json::json;
use tickbook::domain::{
    Candle, CandleCursor, Page, PageLimit, PriceBasis, SortOrder, SymbolId, Tick, TimeRange,
    Timeframe,
};
use tickbook::ingest::quality::SymbolRules;
use tickbook::repository::CandleQuery;
use tickbook::{Clock, Database, RepositoryError};

use crate::support::{Mocks, app_at, dec, get, time, with_symbols, with_symbols_by};

const ID: SymbolId = SymbolId::new(1);

fn candle() -> Candle {
    Candle::new(
        ID,
        Timeframe::M5,
        PriceBasis::Mid,
        time("2014-05-01T00:00:00Z"),
        [
            dec("1.386795"),
            dec("1.38687"),
            dec("1.38674"),
            dec("1.3868150"),
        ],
    )
    .volume(dec("0"))
    .tick_count(97)
}

/// Clients compare texts: neither the order of fields nor trailing zeros may change.
#[tokio::test]
async fn page_of_candles_is_written_byte_for_byte() {
    let odd = Candle::new(
        ID,
        Timeframe::D1,
        PriceBasis::Mid,
        time("1999-12-31T00:00:00Z"),
        [
            dec("-999999999999999.9999999999995"),
            dec("0.0000000000005"),
            dec("-1000.000"),
            dec("-0.0"),
        ],
    )
    .volume(dec("9999999999999999.000000000001"))
    .closed(false);
    let mut mocks = Mocks::with_symbols();
    mocks.ohlc.expect_candles().once().returning(move |_| {
        let items = vec![candle(), odd.clone()];
        Ok(Page::new(items, None))
    });
    let answer = get(&mocks.app(), "/api/v1/ohlc/1?timeframe=5m&basis=mid").await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(
        answer.text,
        concat!(
            r#"{"data":[{"symbol_id":1,"timeframe":"5m","basis":"mid","#,
            r#""open_time":"2014-05-01T00:00:00.000000Z","close_time":"2014-05-01T00:05:00.000000Z","#,
            r#""open":"1.386795","high":"1.38687","low":"1.38674","close":"1.386815","volume":"0","#,
            r#""tick_count":97,"closed":true,"source":"ticks"},{"symbol_id":1,"timeframe":"1d","basis":"mid","#,
            r#""open_time":"1999-12-31T00:00:00.000000Z","close_time":"2000-01-01T00:00:00.000000Z","#,
            r#""open":"-999999999999999.9999999999995","high":"0.0000000000005","low":"-1000","#,
            r#""close":"0","volume":"9999999999999999.000000000001","tick_count":1,"closed":false,"#,
            r#""source":"ticks"}],"#,
            r#""next_cursor":null}"#
        )
    );
}

#[tokio::test]
async fn every_parameter_reaches_the_repository() {
    let mut mocks = Mocks::with_symbols();
    let after = CandleCursor {
        open_time: time("2014-05-01T12:00:00Z"),
    };
    let range = TimeRange::new(time("2014-05-01T00:00:00Z"), time("2014-05-02T00:00:00Z"))
        .expect("ordered");
    let expected = CandleQuery::new(ID, Timeframe::M5, PriceBasis::Mid, range)
        .closed_only(true)
        .descending()
        .after(Some(after))
        .limit(PageLimit::new(10_000).expect("in range"));
    mocks.ohlc.expect_candles().once().returning(move |query| {
        assert_eq!(*query, expected);
        Ok(Page::new(vec![candle()], Some(CandleCursor::of(&candle()))))
    });
    let cursor = |cursor: CandleCursor| {
        let (timeframe, basis) = (Timeframe::M5, PriceBasis::Mid);
        cursor.encode(ID, timeframe, basis, range, SortOrder::Descending)
    };
    let path = format!(
        "/api/v1/ohlc/1?timeframe=5m&basis=mid&from=2014-05-01T00:00:00Z\
         &to=2014-05-02T00:00:00Z&limit=10000&order=desc&closed=true&cursor={}",
        cursor(after)
    );
    let answer = get(&mocks.app(), &path).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(
        answer.json(),
        json!({
            "data": [{
                "symbol_id": 1, "timeframe": "5m", "basis": "mid",
                "open_time": "2014-05-01T00:00:00.000000Z",
                "close_time": "2014-05-01T00:05:00.000000Z",
                "open": "1.386795", "high": "1.38687", "low": "1.38674", "close": "1.386815",
                "volume": "0", "tick_count": 97, "closed": true, "source": "ticks"
            }],
            "next_cursor": cursor(CandleCursor::of(&candle()))
        })
    );
}

#[tokio::test]
async fn default_candles_are_minutes_of_bids() {
    let mut mocks = Mocks::with_symbols();
    let tick = Tick::quote(ID, time("2014-05-01T00:00:00Z"), dec("1"), dec("2"));
    // the answer is remembered
    mocks
        .ticks
        .expect_latest()
        .once()
        .returning(move |_| Ok(Some(tick.clone())));
    mocks.ohlc.expect_candles().times(2).returning(|query| {
        let expected = CandleQuery::new(ID, Timeframe::M1, PriceBasis::Bid, TimeRange::all());
        assert_eq!(*query, expected);
        Ok(Page::new(Vec::new(), None))
    });
    let app = mocks.app();
    for _ in 0..2 {
        let answer = get(&app, "/api/v1/ohlc/1").await;
        assert_eq!(answer.json(), json!({"data": [], "next_cursor": null}));
    }
}

#[tokio::test]
async fn each_timeframe_and_basis_is_known_by_its_name() {
    let mut mocks = Mocks::with_symbols();
    mocks.ohlc.expect_candles().returning(|query| {
        let mut candle = candle();
        (candle.timeframe, candle.basis) = (query.timeframe, query.basis);
        Ok(Page::new(vec![candle], None))
    });
    let app = mocks.app();
    for timeframe in ["1m", "5m", "15m", "30m", "1h", "4h", "1d"] {
        for basis in ["bid", "ask", "mid", "trade"] {
            let path = format!("/api/v1/ohlc/1?timeframe={timeframe}&basis={basis}");
            let candle = &get(&app, &path).await.json()["data"][0];
            assert_eq!(
                (&candle["timeframe"], &candle["basis"]),
                (&json!(timeframe), &json!(basis))
            );
        }
    }
}

#[tokio::test]
async fn slow_database_is_503() {
    let mut mocks = Mocks::with_symbols();
    mocks.ohlc.expect_candles().returning(|_| {
        Err(RepositoryError::Timeout {
            database: Database::Timeseries,
            operation: "candles",
            begun: true,
        })
    });
    let answer = get(&mocks.app(), "/api/v1/ohlc/1?basis=bid").await;
    let detail = answer.problem(503);
    assert!(detail.contains("request less"), "{detail}");
    assert_eq!(answer.header("retry-after"), "5");
}

#[tokio::test]
async fn filled_bucket_is_marked_and_may_lack_prices() {
    let first = candle();
    let mut newest = candle();
    newest.open_time = time("2014-05-01T00:10:00Z");
    for (fill, open, close) in [
        ("null", json!(null), json!(null)),
        ("previous", json!(null), json!("1.386815")),
        ("flat", json!("1.386815"), json!("1.386815")),
    ] {
        let mut mocks = Mocks::with_symbols();
        let (one, two) = (first.clone(), newest.clone());
        let latest = newest.clone();
        mocks
            .ohlc
            .expect_latest()
            .returning(move |_, _, _| Ok(Some(latest.clone())));
        mocks.ohlc.expect_candles().returning(move |query| {
            let mut items = vec![one.clone(), two.clone()];
            items.retain(|candle| query.range.contains(candle.open_time));
            Ok(Page::new(items, None))
        });
        let path = format!("/api/v1/ohlc/1?timeframe=5m&basis=mid&fill={fill}");
        let answer = get(&mocks.app(), &path).await.json();
        let data = answer["data"].as_array().expect("a list");
        let filled: Vec<_> = data.iter().map(|one| one["filled"].clone()).collect();
        assert_eq!(filled, [json!(false), json!(true), json!(false)], "{fill}");
        assert_eq!(
            data[1],
            json!({
                "symbol_id": 1, "timeframe": "5m", "basis": "mid",
                "open_time": "2014-05-01T00:05:00.000000Z",
                "close_time": "2014-05-01T00:10:00.000000Z",
                "open": open, "high": open, "low": open, "close": close,
                "volume": "0", "tick_count": 0, "closed": true, "filled": true
            })
        );
        assert_eq!(answer["next_cursor"], json!(null));
    }
}

#[tokio::test]
async fn unreadable_candle_is_named() {
    let mut mocks = Mocks::with_symbols();
    mocks.ohlc.expect_candles().once().returning(|_| {
        Err(RepositoryError::Data {
            entity: tickbook::Entity::Candle,
            key: "1m bid of symbol 1 at 2014-05-01 00:10:00 UTC".to_owned(),
            reason: "close: it is NaN: expected a number".to_owned(),
        })
    });
    let answer = get(&mocks.app(), "/api/v1/ohlc/1?timeframe=1m&basis=bid").await;
    assert_eq!(
        answer.problem(500),
        "candle 1m bid of symbol 1 at 2014-05-01 00:10:00 UTC holds a value that cannot be read: \
         close: it is NaN: expected a number"
    );
}

#[tokio::test]
async fn folded_timeframes_are_read_and_paged() {
    let now = time("2014-05-01T00:08:30Z");
    let repositories = with_symbols_by(&Clock::standing_at(now)).await;
    let ticks: Vec<_> = (0..9)
        .map(|minute| {
            let time = time("2014-05-01T00:00:00Z") + TimeDelta::minutes(minute);
            Tick::quote(ID, time, (10 + minute).into(), dec("30"))
        })
        .collect();
    let stored = repositories.ticks.insert_batch(&ticks).await;
    assert_eq!(stored.expect("memory").inserted, 9);
    let app = app_at(repositories, SymbolRules::default(), now);
    let path = "/api/v1/ohlc/1?timeframe=3m&limit=2";
    let first = get(&app, path).await.json();
    let bars = first["data"].as_array().expect("a list");
    assert_eq!(bars.len(), 2, "{first}");
    let expected = json!({
        "symbol_id": 1, "timeframe": "3m", "basis": "bid",
        "open_time": "2014-05-01T00:00:00.000000Z", "close_time": "2014-05-01T00:03:00.000000Z",
        "open": "10", "high": "12", "low": "10", "close": "12",
        "volume": "0", "tick_count": 3, "closed": true, "source": "ticks"
    });
    assert_eq!(bars[0], expected);
    let cursor = first["next_cursor"].as_str().expect("more candles");
    let rest = get(&app, &format!("{path}&cursor={cursor}")).await.json();
    assert_eq!(rest["data"][0]["open"], "16");
    assert_eq!(
        (&rest["data"][0]["closed"], &rest["next_cursor"]),
        (&json!(false), &json!(null))
    );
    let other = format!("/api/v1/ohlc/1?timeframe=6m&limit=2&cursor={cursor}");
    let detail = get(&app, &other).await.problem(400);
    assert!(detail.contains("belongs to another listing"), "{detail}");
    for (asked, named, open_time, count) in [
        ("60m", "1h", "2014-05-01T00:00:00.000000Z", 9),
        ("1w", "1w", "2014-04-28T00:00:00.000000Z", 9),
        ("1M", "1M", "2014-05-01T00:00:00.000000Z", 9),
        ("10s", "10s", "2014-05-01T00:08:00.000000Z", 1),
    ] {
        let path = format!("/api/v1/ohlc/1?timeframe={asked}&order=desc&limit=1");
        let candle = &get(&app, &path).await.json()["data"][0];
        assert_eq!(
            (&candle["timeframe"], &candle["open_time"]),
            (&json!(named), &json!(open_time))
        );
        assert_eq!(candle["tick_count"], count, "{candle}");
    }
}

#[tokio::test]
async fn filled_bucket_is_closed_by_the_clock() {
    for (now, closed) in [
        ("2014-05-01T00:09:59Z", false),
        ("2014-05-01T00:10:00Z", true),
    ] {
        let repositories = with_symbols().await;
        let ticks = ["2014-05-01T00:00:00Z", "2014-05-01T00:10:00Z"]
            .map(|at| Tick::quote(ID, time(at), dec("1"), dec("2")));
        let stored = repositories.ticks.insert_batch(&ticks).await;
        assert_eq!(stored.expect("memory").inserted, 2);
        let app = app_at(repositories, SymbolRules::default(), time(now));
        let path = "/api/v1/ohlc/1?timeframe=5m&basis=bid&fill=flat";
        let answer = get(&app, path).await.json();
        let filled = &answer["data"][1];
        assert_eq!(filled["open_time"], "2014-05-01T00:05:00.000000Z");
        assert_eq!(filled["filled"], true, "{answer}");
        assert_eq!(filled["closed"], closed, "{answer}");
    }
}
