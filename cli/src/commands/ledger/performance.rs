//! `tickbook ledger performance`.

use serde_json::{Value, json};
use tickbook::RepositoryError;
use tickbook_ledger::domain::performance::{
    DailyPerformance, Drawdown, EquityMark, Measured, PerformanceReport, RoundTripGrouping,
    TradeReport, TradeReportTerms, Tz,
};
use tickbook_ledger::domain::{Account, Amount};
use tickbook_ledger::repository::{DailyQuery, MAX_REPORT_ROWS, read_trade_report};
use tickbook_ledger::{LedgerRepositories, PerformanceRepositories};

use super::{find_account, scope, shown};
use crate::Outcome;
use crate::args::PerformanceArguments;
use crate::report::{print, print_json};
use crate::table::table;
use crate::times::time_text;

const DAYS: [&str; 6] = ["DAY", "EQUITY", "FLOWS", "PROFIT", "RETURN", "FILLS"];
const METRICS: [&str; 2] = ["METRIC", "VALUE"];

pub(super) async fn run(
    ledger: &LedgerRepositories,
    performance: &PerformanceRepositories,
    arguments: &PerformanceArguments,
) -> anyhow::Result<Outcome> {
    let account = find_account(&*ledger.accounts, &arguments.account).await?;
    let zone = match arguments.time_zone {
        Some(zone) => zone,
        // a stored account has a known time zone
        None => account.terms.time_zone.parse().unwrap_or(Tz::UTC),
    };
    let query = DailyQuery::new(account.account_id, zone, arguments.from, arguments.to)?;
    let days = performance.performance.daily(&query).await?;
    let report = PerformanceReport::of(&days).map_err(RepositoryError::invalid)?;
    let trades = match arguments.round_trips {
        None => None,
        Some(grouping) => {
            let terms = TradeReportTerms::new(account.terms.base_currency.clone())
                .round_trips(grouping, arguments.matching)
                .zone(zone)
                .range(query.range());
            let ledger = &*ledger.ledger;
            let scope = scope();
            let trades = read_trade_report(ledger, &scope, &account, terms, MAX_REPORT_ROWS);
            Some((grouping, trades.await?))
        }
    };
    if arguments.json {
        let mut output = output(&account, zone, arguments, &days, &report);
        output["trades"] = trades.map_or(Value::Null, |(grouping, it)| trades_json(grouping, &it));
        print_json(&output)?;
        return Ok(Outcome::Complete);
    }
    match days.is_empty() {
        true => eprintln!("{}: no equity and no fills on these days", shown(&account)),
        false => print(&table(DAYS, &days.iter().map(day_row).collect::<Vec<_>>()))?,
    }
    print("")?;
    print(&table(METRICS, &metric_rows(&report, trades.as_ref())))?;
    Ok(Outcome::Complete)
}

fn text(amount: Option<Amount>) -> String {
    amount.map_or_else(|| "-".to_owned(), |amount| amount.to_string())
}

fn measured_text(value: Measured) -> String {
    match value {
        Ok(number) => format!("{number:.6}"),
        Err(reason) => format!("- ({reason})"),
    }
}

fn fills(day: &DailyPerformance) -> u64 {
    day.activity.values().map(|activity| activity.fills).sum()
}

fn day_row(day: &DailyPerformance) -> [String; DAYS.len()] {
    [
        day.day.date.to_string(),
        text(day.closing.map(|mark| mark.equity)),
        day.flows.to_string(),
        text(day.profit().ok().flatten()),
        measured_text(day.time_weighted_return),
        fills(day).to_string(),
    ]
}

fn metric_rows(
    report: &PerformanceReport,
    trades: Option<&(RoundTripGrouping, TradeReport)>,
) -> Vec<[String; METRICS.len()]> {
    let row = |name: &str, value: String| [name.to_owned(), value];
    let drawdown = |found: Option<Drawdown>| text(found.map(|it| it.amount));
    let mut rows = vec![
        row("profit", text(report.profit)),
        row("flows", report.flows.to_string()),
        row("largest drawdown", drawdown(report.drawdowns.by_amount)),
        row("returns", report.returns.to_string()),
    ];
    for metric in &report.metrics {
        rows.push(row(metric.definition.as_str(), measured_text(metric.value)));
    }
    if let Some((_, trades)) = trades {
        let statistics = &trades.statistics;
        rows.push(row("round trips", statistics.count.to_string()));
        rows.push(row(
            "net profit of round trips",
            statistics.net_profit.to_string(),
        ));
        for (name, value) in ratios(trades) {
            rows.push(row(name, measured_text(value)));
        }
        rows.push(row("slippage", trades.slippage.cost.to_string()));
    }
    rows
}

fn ratios(trades: &TradeReport) -> [(&'static str, Measured); 4] {
    let statistics = &trades.statistics;
    [
        ("profit_factor/round_trips", statistics.profit_factor),
        ("payoff_ratio/round_trips", statistics.payoff_ratio),
        ("win_rate/round_trips", statistics.win_rate),
        ("expectancy/ratio_round_trips", statistics.expectancy_ratio),
    ]
}

fn mark(mark: Option<EquityMark>) -> Value {
    mark.map_or(
        Value::Null,
        |mark| json!({"as_of": time_text(mark.as_of), "equity": mark.equity}),
    )
}

fn metric(definition: &str, value: Measured) -> Value {
    let reason = value.err().map(|reason| reason.as_str());
    json!({"definition": definition, "value": value.ok(), "reason": reason})
}

fn drawdown(found: Option<Drawdown>) -> Value {
    found.map_or(Value::Null, |it| {
        json!({
            "peak_at": time_text(it.peak_at), "trough_at": time_text(it.trough_at),
            "recovered_at": it.recovered_at.map(time_text), "amount": it.amount, "ratio": it.ratio
        })
    })
}

fn output(
    account: &Account,
    zone: Tz,
    arguments: &PerformanceArguments,
    days: &[DailyPerformance],
    report: &PerformanceReport,
) -> Value {
    let days = days.iter().map(|day| {
        json!({
            "date": day.day.date.to_string(), "opening": mark(day.opening), "closing": mark(day.closing),
            "flows": day.flows, "profit": day.profit().ok().flatten(),
            "time_weighted_return": day.time_weighted_return.ok(),
            "reason": day.time_weighted_return.err().map(|reason| reason.as_str()),
            "points": day.points, "fills": fills(day)
        })
    });
    let metrics = report.metrics.iter();
    let metrics = metrics.map(|it| metric(it.definition.as_str(), it.value));
    json!({
        "account_id": account.account_id.get(), "name": account.terms.name, "time_zone": zone.name(),
        "from": arguments.from.to_string(), "to": arguments.to.to_string(), "returns": report.returns,
        "opening": mark(report.opening), "closing": mark(report.closing), "flows": report.flows,
        "profit": report.profit, "ruined_at": report.ruined_at.map(time_text),
        "drawdown_by_amount": drawdown(report.drawdowns.by_amount),
        "drawdown_by_ratio": drawdown(report.drawdowns.by_ratio),
        "metrics": metrics.collect::<Vec<_>>(), "days": days.collect::<Vec<_>>()
    })
}

fn trades_json(grouping: RoundTripGrouping, trades: &TradeReport) -> Value {
    let statistics = &trades.statistics;
    let metrics = ratios(trades).map(|(definition, value)| metric(definition, value));
    json!({
        "grouping": grouping.as_str(), "count": statistics.count, "wins": statistics.wins,
        "losses": statistics.losses, "gross_profit": statistics.gross_profit,
        "gross_loss": statistics.gross_loss, "net_profit": statistics.net_profit,
        "expectancy": statistics.expectancy, "metrics": metrics,
        "slippage": {
            "orders": trades.slippage.orders, "cost": trades.slippage.cost,
            "basis_points": trades.slippage.basis_points()
        }
    })
}
