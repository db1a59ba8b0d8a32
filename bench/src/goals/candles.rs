//! The benefit of two properties of the continuous aggregates: no index on the bucket alone, and larger
//! timeframes computed from smaller ones.

use std::time::Instant;

use anyhow::{Result, ensure};
use tickbook::domain::{PriceBasis, SymbolId, Timeframe};
use tickbook::postgres::{self, PgOhlcRepository};
use tickbook::repository::{CandleQuery, OhlcRepository as _};

use crate::history::History;
use crate::report::Report;
use crate::report::Target::AtMost;
use crate::server::Place;

use super::Bench;

const HISTORY: History = History {
    symbols: 50,
    days: 10,
    ticks_per_minute: 2,
};

/// Number of reads of 500 candles in a turn.
const READS: u32 = 40;

/// The timeframes above 1m, each computed from the previous one.
const LARGER: [(&str, &str); 6] = [
    ("5m", "5 minutes"),
    ("15m", "15 minutes"),
    ("30m", "30 minutes"),
    ("1h", "1 hour"),
    ("4h", "4 hours"),
    ("1d", "1 day"),
];

/// Prefix of the names of aggregates computed from candles; the next constant is for those computed from
/// ticks.
const OF_CANDLES: &str = "ohlc";
const OF_TICKS: &str = "direct";

/// More buckets than the history has in any timeframe.
const ALL_BUCKETS: u32 = 20_000;

impl Bench {
    pub(crate) async fn candle_index(&self, report: &mut Report) -> Result<()> {
        let Some(mut place) = history_in_aggregates("500 candles beside the default index").await?
        else {
            return Ok(());
        };
        // candles are inserted hour by hour, as by regular refreshes: the planner's use of the index depends
        // on their physical order
        refresh(&mut place, "ohlc_1m", "false", 60)?;
        let candles = place.materialized("ohlc_1m")?;
        analyze(&mut place, "ohlc_1m")?;
        let repository = PgOhlcRepository::new(place.pools().timeseries());
        read_candles(&repository, 0).await?;
        let mut ratios = Vec::new();
        for round in 0..self.rounds {
            let without;
            let with;
            if round % 2 == 0 {
                without = read_candles(&repository, round).await?;
                with = read_with_index(&repository, &mut place, &candles, round).await?;
            } else {
                with = read_with_index(&repository, &mut place, &candles, round).await?;
                without = read_candles(&repository, round).await?;
            }
            ratios.push(without / with);
        }
        report.add(
            "500 one-minute candles / the aggregate with its default index of buckets",
            AtMost(0.35),
            ratios,
        );
        Ok(())
    }

    pub(crate) async fn refresh(&self, report: &mut Report) -> Result<()> {
        let Some(mut place) = history_in_aggregates("refresh of the larger timeframes").await?
        else {
            return Ok(());
        };
        for (name, width) in LARGER {
            place.execute(&direct(name, width))?;
        }
        refresh(&mut place, "ohlc_1m", "false", ALL_BUCKETS)?;
        analyze(&mut place, "ohlc_1m")?;
        // the first refresh creates the chunks; the planner has no statistics of new chunks until autovacuum
        // analyzes them
        for prefix in [OF_CANDLES, OF_TICKS] {
            refresh_larger(&mut place, prefix)?;
            for (name, _) in LARGER {
                analyze(&mut place, &format!("{prefix}_{name}"))?;
            }
        }
        let mut ratios = Vec::new();
        for round in 0..self.rounds {
            let (hierarchical, direct);
            if round % 2 == 0 {
                hierarchical = refresh_larger(&mut place, OF_CANDLES)?;
                direct = refresh_larger(&mut place, OF_TICKS)?;
            } else {
                direct = refresh_larger(&mut place, OF_TICKS)?;
                hierarchical = refresh_larger(&mut place, OF_CANDLES)?;
            }
            ratios.push(hierarchical / direct);
        }
        report.add(
            "refresh of six larger timeframes, from the one below / from ticks",
            AtMost(0.25),
            ratios,
        );
        Ok(())
    }
}

/// Returns `None`, and prints a note, if the edition has no continuous aggregates.
async fn history_in_aggregates(what: &str) -> Result<Option<Place>> {
    let mut place = Place::migrated().await?;
    let pools = place.pools();
    let applied = postgres::apply_aggregates(&pools.timeseries()).await?;
    if applied.edition != postgres::Edition::Community {
        println!("not measured, since it needs the Community edition of TimescaleDB: {what}\n");
        return Ok(None);
    }
    HISTORY.fill(&mut place)?;
    Ok(Some(place))
}

/// Refreshes `at_once` buckets per batch. The default is ten, and most of the time would be spent between
/// batches.
fn refresh(place: &mut Place, relation: &str, force: &str, at_once: u32) -> Result<()> {
    let range = HISTORY.range()?;
    place.execute(&format!(
        "CALL refresh_continuous_aggregate('{relation}', timestamptz '{}', timestamptz '{}', \
         force => {force}, options => '{{\"buckets_per_batch\": {at_once}}}')",
        range.start().to_rfc3339(),
        range.end().to_rfc3339(),
    ))
}

fn analyze(place: &mut Place, aggregate: &str) -> Result<()> {
    let relation = place.materialized(aggregate)?;
    place.execute(&format!("ANALYZE {relation}"))
}

/// Seconds to recompute all candles of the six relations.
fn refresh_larger(place: &mut Place, prefix: &str) -> Result<f64> {
    // within an INSERT the server evaluates the watermark of the smaller candles for each row of a sequential
    // scan, but only once for an index scan; ticks have no watermark
    let scans = if prefix == OF_CANDLES { "off" } else { "on" };
    place.execute(&format!("SET enable_seqscan = {scans}"))?;
    let start = Instant::now();
    for (name, _) in LARGER {
        refresh(place, &format!("{prefix}_{name}"), "true", ALL_BUCKETS)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    place.execute("RESET enable_seqscan")?;
    println!("larger timeframes, {prefix}: {seconds:.2} s");
    Ok(seconds)
}

/// Seconds of a read of 500 candles.
async fn read_candles(repository: &PgOhlcRepository, round: u32) -> Result<f64> {
    let start = Instant::now();
    for read in 0..READS {
        let symbol = SymbolId::new(i64::from(read % HISTORY.symbols) + 1);
        // places within one chunk, none of them near the end
        let first = i64::from((read * 997 + round * 131) % (HISTORY.days - 1) * 24 * 60);
        let range = HISTORY.minutes(first, 500)?;
        let query = CandleQuery::new(symbol, Timeframe::M1, PriceBasis::Bid, range);
        let page = repository.candles(&query).await?;
        ensure!(page.items.len() == 500, "{} candles", page.items.len());
    }
    Ok(start.elapsed().as_secs_f64() / f64::from(READS))
}

/// Like [`read_candles`], with the default index of aggregates, which this schema drops.
async fn read_with_index(
    repository: &PgOhlcRepository,
    place: &mut Place,
    candles: &str,
    round: u32,
) -> Result<f64> {
    place.execute(&format!(
        "CREATE INDEX of_the_bucket ON {candles} (open_time DESC)"
    ))?;
    read_candles(repository, round).await?;
    let seconds = read_candles(repository, round).await?;
    let (schema, _) = candles.split_once('.').unwrap_or_default();
    place.execute(&format!("DROP INDEX {schema}.of_the_bucket"))?;
    read_candles(repository, round).await?;
    Ok(seconds)
}

/// The aggregate of a larger timeframe, computed from ticks.
fn direct(name: &str, width: &str) -> String {
    let key = "tick_order_key(tick_time, sequence)";
    let volume = "coalesce(sum(bid_volume), 0) + coalesce(sum(ask_volume), 0)";
    let no_bid = " - coalesce(sum(ask_volume) FILTER (WHERE bid_price IS NULL), 0)";
    let no_ask = " - coalesce(sum(bid_volume) FILTER (WHERE ask_price IS NULL), 0)";
    let bases: Vec<String> = [
        ("bid", "bid_price", "", no_bid.to_owned()),
        ("ask", "ask_price", "", no_ask.to_owned()),
        (
            "mid",
            "bid_price + ask_price",
            " * 0.5",
            format!("{no_bid}{no_ask}"),
        ),
    ]
    .iter()
    .map(|(basis, price, half, others)| {
        let with_price = format!("FILTER (WHERE {price} IS NOT NULL)");
        format!(
            "first({price}, {key}) {with_price}{half} AS {basis}_open, \
             max({price}){half} AS {basis}_high, min({price}){half} AS {basis}_low, \
             last({price}, {key}) {with_price}{half} AS {basis}_close, \
             {volume}{others} AS {basis}_volume, \
             count(*) {with_price} AS {basis}_tick_count"
        )
    })
    .collect();
    format!(
        "CREATE MATERIALIZED VIEW direct_{name} \
             WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS \
         SELECT symbol_id, time_bucket(INTERVAL '{width}', tick_time) AS open_time, {} \
         FROM ticks GROUP BY symbol_id, time_bucket(INTERVAL '{width}', tick_time) \
         WITH NO DATA",
        bases.join(", ")
    )
}
