//! TIMESTAMPTZ values, including ±infinity and out-of-range times.

use chrono::{DateTime, Utc};

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::pg::{Pg, PgValue};
use diesel::sql_types::Timestamptz;

/// 2000-01-01 00:00 UTC, the server's epoch, in microseconds since 1970.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// The value of a TIMESTAMPTZ column, or the reason why it is not a valid time, so that the reader of a row
/// can name the row in its error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromSqlRow)]
pub(crate) struct StoredTime(pub(crate) Result<DateTime<Utc>, TimeError>);

/// The reason why a stored time is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TimeError {
    #[error("infinity is not a time: correct the row")]
    Infinity,
    #[error("-infinity is not a time: correct the row")]
    MinusInfinity,
    #[error("the time is out of range: correct the row")]
    TooFar,
    #[error("a time has 8 bytes, not {0}")]
    Malformed(usize),
}

impl FromSql<Timestamptz, Pg> for StoredTime {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(decode(value.as_bytes())))
    }
}

fn decode(bytes: &[u8]) -> Result<DateTime<Utc>, TimeError> {
    let micros = <[u8; 8]>::try_from(bytes).map_err(|_| TimeError::Malformed(bytes.len()))?;
    match i64::from_be_bytes(micros) {
        i64::MAX => Err(TimeError::Infinity),
        i64::MIN => Err(TimeError::MinusInfinity),
        micros => micros
            .checked_add(EPOCH_MICROS)
            .and_then(DateTime::from_timestamp_micros)
            .ok_or(TimeError::TooFar),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(micros: i64) -> Result<DateTime<Utc>, TimeError> {
        decode(&micros.to_be_bytes())
    }

    #[test]
    fn time_is_read_to_the_microsecond() {
        let before = read(-1).expect("a time");
        assert_eq!(before.to_rfc3339(), "1999-12-31T23:59:59.999999+00:00");
        assert_eq!(read(0).expect("a time").timestamp_micros(), EPOCH_MICROS);
    }

    #[test]
    fn invalid_time_gives_a_reason() {
        assert_eq!(read(i64::MAX), Err(TimeError::Infinity));
        assert_eq!(read(i64::MIN), Err(TimeError::MinusInfinity));
        // the last instant of the server is in the year 294276
        assert_eq!(read(9_223_371_331_199_999_999), Err(TimeError::TooFar));
        assert_eq!(decode(&[0; 4]), Err(TimeError::Malformed(4)));
    }
}
