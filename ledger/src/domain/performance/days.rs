//! Days of a time zone, and the performance of an account on each.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, LocalResult, NaiveDate, NaiveTime, TimeZone as _, Utc};
use chrono_tz::{GapInfo, Tz};

use super::attribution::AttributionKey;
use super::buckets::{ActivityBucket, EquityBucket, EquityMark};
use super::equity::EquityPoint;
use super::round_trip::Fees;
use super::undefined::{Measured, Undefined};
use crate::domain::amount::{Amount, AmountError};

/// The largest number of days of a query: somewhat more than ten years.
pub const MAX_DAYS: usize = 3_660;

/// A day of a time zone. It has 23 or 25 hours if clocks change on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct LocalDay {
    /// The date.
    pub date: NaiveDate,
    /// The first instant.
    pub from: DateTime<Utc>,
    /// The first instant of the next day.
    pub to: DateTime<Utc>,
}

/// The first instant of a date.
fn day_start(zone: Tz, date: NaiveDate) -> DateTime<Utc> {
    let midnight = date.and_time(NaiveTime::MIN);
    match zone.from_local_datetime(&midnight) {
        LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => time.to_utc(),
        LocalResult::None => {
            let after = GapInfo::new(&midnight, &zone).and_then(|gap| gap.end);
            // every gap of the database has an end
            after.map_or_else(|| midnight.and_utc(), |time| time.to_utc())
        }
    }
}

/// The days of a time zone from `from` to before `to`. A date that a zone skips, as Samoa did at the end of 2011, is
/// left out.
///
/// # Examples
/// ```
/// use chrono::{NaiveDate, TimeDelta};
/// use tickbook_ledger::domain::performance::{Tz, local_days};
///
/// let date = |day| NaiveDate::from_ymd_opt(2024, 3, day).expect("a date");
/// let zone = Tz::America__New_York;
/// let days: Vec<_> = local_days(zone, date(9), date(12)).collect();
/// let hours: Vec<_> = days.iter().map(|day| (day.to - day.from).num_hours()).collect();
/// assert_eq!(hours, [24, 23, 24]);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub fn local_days(zone: Tz, from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = LocalDay> {
    let days = from.iter_days().take_while(move |date| *date < to);
    let days = days.map(move |date| LocalDay {
        date,
        from: day_start(zone, date),
        to: day_start(zone, date + Days::new(1)),
    });
    days.filter(|day| day.from < day.to)
}

/// Counts and sums of reports about fills, as the venue sent them; see [`ActivityBucket`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Activity {
    /// The number of new fills.
    pub fills: u64,
    /// The number of busts.
    pub busts: u64,
    /// The number of corrections.
    pub corrections: u64,
    /// Price times quantity of new purchases.
    pub bought: Amount,
    /// Price times quantity of new sales.
    pub sold: Amount,
    /// The fees of new fills.
    pub fees: Fees,
}

impl Activity {
    /// Adds a bucket.
    ///
    /// # Errors
    /// A sum is out of range.
    pub fn add(&mut self, bucket: &ActivityBucket) -> Result<(), AmountError> {
        self.fills += bucket.fills;
        self.busts += bucket.busts;
        self.corrections += bucket.corrections;
        self.bought = self.bought.plus(bucket.bought)?;
        self.sold = self.sold.plus(bucket.sold)?;
        match &bucket.fee_currency {
            Some(currency) => self.fees.add_amount(currency, bucket.fees),
            None => Ok(()),
        }
    }

    /// Adds other sums.
    ///
    /// # Errors
    /// A sum is out of range.
    pub fn add_all(&mut self, other: &Self) -> Result<(), AmountError> {
        self.fills += other.fills;
        self.busts += other.busts;
        self.corrections += other.corrections;
        self.bought = self.bought.plus(other.bought)?;
        self.sold = self.sold.plus(other.sold)?;
        self.fees.add_all(&other.fees)
    }
}

/// The performance of an account on a day.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DailyPerformance {
    /// The day.
    pub day: LocalDay,
    /// The last equity before the day; `None` if none is known.
    pub opening: Option<EquityMark>,
    /// The last equity within the day, whose time may be long before its end; `None` if none is known.
    pub closing: Option<EquityMark>,
    /// Deposits less withdrawals.
    pub flows: Amount,
    /// The time-weighted return.
    pub time_weighted_return: Measured,
    /// The number of equity points.
    pub points: u64,
    /// Counts and sums of fills, by strategy and symbol.
    pub activity: BTreeMap<AttributionKey, Activity>,
}

impl DailyPerformance {
    /// The profit: the change of the equity without the flows; `None` if an equity is unknown.
    ///
    /// # Errors
    /// A difference is out of range.
    pub fn profit(&self) -> Result<Option<Amount>, AmountError> {
        let (Some(opening), Some(closing)) = (self.opening, self.closing) else {
            return Ok(None);
        };
        let change = closing.equity.minus(opening.equity)?;
        change.minus(self.flows).map(Some)
    }
}

/// The days that have points or fills.
///
/// `opening` is the last equity before the first day. Buckets and points are in ascending order of time; buckets belong
/// to the day in which they start. `flow_points` are the points with flows.
///
/// # Errors
/// A sum is out of range.
pub(crate) fn daily_performance(
    days: impl IntoIterator<Item = LocalDay>,
    mut opening: Option<EquityMark>,
    equity: &[EquityBucket],
    flow_points: &[EquityPoint],
    activity: &[ActivityBucket],
) -> Result<Vec<DailyPerformance>, AmountError> {
    let mut found = Vec::new();
    let (mut equity, mut flow_points, mut activity) = (equity, flow_points, activity);
    let mut is_ruined = opening.is_some_and(|it| it.equity <= Amount::ZERO);
    for day in days {
        let equity_of_day = split(&mut equity, |it| it.open_time, day);
        let flows_of_day = split(&mut flow_points, |it| it.as_of, day);
        let activity_of_day = split(&mut activity, |it| it.open_time, day);
        let closing = equity_of_day.last().map(|it| it.last);
        // equity that was zero or below and rose again is no return
        let ends_in_ruin = closing.is_some_and(|it| it.equity <= Amount::ZERO);
        let was_ruined = is_ruined;
        is_ruined |= equity_of_day.iter().any(|it| it.low <= Amount::ZERO);
        let mut flows = Amount::ZERO;
        for bucket in equity_of_day {
            flows = flows.plus(bucket.flows)?;
        }
        let mut sums: BTreeMap<AttributionKey, Activity> = BTreeMap::new();
        for bucket in activity_of_day {
            let key = AttributionKey::new(bucket.strategy_id, bucket.symbol_id);
            sums.entry(key).or_default().add(bucket)?;
        }
        if closing.is_some() || !sums.is_empty() {
            found.push(DailyPerformance {
                day,
                opening,
                closing,
                flows,
                time_weighted_return: match was_ruined || (is_ruined && !ends_in_ruin) {
                    true => Err(Undefined::Ruined),
                    false => day_return(opening, closing, flows_of_day)?,
                },
                points: equity_of_day.iter().map(|it| it.points).sum(),
                activity: sums,
            });
        }
        opening = closing.or(opening);
    }
    Ok(found)
}

/// Takes the rows up to the end of a day from the front.
fn split<'a, T>(rows: &mut &'a [T], time: impl Fn(&T) -> DateTime<Utc>, day: LocalDay) -> &'a [T] {
    let end = rows.partition_point(|row| time(row) < day.to);
    let (found, rest) = rows.split_at(end);
    *rows = rest;
    found
}

/// The return of a day. The returns between its points, `(equity - flows) / previous equity`, multiply to the quotient of
/// the last and the first equity, times `(equity - flows) / equity` of each point with flows.
fn day_return(
    opening: Option<EquityMark>,
    closing: Option<EquityMark>,
    flow_points: &[EquityPoint],
) -> Result<Measured, AmountError> {
    let Some(opening) = opening else {
        return Ok(Err(Undefined::NoOpeningEquity));
    };
    let Some(closing) = closing else {
        return Ok(Err(Undefined::NoClosingEquity));
    };
    if flow_points.is_empty() {
        let change = closing.equity.minus(opening.equity)?;
        return Ok(change.ratio(opening.equity).ok_or(Undefined::Ruined));
    }
    let Some(mut growth) = closing.equity.ratio(opening.equity) else {
        return Ok(Err(Undefined::Ruined));
    };
    for point in flow_points {
        // a point at zero is a ruin, which the next return meets
        let Some(part) = point.equity.minus(point.flows)?.ratio(point.equity) else {
            return Ok(Err(Undefined::Ruined));
        };
        growth *= part;
    }
    Ok(Ok(growth - 1.0))
}
