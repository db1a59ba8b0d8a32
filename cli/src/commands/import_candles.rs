//! `tickbook import candles`

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
use crate::importing::{Owner, TimesToCome, refuse_twice};
use crate::interruption;
use crate::lean_files::{self, look_at_symbol};
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
            look_at_symbol(&survey, symbols, reference, &arguments.files).await?;
        }
        let owner = Owner::find(symbols, reference, arguments.create_symbol).await?;
        let (allow, now) = (arguments.allow_future, clock.now());
        let times = TimesToCome::refused(&config.quality, symbols, &owner, allow, now).await?;
        Ok((repositories, owner, times))
    };
    let opened = interruption::unless_interrupted(opening).await?;
    let (Repositories { symbols, ohlc, .. }, owner, times) = opened;
    let progress = bar_of_files(&arguments.files)?;
    let (files, source) = (arguments.files.clone(), arguments.source.clone());
    let size = arguments.batch_size as usize;
    let batches = bar_batches::spawn(files, format, owner.id(), source, times, size);

    let begun = Instant::now();
    let mut told = Told::default();
    let mut storing = Storing {
        config: &config,
        symbols: &*symbols,
        owner,
        ohlc: &*ohlc,
        now: clock.now(),
        progress: &progress,
    };
    let stored = storing.store(batches, &mut told).await;
    progress.finish_and_clear();
    told.summary.seconds = seconds(begun.elapsed());
    told.tell(arguments.json)?;
    stored.context("the import ended early: what is counted above is stored; run it again")?;
    Ok(if told.summary.rejected == 0 {
        Outcome::Complete
    } else {
        Outcome::Incomplete
    })
}

fn format(arguments: &ImportCandlesArguments) -> anyhow::Result<BarFormat> {
    if let Some(source) = &arguments.source {
        // exports have one line for each candle, and columns are read without spaces around them
        let is_text = source.trim() == source && !source.contains(char::is_control);
        if !is_text || !(1..=50).contains(&source.chars().count()) {
            bail!(
                "--source must have 1 to 50 printable characters, without spaces around them: say \
                 where the candles come from"
            );
        }
        if is_reserved(source) {
            bail!(
                "--source {source} is kept for candles that are made or kept of ticks, which \
                 replace them: choose another name; to bring an export back, use --format csv and \
                 leave --source out"
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

/// What became of the lines.
#[derive(Debug, Default)]
struct Told {
    summary: CandleSummary,
    problems: Problems,
    filled: u64,
    derived: u64,
    /// Candles of ticks, where there are ticks or other candles.
    known: u64,
    /// Candles of ticks that may still come.
    recent: u64,
}

impl Told {
    fn tell(&self, json: bool) -> anyhow::Result<()> {
        self.problems.print();
        for (count, what) in [
            (self.filled, "lines stand for gaps, which have no candle"),
            (
                self.derived,
                "candles were made of ticks or of smaller candles, and are made of them again: \
                 import those, or say --source to store these as they are",
            ),
            (
                self.known,
                "candles that were made of ticks are not stored, since ticks or candles of their \
                 time are",
            ),
            (
                self.recent,
                "candles that were made of ticks are rejected, since they closed less than two hours \
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
    /// When the import began.
    now: DateTime<Utc>,
    progress: &'a ProgressBar,
}

impl Storing<'_> {
    async fn store(
        &mut self,
        (mut batches, thread): BarBatches,
        told: &mut Told,
    ) -> anyhow::Result<()> {
        loop {
            // a batch that is being stored is waited for, so that what is counted is what is stored
            let batch = tokio::select! {
                biased;
                signal = interruption::come() => return Err(signal.into()),
                batch = batches.recv() => batch,
            };
            let Some(batch) = batch else { break };
            let mut batch = batch?;
            // a symbol that is not there has no ticks of them, and is not made for their sake
            let (is_new, now) = (self.owner.is_new(), self.now);
            let recent = batch
                .kept
                .extract_if(.., |it| is_new && may_get_ticks(it, now));
            let recent = recent.count() as u64;
            if !batch.candles.is_empty() || !batch.kept.is_empty() {
                let id = self.owner.made(self.symbols).await?;
                let candles = batch.candles.iter_mut().chain(&mut batch.kept);
                candles.for_each(|it| it.symbol_id = id);
            }
            let storing = self.ohlc.upsert_candles(&batch.candles);
            let upserted = patiently(self.config, &[Database::Timeseries], storing).await?;
            told.summary.stored += upserted;
            let restoring = self.ohlc.restore_candles(&batch.kept);
            let restored = patiently(self.config, &[Database::Timeseries], restoring).await?;
            let recent = recent + restored.recent;
            told.known += restored.known;
            told.recent += recent;
            told.filled += batch.filled;
            told.derived += batch.derived;
            let summary = &mut told.summary;
            summary.stored += restored.stored;
            summary.skipped = told.filled + told.derived + told.known;
            summary.read += batch.lines as u64;
            summary.rejected += batch.problems.len() as u64 + recent;
            let stored = upserted + restored.stored;
            tracing::debug!(candles = stored, "a batch is stored");
            for problem in batch.problems {
                told.problems.add(|| problem);
            }
            self.progress.set_position(batch.bytes);
            let message = format!("{} lines", HumanCount(told.summary.read));
            self.progress.set_message(message);
        }
        if thread.join().is_err() {
            bail!("reading ended unexpectedly: report this as a defect of tickbook");
        }
        Ok(())
    }
}
