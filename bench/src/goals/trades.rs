//! Batches of trades, and candles of trades.

use std::time::Instant;

use anyhow::{Result, ensure};
use tickbook::domain::{PriceBasis, SymbolId, TimeRange, Timeframe};
use tickbook::postgres::{self, PgOhlcRepository};
use tickbook::repository::{CandleQuery, OhlcRepository as _};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::contenders::{OnThread, TradeLibrary, TradeLimit};
use crate::history::History;
use crate::measure::Sample;
use crate::report::Report;
use crate::report::Target::{AtLeast, AtMost};
use crate::rounds::{Entry, run};
use crate::server::Place;

use super::Bench;

const HISTORY: History = History {
    symbols: 20,
    days: 10,
    ticks_per_minute: 4,
};

/// Number of reads of 500 candles in a turn, and of turns in a round.
const READS: u32 = 20;
const TURNS: u32 = 6;

impl Bench {
    pub(crate) async fn trades_of_1000(&self, report: &mut Report) -> Result<()> {
        let place = Place::of_peer().await?;
        let limit = OnThread::new(TradeLimit::new(place.connection()));
        let mut entries = vec![Entry::new(place, Box::new(limit)).with_table("trades")];
        let place = Place::migrated().await?;
        let library = TradeLibrary::new(place.pools());
        entries.push(Entry::new(place, Box::new(library)).with_table("trades"));
        let samples = run(entries, self.rounds, 100, 1_000).await?;
        samples.print("batches of 1,000 trades");
        report.add(
            "CPU of client and server: limit / insert_batch of 1,000 trades",
            AtLeast(0.90),
            samples.ratios(
                TradeLimit::NAME,
                TradeLibrary::NAME,
                Sample::cpu_micros_of_both,
            ),
        );
        Ok(())
    }

    /// Pages of the repository, beside the same candles as psql reads them: the text of one SQL statement.
    pub(crate) async fn trade_candles(&self, report: &mut Report) -> Result<()> {
        let mut place = Place::migrated().await?;
        let pools = place.pools();
        let applied = postgres::apply_aggregates(&pools.timeseries()).await?;
        let is_community = applied.edition == postgres::Edition::Community;
        fill(&mut place)?;
        if is_community {
            let range = HISTORY.range()?;
            place.execute(&format!(
                "CALL refresh_continuous_aggregate('trade_ohlc_1m', timestamptz '{}', timestamptz '{}', \
                 options => '{{\"buckets_per_batch\": 20000}}')",
                range.start().to_rfc3339(),
                range.end().to_rfc3339(),
            ))?;
            let candles = place.materialized("trade_ohlc_1m")?;
            place.execute(&format!("ANALYZE {candles}"))?;
        }
        let library = PgOhlcRepository::new(pools.timeseries());
        let (psql, connection) = tokio_postgres::connect(place.url(), NoTls).await?;
        tokio::spawn(connection);
        let mut ratios = Vec::new();
        for round in 0..=self.rounds {
            let (mut ours, mut by_psql) = (0.0, 0.0);
            for turn in 0..TURNS {
                let first = round * TURNS + turn;
                if turn % 2 == 0 {
                    ours += of_library(&library, first).await?;
                    by_psql += of_psql(&psql, first).await?;
                } else {
                    by_psql += of_psql(&psql, first).await?;
                    ours += of_library(&library, first).await?;
                }
            }
            // the first round fills the caches of the server
            if round > 0 {
                ratios.push(ours / by_psql);
            }
        }
        let of_what = if is_community { "aggregates" } else { "trades" };
        report.add(
            format!("500 trade candles from {of_what} / the same SQL by psql's protocol"),
            AtMost(1.2),
            ratios,
        );
        Ok(())
    }
}

/// Writes the history day by day and analyzes the table.
fn fill(place: &mut Place) -> Result<()> {
    let per_day = HISTORY.ticks_per_minute * 24 * 60;
    let step = 60_000_000 / HISTORY.ticks_per_minute;
    for day in 0..HISTORY.days {
        let start = HISTORY.start() + chrono::TimeDelta::days(day.into());
        place.execute(&format!(
            "INSERT INTO trades (symbol_id, trade_time, sequence, price, quantity, aggressor_side, is_block) \
             SELECT symbol, timestamptz '{}' + number * interval '{step} microseconds', number, \
             1.08 + (number * 7919 + symbol * 104729) % 1000 * 0.00001, 1 + number % 50, \
             CASE number % 3 WHEN 0 THEN 'buy' WHEN 1 THEN 'sell' END, false \
             FROM generate_series(0::bigint, {}) AS number, generate_series(1, {}) AS symbol",
            start.to_rfc3339(),
            per_day - 1,
            HISTORY.symbols,
        ))?;
    }
    place.execute("ANALYZE trades")
}

/// The symbol and the minutes of a read.
fn wanted(turn: u32, read: u32) -> Result<(SymbolId, TimeRange)> {
    let symbol = SymbolId::new(i64::from(read % HISTORY.symbols) + 1);
    // places within one chunk, none of them near the end
    let first = i64::from((read * 997 + turn * 131) % (HISTORY.days - 1) * 24 * 60);
    Ok((symbol, HISTORY.minutes(first, 500)?))
}

/// Seconds of the reads of a turn.
async fn of_library(library: &PgOhlcRepository, turn: u32) -> Result<f64> {
    let begun = Instant::now();
    for read in 0..READS {
        let (symbol, range) = wanted(turn, read)?;
        let query = CandleQuery::new(symbol, Timeframe::M1, PriceBasis::Trade, range);
        let page = library.candles(&query).await?;
        ensure!(page.items.len() == 500, "{} candles", page.items.len());
    }
    Ok(begun.elapsed().as_secs_f64())
}

async fn of_psql(client: &Client, turn: u32) -> Result<f64> {
    let begun = Instant::now();
    for read in 0..READS {
        let (symbol, range) = wanted(turn, read)?;
        let select = format!(
            "SELECT open_time, open, high, low, close, volume, trade_count, buy_volume, notional \
             FROM trade_ohlc_1m WHERE symbol_id = {symbol} AND open_time >= '{}' AND open_time < '{}' \
             ORDER BY open_time LIMIT 501",
            range.start().to_rfc3339(),
            range.end().to_rfc3339(),
        );
        let messages = client.simple_query(&select).await?;
        let is_row = |message: &&SimpleQueryMessage| matches!(message, SimpleQueryMessage::Row(_));
        let rows = messages.iter().filter(is_row).count();
        ensure!(rows == 500, "{rows} candles");
    }
    Ok(begun.elapsed().as_secs_f64())
}
