//! The page of a report.

use std::fmt::{Display, Write as _};

use rust_decimal::Decimal;

use super::BacktestReport;
use super::chart::Chart;
use crate::domain::{BacktestValue, EquityCurve, time_text};

const STYLE: &str = ":root{color-scheme:light dark}\
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse;margin:1rem 0}\
th,td{text-align:left;padding:.2rem 1.5rem .2rem 0;vertical-align:top;border-bottom:1px solid #8884}\
td.number{text-align:right;font-variant-numeric:tabular-nums}\
code{overflow-wrap:anywhere}svg{width:100%;height:auto}\
svg text{font-size:12px;fill:currentColor}.value{text-anchor:end}\
.axis{fill:none;stroke:#888}.line{fill:none;stroke:#1769aa;stroke-width:1.5}\
.area{fill:#c6282844;stroke:none}";

/// Replaces the characters that have a meaning in HTML.
fn escaped(text: impl Display) -> String {
    let text = text.to_string();
    let mut result = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => result.push_str("&amp;"),
            '<' => result.push_str("&lt;"),
            '>' => result.push_str("&gt;"),
            '"' => result.push_str("&quot;"),
            '\'' => result.push_str("&#39;"),
            other => result.push(other),
        }
    }
    result
}

pub(super) fn page(report: &BacktestReport) -> String {
    let name = escaped(&report.strategy.terms.name);
    let (id, version) = (report.run.run_id, report.run.input.version);
    let title = format!("Backtest {id}: {name}, version {version}");
    let (charts, facts, metrics) = (charts(report), facts(report), metrics(report));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head>\n\
         <body><h1>{title}</h1>\n{charts}\n<h2>Metrics</h2>\n{metrics}\n<h2>Run</h2>\n{facts}\n</body></html>\n"
    )
}

fn charts(report: &BacktestReport) -> String {
    let curve = match &report.curve {
        Ok(curve) => curve,
        Err(reason) => return format!("<p>No equity curve: {}.</p>", escaped(reason)),
    };
    let currency = report.currency.as_ref();
    let currency = currency.map_or(String::new(), |it| format!(" in {}", escaped(it)));
    let points: Vec<_> = curve
        .points()
        .iter()
        .map(|it| (it.time, it.equity))
        .collect();
    let equity = Chart {
        title: "Equity",
        points: &points,
        height: 240.0,
        is_filled: false,
    };
    let below = drawdowns(report, curve);
    let drawdown = Chart {
        title: "Drawdown",
        points: &below,
        height: 120.0,
        is_filled: true,
    };
    let (equity, drawdown) = (equity.svg(), drawdown.svg());
    format!(
        "<h2>Equity{currency}</h2>\n{equity}\n<h2>Drawdown{currency}</h2>\n{drawdown}\n{}",
        largest(report)
    )
}

/// The drawdowns as negative numbers.
fn drawdowns(
    report: &BacktestReport,
    curve: &EquityCurve,
) -> Vec<(chrono::DateTime<chrono::Utc>, Decimal)> {
    let drawdowns = curve.drawdowns(report.run.input.starting_capital);
    drawdowns.iter().map(|it| (it.time, -it.amount)).collect()
}

fn largest(report: &BacktestReport) -> String {
    let Some(max) = report.max_drawdown() else {
        return String::new();
    };
    let mut text = format!(
        "<p>Largest drawdown: {} on {}",
        max.amount.amount.normalize(),
        max.amount.time.format("%Y-%m-%d")
    );
    if let Some((fraction, time)) = max.fraction.and_then(|it| Some((it.fraction?, it.time))) {
        let percent = (fraction * Decimal::ONE_HUNDRED).round_dp(2).normalize();
        // writing to a String cannot fail
        let _ = write!(
            text,
            "; in per cent of the peak: {percent} % on {}",
            time.format("%Y-%m-%d")
        );
    }
    text.push_str(".</p>");
    text
}

fn metrics(report: &BacktestReport) -> String {
    if report.metrics.is_empty() {
        return "<p>The run has no metrics.</p>".to_owned();
    }
    let mut table = "<table><tr><th>Metric</th><th>Definition</th><th>Value</th></tr>\n".to_owned();
    for metric in &report.metrics {
        let (name, definition) = (escaped(&metric.metric), escaped(&metric.definition));
        let value = match &metric.value {
            BacktestValue::Defined(value) => {
                format!("<td class=\"number\">{}</td>", value.normalize())
            }
            BacktestValue::Undefined(reason) => {
                format!("<td>undefined: {}</td>", escaped(reason))
            }
        };
        let _ = writeln!(
            table,
            "<tr><td>{name}</td><td>{definition}</td>{value}</tr>"
        );
    }
    table + "</table>"
}

fn facts(report: &BacktestReport) -> String {
    let (run, input) = (&report.run, &report.run.input);
    let terms = &report.version.terms;
    let capital = input.starting_capital.map(|it| it.normalize().to_string());
    let range = format!(
        "{} to {}",
        time_text(input.range.start()),
        time_text(input.range.end())
    );
    let rows = [
        ("State", Some(run.state.to_string())),
        ("Error", run.error.clone()),
        ("Account", Some(run.account_id.to_string())),
        ("Data", Some(range)),
        ("Digest of the data", Some(input.data_hash.to_string())),
        ("Starting capital", capital),
        ("Seed", Some(input.seed.to_string())),
        ("Parameters of the run", Some(input.parameters.to_string())),
        (
            "Parameters of the strategy",
            Some(terms.parameters.to_string()),
        ),
        ("Risk limits", Some(terms.risk_limits.to_string())),
        ("Code", Some(terms.code_ref.clone())),
        ("Engine", Some(input.engine_version.clone())),
        ("Started", Some(time_text(run.started_at))),
        ("Finished", run.finished_at.map(time_text)),
    ];
    let mut table = "<table>\n".to_owned();
    for (name, value) in rows {
        if let Some(value) = value {
            let value = escaped(value);
            let _ = writeln!(
                table,
                "<tr><th>{name}</th><td><code>{value}</code></td></tr>"
            );
        }
    }
    table + "</table>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_with_a_meaning_are_escaped() {
        let text = escaped("<b a='1' c=\"2\">&amp;</b>");
        let expected = "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;amp;&lt;/b&gt;";
        assert_eq!(text, expected);
    }
}
