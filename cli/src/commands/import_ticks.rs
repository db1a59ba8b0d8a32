//! `tickbook import ticks`.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use indicatif::{HumanCount, ProgressBar};
use tickbook::Repositories;
use tickbook::config::Config;
use tickbook::db::DatabasePools;
use tickbook::domain::{Tick, Timeframe};
use tickbook::files::{CsvLayout, LeanRows, QuoteFormat, QuoteOptions};
use tickbook::repository::{InsertReceipt, SymbolRepository, TickRepository};
use tickbook::{Clock, Database};

use crate::Outcome;
use crate::args::{ImportTicksArguments, TimeFormatName};
use crate::importing::{FutureTimes, Owner, refuse_twice};
use crate::interruption;
use crate::lean_files::{self, check_symbol};
use crate::new_owner::NewOwner;
use crate::opening::{connect, patiently, settings};
use crate::progress::bar_of_files;
use crate::quote_batches::{self, QuoteBatch, QuoteBatches, QuoteFiles};
use crate::quote_text::{price_text, volume_text};
use crate::refreshing::refresh;
use crate::report::{Problems, TickSummary, print, print_json, seconds};
use crate::times::time_text;

pub(crate) async fn run(
    arguments: &ImportTicksArguments,
    clock: &Clock,
) -> anyhow::Result<Outcome> {
    let files = QuoteFiles {
        format: arguments.format,
        options: options(arguments)?,
        paths: arguments.files.clone(),
    };
    // reading a file twice would continue the occurrence numbers of the first reading
    refuse_twice(&arguments.files)?;
    let reference = &arguments.symbol;
    let mut survey = lean_files::survey(LeanRows::Quotes, &arguments.lean, reference);
    quote_batches::check(&files, &mut survey)?;
    let config = settings()?;
    let opening = async {
        let (repositories, pools) = connect(&config).await?;
        let symbols = &*repositories.symbols;
        if arguments.format == QuoteFormat::Lean {
            check_symbol(&survey, symbols, reference, &arguments.files).await?;
        }
        let owner = Owner::find(symbols, reference, arguments.create_symbol).await?;
        let (allow, now) = (arguments.allow_future, clock.now());
        let times = FutureTimes::refused(&config.quality, symbols, &owner, allow, now).await?;
        let owner = NewOwner::of(owner, &pools, clock).await?;
        Ok((repositories, pools, owner, times))
    };
    let opened = interruption::unless_interrupted(opening).await?;
    let (Repositories { symbols, ticks, .. }, pools, owner, times) = opened;
    let progress = bar_of_files(&arguments.files)?;
    let size = arguments.batch_size as usize;
    let batches = quote_batches::spawn(files, owner.id(), times, size);

    let begun = Instant::now();
    let mut import = Import::new(config, progress);
    let stored = import.store(batches, owner, &*symbols, &*ticks).await;
    let refreshed = match stored {
        Ok(()) => interruption::unless_interrupted(import.refresh(&pools)).await,
        Err(_) => Ok(()),
    };
    import.progress.finish_and_clear();
    import.summary.seconds = seconds(begun.elapsed());
    import.print_result(arguments.json)?;
    stored.context(
        "the import ended early: the ticks counted above are stored; run it again, \
         and it continues where this one ended",
    )?;
    refreshed.context(
        "all ticks are stored, but candles were not refreshed: reads are correct but slow; \
         run the import again",
    )?;
    let TickSummary {
        conflicts,
        rejected,
        ..
    } = import.summary;
    Ok(if conflicts + rejected == 0 {
        Outcome::Complete
    } else {
        Outcome::Incomplete
    })
}

/// The options of the format; refuses those of other formats.
fn options(arguments: &ImportTicksArguments) -> anyhow::Result<QuoteOptions> {
    if arguments.format != QuoteFormat::Lean {
        arguments.lean.refuse()?;
    }
    let has_layout =
        !arguments.columns.is_empty() || arguments.time_format != TimeFormatName::Rfc3339;
    if arguments.format != QuoteFormat::Csv && has_layout {
        bail!("--column and --time-format require --format csv: use it, or omit them");
    }
    let layout = CsvLayout::default()
        .columns(arguments.columns.iter().cloned().collect())
        .time_format(arguments.time_format.into());
    Ok(QuoteOptions::default()
        .price_scale(lean_files::scale(&arguments.lean))
        .csv_layout(layout))
}

#[derive(Debug)]
struct Import {
    config: Config,
    progress: ProgressBar,
    summary: TickSummary,
    problems: Problems,
    out_of_order: u64,
    /// The days that received new ticks.
    days: BTreeSet<DateTime<Utc>>,
}

impl Import {
    fn new(config: Config, progress: ProgressBar) -> Self {
        Self {
            config,
            progress,
            summary: TickSummary::default(),
            problems: Problems::default(),
            out_of_order: 0,
            days: BTreeSet::new(),
        }
    }

    async fn store(
        &mut self,
        (mut batches, thread): QuoteBatches,
        mut owner: NewOwner,
        symbols: &dyn SymbolRepository,
        ticks: &dyn TickRepository,
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
            let receipt = match owner.refused(&batch.ticks) {
                Some(receipt) => receipt,
                None => {
                    let id = owner.find_or_create(symbols).await?;
                    batch.ticks.iter_mut().for_each(|it| it.symbol_id = id);
                    let inserting = ticks.insert_batch(&batch.ticks);
                    patiently(&self.config, &[Database::Timeseries], inserting).await?
                }
            };
            self.count(&batch, &receipt);
            tracing::debug!(
                ticks = batch.ticks.len(),
                inserted = receipt.inserted,
                last = batch.origins.last().map(ToString::to_string),
                "stored a batch"
            );
            let times = batch.ticks.iter().map(|tick| tick.tick_time);
            self.days
                .extend(times.map(|time| Timeframe::D1.bucket_start(time)));
            self.progress.set_position(batch.bytes);
            let message = format!("{} ticks", HumanCount(self.summary.read));
            self.progress.set_message(message);
        }
        if thread.join().is_err() {
            bail!("reading ended unexpectedly: report this as a defect of tickbook");
        }
        Ok(())
    }

    /// Refreshes the candles of the days that received ticks, if they are in continuous aggregates.
    async fn refresh(&mut self, pools: &DatabasePools) -> anyhow::Result<()> {
        let days = std::mem::take(&mut self.days);
        if !days.is_empty() {
            self.progress.set_message("refreshing candles");
            tracing::info!(days = days.len(), "refreshing candles");
            refresh(pools, days).await?;
        }
        Ok(())
    }

    fn count(&mut self, batch: &QuoteBatch, receipt: &InsertReceipt) {
        let summary = &mut self.summary;
        summary.read += (batch.ticks.len() + batch.errors.len()) as u64;
        summary.inserted += receipt.inserted;
        summary.duplicates += receipt.duplicates;
        summary.conflicts += receipt.conflicts.len() as u64;
        summary.rejected += (receipt.rejected.len() + batch.errors.len()) as u64;
        summary.crossed += batch.ticks.iter().filter(|tick| tick.is_crossed()).count() as u64;
        self.out_of_order += batch.out_of_order;
        for error in &batch.errors {
            self.problems.add(|| error.to_string());
        }
        for rejected in &receipt.rejected {
            self.problems
                .add(|| format!("{}: {}", place(batch, &rejected.row), rejected.reason));
        }
        for conflict in &receipt.conflicts {
            self.problems.add(|| {
                format!(
                    "{}: conflict: {} sequence {} is stored with {}, not {}: the stored tick is unchanged",
                    place(batch, &conflict.refused),
                    time_text(conflict.stored.tick_time),
                    conflict.stored.sequence,
                    content(&conflict.stored),
                    content(&conflict.refused)
                )
            });
        }
    }

    fn print_result(&self, json: bool) -> anyhow::Result<()> {
        self.problems.print();
        if self.out_of_order > 0 {
            eprintln!(
                "note: {} ticks are older than the previous tick; make sure that the file is in the order \
                 of arrival: it decides which tick of one instant is the first and which the last",
                self.out_of_order
            );
        }
        if json {
            print_json(&self.summary)
        } else {
            print(&self.summary.line())
        }
    }
}

/// The place of `tick` in `batch`, which contains it.
fn place(batch: &QuoteBatch, tick: &Tick) -> String {
    // the last match: of several ticks of one key the first was stored
    match batch.ticks.iter().rposition(|other| other == tick) {
        Some(index) => batch.origins[index].to_string(),
        None => format!("{} sequence {}", tick.tick_time, tick.sequence),
    }
}

fn content(tick: &Tick) -> String {
    let Tick {
        bid_price,
        ask_price,
        bid_volume,
        ask_volume,
        ..
    } = tick;
    let (bid_price, ask_price) = (price_text(*bid_price), price_text(*ask_price));
    let (bid_volume, ask_volume) = (volume_text(*bid_volume), volume_text(*ask_volume));
    format!("bid {bid_price} ({bid_volume}) ask {ask_price} ({ask_volume})")
}
