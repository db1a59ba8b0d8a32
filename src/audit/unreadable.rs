//! Unreadable rows: detection, and the search for the next readable candle.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::TimeRange;
use crate::error::RepositoryError;
use crate::repository::{CandleQuery, OhlcRepository};

/// A shorter range is not divided further.
const DAY: TimeDelta = TimeDelta::days(1);

/// Whether a single row is at fault, not the store.
pub(super) fn is_unreadable(error: &RepositoryError) -> bool {
    matches!(error, RepositoryError::Data { .. })
}

/// The open time of the first candle of `query`, or a time less than a day earlier if that candle is
/// unreadable.
///
/// Bisects the range to find candles before an unreadable one.
pub(super) async fn first_candle(
    ohlc: &dyn OhlcRepository,
    query: CandleQuery,
) -> Result<Option<DateTime<Utc>>, RepositoryError> {
    let end = query.range.end();
    let (mut from, mut to) = (query.range.start(), end);
    loop {
        let range = TimeRange::new(from, to).map_err(RepositoryError::invalid)?;
        match ohlc.candles(&CandleQuery { range, ..query }).await {
            Ok(page) => match page.items.first() {
                Some(candle) => return Ok(Some(candle.open_time)),
                None if to == end => return Ok(None),
                None => (from, to) = (to, end),
            },
            Err(error) if !is_unreadable(&error) => return Err(error),
            Err(_) if to - from <= DAY => return Ok(Some(from)),
            Err(_) => to = from + (to - from) / 2,
        }
    }
}
