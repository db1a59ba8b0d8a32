//! `tickbook import candles`.

use std::time::Instant;

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use indicatif::{HumanCount, ProgressBar};
use tickbook::config::Config;
use tickbook::files::LeanRows;
use tickbook::repository::{OhlcRepository, SymbolRepository, may_get_ticks};
use tickbook::{Clock, Database, Repositories};

use crate::Outcome;
use crate::args::{CandleFormat, ImportCandlesArguments};
use crate::bar_batches::{self, BarBatches, BarFormat};
use crate::candle_rows::is_reserved;
use crate::importing::{FutureTimes, Owner, refuse_twice};
use crate::interruption;
use crate::lean_files::{self, check_symbol};
use crate::opening::{connect, patiently, settings};
use crate::progress::bar_of_files;
use crate::report::{CandleSummary, Problems, print, print_json, seconds};

pub(crate) async fn run(
    arguments: &ImportCandlesArguments,
    clock: &Clock,
) -> anyhow::Result<Outcome> {
    let format = format(arguments)?;
    refuse_twice(&arguments.files)?;
    let reference = &arguments.symbol;
    let mut survey = lean_files::survey(LeanRows::MinuteBars, &arguments.lean, reference);
    bar_batches::check(&arguments.files, format, &mut survey)?;
    let config = settings()?;
    let opening = async {
        let (repositories, _) = connect(&config).await?;
        let symbols = &*repositories.symbols;
        if let BarFormat::Lean(_) = format {
            check_symbol(&survey, symbols, reference, &arguments.files).await?;
        }
        let owner = Owner::find(symbols, reference, arguments.create_symbol).await?;
        let (allow, now) = (arguments.allow_future, clock.now());
        let times = FutureTimes::refused(&config.quality, symbols, &owner, allow, now).await?;
        Ok((repositories, owner, times))
    };
    let opened = interruption::unless_interrupted(opening).await?;
    let (Repositories { symbols, ohlc, .. }, owner, times) = opened;
    let progress = bar_of_files(&arguments.files)?;
    let (files, source) = (arguments.files.clone(), arguments.source.clone());
    let size = arguments.batch_size as usize;
    let batches = bar_batches::spawn(files, format, owner.id(), source, times, size);

    let begun = Instant::now();
    let mut notes = ImportNotes::default();
    let mut storing = Storing {
        config: &config,
        symbols: &*symbols,
        owner,
        ohlc: &*ohlc,
        now: clock.now(),
        progress: &progress,
    };
    let stored = storing.store(batches, &mut notes).await;
    progress.finish_and_clear();
    notes.summary.seconds = seconds(begun.elapsed());
    notes.print_result(arguments.json)?;
    stored.context("the import ended early: the candles counted above are stored; run it again")?;
    Ok(if notes.summary.rejected == 0 {
        Outcome::Complete
    } else {
        Outcome::Incomplete
    })
}

fn format(arguments: &ImportCandlesArguments) -> anyhow::Result<BarFormat> {
    if let Some(source) = &arguments.source {
        // exports have one line for each candle, and values are read without surrounding spaces
        let is_text = source.trim() == source && !source.contains(char::is_control);
        if !is_text || !(1..=50).contains(&source.chars().count()) {
            bail!(
                "--source must have 1 to 50 printable characters without surrounding spaces: name \
                 the origin of the candles"
            );
        }
        if is_reserved(source) {
            bail!(
                "--source {source} is reserved for candles computed from ticks, which \
                 replace them: choose another name; to restore an export, use --format csv and \
                 omit --source"
            );
        }
    }
    match arguments.format {
        CandleFormat::Lean => Ok(BarFormat::Lean(lean_files::scale(&arguments.lean))),
        CandleFormat::Csv => {
            arguments.lean.refuse()?;
            Ok(BarFormat::Csv)
        }
    }
}

/// The results of the lines.
#[derive(Debug, Default)]
struct ImportNotes {
    summary: CandleSummary,
    problems: Problems,
    filled: u64,
    derived: u64,
    /// Candles computed from ticks, skipped because ticks or other candles of their time are stored.
    known: u64,
    /// Candles computed from ticks, rejected because ticks may still arrive.
    recent: u64,
}

impl ImportNotes {
    fn print_result(&self, json: bool) -> anyhow::Result<()> {
        self.problems.print();
        for (count, what) in [
            (
                self.filled,
                "lines are placeholders of buckets without ticks, and are skipped",
            ),
            (
                self.derived,
                "candles were computed from ticks or smaller candles, and are computed again: \
                 import those, or give --source to store these as they are",
            ),
            (
                self.known,
                "candles computed from ticks are not stored, because ticks or candles of their \
                 time are stored",
            ),
            (
                self.recent,
                "candles computed from ticks are rejected, because they closed less than two hours \
                 ago: import their ticks, or these candles later",
            ),
        ] {
            if count > 0 {
                eprintln!("note: {count} {what}");
            }
        }
        if json {
            print_json(&self.summary)
        } else {
            print(&self.summary.line())
        }
    }
}

struct Storing<'a> {
    config: &'a Config,
    symbols: &'a dyn SymbolRepository,
    owner: Owner,
    ohlc: &'a dyn OhlcRepository,
    /// The start time of the import.
    now: DateTime<Utc>,
    progress: &'a ProgressBar,
}

impl Storing<'_> {
    async fn store(
        &mut self,
        (mut batches, thread): BarBatches,
        notes: &mut ImportNotes,
    ) -> anyhow::Result<()> {
        loop {
            // wait for a batch that is being stored, so that the counts match the database
            let batch = tokio::select! {
                biased;
                signal = interruption::interrupted() => return Err(signal.into()),
                batch = batches.recv() => batch,
            };
            let Some(batch) = batch else { break };
            let mut batch = batch?;
            // a new symbol has no ticks at their time, and is not created for rejected rows
            let (is_new, now) = (self.owner.is_new(), self.now);
            let recent = batch
                .restored
                .extract_if(.., |it| is_new && may_get_ticks(it, now));
            let recent = recent.count() as u64;
            if !batch.candles.is_empty() || !batch.restored.is_empty() {
                let id = self.owner.find_or_create(self.symbols).await?;
                let candles = batch.candles.iter_mut().chain(&mut batch.restored);
                candles.for_each(|it| it.symbol_id = id);
            }
            let storing = self.ohlc.upsert_candles(&batch.candles);
            let upserted = patiently(self.config, &[Database::Timeseries], storing).await?;
            notes.summary.stored += upserted;
            let restoring = self.ohlc.restore_candles(&batch.restored);
            let restored = patiently(self.config, &[Database::Timeseries], restoring).await?;
            let recent = recent + restored.recent;
            notes.known += restored.known;
            notes.recent += recent;
            notes.filled += batch.filled;
            notes.derived += batch.derived;
            let summary = &mut notes.summary;
            summary.stored += restored.stored;
            summary.skipped = notes.filled + notes.derived + notes.known;
            summary.read += batch.lines as u64;
            summary.rejected += batch.problems.len() as u64 + recent;
            let stored = upserted + restored.stored;
            tracing::debug!(candles = stored, "stored a batch");
            for problem in batch.problems {
                notes.problems.add(|| problem);
            }
            self.progress.set_position(batch.bytes);
            let message = format!("{} lines", HumanCount(notes.summary.read));
            self.progress.set_message(message);
        }
        if thread.join().is_err() {
            bail!("reading ended unexpectedly: report this as a defect of tickbook");
        }
        Ok(())
    }
}
