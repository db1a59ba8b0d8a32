//! Reads files of quotes or trades on a separate thread, so that the next batch is ready while one is being stored.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use chrono::{DateTime, Utc};
use tickbook::domain::SymbolId;
use tickbook::files::{
    Entry, FileError, LeanRow, LeanSurvey, LineError, MarketFile, RowFormat, RowOptions, Rows,
};
use tickbook::ingest::OccurrenceCounter;
use tokio::sync::mpsc;

use crate::importing::FutureTimes;

/// Batches that may wait to be stored; bounds the memory of an import.
const WAITING_BATCHES: usize = 2;

/// Files of rows of the type `R`, and how to read them.
#[derive(Debug)]
pub(crate) struct RowFiles<R: LeanRow> {
    pub(crate) format: RowFormat,
    pub(crate) options: RowOptions<R::Column>,
    pub(crate) paths: Vec<PathBuf>,
}

impl<R: LeanRow> RowFiles<R> {
    fn read<'a>(&self, entry: Entry<'a>) -> Result<Rows<'a, R>, FileError> {
        self.format.read(entry, &self.options)
    }
}

/// The place of a row.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    entry: Arc<str>,
    line: u64,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: line {}", self.entry, self.line)
    }
}

/// Why a line contains no valid row.
#[derive(Debug)]
pub(crate) enum LineProblem {
    Unreadable(LineError),
    TooFarAhead(Origin, String),
}

impl std::fmt::Display for LineProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable(error) => error.fmt(f),
            Self::TooFarAhead(origin, reason) => write!(f, "{origin}: {reason}"),
        }
    }
}

/// Ticks or trades in file order, and the invalid lines between them.
#[derive(Debug)]
pub(crate) struct RowBatch<E> {
    pub(crate) events: Vec<E>,
    /// The place of each event.
    pub(crate) origins: Vec<Origin>,
    pub(crate) errors: Vec<LineProblem>,
    /// Number of events without a sequence that are older than the previous event.
    pub(crate) out_of_order: u64,
    /// Bytes read up to the end of the batch, in all files.
    pub(crate) bytes: u64,
}

impl<E> Default for RowBatch<E> {
    fn default() -> Self {
        Self {
            events: Vec::new(),
            origins: Vec::new(),
            errors: Vec::new(),
            out_of_order: 0,
            bytes: 0,
        }
    }
}

impl<E> RowBatch<E> {
    fn lines(&self) -> usize {
        self.events.len() + self.errors.len()
    }
}

/// Checks the files before anything is read: whether one is missing, damaged, without a date or a column, or
/// refused by `survey`.
pub(crate) fn check<R: LeanRow>(
    files: &RowFiles<R>,
    survey: &mut LeanSurvey,
) -> Result<(), FileError> {
    for path in &files.paths {
        let mut file = MarketFile::open(path)?;
        // a damaged line would be stored long before the checksum at the end is read
        file.verify()?;
        if files.format == RowFormat::Lean {
            survey.check(&mut file)?;
        }
        for index in 0..file.entry_count() {
            drop(files.read(file.entry(index)?)?);
        }
    }
    Ok(())
}

/// Batches in the order of the files, and the thread that reads them.
pub(crate) type RowBatches<E> = (
    mpsc::Receiver<Result<RowBatch<E>, anyhow::Error>>,
    JoinHandle<()>,
);

/// Reads the files one after the other into batches of `size` lines. The last batch may be an error if a file
/// cannot be read to its end.
pub(crate) fn spawn<R: LeanRow>(
    files: RowFiles<R>,
    symbol_id: SymbolId,
    future_times: FutureTimes,
    size: usize,
) -> RowBatches<R::Event> {
    let (sender, receiver) = mpsc::channel(WAITING_BATCHES);
    let thread = std::thread::spawn(move || {
        let paths = files.paths.clone();
        let mut reader = RowReader {
            files,
            symbol_id,
            future_times,
            size,
            occurrences: OccurrenceCounter::new(),
            newest: None,
            bytes: Arc::default(),
            batch: RowBatch::default(),
            sender,
        };
        let read = paths.iter().try_for_each(|path| reader.read(path));
        reader.finish(read);
    });
    (receiver, thread)
}

struct RowReader<R: LeanRow> {
    files: RowFiles<R>,
    symbol_id: SymbolId,
    future_times: FutureTimes,
    size: usize,
    occurrences: OccurrenceCounter<R::Event>,
    newest: Option<DateTime<Utc>>,
    bytes: Arc<AtomicU64>,
    batch: RowBatch<R::Event>,
    sender: mpsc::Sender<Result<RowBatch<R::Event>, anyhow::Error>>,
}

/// Why reading ends early.
enum Stop {
    Failed(anyhow::Error),
    /// The receiver was dropped.
    Unheard,
}

impl<R: LeanRow> RowReader<R> {
    fn read(&mut self, path: &Path) -> Result<(), Stop> {
        let failed = |error: FileError| Stop::Failed(error.into());
        let mut file = MarketFile::open(path).map_err(failed)?;
        for index in 0..file.entry_count() {
            // each file is a source of its own: another file may repeat the same rows
            (self.occurrences, self.newest) = (OccurrenceCounter::new(), None);
            let entry = file.entry(index).map_err(failed)?;
            let name: Arc<str> = entry.to_string().into();
            tracing::info!(file = %name, "reading a file");
            let entry = entry.counted(Arc::clone(&self.bytes));
            for row in self.files.read(entry).map_err(failed)? {
                match row {
                    Ok(row) => self.add(row, &name),
                    Err(error) if error.ends_entry() => return Err(Stop::Failed(error.into())),
                    Err(error) => self.batch.errors.push(LineProblem::Unreadable(error)),
                }
                if self.batch.lines() >= self.size {
                    self.send()?;
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, row: R, entry: &Arc<str>) {
        let origin = Origin {
            entry: Arc::clone(entry),
            line: row.line(),
        };
        let time = row.time();
        if let Some(reason) = self.future_times.problem(R::time_name(), time) {
            let problem = LineProblem::TooFarAhead(origin, reason);
            self.batch.errors.push(problem);
            return;
        }
        self.batch.origins.push(origin);
        let numbered = row.sequence().is_some();
        let mut event = row.into_event(self.symbol_id);
        if !numbered {
            if self.newest.is_some_and(|newest| time < newest) {
                self.batch.out_of_order += 1;
            }
            self.newest = Some(time);
            self.occurrences.count(&mut event);
        }
        self.batch.events.push(event);
    }

    fn send(&mut self) -> Result<(), Stop> {
        let mut batch = std::mem::take(&mut self.batch);
        batch.bytes = self.bytes.load(Ordering::Relaxed);
        self.sender
            .blocking_send(Ok(batch))
            .map_err(|_| Stop::Unheard)
    }

    fn finish(mut self, read: Result<(), Stop>) {
        let error = match read {
            Ok(()) => None,
            Err(Stop::Failed(error)) => Some(error),
            Err(Stop::Unheard) => return,
        };
        if self.batch.lines() > 0 && self.send().is_err() {
            return;
        }
        if let Some(error) = error {
            // an error is of no use if the import has already ended
            let _ = self.sender.blocking_send(Err(error));
        }
    }
}
