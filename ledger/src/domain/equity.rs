//! Equity curves and drawdowns.

use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tickbook::domain::{excerpt, parse_decimal, parse_time, truncate_to_micros};

/// Why an equity curve is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEquity {
    /// The times do not increase. Holds the index of the first point that is not after the one before it.
    #[error("invalid equity curve: point {0} is not after the point before it")]
    Order(usize),
    /// The text is not an equity curve. Holds the reason.
    #[error("invalid equity curve: {0}")]
    Text(String),
}

/// The equity at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EquityPoint {
    /// The time, UTC; stored in whole microseconds.
    pub time: DateTime<Utc>,
    /// The value of cash and open positions, in the base currency of the account.
    pub equity: Decimal,
}

impl EquityPoint {
    /// A point.
    #[must_use]
    pub fn new(time: DateTime<Utc>, equity: Decimal) -> Self {
        Self {
            time: truncate_to_micros(time),
            equity,
        }
    }
}

/// The distance of the equity from its highest value so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drawdown {
    /// The time.
    pub time: DateTime<Utc>,
    /// The highest equity up to this time.
    pub peak: Decimal,
    /// The peak minus the equity; 0 or more.
    pub amount: Decimal,
    /// The amount divided by the peak, rounded to 28 digits; `None` if the peak is not above 0.
    pub fraction: Option<Decimal>,
}

/// The largest drawdowns in money and in parts of the peak, which may occur at different times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MaxDrawdown {
    /// The drawdown with the largest amount, the earliest of equal ones.
    pub amount: Drawdown,
    /// The drawdown with the largest fraction, the earliest of equal ones; `None` if no peak is above 0.
    pub fraction: Option<Drawdown>,
}

/// The equity at increasing times.
///
/// # Examples
/// ```
/// use rust_decimal::Decimal;
/// use tickbook_ledger::domain::{EquityCurve, EquityPoint};
///
/// let point = |day: &str, equity: i64| -> Result<EquityPoint, Box<dyn std::error::Error>> {
///     Ok(EquityPoint::new(format!("2024-01-{day}T00:00:00Z").parse()?, Decimal::from(equity)))
/// };
/// let curve = EquityCurve::new(vec![point("01", 500)?, point("02", 11_000)?, point("03", 10_000)?])?;
/// let max = curve.max_drawdown(Some(Decimal::from(1_000))).expect("points");
/// assert_eq!(max.amount.amount, Decimal::from(1_000));
/// assert_eq!(max.fraction.and_then(|it| it.fraction), Some(Decimal::new(5, 1)));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EquityCurve(Vec<EquityPoint>);

impl EquityCurve {
    /// The name of the artifact from which the report of a run reads its curve.
    pub const ARTIFACT: &'static str = "equity.json";

    /// Creates a curve.
    ///
    /// # Errors
    /// A point is not after the point before it.
    pub fn new(points: Vec<EquityPoint>) -> Result<Self, InvalidEquity> {
        let unordered = points
            .windows(2)
            .position(|pair| pair[1].time <= pair[0].time);
        match unordered {
            Some(index) => Err(InvalidEquity::Order(index + 1)),
            None => Ok(Self(points)),
        }
    }

    /// Returns the points, by ascending time.
    #[must_use]
    pub fn points(&self) -> &[EquityPoint] {
        &self.0
    }

    /// Returns the drawdown at each point. `start` is the equity before the first point: a loss at the first point is a
    /// drawdown from it.
    #[must_use]
    pub fn drawdowns(&self, start: Option<Decimal>) -> Vec<Drawdown> {
        let mut highest = start;
        let drawdowns = self.0.iter().map(|point| {
            let peak = highest.map_or(point.equity, |it| it.max(point.equity));
            highest = Some(peak);
            let amount = peak.saturating_sub(point.equity);
            let fraction = match peak > Decimal::ZERO {
                true => amount.checked_div(peak),
                false => None,
            };
            Drawdown {
                time: point.time,
                peak,
                amount,
                fraction,
            }
        });
        drawdowns.collect()
    }

    /// Returns the largest drawdowns; `None` without points.
    #[must_use]
    pub fn max_drawdown(&self, start: Option<Decimal>) -> Option<MaxDrawdown> {
        let drawdowns = self.drawdowns(start);
        let mut max: Option<MaxDrawdown> = None;
        for drawdown in drawdowns {
            let has_fraction = drawdown.fraction.is_some();
            let max = max.get_or_insert(MaxDrawdown {
                amount: drawdown,
                fraction: None,
            });
            if drawdown.amount > max.amount.amount {
                max.amount = drawdown;
            }
            let largest = max.fraction.and_then(|it| it.fraction);
            if has_fraction && (max.fraction.is_none() || drawdown.fraction > largest) {
                max.fraction = Some(drawdown);
            }
        }
        max
    }

    /// Returns the curve as JSON: an array of objects with `time` and `equity`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let points = self.0.iter().map(|point| {
            json!({"time": time_text(point.time), "equity": point.equity.normalize().to_string()})
        });
        Value::Array(points.collect()).to_string()
    }

    /// Reads the form of [`to_json`](Self::to_json). Numbers may be strings or JSON numbers.
    ///
    /// # Errors
    /// The text has another form, or a point is not after the point before it.
    pub fn from_json(text: &[u8]) -> Result<Self, InvalidEquity> {
        let read = |error: String| InvalidEquity::Text(error);
        let points: Vec<Value> =
            serde_json::from_slice(text).map_err(|error| read(error.to_string()))?;
        let points = points.iter().enumerate().map(|(index, point)| {
            let time = point["time"].as_str().unwrap_or_default();
            let time = parse_time(time).map_err(|error| read(format!("point {index}: {error}")))?;
            let equity = match &point["equity"] {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => String::new(),
            };
            let number = parse_decimal(&equity);
            let number = number
                .map_err(|error| read(format!("point {index}: {} {error}", excerpt(&equity))))?;
            Ok(EquityPoint::new(time, number))
        });
        Self::new(points.collect::<Result<_, _>>()?)
    }
}

/// A time as RFC 3339 in UTC with microseconds.
pub(crate) fn time_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(values: &[i64]) -> EquityCurve {
        let start: DateTime<Utc> = "2024-01-01T00:00:00Z".parse().expect("a time");
        let points = values.iter().zip(0..).map(|(value, day)| {
            EquityPoint::new(start + chrono::TimeDelta::days(day), Decimal::from(*value))
        });
        EquityCurve::new(points.collect()).expect("ordered")
    }

    #[test]
    fn largest_in_money_and_in_per_cent_differ() {
        let max = curve(&[1_000, 500, 1_000, 11_000, 10_000]).max_drawdown(None);
        let max = max.expect("points");
        assert_eq!(max.amount.amount, Decimal::from(1_000));
        assert_eq!(max.amount.time.to_string(), "2024-01-05 00:00:00 UTC");
        let fraction = max.fraction.expect("positive");
        assert_eq!(fraction.fraction, Some(Decimal::new(5, 1)));
        assert_eq!(fraction.time.to_string(), "2024-01-02 00:00:00 UTC");
    }

    #[test]
    fn loss_at_the_first_point_is_a_drawdown() {
        let first = curve(&[90]);
        let max = first
            .max_drawdown(Some(Decimal::from(100)))
            .expect("points");
        assert_eq!(max.amount.amount, Decimal::TEN);
        assert_eq!(
            first.max_drawdown(None).expect("points").amount.amount,
            Decimal::ZERO
        );
        assert_eq!(curve(&[]).max_drawdown(None), None);
        // a ruined account has no fraction
        let ruined = curve(&[-5, -7]).max_drawdown(None).expect("points");
        assert_eq!(
            (ruined.amount.amount, ruined.fraction),
            (Decimal::TWO, None)
        );
    }

    #[test]
    fn curve_reads_back_from_json() {
        let written = curve(&[100, -3]);
        let text = written.to_json();
        assert_eq!(EquityCurve::from_json(text.as_bytes()), Ok(written));
        let twice = r#"[{"time":"2024-01-01T00:00:00Z","equity":1},{"time":"2024-01-01T00:00:00Z","equity":"1"}]"#;
        let twice = EquityCurve::from_json(twice.as_bytes());
        assert_eq!(twice, Err(InvalidEquity::Order(1)));
        for wrong in ["{}", "[1]", r#"[{"time":"2024-01-01T00:00:00Z"}]"#, "["] {
            assert!(EquityCurve::from_json(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
