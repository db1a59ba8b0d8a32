//! Candles that are read beside candles that ticks make.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::Repositories;
use crate::domain::{Candle, PageLimit, PriceBasis, SymbolId, TimeRange, Timeframe, fold_candles};
use crate::error::RepositoryError;
use crate::repository::CandleQuery;

use super::{DayFindings, Difference};

/// The candles of a day as anybody reads them.
pub(super) async fn read(
    repositories: &Repositories,
    (symbol_id, timeframe, basis): (SymbolId, Timeframe, PriceBasis),
    day: TimeRange,
) -> Result<BTreeMap<DateTime<Utc>, Candle>, RepositoryError> {
    let query = CandleQuery {
        // a day has 1,440 minutes
        limit: PageLimit::new(10_000).map_err(RepositoryError::invalid)?,
        ..CandleQuery::new(symbol_id, timeframe, basis, day)
    };
    let page = repositories.ohlc.candles(&query).await?;
    let by_time = |candle: Candle| (candle.open_time, candle);
    Ok(page.items.into_iter().map(by_time).collect())
}

/// Compares `found` with what `minutes` make, where `is_asked_for`.
pub(super) fn compare(
    timeframe: Timeframe,
    minutes: &[Candle],
    mut found: BTreeMap<DateTime<Utc>, Candle>,
    is_asked_for: impl Fn(&Candle) -> bool,
    findings: &mut DayFindings,
) -> Result<(), RepositoryError> {
    let expected = match timeframe {
        Timeframe::M1 => minutes.to_vec(),
        // what is closed is decided by the caller
        _ => fold_candles(minutes, timeframe, DateTime::UNIX_EPOCH)?,
    };
    for expected in expected.into_iter().filter(&is_asked_for) {
        findings.candles += 1;
        let found = found.remove(&expected.open_time);
        if !found
            .as_ref()
            .is_some_and(|found| is_same(found, &expected))
        {
            findings.differences.push(Difference {
                expected: Some(expected),
                found,
            });
        }
    }
    for found in found.into_values().filter(&is_asked_for) {
        let difference = Difference {
            expected: None,
            found: Some(found),
        };
        // a candle that came as one needs no ticks
        if !difference.is_of_somebody_else() {
            findings.candles += 1;
            findings.differences.push(difference);
        }
    }
    Ok(())
}

/// Whether prices, volume and count are equal.
fn is_same(one: &Candle, other: &Candle) -> bool {
    let numbers = |candle: &Candle| {
        let Candle {
            open,
            high,
            low,
            close,
            volume,
            tick_count,
            ..
        } = *candle;
        (open, high, low, close, volume, tick_count)
    };
    numbers(one) == numbers(other)
}
