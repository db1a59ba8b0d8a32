//! Reads of long ranges, of the newest ticks of one symbol, and of the newest tick of each symbol.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::TryStreamExt as _;
use tickbook::Clock;
use tickbook::domain::{PageLimit, SymbolId, Tick, TimeRange};
use tickbook::postgres::PgTickRepository;
use tickbook::repository::{TickQuery, TickRepository as _, tick_stream};

use crate::contenders::Reader;
use crate::history::History;
use crate::report::Report;
use crate::report::Target::AtMost;
use crate::server::Place;

use super::Bench;

/// 100,800 ticks of each symbol, interleaved with other symbols, so that one row in ten belongs to a symbol.
const LONG: History = History {
    symbols: 10,
    days: 10,
    ticks_per_minute: 7,
};
const LONG_RANGE: usize = 100_000;

/// Number of ranges that each contender reads in a round.
const RANGES: u32 = 4;

/// One tick of each symbol a minute, up to now; one chunk for each full day and one for the current day.
const SHORT: History = History {
    symbols: 20,
    days: 29,
    ticks_per_minute: 1,
};
const MANY_CHUNKS: History = History { days: 149, ..SHORT };

/// Number of reads of the newest ticks in a turn.
const NEWEST_READS: u32 = 50;
/// Number of turns of each contender in a round.
const TURNS: u32 = 8;

impl Bench {
    pub(crate) async fn long_ranges(&self, report: &mut Report) -> Result<()> {
        let mut place = Place::migrated().await?;
        LONG.fill(&mut place)?;
        let library = Arc::new(PgTickRepository::new(place.pools().timeseries()));
        let reader = Reader::connect(place.url()).await?;
        let (mut beside_rows, mut beside_ticks, mut beside_pages) =
            (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=self.rounds {
            let (mut rows, mut ticks, mut streamed, mut paged) = (0.0, 0.0, 0.0, 0.0);
            for number in 0..RANGES * 4 {
                let read = round * RANGES + number / 4;
                let symbol = SymbolId::new(i64::from(read % LONG.symbols) + 1);
                let range = long_range()?;
                // alternately forwards and backwards, so that no contender always follows the same one
                let place = (number + number / 4 + round) % 4;
                let turn = if number / 4 % 2 == 0 {
                    place
                } else {
                    3 - place
                };
                let count = match turn {
                    0 => timed(&mut rows, reader.rows(symbol, range)).await?,
                    1 => timed(&mut ticks, reader.ticks(symbol, range)).await?,
                    2 => timed(&mut streamed, stream(&library, symbol, range)).await?,
                    _ => timed(&mut paged, pages(&library, symbol, range)).await?,
                };
                ensure!(count == LONG_RANGE, "{count} ticks");
            }
            // the first round fills the caches of the server
            if round > 0 {
                beside_rows.push(streamed / rows);
                beside_ticks.push(streamed / ticks);
                beside_pages.push(paged / rows);
            }
        }
        report.add(
            "100,000 ticks of a range / tokio-postgres, rows left undecoded",
            AtMost(1.15),
            beside_rows,
        );
        report.add(
            "100,000 ticks of a range / tokio-postgres with rust_decimal",
            AtMost(0.82),
            beside_ticks,
        );
        report.add(
            "100,000 ticks in pages of 10,000 / tokio-postgres, rows left undecoded",
            AtMost(1.15),
            beside_pages,
        );
        Ok(())
    }

    pub(crate) async fn newest(&self, report: &mut Report) -> Result<()> {
        let (few, few_range) = history_to_now(SHORT).await?;
        let (many, many_range) = history_to_now(MANY_CHUNKS).await?;
        let library = PgTickRepository::new(few.pools().timeseries());
        let of_many = PgTickRepository::new(many.pools().timeseries());
        let reader = Reader::connect(few.url()).await?;
        newest_100(&library, few_range).await?;
        newest_100(&of_many, many_range).await?;
        let (mut by_chunks, mut beside_distinct) = (Vec::new(), Vec::new());
        for round in 0..self.rounds {
            let (mut with_few, mut with_many) = (0.0, 0.0);
            for turn in 0..TURNS {
                if (turn + round) % 2 == 0 {
                    with_few += newest_100(&library, few_range).await?;
                    with_many += newest_100(&of_many, many_range).await?;
                } else {
                    with_many += newest_100(&of_many, many_range).await?;
                    with_few += newest_100(&library, few_range).await?;
                }
            }
            by_chunks.push(with_many / with_few);
            let ours = newest_of_all(&library).await?;
            let start = Instant::now();
            let newest = reader.newest_of_all().await?;
            let distinct = start.elapsed().as_secs_f64();
            ensure!(newest == all_newest(&library).await?, "the results differ");
            beside_distinct.push(ours / distinct);
        }
        report.add(
            "latest 100 ticks of a symbol, 150 chunks / 30 chunks",
            AtMost(1.3),
            by_chunks,
        );
        report.add(
            "latest tick of all symbols / DISTINCT ON",
            AtMost(0.01),
            beside_distinct,
        );
        Ok(())
    }
}

/// The range that contains `LONG_RANGE` ticks of each symbol.
fn long_range() -> Result<TimeRange> {
    let step = i64::from(60_000_000 / LONG.ticks_per_minute);
    let whole_days = LONG_RANGE as i64 / i64::from(LONG.ticks_per_minute * 24 * 60);
    let rest = LONG_RANGE as i64 % i64::from(LONG.ticks_per_minute * 24 * 60);
    let length = TimeDelta::days(whole_days) + TimeDelta::microseconds(rest * step);
    Ok(TimeRange::new(LONG.start(), LONG.start() + length)?)
}

/// Adds the time of `read`, without the time to free its result.
async fn timed<T>(seconds: &mut f64, read: impl Future<Output = Result<Vec<T>>>) -> Result<usize> {
    let start = Instant::now();
    let read = read.await?;
    *seconds += start.elapsed().as_secs_f64();
    Ok(read.len())
}

fn query(symbol: SymbolId, range: TimeRange) -> TickQuery {
    TickQuery::new(symbol, range).limit(PageLimit::MAX)
}

async fn stream(
    library: &Arc<PgTickRepository>,
    symbol: SymbolId,
    range: TimeRange,
) -> Result<Vec<Tick>> {
    let library = Arc::clone(library);
    Ok(tick_stream(library, query(symbol, range))
        .try_collect()
        .await?)
}

async fn pages(
    library: &PgTickRepository,
    symbol: SymbolId,
    range: TimeRange,
) -> Result<Vec<Tick>> {
    let mut ticks = Vec::new();
    let mut query = query(symbol, range);
    loop {
        let page = library.range(&query).await?;
        ticks.extend(page.items);
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(ticks),
        }
    }
}

/// Creates `history` up to now, because searches for the newest tick start at the present.
async fn history_to_now(history: History) -> Result<(Place, TimeRange)> {
    let mut place = Place::migrated().await?;
    let to = Clock::system().now();
    let from: DateTime<Utc> = to - TimeDelta::days(i64::from(history.days));
    history.fill_from(&mut place, from)?;
    Ok((place, TimeRange::new(from, to)?))
}

/// Seconds of a read of the newest 100 ticks.
async fn newest_100(library: &PgTickRepository, range: TimeRange) -> Result<f64> {
    let start = Instant::now();
    for read in 0..NEWEST_READS {
        let symbol = SymbolId::new(i64::from(read % SHORT.symbols) + 1);
        // a caller who wants the newest ticks does not know the time of the first
        let query = TickQuery::new(
            symbol,
            TimeRange::new(TimeRange::all().start(), range.end())?,
        )
        .descending()
        .limit(PageLimit::new(100)?);
        let page = library.range(&query).await?;
        ensure!(page.items.len() == 100, "{} ticks", page.items.len());
    }
    Ok(start.elapsed().as_secs_f64() / f64::from(NEWEST_READS))
}

async fn all_newest(library: &PgTickRepository) -> Result<Vec<Tick>> {
    let symbols: Vec<_> = (1..=i64::from(SHORT.symbols)).map(SymbolId::new).collect();
    Ok(library.latest_of(&symbols).await?)
}

/// Seconds of a read of the newest tick of each symbol.
async fn newest_of_all(library: &PgTickRepository) -> Result<f64> {
    let start = Instant::now();
    for _ in 0..NEWEST_READS {
        let newest = all_newest(library).await?;
        ensure!(newest.len() == SHORT.symbols as usize, "{newest:?}");
    }
    Ok(start.elapsed().as_secs_f64() / f64::from(NEWEST_READS))
}
