//! Output of `tickbook verify`, as text or as lines of JSON.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::Serialize;
use tickbook::audit::{AuditSettings, AuditSummary, Finding, Problem, RepairOutcome};
use tickbook::domain::{Candle, CandleSource, Symbol, SymbolId, Tick, TickKey, earliest_time};

use crate::opening::full_name;
use crate::report::{print, print_json, seconds};
use crate::times::time_text;

/// The audited part of the data.
pub(super) struct Audited<'a> {
    pub(super) summary: &'a AuditSummary,
    /// The number of symbols to audit.
    pub(super) symbols: usize,
    pub(super) edition: &'static str,
    /// Where the audit was interrupted.
    pub(super) interrupted_at: Option<&'a str>,
    pub(super) elapsed: Duration,
}

pub(super) struct Output {
    json: bool,
    /// Full names such as `oanda:EURUSD`.
    names: HashMap<SymbolId, String>,
}

impl Output {
    pub(super) fn new(json: bool, symbols: &[Symbol]) -> Self {
        let names = symbols
            .iter()
            .map(|symbol| (symbol.symbol_id, full_name(symbol)));
        Self {
            json,
            names: names.collect(),
        }
    }

    pub(super) fn finding(&self, finding: &Finding) -> anyhow::Result<()> {
        let name = symbol_id(&finding.problem).and_then(|id| self.names.get(&id));
        if self.json {
            return print_json(&FindingLine::new(finding, name.map(String::as_str)));
        }
        let name = name.map_or(String::new(), |name| format!(" [{name}]"));
        let problem = &finding.problem;
        match &finding.repair_outcome {
            RepairOutcome::NotTried => print(&format!("{problem}{name}")),
            RepairOutcome::Repaired => print(&format!("{problem}{name} [repaired]")),
            RepairOutcome::NotRepaired { reason } => {
                print(&format!("{problem}{name} [not repaired: {reason}]"))
            }
        }
    }

    pub(super) fn summary(
        &self,
        audited: &Audited<'_>,
        settings: &AuditSettings,
    ) -> anyhow::Result<()> {
        let summary = audited.summary;
        let complete_from = settings.complete_from;
        let kinds = summary.findings.iter();
        let line = SummaryLine {
            r#type: "summary",
            edition: audited.edition,
            symbols: audited.symbols,
            ticks: summary.ticks,
            trades: summary.trades,
            candles: summary.candles,
            complete_from: (complete_from > earliest_time()).then(|| time_text(complete_from)),
            uncheckable: summary.uncheckable,
            unstable: summary.unstable,
            findings: kinds.map(|(kind, count)| (kind.as_str(), *count)).collect(),
            repaired: summary.repaired,
            left: summary.left(),
            interrupted_at: audited.interrupted_at.map(str::to_owned),
            seconds: seconds(audited.elapsed),
        };
        if self.json {
            return print_json(&line);
        }
        print(&line.text())
    }
}

#[derive(Debug, Serialize)]
struct SummaryLine {
    r#type: &'static str,
    edition: &'static str,
    symbols: usize,
    ticks: u64,
    trades: u64,
    candles: u64,
    /// Ticks before this time may have been dropped.
    complete_from: Option<String>,
    uncheckable: u64,
    unstable: u64,
    findings: BTreeMap<&'static str, u64>,
    repaired: u64,
    left: u64,
    /// Symbol and time at which a signal arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    interrupted_at: Option<String>,
    seconds: f64,
}

impl SummaryLine {
    fn text(&self) -> String {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = self.ticks as f64 / self.seconds.max(0.001);
        let trades = match self.trades {
            0 => String::new(),
            count => format!(", {count} trades"),
        };
        let mut lines = vec![format!(
            "{} ticks{trades} and {} candles of {} symbols in {:.1} s ({rate:.0} ticks/s)",
            self.ticks, self.candles, self.symbols, self.seconds
        )];
        if self.uncheckable > 0 {
            let from = self.complete_from.as_deref().unwrap_or("the first tick");
            lines.push(format!(
                "{} candles cannot be checked: ticks before {from} may have been dropped",
                self.uncheckable
            ));
        }
        if self.unstable > 0 {
            lines.push(format!(
                "{} candles kept changing: verify them again",
                self.unstable
            ));
        }
        if self.edition == "apache" {
            lines.push(
                "apache edition: only stored candles can be wrong, all others are computed at \
                 every read"
                    .to_owned(),
            );
        }
        for (kind, count) in &self.findings {
            lines.push(format!("  {kind}: {count}"));
        }
        let is_whole = self.interrupted_at.is_none();
        lines.push(match (self.left, self.repaired) {
            (0, 0) if !is_whole => "nothing found so far".to_owned(),
            (0, repaired) if !is_whole => format!("clean so far: {repaired} repaired"),
            (0, 0) => "clean".to_owned(),
            (0, repaired) => format!("clean now: {repaired} repaired"),
            (left, 0) => format!("findings: {left}"),
            (left, repaired) => format!("findings: {left} left, {repaired} repaired"),
        });
        lines.join("\n")
    }
}

#[derive(Debug, Serialize)]
struct FindingLine<'a> {
    r#type: &'static str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    symbol_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    symbol: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'a str>,
    /// Counts and measured values, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    numbers: BTreeMap<&'static str, i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ticks: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeframe: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    basis: Option<&'static str>,
    /// The candle as it is read, or as its row stores it.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<CandleValues>,
    /// The candle computed from the ticks.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<CandleValues>,
    text: String,
    /// `null` if no repair was tried.
    repaired: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct CandleValues {
    open: String,
    high: String,
    low: String,
    close: String,
    volume: String,
    tick_count: i64,
    source: String,
}

impl CandleValues {
    fn new(candle: &Candle) -> Self {
        Self {
            open: candle.open.to_string(),
            high: candle.high.to_string(),
            low: candle.low.to_string(),
            close: candle.close.to_string(),
            volume: candle.volume.to_string(),
            tick_count: candle.tick_count,
            source: match &candle.source {
                CandleSource::Stored(by) => format!("stored by {by}"),
                made => made.as_str().to_owned(),
            },
        }
    }
}

impl<'a> FindingLine<'a> {
    fn new(finding: &'a Finding, symbol: Option<&'a str>) -> Self {
        let problem = &finding.problem;
        let compared = problem.candles();
        let candle = compared.either();
        let times = times(problem);
        let (repaired, reason) = match &finding.repair_outcome {
            RepairOutcome::NotTried => (None, None),
            RepairOutcome::Repaired => (Some(true), None),
            RepairOutcome::NotRepaired { reason } => (Some(false), Some(reason.as_str())),
        };
        Self {
            r#type: "finding",
            kind: problem.kind().as_str(),
            symbol_id: symbol_id(problem).map(SymbolId::get),
            symbol,
            object: match problem {
                Problem::State(state) => Some(&state.object),
                _ => None,
            },
            numbers: match problem {
                Problem::State(state) => {
                    state.numbers.iter().map(|it| (it.name, it.value)).collect()
                }
                _ => BTreeMap::new(),
            },
            from: times.map(|(from, _)| time_text(from)),
            to: times.map(|(_, to)| time_text(to)),
            ticks: problem.streak().map(|streak| streak.count),
            timeframe: candle.map(|candle| candle.timeframe.as_str()),
            basis: candle.map(|candle| candle.basis.as_str()),
            found: compared.found.map(CandleValues::new),
            expected: compared.expected.map(CandleValues::new),
            text: problem.to_string(),
            repaired,
            reason,
        }
    }
}

fn symbol_id(problem: &Problem) -> Option<SymbolId> {
    let candle = problem.candles().either();
    match problem {
        Problem::KeyOrder {
            key: TickKey { symbol_id, .. },
            ..
        }
        | Problem::SequenceOrder {
            tick: Tick { symbol_id, .. },
            ..
        }
        | Problem::Unreadable { symbol_id, .. }
        | Problem::TickGap { symbol_id, .. } => Some(*symbol_id),
        _ => {
            let of_streak = problem.streak().map(|streak| streak.first.symbol_id);
            of_streak.or(candle.map(|candle| candle.symbol_id))
        }
    }
}

/// The range of the finding.
fn times(
    problem: &Problem,
) -> Option<(chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>)> {
    let candle = problem.candles().either();
    match problem {
        Problem::KeyOrder { before, key } => Some((before.tick_time, key.tick_time)),
        Problem::SequenceOrder { before, tick } => Some((before.tick_time, tick.tick_time)),
        Problem::Unreadable { range, .. } => Some((range.start(), range.end())),
        Problem::TickGap { from, to, .. } => Some((*from, *to)),
        _ => {
            let of_streak = problem
                .streak()
                .map(|streak| (streak.first.tick_time, streak.last.tick_time));
            let of_candle = candle.map(|candle| (candle.open_time, candle.close_time()));
            of_streak.or(of_candle)
        }
    }
}
