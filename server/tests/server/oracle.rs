//! Oracle test: real quotes from the replay feed give the same candles in the REST interface as another
//! system, to the last digit.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde_json::Value;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::{Candle, PriceBasis, SymbolId, Timeframe, fold_ticks};
use tickbook::postgres::{migrate_metadata, migrate_timeseries};

use crate::binary::Program;
use crate::databases::variables;
use crate::market_data;

const REPLAY: Duration = Duration::from_secs(600);

#[test]
fn api_over_memory_equals_bars_of_another_system() {
    let Some(folder) = market_data::folder() else {
        return;
    };
    replay_and_compare(&folder, &["--store", "memory"], &[]);
}

#[tokio::test]
async fn api_over_timescaledb_equals_bars_of_another_system() {
    let Some(folder) = market_data::folder() else {
        return;
    };
    let schemas = ScratchSchemas::create();
    let pools = DatabasePools::new(&schemas.config());
    migrate_metadata(&pools.metadata()).await.expect("migrated");
    migrate_timeseries(&pools.timeseries())
        .await
        .expect("migrated");
    replay_and_compare(&folder, &[], &variables(&schemas));
}

fn replay_and_compare(folder: &std::path::Path, store: &[&str], variables: &[(&str, &str)]) {
    let files = market_data::files(folder, "ticks/eurusd");
    let mut arguments = vec![
        "--feed",
        "replay",
        "--speed",
        "max",
        "--symbol",
        "oanda:EURUSD",
    ];
    arguments.extend(store);
    arguments.push("--replay");
    arguments.extend(files.iter().map(|file| file.to_str().expect("UTF-8")));
    let server = Program::start(&arguments, variables);

    let feed = feed_ended(&server);
    assert_eq!(feed["inserted"], market_data::QUOTES, "{feed}");
    assert_eq!(
        (&feed["duplicates"], &feed["conflicts"]),
        (&0.into(), &0.into())
    );
    let (_, symbols) = server.get("/api/v1/symbols?name=EURUSD&exchange=oanda");
    let symbol_id = symbols["data"][0]["symbol_id"].as_i64().expect("an id");

    let ticks = market_data::ticks(folder, SymbolId::new(symbol_id));
    let bars = market_data::bars(folder);
    for &basis in PriceBasis::OF_TICKS {
        for &timeframe in Timeframe::ALL {
            let candles = all_candles(&server, symbol_id, timeframe, basis);
            let folded = fold_ticks(&ticks, timeframe, basis, suite::now()).expect("fits");
            let folded: Vec<_> = folded.iter().map(shown).collect();
            assert!(
                candles == folded,
                "{timeframe} {basis} differ from the fold of the ticks"
            );
        }
    }
    for (basis, prices) in [
        (
            "bid",
            bars.iter().flat_map(|bar| bar.bid).collect::<Vec<_>>(),
        ),
        ("ask", bars.iter().flat_map(|bar| bar.ask).collect()),
    ] {
        let basis = basis.parse().expect("a basis");
        let candles = all_candles(&server, symbol_id, Timeframe::M1, basis);
        assert_eq!(candles.len(), bars.len());
        for ((candle, bar), prices) in candles.iter().zip(&bars).zip(prices) {
            let of_bar = [
                time(bar.open_time),
                prices.open.normalize().to_string(),
                prices.high.normalize().to_string(),
                prices.low.normalize().to_string(),
                prices.close.normalize().to_string(),
            ];
            assert_eq!(candle[..5], of_bar);
        }
    }
    let (status, log) = server.stop("TERM");
    assert!(status.success(), "{log}");
}

/// Open time, open, high, low, close, close time, volume, count and closed, as texts.
type Shown = [String; 9];

fn shown(candle: &Candle) -> Shown {
    [
        time(candle.open_time),
        candle.open.to_string(),
        candle.high.to_string(),
        candle.low.to_string(),
        candle.close.to_string(),
        time(candle.close_time()),
        candle.volume.to_string(),
        candle.tick_count.to_string(),
        candle.closed.to_string(),
    ]
}

fn time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

fn all_candles(
    server: &Program,
    symbol_id: i64,
    timeframe: Timeframe,
    basis: PriceBasis,
) -> Vec<Shown> {
    let path = format!("/api/v1/ohlc/{symbol_id}?timeframe={timeframe}&basis={basis}&limit=10000");
    let mut cursor = String::new();
    let mut candles = Vec::new();
    loop {
        let (status, page) = server.get(&format!("{path}{cursor}"));
        assert_eq!(status, 200, "{page}");
        let items = page["data"].as_array().expect("a list");
        candles.extend(items.iter().map(read));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return candles,
        }
    }
}

fn read(candle: &Value) -> Shown {
    let members: HashMap<_, _> = candle.as_object().expect("an object").iter().collect();
    [
        "open_time",
        "open",
        "high",
        "low",
        "close",
        "close_time",
        "volume",
        "tick_count",
        "closed",
    ]
    .map(|name| match members[&name.to_owned()] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

fn feed_ended(server: &Program) -> Value {
    let deadline = Instant::now() + REPLAY;
    loop {
        let (_, body) = server.get("/health/ready");
        let feed = &body["feed"];
        if feed["running"] == false && feed["waiting"] == 0 {
            return feed.clone();
        }
        assert!(Instant::now() < deadline, "the replay does not end: {feed}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
