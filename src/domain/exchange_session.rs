//! Trading sessions of an exchange, and their text form.

use std::fmt;

use chrono::{Datelike as _, NaiveDate, NaiveTime, TimeDelta, Timelike as _, Weekday};

use super::excerpt::excerpt;

/// The largest number of sessions of an exchange.
const MAX_SESSIONS: usize = 1_000;

/// The names of the weekdays, from Monday.
const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

/// A weekly trading session of an exchange, in the time zone of the exchange.
///
/// The sessions of one exchange with the same [`valid_from`](Self::valid_from) are a week. A week is in force
/// from its `valid_from` until the `valid_from` of the next one, which replaces it as a whole: a weekday
/// without a session is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(into = "SessionText", try_from = "SessionText")
)]
#[non_exhaustive]
pub struct ExchangeSession {
    /// The first day on which the session may open, 1970-01-01 to 2099-12-31.
    pub valid_from: NaiveDate,
    /// The day on which the session opens.
    pub weekday: Weekday,
    /// The time at which it opens, in whole minutes, inclusive.
    pub open: NaiveTime,
    /// The time at which it closes, in whole minutes, exclusive. A time that is not after
    /// [`open`](Self::open) is on the next day: 00:00 to 00:00 is a whole day.
    pub close: NaiveTime,
}

/// Why sessions are invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSession {
    /// The text is not a list of weekdays and times.
    #[error(
        "invalid session {}: expected one such as \"mon-fri 09:30-16:00\" or \
         \"2026-01-01 sun-thu 17:00-17:00\"",
        excerpt(.0)
    )]
    Text(String),
    /// The weekday is unknown.
    #[error("invalid weekday {}: expected one of mon, tue, wed, thu, fri, sat, sun", excerpt(.0))]
    Weekday(String),
    /// The time is not a time of day in whole minutes.
    #[error("invalid time {}: expected one from 00:00 to 24:00 in whole minutes", excerpt(.0))]
    Time(String),
    /// The day is not a date, or is out of range.
    #[error("invalid valid_from {}: expected a date from 1970-01-01 to 2099-12-31", excerpt(.0))]
    ValidFrom(String),
    /// Two sessions of one week overlap.
    #[error("session {first} overlaps session {second}: change or remove one of them")]
    Overlap {
        /// The session that opens first.
        first: ExchangeSession,
        /// The session that opens before the first one closes.
        second: ExchangeSession,
    },
    /// There are too many sessions.
    #[error("{0} sessions: expected at most {MAX_SESSIONS}")]
    TooMany(usize),
}

impl ExchangeSession {
    /// A session that is valid from 1970-01-01.
    #[must_use]
    pub fn new(weekday: Weekday, open: NaiveTime, close: NaiveTime) -> Self {
        Self {
            valid_from: NaiveDate::default(),
            weekday,
            open,
            close,
        }
    }

    /// Returns the session with another first day.
    #[must_use]
    pub fn valid_from(mut self, valid_from: NaiveDate) -> Self {
        self.valid_from = valid_from;
        self
    }

    /// Parses a session from the texts of its fields: a date such as `2026-01-01` (1970-01-01 if absent), a
    /// weekday such as `mon` in any case, and times such as `09:30`. `24:00` is midnight at the end of a day.
    ///
    /// # Errors
    /// The first invalid field.
    pub fn from_texts(
        valid_from: Option<&str>,
        weekday: &str,
        open: &str,
        close: &str,
    ) -> Result<Self, InvalidSession> {
        let session = Self {
            valid_from: valid_from.map_or(Ok(NaiveDate::default()), parse_date)?,
            weekday: parse_weekday(weekday)?,
            open: parse_minute(open)?,
            close: parse_minute(close)?,
        };
        session.validate()?;
        Ok(session)
    }

    /// The name of the weekday, such as `mon`.
    #[must_use]
    pub fn weekday_name(&self) -> &'static str {
        WEEKDAYS[self.weekday.num_days_from_monday() as usize].0
    }

    /// The opening time, such as `09:30`.
    #[must_use]
    pub fn open_text(&self) -> String {
        self.open.format("%H:%M").to_string()
    }

    /// The closing time, such as `16:00`; `24:00` for midnight.
    #[must_use]
    pub fn close_text(&self) -> String {
        match self.close {
            NaiveTime::MIN => "24:00".to_owned(),
            close => close.format("%H:%M").to_string(),
        }
    }

    /// The time from opening to closing by the clock of the exchange, up to 24 hours.
    #[must_use]
    pub fn length(&self) -> TimeDelta {
        let length = self.close - self.open;
        match length > TimeDelta::zero() {
            true => length,
            false => length + TimeDelta::days(1),
        }
    }

    fn validate(&self) -> Result<(), InvalidSession> {
        if !(1970..2100).contains(&self.valid_from.year()) {
            return Err(InvalidSession::ValidFrom(self.valid_from.to_string()));
        }
        let is_minute = |time: &NaiveTime| time.second() == 0 && time.nanosecond() == 0;
        match [self.open, self.close].iter().find(|time| !is_minute(time)) {
            Some(time) => Err(InvalidSession::Time(time.to_string())),
            None => Ok(()),
        }
    }

    /// The order of sessions: by their week, then by their opening.
    pub(super) fn order(&self) -> (NaiveDate, u32, NaiveTime) {
        let day = self.weekday.num_days_from_monday();
        (self.valid_from, day, self.open)
    }

    /// Opening and closing, from the start of Monday.
    fn span(&self) -> (TimeDelta, TimeDelta) {
        let day = TimeDelta::days(self.weekday.num_days_from_monday().into());
        let open = day + (self.open - NaiveTime::MIN);
        (open, open + self.length())
    }
}

impl fmt::Display for ExchangeSession {
    /// Writes a text such as `mon 09:30-16:00`, with the date in front unless it is 1970-01-01.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_session(f, self, self.weekday_name())
    }
}

fn write_session(
    f: &mut impl fmt::Write,
    session: &ExchangeSession,
    weekdays: &str,
) -> fmt::Result {
    if session.valid_from != NaiveDate::default() {
        write!(f, "{} ", session.valid_from)?;
    }
    let (open, close) = (session.open_text(), session.close_text());
    write!(f, "{weekdays} {open}-{close}")
}

/// Checks the sessions of one exchange, in any order.
///
/// # Errors
/// The first invalid session, and sessions of one week that overlap.
pub(super) fn check_sessions(sessions: &[ExchangeSession]) -> Result<(), InvalidSession> {
    if sessions.len() > MAX_SESSIONS {
        return Err(InvalidSession::TooMany(sessions.len()));
    }
    sessions.iter().try_for_each(ExchangeSession::validate)?;
    let mut sorted = sessions.to_vec();
    sorted.sort_unstable_by_key(ExchangeSession::order);
    for week in sorted.chunk_by(|one, other| one.valid_from == other.valid_from) {
        for (first, second) in week.iter().zip(&week[1..]) {
            if second.span().0 < first.span().1 {
                let (first, second) = (*first, *second);
                return Err(InvalidSession::Overlap { first, second });
            }
        }
        // the last session may end in the next week
        if let [second, .., first] = week
            && second.span().0 + TimeDelta::days(7) < first.span().1
        {
            let (first, second) = (*first, *second);
            return Err(InvalidSession::Overlap { first, second });
        }
    }
    Ok(())
}

/// Parses sessions of the same times on one or several weekdays: `mon-fri 09:30-16:00`, `sun 17:00-24:00`,
/// `mon,wed 09:00-12:00`. A date in front is [`ExchangeSession::valid_from`], 1970-01-01 if absent.
///
/// # Errors
/// The text has another form, or a part of it is invalid.
///
/// # Examples
///
/// ```
/// use tickbook::domain::{parse_sessions, session_texts};
///
/// let sessions = parse_sessions("2026-01-01 sun-thu 17:00-17:00")?;
/// assert_eq!(sessions.len(), 5);
/// assert_eq!(sessions[0].to_string(), "2026-01-01 sun 17:00-17:00");
/// assert_eq!(session_texts(&sessions), ["2026-01-01 sun-thu 17:00-17:00"]);
/// # Ok::<_, tickbook::domain::InvalidSession>(())
/// ```
pub fn parse_sessions(text: &str) -> Result<Vec<ExchangeSession>, InvalidSession> {
    let wrong = || InvalidSession::Text(text.to_owned());
    let words: Vec<_> = text.split_whitespace().collect();
    let (valid_from, weekdays, times) = match words[..] {
        [weekdays, times] => (None, weekdays, times),
        [valid_from, weekdays, times] => (Some(valid_from), weekdays, times),
        _ => return Err(wrong()),
    };
    let (open, close) = times.split_once('-').ok_or_else(wrong)?;
    let mut sessions = Vec::new();
    for range in weekdays.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let last = parse_weekday(last)?;
        let mut session = ExchangeSession::from_texts(valid_from, first, open, close)?;
        sessions.push(session);
        while session.weekday != last {
            session.weekday = session.weekday.succ();
            sessions.push(session);
        }
    }
    Ok(sessions)
}

/// Formats sessions for [`parse_sessions`], one text for consecutive weekdays with the same times.
///
/// The texts are in the order of the weeks. A group of weekdays may pass the end of the week, as in `sun-thu`.
#[must_use]
pub fn session_texts(sessions: &[ExchangeSession]) -> Vec<String> {
    let mut rest = sessions.to_vec();
    rest.sort_unstable_by_key(ExchangeSession::order);
    let mut texts = Vec::new();
    while let Some(&one) = rest.first() {
        let on = |weekday| ExchangeSession { weekday, ..one };
        // begins with the day after a day without the session
        let mut weekday = one.weekday;
        while weekday.pred() != one.weekday && rest.contains(&on(weekday.pred())) {
            weekday = weekday.pred();
        }
        let is_daily = weekday.pred() == one.weekday;
        let first = on(if is_daily { Weekday::Mon } else { weekday });
        let mut last = first;
        while last.weekday.succ() != first.weekday && rest.contains(&on(last.weekday.succ())) {
            last.weekday = last.weekday.succ();
        }
        let mut day = first;
        loop {
            rest.retain(|session| *session != day);
            if day == last {
                break;
            }
            day.weekday = day.weekday.succ();
        }
        let weekdays = match first == last {
            true => first.weekday_name().to_owned(),
            false => format!("{}-{}", first.weekday_name(), last.weekday_name()),
        };
        let mut text = String::new();
        // a String accepts every write
        let _ = write_session(&mut text, &first, &weekdays);
        texts.push(text);
    }
    texts
}

fn parse_weekday(text: &str) -> Result<Weekday, InvalidSession> {
    let named = |(name, _): &&(&str, Weekday)| name.eq_ignore_ascii_case(text);
    let found = WEEKDAYS.iter().find(named);
    found
        .map(|(_, weekday)| *weekday)
        .ok_or_else(|| InvalidSession::Weekday(text.to_owned()))
}

fn parse_date(text: &str) -> Result<NaiveDate, InvalidSession> {
    let date = text.parse::<NaiveDate>();
    date.map_err(|_| InvalidSession::ValidFrom(text.to_owned()))
}

fn parse_minute(text: &str) -> Result<NaiveTime, InvalidSession> {
    let is_plain = text.len() == 5 && text.bytes().all(|it| it.is_ascii_digit() || it == b':');
    match NaiveTime::parse_from_str(text, "%H:%M") {
        Ok(time) if is_plain => Ok(time),
        _ if text == "24:00" => Ok(NaiveTime::MIN),
        _ => Err(InvalidSession::Time(text.to_owned())),
    }
}

/// The representation in JSON.
#[cfg(feature = "serde")]
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionText {
    #[serde(default)]
    valid_from: Option<String>,
    weekday: String,
    open: String,
    close: String,
}

#[cfg(feature = "serde")]
impl From<ExchangeSession> for SessionText {
    fn from(session: ExchangeSession) -> Self {
        Self {
            valid_from: Some(session.valid_from.to_string()),
            weekday: session.weekday_name().to_owned(),
            open: session.open_text(),
            close: session.close_text(),
        }
    }
}

#[cfg(feature = "serde")]
impl TryFrom<SessionText> for ExchangeSession {
    type Error = InvalidSession;

    fn try_from(text: SessionText) -> Result<Self, InvalidSession> {
        let valid_from = text.valid_from.as_deref();
        Self::from_texts(valid_from, &text.weekday, &text.open, &text.close)
    }
}

#[cfg(test)]
mod tests;
