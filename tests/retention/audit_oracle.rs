//! Test that an audit of recorded quotes has no findings. Prints the speed.
#![cfg(all(feature = "postgres", feature = "conformance", feature = "files"))]

use std::time::Instant;

use chrono::TimeDelta;
use diesel::connection::SimpleConnection as _;
use tickbook::audit::MaterializedCandles;
use tickbook::domain::{CandleSource, Exchange, PriceBasis, TimeRange, Timeframe, parse_sessions};
use tickbook::postgres;
use tickbook::postgres::PgMaterializedCandles;
use tickbook::postgres::{Edition, timeseries_state};
use tickbook::repository::CandleQuery;
use tickbook::retention::RetentionPolicies;
use tickbook::{Database, Repositories};

use crate::support::audit_run::{EURUSD, audit, audit_of, insert, whole};
use crate::support::market_data;
use crate::support::migrated_schema;

#[tokio::test]
async fn real_quotes_and_the_candles_of_them_are_clean() {
    let Some(folder) = market_data::folder() else {
        return;
    };
    let (schemas, pools) = migrated_schema::migrated().await;
    let report = postgres::apply_aggregates(&pools.timeseries()).await;
    let edition = report.expect("candle relations").edition;
    let repositories = Repositories::postgres(&pools);
    let ticks = market_data::ticks(&folder, EURUSD);
    insert(&*repositories.ticks, &ticks).await;
    if edition == Edition::Community {
        let from = ticks[0].tick_time;
        let to = ticks[ticks.len() - 1].tick_time + TimeDelta::days(1);
        for &timeframe in Timeframe::ALL {
            let refresh = format!(
                "CALL refresh_continuous_aggregate('ohlc_{timeframe}', '{}', '{}')",
                timeframe.bucket_start(from) - TimeDelta::days(1),
                Timeframe::D1.bucket_start(to)
            );
            let done = schemas
                .connection(Database::Timeseries)
                .batch_execute(&refresh);
            done.expect("refreshed");
        }
    }
    let state = timeseries_state(&pools.timeseries(), &RetentionPolicies::default()).await;
    let state = state.expect("a state");
    assert_eq!(state.problems, []);

    let mut settings = whole();
    settings.limits.gap = Some(TimeDelta::hours(1));
    settings.limits.frozen = Some(TimeDelta::hours(1));
    let sessions = parse_sessions("sun-thu 17:00-17:00").expect("valid");
    let exchange = Exchange::named("oanda").time_zone("America/New_York");
    settings.trading_hours = exchange.sessions(sessions).trading_hours().expect("valid");
    let Repositories { ticks, ohlc, .. } = &repositories;
    let rows = PgMaterializedCandles::new(pools.timeseries());
    let rows = state
        .has_aggregates
        .then_some(&rows as &dyn MaterializedCandles);
    let begun = Instant::now();
    let run = audit_of(EURUSD, &**ticks, &**ohlc, rows, &settings, None).await;
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(run.findings, []);
    assert_eq!(run.summary.ticks, market_data::QUOTES);
    let rate = market_data::QUOTES as f64 / seconds;
    println!(
        "{edition}: {} ticks and {} candles verified in {seconds:.2} s, {rate:.0} ticks/s",
        run.summary.ticks, run.summary.candles
    );

    // the bars that another system computed from the same quotes, stored as candles, have no findings
    // either
    let minutes = TimeRange::all();
    let mut query = CandleQuery::new(EURUSD, Timeframe::M1, PriceBasis::Bid, minutes);
    let mut stored = 0;
    let bars = market_data::bars(&folder);
    for chunk in bars.chunks(500) {
        query.range = TimeRange::new(
            chunk[0].open_time,
            chunk[chunk.len() - 1].open_time + TimeDelta::minutes(1),
        )
        .expect("ordered");
        let mut candles = ohlc.candles(&query).await.expect("read").items;
        assert_eq!(candles.len(), chunk.len());
        for (candle, bar) in candles.iter_mut().zip(chunk) {
            let bid = bar.bid.expect("a bid");
            (candle.open, candle.high) = (bid.open, bid.high);
            (candle.low, candle.close) = (bid.low, bid.close);
            candle.source = CandleSource::Stored("import".to_owned());
            // bars have neither
            (candle.volume, candle.tick_count) = (rust_decimal::Decimal::ZERO, 0);
        }
        stored += ohlc.upsert_candles(&candles).await.expect("stored");
    }
    assert_eq!(stored, market_data::BARS as u64);
    let only_minutes = whole().timeframes(vec![Timeframe::M1]);
    let run = audit(&**ticks, &**ohlc, &only_minutes, None).await;
    assert_eq!(run.findings, []);
}
