//! Metrics of backtest runs.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::backtest::BacktestRun;
use super::checked_text::{InvalidText, check_text};
use super::ids::MAX_ID_CHARS;

/// The largest number of metrics of a run.
pub const MAX_BACKTEST_METRICS: usize = 1_000;

const MAX_REASON_CHARS: usize = 300;

/// Why metrics are invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidMetric {
    /// A text is invalid.
    #[error(transparent)]
    Text(#[from] InvalidText),
    /// A metric is given twice under one definition.
    #[error("metric {metric} is given twice under the definition {definition}: give it once")]
    Twice {
        /// The metric.
        metric: String,
        /// The definition.
        definition: String,
    },
    /// There are too many metrics. Holds their number.
    #[error("invalid metrics: expected at most {MAX_BACKTEST_METRICS}, got {0}")]
    TooMany(usize),
}

/// The value of a metric, or why it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BacktestValue {
    /// The value.
    Defined(Decimal),
    /// The reason why the metric is undefined, such as `no losing trade`; 1 to 300 printable characters.
    Undefined(String),
}

impl BacktestValue {
    /// Returns the value; `None` if the metric is undefined.
    #[must_use]
    pub fn value(&self) -> Option<Decimal> {
        match self {
            Self::Defined(value) => Some(*value),
            Self::Undefined(_) => None,
        }
    }

    /// Returns why the metric is undefined; `None` if it has a value.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Defined(_) => None,
            Self::Undefined(reason) => Some(reason),
        }
    }
}

/// A metric of a run under a named definition, since one name has several formulas.
///
/// # Examples
/// ```
/// use rust_decimal::Decimal;
/// use tickbook_ledger::domain::BacktestMetric;
///
/// let sharpe = BacktestMetric::new("sharpe_ratio", "sample_sd_252", Decimal::new(193, 2));
/// let factor = BacktestMetric::undefined("profit_factor", "gross_1", "no losing trade");
/// assert_eq!((sharpe.value.value(), factor.value.value()), (Some(Decimal::new(193, 2)), None));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BacktestMetric {
    /// The name, such as `sharpe_ratio`; 1 to 100 printable characters.
    pub metric: String,
    /// Name and version of the formula; 1 to 100 printable characters.
    pub definition: String,
    /// The value, or why there is none.
    pub value: BacktestValue,
}

impl BacktestMetric {
    /// A metric with a value.
    #[must_use]
    pub fn new(metric: impl Into<String>, definition: impl Into<String>, value: Decimal) -> Self {
        Self {
            metric: metric.into(),
            definition: definition.into(),
            value: BacktestValue::Defined(value),
        }
    }

    /// A metric without a value, with the reason.
    #[must_use]
    pub fn undefined(
        metric: impl Into<String>,
        definition: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            metric: metric.into(),
            definition: definition.into(),
            value: BacktestValue::Undefined(reason.into()),
        }
    }

    fn key(&self) -> (&str, &str) {
        (&self.metric, &self.definition)
    }

    fn check(&self) -> Result<(), InvalidText> {
        check_text("metric", &self.metric, 1, MAX_ID_CHARS)?;
        check_text("definition", &self.definition, 1, MAX_ID_CHARS)?;
        match &self.value {
            BacktestValue::Defined(_) => Ok(()),
            BacktestValue::Undefined(reason) => check_text("reason", reason, 1, MAX_REASON_CHARS),
        }
    }
}

/// Returns metrics by name and definition, with values without trailing zeros.
///
/// # Errors
/// An invalid text, a metric that is given twice, or more than 1,000 metrics.
pub fn sorted_metrics(metrics: &[BacktestMetric]) -> Result<Vec<BacktestMetric>, InvalidMetric> {
    if metrics.len() > MAX_BACKTEST_METRICS {
        return Err(InvalidMetric::TooMany(metrics.len()));
    }
    let mut sorted = metrics.to_vec();
    for metric in &mut sorted {
        metric.check()?;
        if let BacktestValue::Defined(value) = &mut metric.value {
            *value = value.normalize();
        }
    }
    sorted.sort_by(|a, b| a.key().cmp(&b.key()));
    let twice = sorted
        .windows(2)
        .find(|pair| pair[0].key() == pair[1].key());
    match twice {
        Some(pair) => Err(InvalidMetric::Twice {
            metric: pair[0].metric.clone(),
            definition: pair[0].definition.clone(),
        }),
        None => Ok(sorted),
    }
}

/// A metric that differs between two runs of one input.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetricDifference {
    /// The name.
    pub metric: String,
    /// The definition.
    pub definition: String,
    /// The stored result; `None` if the stored run has no such metric.
    pub stored: Option<BacktestValue>,
    /// The result of the rerun; `None` if it has no such metric.
    pub given: Option<BacktestValue>,
}

/// Returns the metrics that differ, by name and definition. Numbers are compared by value.
#[must_use]
pub fn metric_differences(
    stored: &[BacktestMetric],
    given: &[BacktestMetric],
) -> Vec<MetricDifference> {
    let by_key = |metrics: &'_ [BacktestMetric]| -> BTreeMap<(String, String), BacktestValue> {
        let owned = |it: &BacktestMetric| {
            let key = (it.metric.clone(), it.definition.clone());
            (key, it.value.clone())
        };
        metrics.iter().map(owned).collect()
    };
    let (mut stored, mut given) = (by_key(stored), by_key(given));
    let keys: BTreeSet<_> = stored.keys().chain(given.keys()).cloned().collect();
    let differences = keys.into_iter().map(|key| {
        let (stored, given) = (stored.remove(&key), given.remove(&key));
        let (metric, definition) = key;
        MetricDifference {
            metric,
            definition,
            stored,
            given,
        }
    });
    differences.filter(|it| it.stored != it.given).collect()
}

/// A metric of several runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ComparedMetric {
    /// The name.
    pub metric: String,
    /// The definition.
    pub definition: String,
    /// The result of each run, in the order of the runs; `None` if the run has no such metric.
    pub values: Vec<Option<BacktestValue>>,
}

/// Several runs and their metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BacktestComparison {
    /// The runs, in the order in which they were asked for.
    pub runs: Vec<BacktestRun>,
    /// The metrics that at least one run has, by name and definition.
    pub metrics: Vec<ComparedMetric>,
}

impl BacktestComparison {
    /// Compares runs, each with its metrics.
    #[must_use]
    pub fn new(results: Vec<(BacktestRun, Vec<BacktestMetric>)>) -> Self {
        let count = results.len();
        let mut found: BTreeMap<(String, String), Vec<Option<BacktestValue>>> = BTreeMap::new();
        let mut runs = Vec::with_capacity(count);
        for (index, (run, metrics)) in results.into_iter().enumerate() {
            runs.push(run);
            for metric in metrics {
                let values = found.entry((metric.metric, metric.definition));
                let values = values.or_insert_with(|| vec![None; count]);
                values[index] = Some(metric.value);
            }
        }
        let metrics = found
            .into_iter()
            .map(|((metric, definition), values)| ComparedMetric {
                metric,
                definition,
                values,
            });
        Self {
            runs,
            metrics: metrics.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(name: &str, value: i64, scale: u32) -> BacktestMetric {
        BacktestMetric::new(name, "d", Decimal::new(value, scale))
    }

    #[test]
    fn metrics_are_compared_by_value() {
        let stored = [metric("a", 10, 1), metric("b", 2, 0), metric("c", 3, 0)];
        let given = [metric("c", 4, 0), metric("a", 100, 2), metric("d", 5, 0)];
        let names: Vec<_> = metric_differences(&stored, &given)
            .into_iter()
            .map(|it| (it.metric, it.stored.is_some(), it.given.is_some()))
            .collect();
        let expected = [("b", true, false), ("c", true, true), ("d", false, true)];
        assert_eq!(names, expected.map(|(name, s, g)| (name.to_owned(), s, g)));
        let reason = |text: &str| [BacktestMetric::undefined("a", "d", text)];
        assert_eq!(metric_differences(&reason("x"), &reason("x")), []);
        assert_eq!(metric_differences(&reason("x"), &reason("y")).len(), 1);
    }

    #[test]
    fn invalid_metrics_are_refused() {
        let twice = sorted_metrics(&[metric("a", 1, 0), metric("a", 2, 0)]);
        let error = twice.expect_err("twice").to_string();
        assert!(error.contains("metric a is given twice"), "{error}");
        for wrong in [metric("", 1, 0), BacktestMetric::undefined("a", "d", "")] {
            assert!(sorted_metrics(&[wrong]).is_err());
        }
        let many = vec![metric("a", 1, 0); MAX_BACKTEST_METRICS + 1];
        let many = sorted_metrics(&many);
        assert_eq!(many, Err(InvalidMetric::TooMany(MAX_BACKTEST_METRICS + 1)));
    }
}
