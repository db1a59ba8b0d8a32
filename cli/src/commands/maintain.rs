//! `tickbook maintain`.

use serde::Serialize;
use tickbook::Database;
use tickbook::db::DatabasePools;
use tickbook::postgres::{BlockedChunk, MaintenanceReport, MaintenanceState, maintain};

use crate::Outcome;
use crate::args::MaintainArguments;
use crate::opening::{patiently, settings};
use crate::report::{print, print_json};
use crate::times::time_text;

pub(crate) async fn run(arguments: &MaintainArguments) -> anyhow::Result<Outcome> {
    let config = settings()?;
    let db = DatabasePools::new(&config.database).timeseries();
    let report = patiently(&config, &[Database::Timeseries], maintain(&db)).await?;
    if arguments.json {
        print_json(&ReportJson::new(&report))?;
    } else {
        print(&describe(&report))?;
    }
    Ok(
        if report.state == MaintenanceState::Busy
            || !report.left.is_empty()
            || !report.blocked.is_empty()
        {
            Outcome::Incomplete
        } else {
            Outcome::Complete
        },
    )
}

fn describe(report: &MaintenanceReport) -> String {
    match report.state {
        MaintenanceState::NotApplied => {
            "nothing to do: policies have never been applied, see `tickbook policies plan`"
                .to_owned()
        }
        MaintenanceState::Busy => "another process is already running maintenance".to_owned(),
        MaintenanceState::Done => describe_done(report),
    }
}

fn describe_done(report: &MaintenanceReport) -> String {
    let mut lines = vec![format!(
        "refreshed {} windows, downsampled {} candles, dropped {} chunks of ticks, {} of trades, {} of \
         candles and {} of order books; {} days wait for a refresh",
        report.refreshed.len(),
        report.downsampled,
        report.dropped_ticks,
        report.dropped_trades,
        report.dropped_candles,
        report.dropped_books,
        report.backlog.days
    )];
    let left = report.left.iter();
    lines.extend(left.map(|it| format!("  {} is not dropped yet: {}", it.chunk, it.reason)));
    lines.extend(report.blocked.iter().map(BlockedChunk::to_string));
    lines.join("\n")
}

#[derive(Debug, Serialize)]
struct ReportJson {
    /// `done`, `not_applied` or `busy`.
    state: &'static str,
    refreshed: Vec<WindowJson>,
    downsampled: u64,
    dropped_tick_chunks: u64,
    dropped_trade_chunks: u64,
    dropped_candle_chunks: u64,
    dropped_book_chunks: u64,
    left: Vec<LeftJson>,
    blocked: Vec<BlockedJson>,
    backlog_days: u64,
}

#[derive(Debug, Serialize)]
struct LeftJson {
    chunk: String,
    reason: String,
}

#[derive(Debug, Serialize)]
struct BlockedJson {
    chunk: String,
    from: String,
    to: String,
    /// Number of later chunks that wait for it.
    waiting: u64,
    reason: String,
}

impl BlockedJson {
    fn new(blocked: &BlockedChunk) -> Self {
        Self {
            chunk: blocked.chunk.clone(),
            from: time_text(blocked.from),
            to: time_text(blocked.to),
            waiting: blocked.waiting,
            reason: blocked.reason.clone(),
        }
    }
}

#[derive(Debug, Serialize)]
struct WindowJson {
    timeframe: &'static str,
    from: String,
    to: String,
}

impl ReportJson {
    fn new(report: &MaintenanceReport) -> Self {
        Self {
            state: match report.state {
                MaintenanceState::Done => "done",
                MaintenanceState::NotApplied => "not_applied",
                MaintenanceState::Busy => "busy",
            },
            refreshed: report
                .refreshed
                .iter()
                .map(|window| WindowJson {
                    timeframe: window.timeframe.as_str(),
                    from: time_text(window.range.start()),
                    to: time_text(window.range.end()),
                })
                .collect(),
            downsampled: report.downsampled,
            dropped_tick_chunks: report.dropped_ticks,
            dropped_trade_chunks: report.dropped_trades,
            dropped_candle_chunks: report.dropped_candles,
            dropped_book_chunks: report.dropped_books,
            left: report
                .left
                .iter()
                .map(|it| LeftJson {
                    chunk: it.chunk.clone(),
                    reason: it.reason.clone(),
                })
                .collect(),
            blocked: report.blocked.iter().map(BlockedJson::new).collect(),
            backlog_days: report.backlog.days,
        }
    }
}
