//! `tickbook import candles`

use std::time::Instant;

use anyhow::{Context as _, bail};
use indicatif::{HumanCount, ProgressBar};
use tickbook::config::Config;
use tickbook::repository::OhlcRepository;
use tickbook::{Clock, Database, Repositories};

use crate::Outcome;
use crate::args::{CandleFormat, ImportCandlesArguments};
use crate::bar_batches::{self, BarBatches};
use crate::importing::{TimesToCome, find_symbol, refuse_twice};
use crate::interruption;
use crate::opening::{connect, patiently, settings};
use crate::progress::bar_of_files;
use crate::report::{CandleSummary, Problems, print, print_json, seconds};

pub(crate) async fn run(
    arguments: &ImportCandlesArguments,
    clock: &Clock,
) -> anyhow::Result<Outcome> {
    let CandleFormat::Lean = arguments.format;
    if !(1..=50).contains(&arguments.source.chars().count()) {
        bail!("--source must have 1 to 50 characters: say where the candles come from");
    }
    refuse_twice(&arguments.files)?;
    bar_batches::check(&arguments.files)?;
    let config = settings()?;
    let opening = async {
        let (repositories, _) = connect(&config).await?;
        let symbols = &*repositories.symbols;
        let symbol_id = find_symbol(symbols, &arguments.symbol, arguments.create_symbol).await?;
        let (allow, now) = (arguments.allow_future, clock.now());
        let times = TimesToCome::refused(&config.quality, symbols, symbol_id, allow, now).await?;
        Ok((repositories, symbol_id, times))
    };
    let opened = interruption::unless_interrupted(opening).await?;
    let (Repositories { ohlc, .. }, symbol_id, times) = opened;
    let progress = bar_of_files(&arguments.files)?;
    let (files, source) = (arguments.files.clone(), arguments.source.clone());
    let size = arguments.batch_size as usize;
    let batches = bar_batches::spawn(files, symbol_id, source, times, size);

    let begun = Instant::now();
    let mut summary = CandleSummary::default();
    let mut problems = Problems::default();
    let storing = Storing {
        config: &config,
        ohlc: &*ohlc,
        progress: &progress,
    };
    let stored = storing.store(batches, &mut summary, &mut problems).await;
    progress.finish_and_clear();
    summary.seconds = seconds(begun.elapsed());
    problems.print();
    if arguments.json {
        print_json(&summary)?;
    } else {
        print(&summary.line())?;
    }
    stored.context("the import ended early: what is counted above is stored; run it again")?;
    Ok(if summary.rejected == 0 {
        Outcome::Complete
    } else {
        Outcome::Incomplete
    })
}

struct Storing<'a> {
    config: &'a Config,
    ohlc: &'a dyn OhlcRepository,
    progress: &'a ProgressBar,
}

impl Storing<'_> {
    async fn store(
        &self,
        (mut batches, thread): BarBatches,
        summary: &mut CandleSummary,
        problems: &mut Problems,
    ) -> anyhow::Result<()> {
        loop {
            // a batch that is being stored is waited for, so that what is counted is what is stored
            let batch = tokio::select! {
                biased;
                signal = interruption::come() => return Err(signal.into()),
                batch = batches.recv() => batch,
            };
            let Some(batch) = batch else { break };
            let batch = batch?;
            let storing = self.ohlc.upsert_candles(&batch.candles);
            summary.stored += patiently(self.config, &[Database::Timeseries], storing).await?;
            summary.read += batch.lines as u64;
            summary.rejected += batch.problems.len() as u64;
            tracing::debug!(candles = batch.candles.len(), "a batch is stored");
            for problem in batch.problems {
                problems.add(|| problem);
            }
            self.progress.set_position(batch.bytes);
            let message = format!("{} lines", HumanCount(summary.read));
            self.progress.set_message(message);
        }
        if thread.join().is_err() {
            bail!("reading ended unexpectedly: report this as a defect of tickbook");
        }
        Ok(())
    }
}
