//! What `tickbook verify` is asked.

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use tickbook::audit::FindingKind;
use tickbook::domain::{SymbolReference, Timeframe};

use crate::times::time_or_date;

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// Only this symbol: EURUSD, oanda:EURUSD or its id; may be repeated; all unless given
    #[arg(long = "symbol", value_name = "SYMBOL")]
    pub(crate) symbols: Vec<SymbolReference>,
    /// Only from this instant on, itself inside, such as 2014-05-01 or 2014-05-01T09:30:00Z
    #[arg(long, value_parser = time_or_date)]
    pub(crate) from: Option<DateTime<Utc>>,
    /// Only up to this instant, itself outside
    #[arg(long, value_parser = time_or_date)]
    pub(crate) to: Option<DateTime<Utc>>,
    /// Only candles of this timeframe; may be repeated
    #[arg(long = "timeframe", value_name = "TIMEFRAME")]
    pub(crate) timeframes: Vec<Timeframe>,
    /// Tells times without a tick that are longer, such as 5m
    #[arg(long, value_name = "TIME", value_parser = length)]
    pub(crate) gap: Option<TimeDelta>,
    /// Tells quotes that are repeated unchanged for longer, such as 1h
    #[arg(long, value_name = "TIME", value_parser = length)]
    pub(crate) stale: Option<TimeDelta>,
    /// Friday 21:00 to Sunday 22:00 UTC counts neither for --gap nor for --stale
    #[arg(long)]
    pub(crate) weekends_rest: bool,
    /// How much earlier than it happened a tick may be received: clocks differ
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = length)]
    pub(crate) tolerance: TimeDelta,
    /// Leaves out a kind of finding, such as crossed_quotes; may be repeated
    #[arg(long, value_name = "KIND")]
    pub(crate) skip: Vec<FindingKind>,
    /// Makes candles that differ from their ticks anew, and compares again
    #[arg(long)]
    pub(crate) repair: bool,
    /// Prints one JSON object a line: each finding, and a summary at the end
    #[arg(long)]
    pub(crate) json: bool,
}

/// A length of time such as `90s`, `5m`, `12h` or `3d`.
fn length(text: &str) -> Result<TimeDelta, String> {
    let wrong = || format!("{text:?} is no length of time: write it like 90s, 5m, 12h or 3d");
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
    fn lengths_have_a_unit() {
        assert_eq!(length("90s"), Ok(TimeDelta::seconds(90)));
        assert_eq!(length("5m"), Ok(TimeDelta::minutes(5)));
        assert_eq!(length("12h"), Ok(TimeDelta::hours(12)));
        assert_eq!(length("3d"), Ok(TimeDelta::days(3)));
        for wrong in ["", "5", "m", "-5m", "5w", "5µ", "1.5h"] {
            assert!(length(wrong).is_err(), "{wrong}");
        }
    }
}
