//! Tests of writes that arrive after their caller has given up.

use std::time::{Duration, Instant};

use fault_proxy::Flow;
use rust_decimal::Decimal;
use tickbook::db::ConnectionCounts;
use tickbook::domain::{Candle, CandleSource, PriceBasis, SymbolId, Timeframe};
use tickbook::{Database, Repositories, db::DatabasePools};

use crate::fault::Fault;
use crate::load::eventually;
use crate::site::{GatedSite, config};
use crate::support::migrated_schema::start;
use crate::support::oracle::ask;

/// The deadline of the first write of a candle. The second write begins after it.
const PATIENCE: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread")]
async fn fault_36_late_write_overwrites_no_newer_candle() {
    let _fault = Fault::begin("fault_36_late_write_overwrites_no_newer_candle");
    let (mut stored, mut given_up) = (0, 0);
    for round in 0..5 {
        let site = GatedSite::new(3_600 + round, |config| {
            config.pool.size = 20;
            config.pool.call_timeout = PATIENCE;
        })
        .await;
        let near = config(site.url(Database::Metadata), site.ticks_url());
        let near = Repositories::postgres(&DatabasePools::new(&near)).ohlc;
        let far = &site.repositories.ohlc;
        // open connections and prepare the statement, since this may take longer than the deadline
        let warm = (101..=120).map(|symbol| {
            let far = far.clone();
            tokio::spawn(async move {
                let deadline = Instant::now() + Duration::from_secs(60);
                while let Err(error) = far.upsert_candles(&[candle(symbol, 1)]).await {
                    assert!(Instant::now() < deadline, "{error}");
                }
            })
        });
        for one in warm.collect::<Vec<_>>() {
            one.await.expect("no panic");
        }
        // each message has a random delay, some longer than the deadline
        site.timeseries.set_flow_to_server(Flow {
            delay: Duration::from_millis(200),
            jitter: Duration::from_millis(200),
            ..Flow::default()
        });
        let pairs = (1..=20).map(|symbol| {
            let (far, near) = (far.clone(), near.clone());
            tokio::spawn(async move {
                let first = far.upsert_candles(&[candle(symbol, 1)]).await;
                near.upsert_candles(&[candle(symbol, 2)])
                    .await
                    .expect("stored");
                first.is_ok()
            })
        });
        for pair in pairs.collect::<Vec<_>>() {
            match pair.await.expect("no panic") {
                true => stored += 1,
                false => given_up += 1,
            }
        }
        let pool = site.pools.timeseries();
        eventually("every late write has arrived", || {
            let ConnectionCounts { open, idle, .. } = pool.connections();
            open == idle
        })
        .await;
        let newer = ask(
            site.ticks_url(),
            "SELECT count(*) FROM ohlc_candles WHERE symbol_id <= 20 AND tick_count = 2",
        );
        assert_eq!(newer, ["20"], "candles of the newer write");
    }
    println!("{stored} first writes in time, {given_up} given up");
    assert!(given_up >= 20, "too few to judge");
}

fn candle(symbol: i64, revision: i64) -> Candle {
    Candle::new(
        SymbolId::new(symbol),
        Timeframe::M1,
        PriceBasis::Bid,
        start(),
        [Decimal::ONE, Decimal::TWO, Decimal::ONE, Decimal::TWO],
    )
    .tick_count(revision)
    .source(CandleSource::Stored("test".to_owned()))
}
