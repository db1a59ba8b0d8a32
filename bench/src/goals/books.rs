//! Snapshots of order books: written in batches, and read as of a time.

use std::time::Instant;

use anyhow::{Result, ensure};
use bytes::BytesMut;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::PgConnection;
use diesel::pg::CopyFormat;
use diesel::prelude::ExecuteCopyFromDsl as _;
use rust_decimal::Decimal;
use tickbook::Clock;
use tickbook::domain::SymbolId;
use tickbook::domain::book::{BookSnapshot, PriceLevel};
use tickbook::postgres::PgOrderBookRepository;
use tickbook::repository::OrderBookRepository as _;
use tokio_postgres::types::Type;

use crate::contenders::{binary_copy, field};
use crate::cpu;
use crate::report::Report;
use crate::report::Target::{AtLeast, AtMost};
use crate::server::Place;

use super::Bench;

diesel::table! {
    order_book_snapshots (symbol_id, snapshot_time, sequence) {
        symbol_id -> Int8,
        snapshot_time -> Timestamptz,
        sequence -> Int8,
        bid_prices -> Array<Nullable<Numeric>>,
        bid_quantities -> Array<Nullable<Numeric>>,
        ask_prices -> Array<Nullable<Numeric>>,
        ask_quantities -> Array<Nullable<Numeric>>,
        depth -> Int2,
        checksum -> Nullable<Int8>,
        source -> Text,
        valid_since -> Timestamptz,
    }
}

const SYMBOL: SymbolId = SymbolId::new(7);
/// Levels of each side.
const LEVELS: i64 = 20;
const BATCH: usize = 100;
/// Number of measured batches of each contender in a round.
const BATCHES: usize = 64;
/// Number of batches of a turn.
const SLICE: usize = 8;

/// Days of snapshots, one each second of the last day and one each minute of the others.
const FEW_DAYS: i64 = 29;
const MANY_DAYS: i64 = 149;
/// Number of reads in a turn, and of turns in a round.
const READS: i64 = 50;
const TURNS: u32 = 8;

impl Bench {
    pub(crate) async fn book_snapshots(&self, report: &mut Report) -> Result<()> {
        let (mut of_library, mut of_limit) = (Place::migrated().await?, Place::migrated().await?);
        let library = PgOrderBookRepository::new(of_library.pools().timeseries());
        let mut limit = of_limit.connection();
        let mut speeds = Vec::new();
        for round in 0..self.rounds {
            // the writer knows no newer snapshots of a new symbol
            let symbol = SymbolId::new(SYMBOL.get() + i64::from(round));
            let batches = batches(symbol, Clock::system().now() - TimeDelta::minutes(40));
            let encoded: Vec<_> = batches
                .iter()
                .map(|batch| encode(batch))
                .collect::<Result<_>>()?;
            for place in [&mut of_library, &mut of_limit] {
                place.execute("TRUNCATE order_book_snapshots")?;
            }
            let (mut with_library, mut with_limit) = (0.0, 0.0);
            let slices = batches.chunks(SLICE).zip(encoded.chunks(SLICE));
            for (number, (batches, encoded)) in slices.enumerate() {
                for turn in 0..2 {
                    // in this order: the time to find the processes of the server does not count
                    let before = of_limit.server_cpu_micros()?;
                    let before = before + cpu::of_this_process();
                    let is_library = (turn + number) % 2 == 0;
                    if is_library {
                        for batch in batches {
                            let receipt = library.insert_snapshots(batch).await?;
                            ensure!(receipt.inserted == BATCH as u64, "{receipt:?}");
                        }
                    } else {
                        for encoded in encoded {
                            copy(&mut limit, encoded)?;
                        }
                    }
                    let after = cpu::of_this_process() + of_limit.server_cpu_micros()?;
                    match is_library {
                        // the first slice creates the chunk, the connection and its plans
                        _ if number == 0 => {}
                        true => with_library += after - before,
                        false => with_limit += after - before,
                    }
                }
            }
            speeds.push(with_limit / with_library);
        }
        report.add(
            "CPU of client and server: COPY of bytes encoded before / insert_snapshots of 100, 20 levels",
            AtLeast(0.85),
            speeds,
        );
        Ok(())
    }

    pub(crate) async fn books_as_of(&self, report: &mut Report) -> Result<()> {
        let (few, few_end) = history(FEW_DAYS).await?;
        let (many, many_end) = history(MANY_DAYS).await?;
        let of_few = PgOrderBookRepository::new(few.pools().timeseries());
        let of_many = PgOrderBookRepository::new(many.pools().timeseries());
        as_of(&of_few, few_end).await?;
        as_of(&of_many, many_end).await?;
        let mut ratios = Vec::new();
        for round in 0..self.rounds {
            let (mut with_few, mut with_many) = (0.0, 0.0);
            for turn in 0..TURNS {
                if (turn + round) % 2 == 0 {
                    with_few += as_of(&of_few, few_end).await?;
                    with_many += as_of(&of_many, many_end).await?;
                } else {
                    with_many += as_of(&of_many, many_end).await?;
                    with_few += as_of(&of_few, few_end).await?;
                }
            }
            ratios.push(with_many / with_few);
        }
        report.add(
            "snapshot_as_of on a day of snapshots, 150 chunks / 30 chunks",
            AtMost(1.3),
            ratios,
        );
        Ok(())
    }
}

/// Snapshots of the last minutes, as recorders of several books write them, whose numbers change.
fn batches(symbol: SymbolId, start: DateTime<Utc>) -> Vec<Vec<BookSnapshot>> {
    let snapshot = |second: i64| {
        let middle = 1_292_000 + second * 7 % 900;
        let level = |price: i64, number: i64| {
            let quantity = 1 + (second * 7_919 + number * 104_729) % 90_000;
            PriceLevel::new(Decimal::new(price, 3), Decimal::new(quantity, 4))
        };
        let time = start + TimeDelta::milliseconds(second * 250);
        BookSnapshot::new(symbol, time, "bench")
            .with_bids((0..LEVELS).map(|it| level(middle - it, it)).collect())
            .with_asks((0..LEVELS).map(|it| level(middle + 1 + it, it)).collect())
            .with_depth(LEVELS as usize)
            .with_valid_since(start)
    };
    let count = (SLICE + BATCHES) * BATCH;
    let all: Vec<_> = (0..count as i64).map(snapshot).collect();
    all.chunks(BATCH).map(<[_]>::to_vec).collect()
}

/// The data of a binary `COPY`.
fn encode(batch: &[BookSnapshot]) -> Result<BytesMut> {
    let prices = |levels: &[PriceLevel]| levels.iter().map(|it| it.price).collect::<Vec<_>>();
    let quantities =
        |levels: &[PriceLevel]| levels.iter().map(|it| it.quantity).collect::<Vec<_>>();
    binary_copy(batch, 11, |snapshot, out| {
        field(out, &snapshot.symbol_id.get(), &Type::INT8)?;
        field(out, &snapshot.snapshot_time, &Type::TIMESTAMPTZ)?;
        field(out, &snapshot.sequence, &Type::INT8)?;
        field(out, &prices(&snapshot.bids), &Type::NUMERIC_ARRAY)?;
        field(out, &quantities(&snapshot.bids), &Type::NUMERIC_ARRAY)?;
        field(out, &prices(&snapshot.asks), &Type::NUMERIC_ARRAY)?;
        field(out, &quantities(&snapshot.asks), &Type::NUMERIC_ARRAY)?;
        field(out, &i16::try_from(snapshot.depth)?, &Type::INT2)?;
        field(out, &snapshot.checksum, &Type::INT8)?;
        field(out, &snapshot.source, &Type::TEXT)?;
        field(out, &snapshot.valid_since, &Type::TIMESTAMPTZ)
    })
}

fn copy(connection: &mut PgConnection, bytes: &[u8]) -> Result<()> {
    use order_book_snapshots as it;
    let columns = (
        it::symbol_id,
        it::snapshot_time,
        it::sequence,
        it::bid_prices,
        it::bid_quantities,
        it::ask_prices,
        it::ask_quantities,
        it::depth,
        it::checksum,
        it::source,
        it::valid_since,
    );
    diesel::copy_from(it::table)
        .from_raw_data(columns, |out: &mut dyn std::io::Write| {
            out.write_all(bytes)
                .map_err(|error| diesel::result::Error::SerializationError(error.into()))
        })
        .with_format(CopyFormat::Binary)
        .execute(connection)?;
    Ok(())
}

/// A schema with one chunk for each full day and one for the current day, and the end of the snapshots.
async fn history(days: i64) -> Result<(Place, DateTime<Utc>)> {
    let mut place = Place::migrated().await?;
    let end = Clock::system().now();
    let first = end - TimeDelta::days(days);
    for (from, to, step) in [
        (first, end - TimeDelta::days(1), "1 minute"),
        (end - TimeDelta::days(1), end, "1 second"),
    ] {
        place.execute(&format!(
            "INSERT INTO order_book_snapshots SELECT {SYMBOL}, time, 0, prices, prices, ask_prices, prices, \
             {LEVELS}, NULL, 'bench', time FROM generate_series(timestamptz '{}', '{}', INTERVAL '{step}') \
             AS times (time), (SELECT array_agg(100 - n) AS prices, array_agg(100 + n) AS ask_prices \
             FROM generate_series(1, {LEVELS}) AS n) AS levels WHERE time < '{}'",
            from.to_rfc3339(),
            to.to_rfc3339(),
            to.to_rfc3339(),
        ))?;
    }
    place.execute("ANALYZE order_book_snapshots")?;
    Ok((place, end))
}

/// The seconds of some reads in the day before `end`.
async fn as_of(library: &PgOrderBookRepository, end: DateTime<Utc>) -> Result<f64> {
    let begun = Instant::now();
    for number in 0..READS {
        let at = end - TimeDelta::seconds(1 + number * 1_721);
        let snapshot = library.snapshot_as_of(SYMBOL, at, LEVELS as usize).await?;
        ensure!(snapshot.is_some_and(|it| it.bids.len() == LEVELS as usize));
    }
    Ok(begun.elapsed().as_secs_f64())
}
