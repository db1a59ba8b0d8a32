//! `tickbook import candles`

use std::time::Instant;

use anyhow::{Context as _, bail};
use chrono::Utc;
use tickbook::Repositories;
use tickbook::config::Config;
use tickbook::repository::OhlcRepository;

use crate::Outcome;
use crate::args::{CandleFormat, ImportCandlesArguments};
use crate::bar_batches::{self, BarBatches};
use crate::importing::{TimesToCome, find_symbol, progress, refuse_twice};
use crate::report::{CandleSummary, Problems, print, print_json, seconds};

pub(crate) async fn run(arguments: &ImportCandlesArguments) -> anyhow::Result<Outcome> {
    let CandleFormat::Lean = arguments.format;
    if !(1..=50).contains(&arguments.source.chars().count()) {
        bail!("--source must have 1 to 50 characters: say where the candles come from");
    }
    refuse_twice(&arguments.files)?;
    bar_batches::check(&arguments.files)?;
    let config = Config::load()?;
    let (repositories, _) = Repositories::connect(&config).await?;
    let Repositories { symbols, ohlc, .. } = repositories;
    let symbol_id = find_symbol(&*symbols, &arguments.symbol, arguments.create_symbol).await?;
    let (allow, now) = (arguments.allow_future, Utc::now());
    let times = TimesToCome::refused(&config.quality, &*symbols, symbol_id, allow, now).await?;
    let (files, source) = (arguments.files.clone(), arguments.source.clone());
    let size = arguments.batch_size as usize;
    let batches = bar_batches::spawn(files, symbol_id, source, times, size);

    let begun = Instant::now();
    let mut summary = CandleSummary::default();
    let mut problems = Problems::default();
    let stored = store(batches, &*ohlc, &mut summary, &mut problems).await;
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

async fn store(
    (mut batches, thread): BarBatches,
    ohlc: &dyn OhlcRepository,
    summary: &mut CandleSummary,
    problems: &mut Problems,
) -> anyhow::Result<()> {
    let progress = progress("lines");
    while let Some(batch) = batches.recv().await {
        let batch = batch?;
        summary.stored += ohlc.upsert_candles(&batch.candles).await?;
        summary.read += batch.lines as u64;
        summary.rejected += batch.problems.len() as u64;
        for problem in batch.problems {
            problems.add(|| problem);
        }
        progress.set_position(summary.read);
    }
    progress.finish_and_clear();
    if thread.join().is_err() {
        bail!("reading ended unexpectedly: report this as a defect of tickbook");
    }
    Ok(())
}
