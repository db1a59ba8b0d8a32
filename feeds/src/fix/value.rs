//! Values of fields.

use chrono::{DateTime, NaiveDate, Timelike as _, Utc};

/// The number of up to 18 digits, without a sign.
pub(super) fn unsigned(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    digits.iter().try_fold(0, |number: u64, byte| {
        let digit = byte.is_ascii_digit().then(|| byte - b'0')?;
        Some(number * 10 + u64::from(digit))
    })
}

/// `YYYYMMDD-HH:MM:SS` with a fraction of up to nine digits. Second 60 is the beginning of the next minute.
pub(super) fn time(value: &[u8]) -> Option<DateTime<Utc>> {
    let (whole, fraction) = match value.split_at_checked(17)? {
        (whole, []) => (whole, &[][..]),
        (whole, [b'.', fraction @ ..]) if (1..=9).contains(&fraction.len()) => (whole, fraction),
        _ => return None,
    };
    let [y @ .., b'-', h1, h2, b':', m1, m2, b':', s1, s2] = whole else {
        return None;
    };
    let number = |digits: &[u8]| u32::try_from(unsigned(digits)?).ok();
    let (year, day) = y.split_at_checked(4)?;
    let (month, day) = day.split_at_checked(2)?;
    let year = i32::try_from(number(year)?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(month)?, number(day)?)?;
    let (hour, minute, second) = (
        number(&[*h1, *h2])?,
        number(&[*m1, *m2])?,
        number(&[*s1, *s2])?,
    );
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second);
    let mut micros = 0;
    if !fraction.is_empty() {
        unsigned(fraction)?;
        for at in 0..6 {
            let digit = fraction.get(at).map_or(0, |digit| digit - b'0');
            micros = micros * 10 + i64::from(digit);
        }
    }
    let midnight = date.and_hms_opt(0, 0, 0)?.and_utc().timestamp();
    DateTime::from_timestamp_micros((midnight + seconds) * 1_000_000 + micros)
}

/// The time with milliseconds.
pub(super) fn time_text(time: DateTime<Utc>) -> String {
    let millis = time.nanosecond() / 1_000_000 % 1_000;
    format!("{}.{millis:03}", time.format("%Y%m%d-%H:%M:%S"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_to_the_microsecond() {
        let micros = |text: &str| time(text.as_bytes()).map(|time| time.timestamp_micros());
        assert_eq!(micros("20240105-10:00:00"), Some(1_704_448_800 * 1_000_000));
        assert_eq!(micros("20240105-10:00:00.123"), Some(1_704_448_800_123_000));
        assert_eq!(
            micros("20240105-10:00:00.123456789"),
            Some(1_704_448_800_123_456)
        );
        // a leap second
        assert_eq!(micros("20161231-23:59:60.5"), Some(1_483_228_800_500_000));
        for text in [
            "",
            "20240105",
            "20240105-10:00",
            "20240105-24:00:00",
            "20240105-10:60:00",
            "20240105-10:00:61",
            "20240230-10:00:00",
            "20240105 10:00:00",
            "20240105-10:00:00.",
            "20240105-10:00:00.1234567890",
            "20240105-10:00:00.12x",
            "2024010a-10:00:00",
            "+0240105-10:00:00",
        ] {
            assert_eq!(micros(text), None, "{text}");
        }
    }

    #[test]
    fn written_times_are_read_again() {
        let text = "20240105-10:00:00.007";
        let read = time(text.as_bytes()).expect("a time");
        assert_eq!(time_text(read), text);
    }

    #[test]
    fn numbers_have_up_to_18_digits() {
        assert_eq!(unsigned(b"007"), Some(7));
        assert_eq!(
            unsigned(b"999999999999999999"),
            Some(999_999_999_999_999_999)
        );
        for digits in [
            &b""[..],
            b"-1",
            b"+1",
            b"1.0",
            b" 1",
            b"9999999999999999999",
        ] {
            assert_eq!(unsigned(digits), None);
        }
    }
}
