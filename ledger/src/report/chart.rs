//! Line charts as SVG.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

/// The width of the plotted area, and the largest number of columns of a line.
const WIDTH: f64 = 800.0;
/// The space for the labels of the values.
const LABELS: f64 = 110.0;

/// Values at increasing times.
pub(super) struct Chart<'a> {
    /// What the values are, for readers of screens.
    pub(super) title: &'a str,
    /// The times, and the values.
    pub(super) points: &'a [(DateTime<Utc>, Decimal)],
    pub(super) height: f64,
    /// Whether the area between the line and zero is filled.
    pub(super) is_filled: bool,
}

impl Chart<'_> {
    /// The chart as an element of HTML; a text if there is no point.
    pub(super) fn svg(&self) -> String {
        let [first, .., last] = self.points else {
            return "<p>There are not enough points for a chart.</p>".to_owned();
        };
        let values = || self.points.iter().map(|(_, value)| *value);
        let zero = self.is_filled.then_some(Decimal::ZERO);
        let low = values().chain(zero).min().unwrap_or_default();
        let high = values().chain(zero).max().unwrap_or_default();
        let height = self.height;
        let scale = Scale {
            start: first.0,
            seconds: seconds(last.0 - first.0),
            low: number(low),
            range: number(high) - number(low),
            height,
        };
        let line = scale.line(self.points);
        let mut shape = String::new();
        if self.is_filled {
            let base = scale.y(0.0);
            // writing to a String cannot fail
            let _ = write!(
                shape,
                "<polygon class=\"area\" points=\"{LABELS},{base:.1} {line} {:.1},{base:.1}\"/>",
                LABELS + WIDTH
            );
        }
        let _ = write!(shape, "<polyline class=\"line\" points=\"{line}\"/>");
        let (right, bottom, all) = (LABELS + WIDTH, height + 18.0, height + 26.0);
        let label = LABELS - 8.0;
        let (title, high, low) = (self.title, high.normalize(), low.normalize());
        let (from, to) = (
            first.0.format("%Y-%m-%d %H:%M"),
            last.0.format("%Y-%m-%d %H:%M"),
        );
        format!(
            "<svg viewBox=\"0 0 {width} {all}\" role=\"img\" aria-label=\"{title}\"><title>{title}</title>\
             <path class=\"axis\" d=\"M{LABELS} 0V{height}H{right}\"/>{shape}\
             <text x=\"{label}\" y=\"12\" class=\"value\">{high}</text>\
             <text x=\"{label}\" y=\"{height}\" class=\"value\">{low}</text>\
             <text x=\"{LABELS}\" y=\"{bottom}\">{from}</text>\
             <text x=\"{right}\" y=\"{bottom}\" class=\"value\">{to}</text></svg>",
            width = right + 4.0,
        )
    }
}

struct Scale {
    start: DateTime<Utc>,
    seconds: f64,
    low: f64,
    range: f64,
    height: f64,
}

impl Scale {
    /// From 0 to [`WIDTH`].
    fn x(&self, time: DateTime<Utc>) -> f64 {
        seconds(time - self.start) / self.seconds * WIDTH
    }

    /// A constant line is in the middle.
    fn y(&self, value: f64) -> f64 {
        match self.range > 0.0 {
            true => self.height * (1.0 - (value - self.low) / self.range),
            false => self.height / 2.0,
        }
    }

    /// The points of the line. A column with many points keeps its first, lowest, highest and last ones.
    fn line(&self, points: &[(DateTime<Utc>, Decimal)]) -> String {
        let mut line = String::new();
        let mut rest = points;
        while let Some(first) = rest.first() {
            let column = self.x(first.0).floor();
            let count = rest.partition_point(|(time, _)| self.x(*time).floor() <= column);
            let (here, after) = rest.split_at(count.max(1));
            rest = after;
            let by_value = |index: &usize| here[*index].1;
            let indices = || 0..here.len();
            let mut kept = vec![0, here.len() - 1];
            kept.extend(indices().min_by_key(by_value));
            kept.extend(indices().max_by_key(by_value));
            kept.sort_unstable();
            kept.dedup();
            for index in kept {
                let (time, value) = here[index];
                let (x, y) = (LABELS + self.x(time), self.y(number(value)));
                let separator = if line.is_empty() { "" } else { " " };
                let _ = write!(line, "{separator}{x:.1},{y:.1}");
            }
        }
        line
    }
}

/// For drawing alone; nothing is computed from it.
fn number(value: Decimal) -> f64 {
    value.to_f64().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "for drawing alone")]
fn seconds(span: chrono::TimeDelta) -> f64 {
    span.num_microseconds().unwrap_or(i64::MAX) as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn svg(values: impl IntoIterator<Item = i64>, is_filled: bool) -> String {
        let start: DateTime<Utc> = "2024-01-01T00:00:00Z".parse().expect("a time");
        let point = |(value, second)| {
            (
                start + chrono::TimeDelta::seconds(second),
                Decimal::from(value),
            )
        };
        let points: Vec<_> = values.into_iter().zip(0..).map(point).collect();
        let chart = Chart {
            title: "Equity",
            points: &points,
            height: 200.0,
            is_filled,
        };
        chart.svg()
    }

    #[test]
    fn line_goes_from_the_first_to_the_last_point() {
        let text = svg([10, 30, 20], false);
        assert!(
            text.contains("points=\"110.0,200.0 510.0,0.0 910.0,100.0\""),
            "{text}"
        );
        assert!(
            text.contains(">30</text>") && text.contains(">10</text>"),
            "{text}"
        );
    }

    #[test]
    fn filled_area_reaches_zero() {
        let text = svg([-10, -5], true);
        assert!(
            text.contains("points=\"110,0.0 110.0,200.0 910.0,100.0 910.0,0.0\""),
            "{text}"
        );
    }

    #[test]
    fn long_lines_keep_their_extremes() {
        let values = (0..100_000).map(|second| match second {
            77_777 => 1_000,
            33_333 => -1_000,
            _ => second % 10,
        });
        let text = svg(values, false);
        assert!(text.len() < 100_000, "{} bytes", text.len());
        assert!(
            text.contains(",0.0 ") && text.contains(",200.0 "),
            "extremes"
        );
    }

    #[test]
    fn too_few_points_make_no_chart() {
        assert!(svg([], false).starts_with("<p>"));
        assert!(svg([1], false).starts_with("<p>"));
        assert!(svg([7, 7], false).contains("110.0,100.0 910.0,100.0"));
    }
}
