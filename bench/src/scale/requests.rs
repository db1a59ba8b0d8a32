//! The requests of one round.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use tickbook::postgres::Edition;

use super::database::{OLD, Pair, SYMBOLS, Size, WITHOUT_TICKS};
use super::server::RequestText;

/// One request to both databases.
pub(super) struct Request {
    pub(super) name: &'static str,
    pub(super) text: RequestText,
}

/// The requests of `round` for a pool of that size, each with other symbols than in the round before.
///
/// The order mixes short and long pages, as clients do.
pub(super) fn requests(pair: &Pair, pool: u32, round: u32) -> Vec<Request> {
    let symbol = round % SYMBOLS + 1;
    let today = pair.today;
    let first = |size| [pair.first_day(Size::Small), pair.first_day(Size::Large)][size as usize];
    // pages whose ticks lie within one day in both databases, and that of two days
    let page = (pair.ticks_per_day / 2).min(5_000);
    let long = (pair.ticks_per_day * 5 / 4).min(10_000);
    let of_ticks = move |query: String| get(format!("ticks/{symbol}?{query}"));
    let candles = move |of: u32, query: &str| get(format!("ohlc/{of}?basis=mid&{query}"));
    let everyone = |last: u32| {
        let ids: Vec<_> = (1..SYMBOLS)
            .chain([last])
            .map(|id| id.to_string())
            .collect();
        get(format!("ticks/latest?symbols={}", ids.join(",")))
    };
    let before = |time: DateTime<Utc>| format!("to={}&order=desc&limit=1", text(time));
    let mut requests = vec![
        same("as of a recent time", of_ticks(before(today))),
        same(
            "ticks, newest, two days",
            of_ticks(format!("order=desc&limit={long}")),
        ),
        by_size("as of an old time", move |size| {
            of_ticks(before(first(size) + TimeDelta::hours(15)))
        }),
        same(
            "candles 1m, 500 newest",
            candles(symbol, "timeframe=1m&order=desc&limit=500"),
        ),
        same("latest of 50", everyone(SYMBOLS)),
        same(
            "ticks, newest, half a day",
            of_ticks(format!("order=desc&limit={page}")),
        ),
        by_size("ticks of a range", move |size| {
            let from = first(size) + TimeDelta::days(1);
            let to = from + TimeDelta::days(1);
            of_ticks(format!("from={}&to={}&limit={page}", text(from), text(to)))
        }),
        same(
            "ticks, oldest without a range",
            of_ticks(format!("limit={page}")),
        ),
        same("latest of 50, one without ticks", everyone(WITHOUT_TICKS)),
        same("latest of 50, one with old ticks", everyone(OLD)),
        same("latest of a symbol without ticks", latest(WITHOUT_TICKS)),
        same("latest of a symbol with old ticks", latest(OLD)),
        same(
            "ticks of a symbol without ticks",
            get(format!("ticks/{WITHOUT_TICKS}?order=desc")),
        ),
        same(
            "ticks of a symbol with old ticks",
            get(format!("ticks/{OLD}?order=desc&limit={page}")),
        ),
        by_size("candles 1m of the oldest day", move |size| {
            let (from, to) = (first(size), first(size) + TimeDelta::days(1));
            let range = format!("timeframe=1m&limit=500&from={}&to={}", text(from), text(to));
            candles(symbol, &range)
        }),
        same(
            "candles 1m, 500 oldest without a range",
            candles(symbol, "timeframe=1m&limit=500"),
        ),
        by_size("candles 1m, 500 before the second day", move |size| {
            let to = text(first(size) + TimeDelta::days(1));
            candles(
                symbol,
                &format!("timeframe=1m&order=desc&limit=500&to={to}"),
            )
        }),
        same(
            "candles 1h, 24 newest",
            candles(symbol, "timeframe=1h&order=desc&limit=24"),
        ),
        same(
            "candles 1d, 2 newest",
            candles(symbol, "timeframe=1d&order=desc&limit=2"),
        ),
        same(
            "candles of a symbol without ticks",
            candles(WITHOUT_TICKS, "timeframe=1m&order=desc&limit=500"),
        ),
        same(
            "candles of a symbol with old ticks",
            candles(OLD, "timeframe=1m&order=desc&limit=500"),
        ),
        post("post 1,000 new ticks", 1_000, today, (pool, round)),
        post("post 100 new ticks", 100, today, (pool, round)),
        post("post 1 new tick", 1, today, (pool, round)),
    ];
    // many writers of one compressed segment wait for each other
    if pair.edition == Edition::Community && pool == 1 {
        let (small, large) = (first(Size::Small), first(Size::Large));
        requests.push(Request {
            name: "post 1,000 late ticks",
            text: Box::new(move |size, client| {
                let day = match size {
                    Size::Small => small,
                    Size::Large => large,
                };
                posted(1_000, day, (pool, round), client)
            }),
        });
    }
    requests
}

fn same(name: &'static str, text: String) -> Request {
    Request {
        name,
        text: Box::new(move |_, _| text.clone()),
    }
}

fn by_size(name: &'static str, text: impl Fn(Size) -> String) -> Request {
    let texts = [text(Size::Small), text(Size::Large)];
    Request {
        name,
        text: Box::new(move |size, _| texts[size as usize].clone()),
    }
}

fn post(name: &'static str, count: u32, day: DateTime<Utc>, turn: (u32, u32)) -> Request {
    Request {
        name,
        text: Box::new(move |_, client| posted(count, day, turn, client)),
    }
}

fn latest(symbol: u32) -> String {
    get(format!("ticks/latest?symbols={symbol}"))
}

fn get(path: String) -> String {
    format!("GET /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// Ticks of all symbols in the first minutes of `day`. No two pools, rounds, clients or batch sizes post the
/// same ticks: after a batch with stored ticks, the writer avoids `COPY` for some batches.
fn posted(count: u32, day: DateTime<Utc>, (pool, round): (u32, u32), client: usize) -> String {
    let mut ticks = String::from("[");
    for number in 0..count {
        let time = text(day + TimeDelta::milliseconds(i64::from(number) * 60));
        let turn = u64::from(pool) * 1_000_000 + u64::from(round);
        let sequence = (turn * 1_000 + client as u64) * 10_000 + u64::from(count);
        let comma = if number == 0 { "" } else { "," };
        let symbol = number % SYMBOLS + 1;
        // writing to a String does not fail
        let _ = write!(
            ticks,
            "{comma}{{\"symbol_id\":{symbol},\"tick_time\":\"{time}\",\"sequence\":{sequence},\
             \"bid_price\":\"1.08\",\"ask_price\":\"1.09\"}}"
        );
    }
    ticks.push(']');
    format!(
        "POST /api/v1/ticks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{ticks}",
        ticks.len()
    )
}

fn text(time: DateTime<Utc>) -> String {
    time.format("%FT%T%.3fZ").to_string()
}
