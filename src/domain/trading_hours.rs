//! The instants at which an exchange is open.

use chrono::{
    DateTime, Datelike as _, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta,
    TimeZone as _, Utc,
};
use chrono_tz::{GapInfo, Tz};

use super::exchange_session::ExchangeSession;

/// The sessions of an exchange as instants.
///
/// A local time that occurs twice, when clocks are set back, means its first occurrence. A local time that is
/// skipped, when clocks are set forward, means the first instant after the change. Before the first
/// [`ExchangeSession::valid_from`] the sessions are unknown, and the exchange counts as open.
///
/// Holidays are not known: the time of a session on a holiday counts as open.
///
/// # Examples
///
/// ```
/// use chrono::{DateTime, TimeDelta, Utc};
/// use tickbook::domain::{Exchange, parse_sessions};
///
/// let sessions = parse_sessions("mon-fri 09:15-15:30")?;
/// let exchange = Exchange::named("NSE").time_zone("Asia/Kolkata").sessions(sessions);
/// let hours = exchange.trading_hours()?.expect("it has sessions");
/// // five minutes before the close on Monday to five minutes after the opening on Tuesday
/// let from: DateTime<Utc> = "2026-03-02T15:25:00+05:30".parse()?;
/// let to: DateTime<Utc> = "2026-03-03T09:20:00+05:30".parse()?;
/// assert_eq!(hours.open_time(from, to), TimeDelta::minutes(10));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TradingHours {
    zone: Tz,
    /// In order; never empty.
    sessions: Vec<ExchangeSession>,
    /// The start of the first week.
    known_from: DateTime<Utc>,
}

impl TradingHours {
    /// The hours of `sessions`, which are valid; `None` without sessions.
    pub(super) fn new(zone: Tz, sessions: &[ExchangeSession]) -> Option<Self> {
        let mut sessions = sessions.to_vec();
        sessions.sort_unstable_by_key(ExchangeSession::order);
        let first = sessions.first()?.valid_from;
        Some(Self {
            zone,
            known_from: instant(zone, first.and_time(NaiveTime::MIN)),
            sessions,
        })
    }

    /// The time from `from` (inclusive) to `to` (exclusive) in which the exchange is open; zero if `to` is not
    /// after `from`.
    ///
    /// The cost grows with the number of days between both.
    #[must_use]
    pub fn open_time(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> TimeDelta {
        let mut length = (to.min(self.known_from) - from).max(TimeDelta::zero());
        let mut counted_to = from.max(self.known_from);
        let local_day = |at: DateTime<Utc>| at.with_timezone(&self.zone).date_naive();
        // a session that opened two days before has ended, even if clocks changed in it
        let begin = local_day(counted_to) - TimeDelta::days(2);
        let end = local_day(to);
        for day in begin.iter_days().take_while(|day| *day <= end) {
            let of_day = self.week_of(day).iter();
            for session in of_day.filter(|it| it.weekday == day.weekday()) {
                let (open, close) = self.instants(session, day);
                // the last session of a week may overlap the first one of a week that replaces it
                let (open, close) = (open.max(counted_to), close.min(to));
                length += (close - open).max(TimeDelta::zero());
                counted_to = counted_to.max(close);
            }
        }
        length
    }

    /// The sessions of the week that is in force on `day`; none before the first week.
    fn week_of(&self, day: NaiveDate) -> &[ExchangeSession] {
        let known = self.sessions.partition_point(|it| it.valid_from <= day);
        let known = &self.sessions[..known];
        let Some(last) = known.last() else {
            return known;
        };
        let first = known.partition_point(|it| it.valid_from < last.valid_from);
        &known[first..]
    }

    /// Opening and closing of a session that opens on `day`.
    fn instants(
        &self,
        session: &ExchangeSession,
        day: NaiveDate,
    ) -> (DateTime<Utc>, DateTime<Utc>) {
        let open = day.and_time(session.open);
        let close = open + session.length();
        (instant(self.zone, open), instant(self.zone, close))
    }
}

/// The instant of a local time.
fn instant(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => time.to_utc(),
        LocalResult::None => {
            let after = GapInfo::new(&local, &zone).and_then(|gap| gap.end);
            // every gap of the database has an end
            after.map_or_else(|| local.and_utc(), |time| time.to_utc())
        }
    }
}

#[cfg(test)]
mod tests;
