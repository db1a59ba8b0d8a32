//! Times as the command line reads and writes them.

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};
use tickbook::domain::{excerpt, parse_time};

/// A time, or a date, which is its midnight.
///
/// # Errors
/// An example of both when it is neither.
pub(crate) fn time_or_date(text: &str) -> Result<DateTime<Utc>, String> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    // chrono takes 2014-5-2 and +2014-05-02, too
    if let Some(date) = date.filter(|date| date.to_string() == text) {
        return Ok(date.and_time(NaiveTime::MIN).and_utc());
    }
    let has_time = text.starts_with("20") && text.contains(['T', 't', ' ']);
    parse_time(text).map_err(|error| match has_time {
        true => error.to_string(),
        false => format!(
            "{} is neither a date nor an RFC 3339 time: write it like 2014-05-02, which is its \
             midnight UTC, or like 2014-05-01T00:00:00.292Z",
            excerpt(text)
        ),
    })
}

/// The one form of times in what is printed.
pub(crate) fn time_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_is_its_midnight() {
        let text = |text| time_or_date(text).map(time_text);
        let midnight = "2014-05-02T00:00:00.000000Z";
        assert_eq!(text("2014-05-02").as_deref(), Ok(midnight));
        assert_eq!(text("2014-05-02T01:00:00+01:00").as_deref(), Ok(midnight));
        for bad in [
            "",
            "2014-5-2",
            "+2014-5-02",
            "2014-02-30",
            "yesterday",
            "20140502",
        ] {
            let error = text(bad).expect_err(bad);
            assert!(error.contains("2014-05-02"), "{error}");
        }
        let error = text("2014-05-02T00:00:00").expect_err("no zone");
        assert!(error.contains("RFC 3339"), "{error}");
    }
}
