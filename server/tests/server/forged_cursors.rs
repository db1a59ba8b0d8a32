//! Tests of forged cursors: the checksum is correct, but no row can have the key.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use chrono::{DateTime, TimeDelta, Utc};
use orderbook_server::cursor::{
    CandleCursorText as _, RangeCursorText as _, SymbolCursorText as _,
};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;
use tickbook::domain::{
    CandleCursor, PriceBasis, SortOrder, SymbolCursor, SymbolId, TickCursor, TimeRange, Timeframe,
};

use crate::support::{app, get, post, tick, time, with_symbols};

const ID: SymbolId = SymbolId::new(1);

fn seeded() -> StdRng {
    let seed = match std::env::var("TICKBOOK_SEED") {
        Ok(text) => text.parse().expect("TICKBOOK_SEED is a number"),
        Err(_) => RandomState::new().build_hasher().finish(),
    };
    println!("set TICKBOOK_SEED={seed} to repeat these numbers");
    StdRng::seed_from_u64(seed)
}

/// The limits of the time type, the neighbours of the limits of rows, and random times.
fn times(random: &mut StdRng) -> Vec<DateTime<Utc>> {
    let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    let all = TimeRange::all();
    let mut times = vec![
        first,
        last,
        all.end(),
        all.start() - TimeDelta::microseconds(1),
    ];
    for _ in 0..20 {
        let away = TimeDelta::microseconds(random.random_range(0..90_000_000_000));
        times.extend(first.checked_add_signed(away));
        times.extend(last.checked_sub_signed(away));
        times.extend(DateTime::from_timestamp_micros(random.random()));
    }
    times.retain(|time| !all.contains(*time));
    times
}

#[tokio::test]
async fn forged_cursor_is_a_bad_request() {
    let repositories = with_symbols().await;
    let ticks = ["2014-05-01T00:00:00Z", "2014-05-01T00:07:00Z"].map(|at| tick(1, at, "1", "2"));
    let stored = repositories.ticks.insert_batch(&ticks).await;
    assert_eq!(stored.expect("memory").inserted, 2);
    let app = app(repositories, Vec::new());
    let mut random = seeded();
    let day = TimeRange::new(time("2014-05-01T00:00:00Z"), time("2014-05-02T00:00:00Z"));
    let day = day.expect("ordered");
    let of_day = "&from=2014-05-01T00:00:00Z&to=2014-05-02T00:00:00Z";
    let mut paths = Vec::new();
    let mut wild = times(&mut random);
    wild.extend([day.end(), day.start() - TimeDelta::minutes(1)]);
    for at in wild {
        for (order, named) in [
            (SortOrder::Ascending, "asc"),
            (SortOrder::Descending, "desc"),
        ] {
            let (range, bounds) = match TimeRange::all().contains(at) {
                true => (day, of_day),
                false => (TimeRange::all(), ""),
            };
            let cursor = TickCursor {
                tick_time: at,
                sequence: random.random_range(0..3),
            };
            let cursor = cursor.encode(ID, range, order);
            paths.push(format!(
                "/api/v1/ticks/1?order={named}{bounds}&cursor={cursor}"
            ));
            for fill in ["none", "null", "previous", "flat"] {
                let timeframe = Timeframe::ALL[random.random_range(0..7)];
                let cursor = CandleCursor { open_time: at };
                let cursor = cursor.encode(ID, timeframe, PriceBasis::Bid, range, order);
                paths.push(format!(
                    "/api/v1/ohlc/1?timeframe={timeframe}&fill={fill}&order={named}{bounds}\
                     &cursor={cursor}"
                ));
            }
        }
    }
    let negative = TickCursor {
        tick_time: time("2014-05-01T00:00:00Z"),
        sequence: -1,
    };
    let negative = negative.encode(ID, TimeRange::all(), SortOrder::Ascending);
    paths.push(format!("/api/v1/ticks/1?cursor={negative}"));
    let within = CandleCursor {
        open_time: time("2014-05-01T00:00:01Z"),
    };
    let (all, order) = (TimeRange::all(), SortOrder::Ascending);
    let within = within.encode(ID, Timeframe::M1, PriceBasis::Bid, all, order);
    paths.push(format!("/api/v1/ohlc/1?cursor={within}"));
    for id in [0, -1, i64::MIN] {
        let cursor = SymbolCursor {
            symbol_id: SymbolId::new(id),
        };
        paths.push(format!("/api/v1/symbols?cursor={}", cursor.encode()));
    }
    for path in paths {
        let detail = get(&app, &path).await.problem(400);
        assert!(detail.contains("invalid cursor"), "{path}: {detail}");
    }
}

#[tokio::test]
async fn cursor_at_either_end_of_time_is_accepted() {
    let app = app(with_symbols().await, Vec::new());
    let order = SortOrder::Ascending;
    for at in [
        TimeRange::all().start(),
        TimeRange::all().end() - TimeDelta::days(1),
    ] {
        let cursor = TickCursor {
            tick_time: at,
            sequence: i64::MAX,
        };
        let cursor = cursor.encode(ID, TimeRange::all(), order);
        let answer = get(&app, &format!("/api/v1/ticks/1?cursor={cursor}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        for &timeframe in Timeframe::ALL {
            let cursor = CandleCursor { open_time: at };
            let cursor = cursor.encode(ID, timeframe, PriceBasis::Bid, TimeRange::all(), order);
            let path = format!("/api/v1/ohlc/1?timeframe={timeframe}&fill=flat&cursor={cursor}");
            let answer = get(&app, &path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        }
    }
    let cursor = SymbolCursor {
        symbol_id: SymbolId::new(i64::MAX),
    };
    let answer = get(&app, &format!("/api/v1/symbols?cursor={}", cursor.encode())).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn extreme_times_in_requests_are_accepted() {
    let app = app(with_symbols().await, Vec::new());
    let mut random = seeded();
    for _ in 0..60 {
        let year = [0, 1, 1969, 2100, 9998, 9999][random.random_range(0..6)];
        let month = random.random_range(1..=12);
        let offset = ["Z", "%2B23:59", "-23:59"][random.random_range(0..3)];
        let at = format!("{year:04}-{month:02}-01T23:59:59.999999999{offset}");
        for path in [
            "ticks/1?",
            "ohlc/1?fill=flat&timeframe=1d&",
            "ohlc/1?order=desc&fill=null&",
        ] {
            for bound in ["from", "to"] {
                let answer = get(&app, &format!("/api/v1/{path}{bound}={at}")).await;
                assert_eq!(answer.status, 200, "{path}{bound}={at}: {}", answer.text);
            }
        }
        let at = at.replace("%2B", "+");
        let tick = json!([
            {"symbol_id": 1, "tick_time": at, "bid_price": "1", "ask_price": "2"},
            {"symbol_id": 1, "tick_time": "2014-05-01T00:00:00Z", "received_at": at,
             "bid_price": "1", "ask_price": "2"}
        ]);
        let answer = post(&app, "/api/v1/ticks", tick.to_string()).await;
        assert_eq!(answer.status, 200, "{at}: {}", answer.text);
        assert_eq!(
            answer.json()["rejected"].as_array().map(Vec::len),
            Some(2),
            "{}",
            answer.text
        );
    }
}
