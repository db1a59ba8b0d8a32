//! Drawdowns: falls of the equity below its highest value so far.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::amount::{Amount, AmountError};

/// A fall from a highest value to the lowest value before the highest value is reached again.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Drawdown {
    /// The last instant at the highest value.
    pub peak_at: DateTime<Utc>,
    /// The highest value.
    pub peak: Amount,
    /// The first instant at the lowest value.
    pub trough_at: DateTime<Utc>,
    /// The lowest value.
    pub trough: Amount,
    /// The first instant at which the highest value was reached again; `None` if it was not.
    pub recovered_at: Option<DateTime<Utc>>,
    /// The fall: `peak - trough`, greater than zero.
    pub amount: Amount,
    /// The fall as a part of the highest value; `None` if that is zero or below.
    pub ratio: Option<f64>,
}

impl Drawdown {
    /// The time from the highest value until it was reached again; `None` if it was not.
    #[must_use]
    pub fn recovery_time(&self) -> Option<TimeDelta> {
        Some(self.recovered_at? - self.peak_at)
    }
}

/// The largest drawdown in money and the largest one in relation to the highest value. They are often different
/// events. `None` if the value never fell, for `by_ratio` also if no highest value is above zero.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct Drawdowns {
    /// The largest in money; of equal ones the first.
    pub by_amount: Option<Drawdown>,
    /// The largest in relation to its highest value; of equal ones the first.
    pub by_ratio: Option<Drawdown>,
}

/// The largest drawdowns of values in ascending order of time. The first value is the starting equity and counts as a
/// highest value.
///
/// # Errors
/// A difference of values is out of range.
///
/// # Examples
/// ```
/// use chrono::{DateTime, TimeDelta};
/// use tickbook_ledger::domain::Amount;
/// use tickbook_ledger::domain::performance::drawdowns;
///
/// let day = |day| DateTime::UNIX_EPOCH + TimeDelta::days(day);
/// let values = [1000, 500, 1000, 11000, 10000].into_iter().zip(0..);
/// let values = values.map(|(value, at)| Ok((day(at), Amount::try_from(rust_decimal::Decimal::from(value))?)));
/// let values = values.collect::<Result<Vec<_>, tickbook_ledger::domain::AmountError>>()?;
/// let found = drawdowns(&values)?;
/// assert_eq!(found.by_amount.map(|it| it.amount.to_string()).as_deref(), Some("1000"));
/// assert_eq!(found.by_ratio.and_then(|it| it.ratio), Some(0.5));
/// # Ok::<_, tickbook_ledger::domain::AmountError>(())
/// ```
pub fn drawdowns(values: &[(DateTime<Utc>, Amount)]) -> Result<Drawdowns, AmountError> {
    let mut largest = Drawdowns::default();
    let mut current: Option<Drawdown> = None;
    let Some((mut peak_at, mut peak)) = values.first().copied() else {
        return Ok(largest);
    };
    for (time, value) in values.iter().copied() {
        if value >= peak {
            if let Some(ended) = current.take() {
                largest.keep(Drawdown {
                    recovered_at: Some(time),
                    ..ended
                });
            }
            (peak_at, peak) = (time, value);
            continue;
        }
        if current.is_some_and(|it| it.trough <= value) {
            continue;
        }
        let amount = peak.minus(value)?;
        current = Some(Drawdown {
            peak_at,
            peak,
            trough_at: time,
            trough: value,
            recovered_at: None,
            amount,
            ratio: (peak > Amount::ZERO).then(|| amount.ratio(peak)).flatten(),
        });
    }
    if let Some(last) = current {
        largest.keep(last);
    }
    Ok(largest)
}

impl Drawdowns {
    fn keep(&mut self, found: Drawdown) {
        if self.by_amount.is_none_or(|it| it.amount < found.amount) {
            self.by_amount = Some(found);
        }
        if found.ratio > self.by_ratio.and_then(|it| it.ratio) {
            self.by_ratio = Some(found);
        }
    }
}

/// The largest drawdown of an equity that starts at 1 and grows by returns. Indexes are those of the returns.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ReturnDrawdown {
    /// The lowest equity divided by the highest one, less 1: below zero, and -1 or below for a ruin.
    pub depth: f64,
    /// The last return at the highest equity before the lowest one; `None` for the start.
    pub peak: Option<usize>,
    /// The first return at the lowest equity in relation to the highest one.
    pub trough: usize,
    /// The first return at which the highest equity is reached again; `None` if it is not.
    pub recovery: Option<usize>,
}

/// The largest drawdown in relation to the highest equity so far; `None` if the equity never falls. A loss in the first
/// period is a drawdown.
#[must_use]
pub fn max_drawdown(returns: &[f64]) -> Option<ReturnDrawdown> {
    let (mut equity, mut high, mut peak) = (1.0, 1.0, None);
    let mut found: Option<(ReturnDrawdown, f64)> = None;
    for (at, value) in returns.iter().enumerate() {
        equity *= 1.0 + value;
        if equity >= high {
            (high, peak) = (equity, Some(at));
        }
        if let Some((drawdown, old_high)) = &mut found
            && drawdown.recovery.is_none()
            && equity >= *old_high
        {
            drawdown.recovery = Some(at);
        }
        let depth = equity / high - 1.0;
        if depth < found.map_or(0.0, |(it, _)| it.depth) {
            let drawdown = ReturnDrawdown {
                depth,
                peak,
                trough: at,
                recovery: None,
            };
            found = Some((drawdown, high));
        }
    }
    found.map(|(drawdown, _)| drawdown)
}
