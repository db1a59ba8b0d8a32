//! Metrics of 200 return series against those of other programs.

use std::collections::BTreeMap;

use tickbook_ledger::domain::performance::{Definition, ReturnSeries, Undefined, max_drawdown};

use crate::oracles;

/// The numbers agree to this part, or to `ABSOLUTE`.
const RELATIVE: f64 = 1e-9;
const ABSOLUTE: f64 = 1e-12;

/// The definitions of the oracles that are ours under another name.
const SAME: &[(&str, Definition)] = &[
    ("avg_loss,quantstats.avg_loss", Definition::AverageLoss),
    ("avg_win,quantstats.avg_win", Definition::AverageWin),
    ("cagr,empyrical.cagr", Definition::CagrCompound252),
    (
        "cagr,final^(252/n)-1; NaN when final < 0 or n = 0",
        Definition::CagrCompound252,
    ),
    (
        "cagr,quantstats.cagr(periods=252)",
        Definition::CagrCompound252,
    ),
    (
        "calmar,cagr(252/n) / |max drawdown incl. start|",
        Definition::CalmarCompound252,
    ),
    (
        "calmar,empyrical.calmar_ratio",
        Definition::CalmarCompound252,
    ),
    ("calmar,quantstats.calmar", Definition::CalmarCompound252),
    (
        "cvar_95,mean of r <= percentile(r,5) linear",
        Definition::Cvar95Linear,
    ),
    (
        "cvar_95,quantstats.conditional_value_at_risk(sigma=1, confidence=0.95)",
        Definition::Cvar95Gaussian,
    ),
    (
        "cvar_95,empyrical.conditional_value_at_risk(cutoff=0.05)",
        Definition::Cvar95Lower,
    ),
    (
        "downside_risk,empyrical.downside_risk(required_return=0)",
        Definition::DownsideRisk252,
    ),
    ("expectancy,mean(r)", Definition::Expectancy),
    (
        "expectancy,winrate(n)*mean(win)-lossrate(n)*|mean(loss)| with empty side = 0",
        Definition::Expectancy,
    ),
    (
        "expected_return,quantstats.expected_return",
        Definition::ExpectedReturnGeometric,
    ),
    (
        "max_drawdown,pandas min(equity/cummax-1), equity starts with 1",
        Definition::MaxDrawdown,
    ),
    (
        "max_drawdown,empyrical.max_drawdown",
        Definition::MaxDrawdown,
    ),
    (
        "max_drawdown,quantstats.max_drawdown",
        Definition::MaxDrawdown,
    ),
    ("omega,empyrical.omega_ratio", Definition::OmegaZero),
    (
        "payoff_ratio,quantstats.payoff_ratio",
        Definition::PayoffRatio,
    ),
    (
        "profit_factor,sum(r>0)/|sum(r<0)|; inf without losses, NaN when both are empty",
        Definition::ProfitFactor,
    ),
    (
        "profit_factor,quantstats.profit_factor",
        Definition::ProfitFactor,
    ),
    (
        "sharpe,empyrical.sharpe_ratio(risk_free=0, daily)",
        Definition::SharpeSample252,
    ),
    (
        "sharpe,pandas mean/std(ddof=0)*sqrt(252)",
        Definition::SharpePopulation252,
    ),
    (
        "sharpe,pandas mean/std(ddof=1)*sqrt(252)",
        Definition::SharpeSample252,
    ),
    (
        "sharpe,pandas mean/std(ddof=1)*sqrt(365)",
        Definition::SharpeSample365,
    ),
    (
        "sharpe,quantstats.sharpe(periods=252)",
        Definition::SharpeSample252,
    ),
    (
        "sortino,pandas mean/sqrt(mean(min(r,0)^2) over all n)*sqrt(252)",
        Definition::SortinoAll252,
    ),
    (
        "sortino,empyrical.sortino_ratio(required_return=0)",
        Definition::SortinoAll252,
    ),
    (
        "sortino,pandas mean/std(ddof=1) of negative returns*sqrt(252)",
        Definition::SortinoLosses252,
    ),
    (
        "sortino,quantstats.sortino(periods=252)",
        Definition::SortinoAll252,
    ),
    (
        "total_return,empyrical.cum_returns_final",
        Definition::TotalReturn,
    ),
    ("total_return,product(1+r)-1", Definition::TotalReturn),
    ("total_return,quantstats.comp", Definition::TotalReturn),
    (
        "var_95,numpy.percentile(r, 5) linear",
        Definition::Var95Linear,
    ),
    (
        "var_95,numpy.percentile(r, 5, method=lower)",
        Definition::Var95Lower,
    ),
    (
        "var_95,quantstats.value_at_risk(sigma=1, confidence=0.95)",
        Definition::Var95Gaussian,
    ),
    (
        "var_95,empyrical.value_at_risk(cutoff=0.05)",
        Definition::Var95Linear,
    ),
    (
        "volatility,empyrical.annual_volatility",
        Definition::VolatilitySample252,
    ),
    (
        "volatility,pandas std(ddof=1)*sqrt(252)",
        Definition::VolatilitySample252,
    ),
    (
        "volatility,quantstats.volatility(periods=252)",
        Definition::VolatilitySample252,
    ),
    (
        "win_rate,count(r>0)/count(r!=0)",
        Definition::WinRateDecided,
    ),
    ("win_rate,count(r>0)/n", Definition::WinRateAll),
    ("win_rate,quantstats.win_rate", Definition::WinRateDecided),
];

struct Series {
    class: String,
    dates: Vec<String>,
    returns: ReturnSeries,
}

/// The series by name; `None` if the test is skipped.
fn series() -> Option<BTreeMap<String, Series>> {
    let mut found = BTreeMap::new();
    for line in oracles::text("metrics/series.csv")?.lines().skip(1) {
        let fields: Vec<_> = line.split(',').collect();
        let series = Series {
            class: fields[1].to_owned(),
            dates: Vec::new(),
            returns: ReturnSeries::default(),
        };
        found.insert(fields[0].to_owned(), series);
    }
    for line in oracles::text("metrics/returns.csv")?.lines().skip(1) {
        let fields: Vec<_> = line.split(',').collect();
        let series = found.get_mut(fields[0]).expect("a series");
        series.dates.push(fields[1].to_owned());
        let value = fields[2].parse().expect("a number");
        series.returns.values.push(value);
    }
    Some(found)
}

/// The rows of the metrics: series, metric with definition, value.
fn rows() -> Option<Vec<(String, String, String)>> {
    let text = oracles::text("metrics/metrics.csv")?;
    let rows = text.lines().skip(1).map(|line| {
        let (series, rest) = line.split_once(',').expect("a series");
        let (definition, value) = rest.rsplit_once(',').expect("a value");
        let definition = definition.replace('"', "");
        (series.to_owned(), definition, value.to_owned())
    });
    Some(rows.collect())
}

/// Why the number of another program is not ours.
fn exception(class: &str, definition: Definition, expected: f64) -> Option<Undefined> {
    let metric = definition.metric();
    let is_ratio = matches!(metric, "sharpe" | "sortino" | "calmar");
    let is_growth = matches!(metric, "cagr" | "calmar" | "expected_return");
    let is_rounding_noise = is_ratio && expected.abs() > 1e12;
    match class {
        // zeros in some programs, and no numbers in others
        "empty" => Some(Undefined::TooFewReturns),
        "zero" if metric == "profit_factor" => Some(Undefined::NoLosses),
        "zero" if definition == Definition::WinRateDecided => Some(Undefined::NoDecisions),
        _ if is_rounding_noise => Some(Undefined::ZeroVariance),
        // some programs give a number for one return, and others none
        "one" if metric == "sortino" => Some(Undefined::TooFewReturns),
        "ruin" if is_growth => Some(Undefined::Ruined),
        _ => None,
    }
}

#[test]
fn metrics_equal_those_of_other_programs() {
    let (Some(series), Some(rows)) = (series(), rows()) else {
        return;
    };
    let (mut compared, mut exceptions, mut undefined) = (0, 0, 0);
    for (name, definition, expected) in rows {
        let series = &series[&name];
        let Some((_, ours)) = SAME.iter().find(|(theirs, _)| *theirs == definition) else {
            let is_other = ["max_drawdown_", "ruined,"].iter();
            let mut is_other = is_other.map(|start| definition.starts_with(start));
            assert!(is_other.any(|it| it), "unknown definition {definition}");
            continue;
        };
        let found = series.returns.measure(*ours);
        let context = format!("{name} ({}): {definition}: {expected}", series.class);
        let Some(expected) = expected.parse::<f64>().ok().filter(|it| it.is_finite()) else {
            undefined += 1;
            // the deviation of equal returns is 0, and the normal distribution is a point
            let is_point = *ours == Definition::Var95Gaussian && series.returns.values.len() > 1;
            assert!(found.is_err() || is_point, "{context}: {found:?}");
            continue;
        };
        if let Some(reason) = exception(&series.class, *ours, expected) {
            exceptions += 1;
            assert_eq!(found, Err(reason), "{context}");
            continue;
        }
        compared += 1;
        let found = found.unwrap_or_else(|reason| panic!("{context}: {reason}"));
        let difference = (found - expected).abs();
        let is_equal = difference <= expected.abs() * RELATIVE || difference <= ABSOLUTE;
        assert!(is_equal, "{context}: {found}");
    }
    assert_eq!((compared, exceptions, undefined), (8_175, 68, 557));
}

#[test]
fn drawdown_dates_equal_those_of_pandas() {
    let (Some(series), Some(rows)) = (series(), rows()) else {
        return;
    };
    let mut compared = 0;
    for (name, definition, expected) in rows {
        let Some(date) = definition.strip_prefix("max_drawdown_") else {
            continue;
        };
        let Some((date, _)) = date.split_once("_date,") else {
            continue;
        };
        let series = &series[&name];
        let found = max_drawdown(&series.returns.values);
        let found = match (found, date) {
            (None, _) => "none",
            (Some(it), "peak") => it.peak.map_or("start", |at| series.dates[at].as_str()),
            (Some(it), "trough") => series.dates[it.trough].as_str(),
            (Some(it), _) => it.recovery.map_or("none", |at| series.dates[at].as_str()),
        };
        assert_eq!(found, expected, "{name} ({}): {definition}", series.class);
        compared += 1;
    }
    assert_eq!(compared, 600);
}

#[test]
fn ruined_series_have_no_growth() {
    let (Some(series), Some(rows)) = (series(), rows()) else {
        return;
    };
    let mut compared = 0;
    for (name, definition, expected) in rows {
        if !definition.starts_with("ruined,") {
            continue;
        }
        let growth = series[&name].returns.measure(Definition::CagrCompound252);
        let is_ruined = growth == Err(Undefined::Ruined);
        assert_eq!(is_ruined, expected == "true", "{name}");
        compared += 1;
    }
    assert_eq!(compared, 200);
}
