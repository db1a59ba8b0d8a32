//! Sums, deviations, percentiles and growth of returns.

use super::undefined::{Measured, Undefined};

/// A deviation below this part of the mean is rounding noise of equal values.
const NOISE: f64 = 1e-12;

/// The 5 % quantile of the standard normal distribution.
const NORMAL_QUANTILE_5: f64 = -1.644_853_626_951_472_7;

/// The density of the standard normal distribution at its 5 % quantile, divided by 5 %: the mean of the lowest 5 % lies
/// this many standard deviations below the mean.
const NORMAL_TAIL_MEAN_5: f64 = 2.062_712_807_507_426;

/// The part of the returns that lies in the tail.
const TAIL: f64 = 0.05;

/// The divisor of a variance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deviation {
    /// n - 1.
    Sample,
    /// n.
    Population,
}

/// A sum with the lost low-order parts added at the end, so that its error does not grow with the number of terms.
pub(super) fn sum(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for value in values {
        let next = sum + value;
        lost += match sum.abs() >= value.abs() {
            true => (sum - next) + value,
            false => (value - next) + sum,
        };
        sum = next;
    }
    sum + lost
}

/// The number, unless it is infinite or not a number.
pub(super) fn finite(value: f64) -> Measured {
    match value.is_finite() {
        true => Ok(value),
        false => Err(Undefined::OutOfRange),
    }
}

pub(super) fn mean(values: &[f64]) -> Measured {
    match values.is_empty() {
        true => Err(Undefined::TooFewReturns),
        false => finite(sum(values.iter().copied()) / values.len() as f64),
    }
}

/// The standard deviation; 0 for equal values.
pub(super) fn deviation(values: &[f64], kind: Deviation) -> Measured {
    if values.len() < 2 {
        return Err(Undefined::TooFewReturns);
    }
    if values.iter().all(|value| *value == values[0]) {
        return Ok(0.0);
    }
    let mean = mean(values)?;
    let squares = sum(values.iter().map(|value| (value - mean).powi(2)));
    let divisor = match kind {
        Deviation::Sample => values.len() - 1,
        Deviation::Population => values.len(),
    };
    finite((squares / divisor as f64).sqrt())
}

/// The mean divided by a deviation.
pub(super) fn per_deviation(mean: f64, deviation: f64) -> Measured {
    match deviation <= mean.abs() * NOISE {
        true => Err(Undefined::ZeroVariance),
        false => finite(mean / deviation),
    }
}

/// The root of the mean square of the losses over all values; 0 without losses.
pub(super) fn downside(values: &[f64]) -> Measured {
    let squares: Vec<f64> = values.iter().map(|value| value.min(0.0).powi(2)).collect();
    Ok(mean(&squares)?.sqrt())
}

/// The growth of 1 by the returns; `Ruined` if it falls to zero or below on the way.
pub(super) fn growth(values: &[f64]) -> Measured {
    let mut equity = 1.0;
    for value in values {
        equity *= 1.0 + value;
        if equity <= 0.0 {
            return Err(Undefined::Ruined);
        }
    }
    finite(equity)
}

/// The growth of 1 by the returns, also after a ruin.
pub(super) fn product(values: &[f64]) -> Measured {
    finite(
        values
            .iter()
            .fold(1.0, |equity, value| equity * (1.0 + value)),
    )
}

pub(super) fn gains(values: &[f64]) -> Vec<f64> {
    values
        .iter()
        .copied()
        .filter(|value| *value > 0.0)
        .collect()
}

pub(super) fn losses(values: &[f64]) -> Vec<f64> {
    values
        .iter()
        .copied()
        .filter(|value| *value < 0.0)
        .collect()
}

fn sorted(values: &[f64]) -> Result<Vec<f64>, Undefined> {
    if values.is_empty() {
        return Err(Undefined::TooFewReturns);
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    Ok(sorted)
}

/// The place of the 5 % percentile among n sorted values: the index below it, and the part of the way to the next.
fn tail_place(len: usize) -> (usize, f64) {
    let place = (len - 1) as f64 * TAIL;
    // not negative and below the number of values
    (place.floor() as usize, place.fract())
}

/// The 5 % percentile, interpolated between the two nearest values.
pub(super) fn tail_linear(values: &[f64]) -> Measured {
    let sorted = sorted(values)?;
    let (below, part) = tail_place(sorted.len());
    let above = sorted[(below + 1).min(sorted.len() - 1)];
    finite(sorted[below] + (above - sorted[below]) * part)
}

/// The nearest value at or below the 5 % percentile.
pub(super) fn tail_lower(values: &[f64]) -> Measured {
    let sorted = sorted(values)?;
    finite(sorted[tail_place(sorted.len()).0])
}

/// The mean of the values up to [`tail_lower`] in sorted order.
pub(super) fn tail_lower_mean(values: &[f64]) -> Measured {
    let sorted = sorted(values)?;
    mean(&sorted[..=tail_place(sorted.len()).0])
}

/// The mean of the values not above [`tail_linear`].
pub(super) fn tail_linear_mean(values: &[f64]) -> Measured {
    let limit = tail_linear(values)?;
    let tail: Vec<f64> = values.iter().copied().filter(|it| *it <= limit).collect();
    mean(&tail)
}

/// The 5 % quantile of the normal distribution of the same mean and deviation. Of equal values it is the mean.
pub(super) fn tail_gaussian(values: &[f64]) -> Measured {
    let deviation = deviation(values, Deviation::Sample)?;
    finite(mean(values)? + NORMAL_QUANTILE_5 * deviation)
}

/// The mean of the lowest 5 % of the normal distribution of the same mean and deviation. The deviation of one value is 0.
pub(super) fn tail_gaussian_mean(values: &[f64]) -> Measured {
    let deviation = match values.len() {
        1 => 0.0,
        _ => deviation(values, Deviation::Sample)?,
    };
    finite(mean(values)? - NORMAL_TAIL_MEAN_5 * deviation)
}
