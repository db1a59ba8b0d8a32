//! Arguments of `tickbook verify`.

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use tickbook::audit::FindingKind;
use tickbook::domain::{SymbolReference, Timeframe};

use crate::times::time_or_date;

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// Only this symbol: EURUSD, oanda:EURUSD or its id; may be repeated [default: all symbols]
    #[arg(long = "symbol", value_name = "SYMBOL")]
    pub(crate) symbols: Vec<SymbolReference>,
    /// Start of the range (inclusive), such as 2014-05-01 or 2014-05-01T09:30:00Z
    #[arg(long, value_parser = time_or_date)]
    pub(crate) from: Option<DateTime<Utc>>,
    /// End of the range (exclusive)
    #[arg(long, value_parser = time_or_date)]
    pub(crate) to: Option<DateTime<Utc>>,
    /// Only candles of this timeframe; may be repeated
    #[arg(long = "timeframe", value_name = "TIMEFRAME", value_parser = Timeframe::parse_stored)]
    pub(crate) timeframes: Vec<Timeframe>,
    /// Reports periods without a tick that are longer than this, such as 5m; only time in the sessions of the
    /// exchange counts, if it has sessions
    #[arg(long, value_name = "TIME", value_parser = length)]
    pub(crate) gap: Option<TimeDelta>,
    /// Reports quotes that are repeated unchanged for longer than this, such as 1h; the time counts as in --gap
    #[arg(long, value_name = "TIME", value_parser = length)]
    pub(crate) frozen: Option<TimeDelta>,
    /// Tolerance for ticks that were received before they happened, because clocks differ
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = length)]
    pub(crate) tolerance: TimeDelta,
    /// Omits a kind of finding, such as crossed_quotes; may be repeated
    #[arg(long, value_name = "KIND")]
    pub(crate) skip: Vec<FindingKind>,
    /// Recomputes candles that differ from their ticks, and compares them again
    #[arg(long)]
    pub(crate) repair: bool,
    /// Prints one JSON object per line: each finding, and a summary at the end
    #[arg(long)]
    pub(crate) json: bool,
}

/// Parses a duration such as `90s`, `5m`, `12h` or `3d`.
fn length(text: &str) -> Result<TimeDelta, String> {
    let wrong = || format!("invalid duration {text:?}: expected one such as 90s, 5m, 12h or 3d");
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let count: u32 = text
        .strip_suffix(unit)
        .and_then(|count| count.parse().ok())
        .ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    Ok(TimeDelta::seconds(i64::from(count) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(length("90s"), Ok(TimeDelta::seconds(90)));
        assert_eq!(length("5m"), Ok(TimeDelta::minutes(5)));
        assert_eq!(length("12h"), Ok(TimeDelta::hours(12)));
        assert_eq!(length("3d"), Ok(TimeDelta::days(3)));
        for wrong in ["", "5", "m", "-5m", "5w", "5µ", "1.5h"] {
            assert!(length(wrong).is_err(), "{wrong}");
        }
    }
}
