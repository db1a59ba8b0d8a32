//! `tickbook ledger import`.

use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use serde::Serialize;
use tickbook::repository::SymbolRepository;
use tickbook_ledger::LedgerRepositories;
use tickbook_ledger::domain::{AccountId, OrderEvent};

use super::{find_account, scope, statements};
use crate::Outcome;
use crate::args::{ImportLedgerArguments, LedgerFormat};
use crate::importing::refuse_twice;
use crate::report::{Problems, print, print_json, seconds};

/// The largest number of events of one transaction.
const BATCH: usize = 10_000;

/// An event of a file, and its line.
pub(super) struct LineEvent {
    pub(super) line: u64,
    pub(super) event: OrderEvent,
}

/// The events of a file, and the lines that have none.
#[derive(Default)]
pub(super) struct FileEvents {
    pub(super) events: Vec<LineEvent>,
    /// Each with its line.
    pub(super) bad_lines: Vec<(u64, String)>,
}

/// The result of an import.
///
/// `appended + duplicates + conflicts + refused + bad_lines` equals `read`, unless nothing was booked.
#[derive(Debug, Default, Serialize)]
struct Summary {
    read: u64,
    appended: u64,
    duplicates: u64,
    conflicts: u64,
    refused: u64,
    bad_lines: u64,
    /// Whether events were booked, if there were any.
    is_booked: bool,
    seconds: f64,
}

impl Summary {
    fn line(&self) -> String {
        let Self {
            read,
            appended,
            duplicates,
            conflicts,
            refused,
            bad_lines,
            seconds,
            ..
        } = self;
        format!(
            "read {read}, appended {appended}, duplicates {duplicates}, conflicts {conflicts}, refused \
             {refused}, bad lines {bad_lines} in {seconds:.1} s"
        )
    }

    fn outcome(&self) -> Outcome {
        match self.conflicts + self.refused + self.bad_lines {
            0 => Outcome::Complete,
            _ => Outcome::Incomplete,
        }
    }
}

pub(super) async fn run(
    ledger: &LedgerRepositories,
    symbols: &dyn SymbolRepository,
    arguments: &ImportLedgerArguments,
) -> anyhow::Result<Outcome> {
    let begun = Instant::now();
    refuse_twice(&arguments.files)?;
    let account = find_account(&*ledger.accounts, &arguments.account).await?;
    let (mut summary, mut problems) = (Summary::default(), Problems::default());
    let mut files = Vec::new();
    for path in &arguments.files {
        let file = match arguments.format {
            LedgerFormat::Jsonl => json_lines(path),
            LedgerFormat::Csv => statements::read(path, &arguments.statement, symbols).await,
        };
        let file = file.with_context(|| path.display().to_string())?;
        let bad_lines = file.bad_lines.len() as u64;
        (summary.read, summary.bad_lines) = (
            summary.read + file.events.len() as u64 + bad_lines,
            summary.bad_lines + bad_lines,
        );
        for (line, reason) in &file.bad_lines {
            problems.add(|| format!("{}: line {line}: {reason}", path.display()));
        }
        files.push((path, file.events));
    }
    summary.is_booked = !arguments.dry_run && (summary.bad_lines == 0 || arguments.skip_bad_lines);
    let mut booked = Ok(());
    if summary.is_booked {
        let mut booking = Booking {
            ledger,
            account_id: account.account_id,
            summary: &mut summary,
            problems: &mut problems,
        };
        for (path, events) in &files {
            booked = booking.book(path, events).await;
            if booked.is_err() {
                break;
            }
        }
    }
    summary.seconds = seconds(begun.elapsed());
    problems.print();
    if !arguments.dry_run && !summary.is_booked {
        eprintln!("nothing was booked: correct the bad lines, or give --skip-bad-lines");
    }
    match arguments.json {
        true => print_json(&summary)?,
        false => print(&summary.line())?,
    }
    booked.context("the import ended early: the events counted above are booked; run it again")?;
    Ok(summary.outcome())
}

/// Books the events of files.
struct Booking<'a> {
    ledger: &'a LedgerRepositories,
    account_id: AccountId,
    summary: &'a mut Summary,
    problems: &'a mut Problems,
}

impl Booking<'_> {
    async fn book(&mut self, path: &Path, lines: &[LineEvent]) -> anyhow::Result<()> {
        for batch in lines.chunks(BATCH) {
            let events: Vec<_> = batch.iter().map(|it| it.event.clone()).collect();
            let (ledger, scope) = (&self.ledger.ledger, scope());
            let receipt = ledger
                .append(&scope, self.account_id, &events, None)
                .await?;
            let summary = &mut *self.summary;
            summary.appended += receipt.appended.len() as u64;
            summary.duplicates += receipt.duplicates.len() as u64;
            summary.conflicts += receipt.conflicts.len() as u64;
            summary.refused += receipt.quarantined.len() as u64;
            let place = |index: usize| {
                let line = batch.get(index).map_or(0, |it| it.line);
                format!("{}: line {line}", path.display())
            };
            for conflict in &receipt.conflicts {
                self.problems.add(|| {
                    let first = conflict.first;
                    format!(
                        "{}: event {first} has the same id and other content",
                        place(conflict.index)
                    )
                });
            }
            for refused in &receipt.quarantined {
                self.problems
                    .add(|| format!("{}: {}", place(refused.index), refused.reason));
            }
        }
        Ok(())
    }
}

/// Reads one event in each line that is not blank.
fn json_lines(path: &Path) -> anyhow::Result<FileEvents> {
    let text = std::fs::read(path).context("cannot be read")?;
    let mut file = FileEvents::default();
    for (line, text) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        if text.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice(text) {
            Ok(event) => file.events.push(LineEvent { line, event }),
            Err(error) => file.bad_lines.push((line, error.to_string())),
        }
    }
    Ok(file)
}
