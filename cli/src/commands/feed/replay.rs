//! `tickbook feed replay`.

use serde::Serialize;
use tickbook::domain::{TimeRange, printable};
use tickbook_feeds::feed::SessionSource;
use tickbook_feeds::session::{BookReport, ReplayReport};

use super::store::{Stored, store};
use crate::Outcome;
use crate::args::FeedReplayArguments;
use crate::opening::{connect, settings};
use crate::report::{print, print_json};
use crate::table::table;

const HEADER: [&str; 8] = [
    "SYMBOL",
    "STATE",
    "UPDATES",
    "CHECKSUMS",
    "FAILED",
    "GAPS",
    "LEVELS",
    "SHA-256",
];

/// The output of `--json`.
#[derive(Debug, Serialize)]
struct Output<'a> {
    venue: &'a str,
    #[serde(flatten)]
    report: &'a ReplayReport,
    /// The stored records, with `--store`.
    #[serde(skip_serializing_if = "Option::is_none")]
    stored: Option<Stored>,
}

pub(super) async fn run(arguments: &FeedReplayArguments) -> anyhow::Result<Outcome> {
    let needs_database = arguments.store || arguments.recorded.is_some();
    let opened = match needs_database {
        true => {
            let config = settings()?;
            let (repositories, pools) = connect(&config).await?;
            Some((config, repositories, pools))
        }
        false => None,
    };
    let (from, to) = (arguments.from, arguments.to);
    let range = TimeRange::new(
        from.unwrap_or(TimeRange::all().start()),
        to.unwrap_or(TimeRange::all().end()),
    )?;
    let source = match (&arguments.recorded, &opened) {
        (Some(source), Some((_, repositories, _))) => SessionSource::Recorded {
            feeds: repositories.feeds.clone(),
            source: source.clone(),
            range,
        },
        _ => SessionSource::Files {
            answers: arguments.http.clone(),
            messages: arguments.files.clone(),
        },
    };
    let survey = source.survey(arguments.venue, arguments.depth).await;
    let survey = survey.map_err(|error| anyhow::anyhow!(error))?;
    let stored = match &opened {
        Some((config, repositories, _)) if arguments.store => {
            Some(store(arguments, source, &survey, config, repositories).await?)
        }
        _ => None,
    };
    let report = survey.into_report();
    match arguments.json {
        true => print_json(&Output {
            venue: arguments.venue.as_str(),
            report: &report,
            stored,
        })?,
        false => {
            print_text(&report)?;
            for line in stored.iter().flat_map(Stored::lines) {
                print(&line)?;
            }
        }
    }
    let is_stored = stored.is_none_or(|stored| stored.is_complete);
    Ok(match report.is_whole() && is_stored {
        true => Outcome::Complete,
        false => Outcome::Incomplete,
    })
}

fn print_text(report: &ReplayReport) -> anyhow::Result<()> {
    let protocol = report.protocol.as_deref().unwrap_or("no protocol");
    let (messages, connections) = (report.messages, report.connections);
    print(&format!(
        "{protocol}: {messages} messages of {connections} connections"
    ))?;
    for (kind, count) in &report.events {
        print(&format!("  {count} {kind}"))?;
    }
    if let Some(session) = &report.session {
        let types = session.types.iter();
        let types: Vec<_> = types
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        print(&printable(&format!("message types: {}", types.join(", "))))?;
        for (event, count) in &session.counts {
            print(&format!("  {count} {event}"))?;
        }
    }
    let instruments = report.instruments;
    if instruments.listed + instruments.refused > 0 {
        let (listed, refused) = (instruments.listed, instruments.refused);
        print(&format!("instruments: {listed} listed, {refused} refused"))?;
    }
    let (verified, failed, gaps) = (report.checksums_ok, report.checksums_failed, report.gaps);
    print(&format!(
        "checksums: {verified} verified, {failed} failed; gaps: {gaps}"
    ))?;
    if !report.books.is_empty() {
        let rows: Vec<_> = report.books.iter().map(row).collect();
        print(&table(HEADER, &rows))?;
    }
    for problem in &report.problems {
        let symbol = problem.symbol.as_deref().unwrap_or("all symbols");
        let place = format!("{}:{}", problem.file, problem.line);
        eprintln!(
            "{}",
            printable(&format!("{place}: {symbol}: {}", problem.detail))
        );
    }
    let unlisted = report.problem_count - report.problems.len() as u64;
    if unlisted > 0 {
        eprintln!("… and {unlisted} more");
    }
    Ok(())
}

fn row((symbol, book): (&String, &BookReport)) -> [String; HEADER.len()] {
    let levels = |sides: [usize; 2]| format!("{}+{}", sides[0], sides[1]);
    let last = book.last.as_ref();
    [
        symbol.clone(),
        book.final_state.clone(),
        book.updates.to_string(),
        book.checksums_ok.to_string(),
        book.checksums_failed.to_string(),
        book.gaps.to_string(),
        last.map_or(String::new(), |last| {
            levels([last.bid_levels, last.ask_levels])
        }),
        last.map_or(String::new(), |last| last.sha256.clone()),
    ]
}
