//! `tickbook import ticks` and `tickbook import trades`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use indicatif::{HumanCount, ProgressBar};
use tickbook::Repositories;
use tickbook::config::Config;
use tickbook::db::DatabasePools;
use tickbook::domain::{AggressorSide, MarketEvent, Tick, Timeframe, Trade};
use tickbook::files::{CsvLayout, FileTrade, LeanRow, LeanRows, Quote, RowFormat, RowOptions};
use tickbook::ingest::{Record, RecordStore, RepositoryRecord, StoreReceipt};
use tickbook::postgres::AppliedPolicies;
use tickbook::repository::SymbolRepository;
use tickbook::retention::RetentionFloor;
use tickbook::{Clock, Database};

use crate::Outcome;
use crate::args::{ImportRowsArguments, TimeFormatName};
use crate::importing::{FutureTimes, Owner, refuse_twice};
use crate::interruption;
use crate::lean_files::{self, check_symbol};
use crate::new_owner::NewOwner;
use crate::opening::{connect, patiently, settings};
use crate::progress::bar_of_files;
use crate::quote_text::{price_text, volume_text};
use crate::refreshing::refresh;
use crate::report::{Problems, RowSummary, print, print_json, seconds};
use crate::row_batches::{self, RowBatch, RowBatches, RowFiles};
use crate::times::time_text;

/// A row whose event a repository stores.
pub(crate) trait ImportedRow: LeanRow<Event: RepositoryRecord> {
    const LEAN: LeanRows;

    fn store(repositories: &Repositories) -> Arc<dyn RecordStore<Self::Event>>;

    /// The age limit of the rows of the table.
    fn floor(applied: &AppliedPolicies) -> RetentionFloor;

    /// The content of an event in the description of a conflict.
    fn content(event: &Self::Event) -> String;

    /// The number of crossed events; `None` if the events have no bid and ask.
    fn crossed(events: &[Self::Event]) -> Option<u64>;
}

impl ImportedRow for Quote {
    const LEAN: LeanRows = LeanRows::Quotes;

    fn store(repositories: &Repositories) -> Arc<dyn RecordStore<Tick>> {
        Tick::store(Arc::clone(&repositories.ticks))
    }

    fn floor(applied: &AppliedPolicies) -> RetentionFloor {
        applied.floor
    }

    fn content(tick: &Tick) -> String {
        let (bid_price, ask_price) = (price_text(tick.bid_price), price_text(tick.ask_price));
        let (bid_volume, ask_volume) = (volume_text(tick.bid_volume), volume_text(tick.ask_volume));
        format!("bid {bid_price} ({bid_volume}) ask {ask_price} ({ask_volume})")
    }

    fn crossed(ticks: &[Tick]) -> Option<u64> {
        Some(ticks.iter().filter(|tick| tick.is_crossed()).count() as u64)
    }
}

impl ImportedRow for FileTrade {
    const LEAN: LeanRows = LeanRows::Trades;

    fn store(repositories: &Repositories) -> Arc<dyn RecordStore<Trade>> {
        Trade::store(Arc::clone(&repositories.trades))
    }

    fn floor(applied: &AppliedPolicies) -> RetentionFloor {
        applied.trades
    }

    fn content(trade: &Trade) -> String {
        let side = trade.aggressor_side;
        let side = side.map_or("of an unknown side", AggressorSide::as_str);
        let block = if trade.is_block { " block" } else { "" };
        let id = trade.trade_id.as_ref();
        let id = id.map_or(String::new(), |id| format!(" trade_id {id}"));
        format!("{} at {} {side}{block}{id}", trade.quantity, trade.price)
    }

    fn crossed(_: &[Trade]) -> Option<u64> {
        None
    }
}

pub(crate) async fn run<R: ImportedRow>(
    arguments: &ImportRowsArguments,
    columns: BTreeMap<R::Column, String>,
    clock: &Clock,
) -> anyhow::Result<Outcome> {
    let files = RowFiles::<R> {
        format: arguments.format,
        options: options::<R>(arguments, columns)?,
        paths: arguments.files.clone(),
    };
    // reading a file twice would continue the occurrence numbers of the first reading
    refuse_twice(&arguments.files)?;
    let reference = &arguments.symbol;
    let mut survey = lean_files::survey(R::LEAN, &arguments.lean, reference);
    row_batches::check(&files, &mut survey)?;
    let config = settings()?;
    let opening = async {
        let (repositories, pools) = connect(&config).await?;
        let symbols = &*repositories.symbols;
        if arguments.format == RowFormat::Lean {
            check_symbol(&survey, symbols, reference, &arguments.files).await?;
        }
        let owner = Owner::find(symbols, reference, arguments.create_symbol).await?;
        let (allow, now) = (arguments.allow_future, clock.now());
        let times = FutureTimes::refused(&config.quality, symbols, &owner, allow, now).await?;
        let owner = NewOwner::of(owner, R::floor, &pools, clock).await?;
        Ok((repositories, pools, owner, times))
    };
    let opened = interruption::unless_interrupted(opening).await?;
    let (repositories, pools, owner, times) = opened;
    let progress = bar_of_files(&arguments.files)?;
    let size = arguments.batch_size as usize;
    let batches = row_batches::spawn(files, owner.id(), times, size);

    let begun = Instant::now();
    let mut import = Import::<R>::new(config, progress, R::store(&repositories));
    let stored = import.store(batches, owner, &*repositories.symbols).await;
    let refreshed = match stored {
        Ok(()) => interruption::unless_interrupted(import.refresh(&pools)).await,
        Err(_) => Ok(()),
    };
    import.progress.finish_and_clear();
    import.summary.seconds = seconds(begun.elapsed());
    import.print_result(arguments.json)?;
    let names = R::Event::NAMES;
    stored.with_context(|| {
        format!(
            "the import ended early: the {names} counted above are stored; run it again, and it continues \
             where this one ended"
        )
    })?;
    refreshed.with_context(|| {
        format!(
            "all {names} are stored, but candles were not refreshed: reads are correct but slow; run the \
             import again"
        )
    })?;
    let RowSummary {
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

/// The options of the format; refuses options of other formats.
fn options<R: ImportedRow>(
    arguments: &ImportRowsArguments,
    columns: BTreeMap<R::Column, String>,
) -> anyhow::Result<RowOptions<R::Column>> {
    if arguments.format != RowFormat::Lean {
        arguments.lean.refuse()?;
    }
    let has_layout = !columns.is_empty() || arguments.time_format != TimeFormatName::Rfc3339;
    if arguments.format != RowFormat::Csv && has_layout {
        bail!("--column and --time-format require --format csv: use it, or omit them");
    }
    let layout = CsvLayout::default()
        .columns(columns)
        .time_format(arguments.time_format.into());
    Ok(RowOptions::default()
        .price_scale(lean_files::scale(&arguments.lean))
        .csv_layout(layout))
}

#[derive(Debug)]
struct Import<R: ImportedRow> {
    config: Config,
    progress: ProgressBar,
    store: Arc<dyn RecordStore<R::Event>>,
    summary: RowSummary,
    problems: Problems,
    out_of_order: u64,
    /// The days that received new events.
    days: BTreeSet<DateTime<Utc>>,
}

impl<R: ImportedRow> Import<R> {
    fn new(config: Config, progress: ProgressBar, store: Arc<dyn RecordStore<R::Event>>) -> Self {
        Self {
            config,
            progress,
            store,
            summary: RowSummary {
                crossed: R::crossed(&[]),
                ..RowSummary::default()
            },
            problems: Problems::default(),
            out_of_order: 0,
            days: BTreeSet::new(),
        }
    }

    async fn store(
        &mut self,
        (mut batches, thread): RowBatches<R::Event>,
        mut owner: NewOwner,
        symbols: &dyn SymbolRepository,
    ) -> anyhow::Result<()> {
        let store = Arc::clone(&self.store);
        loop {
            // wait for a batch that is being stored, so that the counts match the database
            let batch = tokio::select! {
                biased;
                signal = interruption::interrupted() => return Err(signal.into()),
                batch = batches.recv() => batch,
            };
            let Some(batch) = batch else { break };
            let mut batch = batch?;
            let receipt = match owner.refused(&batch.events) {
                Some(receipt) => receipt,
                None => {
                    let id = owner.find_or_create(symbols).await?;
                    for event in &mut batch.events {
                        event.set_symbol_id(id);
                    }
                    let inserting = store.insert_batch(&batch.events);
                    patiently(&self.config, &[Database::Timeseries], inserting).await?
                }
            };
            self.count(&batch, &receipt);
            tracing::debug!(
                rows = batch.events.len(),
                inserted = receipt.inserted,
                last = batch.origins.last().map(ToString::to_string),
                "stored a batch"
            );
            let times = batch.events.iter().map(MarketEvent::time);
            self.days
                .extend(times.map(|time| Timeframe::D1.bucket_start(time)));
            self.progress.set_position(batch.bytes);
            let read = HumanCount(self.summary.read);
            let message = format!("{read} {}", R::Event::NAMES);
            self.progress.set_message(message);
        }
        if thread.join().is_err() {
            bail!("reading ended unexpectedly: report this as a defect of tickbook");
        }
        Ok(())
    }

    /// Refreshes the candles of the days that received events, if they are in continuous aggregates.
    async fn refresh(&mut self, pools: &DatabasePools) -> anyhow::Result<()> {
        let days = std::mem::take(&mut self.days);
        if !days.is_empty() {
            self.progress.set_message("refreshing candles");
            tracing::info!(days = days.len(), "refreshing candles");
            refresh(pools, days).await?;
        }
        Ok(())
    }

    fn count(&mut self, batch: &RowBatch<R::Event>, receipt: &StoreReceipt<R::Event>) {
        let summary = &mut self.summary;
        summary.read += (batch.events.len() + batch.errors.len()) as u64;
        summary.inserted += receipt.inserted;
        summary.duplicates += receipt.duplicates;
        summary.conflicts += receipt.conflicts.len() as u64;
        summary.rejected += (receipt.rejected.len() + batch.errors.len()) as u64;
        let crossed = R::crossed(&batch.events);
        summary.crossed = summary.crossed.zip(crossed).map(|(one, other)| one + other);
        self.out_of_order += batch.out_of_order;
        for error in &batch.errors {
            self.problems.add(|| error.to_string());
        }
        for rejected in &receipt.rejected {
            self.problems
                .add(|| format!("{}: {}", place(batch, &rejected.record), rejected.reason));
        }
        for conflict in &receipt.conflicts {
            let (stored, refused) = (&conflict.stored, &conflict.refused);
            self.problems.add(|| {
                format!(
                    "{}: conflict: {} sequence {} is stored with {}, not {}: the stored {} is unchanged",
                    place(batch, refused),
                    time_text(MarketEvent::time(stored)),
                    stored.sequence(),
                    R::content(stored),
                    R::content(refused),
                    R::Event::NAME,
                )
            });
        }
    }

    fn print_result(&self, json: bool) -> anyhow::Result<()> {
        let (name, names) = (R::Event::NAME, R::Event::NAMES);
        self.problems.print();
        if self.out_of_order > 0 {
            eprintln!(
                "note: {} {names} are older than the previous {name}; make sure that the file is in the order \
                 of arrival: it decides which {name} of one instant is the first and which the last",
                self.out_of_order
            );
        }
        if json {
            print_json(&self.summary)
        } else {
            print(&self.summary.line(names))
        }
    }
}

/// The place of `event` in `batch`, which contains it.
fn place<E: MarketEvent>(batch: &RowBatch<E>, event: &E) -> String {
    // the last match: of several events of one key the first was stored
    match batch.events.iter().rposition(|other| other == event) {
        Some(index) => batch.origins[index].to_string(),
        None => format!("{} sequence {}", event.time(), event.sequence()),
    }
}
