//! Parses and formats times of the command line.

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};
use tickbook::domain::{excerpt, parse_time};

/// Parses a time, or a date, which means midnight UTC.
///
/// # Errors
/// The text is neither; the error shows an example of both.
pub(crate) fn time_or_date(text: &str) -> Result<DateTime<Utc>, String> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    // chrono also accepts 2014-5-2 and +2014-05-02
    if let Some(date) = date.filter(|date| date.to_string() == text) {
        return Ok(date.and_time(NaiveTime::MIN).and_utc());
    }
    let has_time = text.starts_with("20") && text.contains(['T', 't', ' ']);
    parse_time(text).map_err(|error| match has_time {
        true => error.to_string(),
        false => format!(
            "invalid time {}: expected a date such as 2014-05-02, which means \
             midnight UTC, or an RFC 3339 time such as 2014-05-01T00:00:00.292Z",
            excerpt(text)
        ),
    })
}

/// Formats a time in the form used by all output.
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
