//! Reads files of candles on a separate thread, so that the next batch is ready while one is being stored.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use rust_decimal::Decimal;
use tickbook::domain::{Candle, CandleSource, PriceBasis, SymbolId, Timeframe};
use tickbook::files::{
    BarPrices, CsvCandle, CsvCandles, Entry, FileError, LeanBars, LeanSurvey, LineError,
    MarketFile, MinuteBar, PriceScale,
};
use tokio::sync::mpsc;

use crate::candle_rows::CandleRow;
use crate::importing::FutureTimes;

/// Batches that may wait to be stored; bounds the memory of an import.
const WAITING_BATCHES: usize = 2;

/// The format of the files.
#[derive(Debug, Clone, Copy)]
pub(crate) enum BarFormat {
    Lean(PriceScale),
    Csv,
}

/// The candles of several lines, and the problems of the other lines.
#[derive(Debug, Default)]
pub(crate) struct BarBatch {
    pub(crate) lines: usize,
    pub(crate) candles: Vec<Candle>,
    /// Candles that are stored only if no ticks of their time are stored.
    pub(crate) restored: Vec<Candle>,
    /// Lines that are placeholders of buckets without a candle.
    pub(crate) filled: u64,
    /// Number of lines with candles that are not stored, because they are computed again from other
    /// candles.
    pub(crate) derived: u64,
    /// Place and reason of each rejected line.
    pub(crate) problems: Vec<String>,
    /// Bytes read up to the end of the batch, in all files.
    pub(crate) bytes: u64,
}

/// Checks the files before anything is read: whether one is missing, damaged, without a date or a column, or
/// refused by `survey`.
pub(crate) fn check(
    files: &[PathBuf],
    format: BarFormat,
    survey: &mut LeanSurvey,
) -> Result<(), FileError> {
    for path in files {
        let mut file = MarketFile::open(path)?;
        file.verify()?;
        if let BarFormat::Lean(_) = format {
            survey.check(&mut file)?;
        }
        for index in 0..file.entry_count() {
            drop(format.read(file.entry(index)?)?);
        }
    }
    Ok(())
}

impl BarFormat {
    fn read<'a>(self, entry: Entry<'a>) -> Result<BarRows<'a>, FileError> {
        Ok(match self {
            Self::Lean(scale) => {
                let bars = LeanBars::new(entry)?.scaled(scale);
                Box::new(bars.map(|bar| bar.map(BarRow::Bar)))
            }
            Self::Csv => {
                Box::new(CsvCandles::new(entry)?.map(|candle| {
                    candle.map(|candle| candle.map_or(BarRow::Filled, BarRow::Candle))
                }))
            }
        })
    }
}

/// A parsed line.
enum BarRow {
    Bar(MinuteBar),
    Candle(CsvCandle),
    Filled,
}

type BarRows<'a> = Box<dyn Iterator<Item = Result<BarRow, LineError>> + 'a>;

/// Batches in the order of the files, and the thread that reads them.
pub(crate) type BarBatches = (mpsc::Receiver<anyhow::Result<BarBatch>>, JoinHandle<()>);

/// Reads the files one after the other into batches of `size` lines. The last batch may be an error if a file
/// cannot be read to its end.
pub(crate) fn spawn(
    files: Vec<PathBuf>,
    format: BarFormat,
    symbol_id: SymbolId,
    source: Option<String>,
    future_times: FutureTimes,
    size: usize,
) -> BarBatches {
    let (sender, receiver) = mpsc::channel(WAITING_BATCHES);
    let thread = std::thread::spawn(move || {
        let mut reader = BarReader {
            format,
            symbol_id,
            source: source.map(Arc::from),
            future_times,
            size,
            bytes: Arc::default(),
            batch: BarBatch::default(),
            sender,
        };
        let failed = files.iter().find_map(|path| reader.read(path).err());
        if reader.batch.lines > 0 {
            reader.send();
        }
        if let Some(error) = failed {
            // an error is of no use if the import has already ended
            let _ = reader.sender.blocking_send(Err(error));
        }
    });
    (receiver, thread)
}

struct BarReader {
    format: BarFormat,
    symbol_id: SymbolId,
    source: Option<Arc<str>>,
    future_times: FutureTimes,
    size: usize,
    bytes: Arc<AtomicU64>,
    batch: BarBatch,
    sender: mpsc::Sender<anyhow::Result<BarBatch>>,
}

impl BarReader {
    fn read(&mut self, path: &Path) -> anyhow::Result<()> {
        let mut file = MarketFile::open(path)?;
        for index in 0..file.entry_count() {
            let entry = file.entry(index)?;
            let place = entry.to_string();
            tracing::info!(file = %place, "reading a file");
            let entry = entry.counted(Arc::clone(&self.bytes));
            for row in self.format.read(entry)? {
                match row {
                    Ok(row) => self.add(row, &place),
                    Err(error) if error.ends_entry() => return Err(error.into()),
                    Err(error) => self.batch.problems.push(error.to_string()),
                }
                self.batch.lines += 1;
                if self.batch.lines >= self.size && !self.send() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, row: BarRow, place: &str) {
        let (line, added) = match row {
            BarRow::Bar(bar) => (bar.line, self.add_bar(&bar)),
            BarRow::Candle(candle) => (candle.line, self.add_candle(candle)),
            BarRow::Filled => {
                self.batch.filled += 1;
                return;
            }
        };
        if let Err(reason) = added {
            let problem = format!("{place}: line {line}: {reason}");
            self.batch.problems.push(problem);
        }
    }

    /// Adds the candles of both sides, or neither.
    fn add_bar(&mut self, bar: &MinuteBar) -> Result<(), String> {
        let candles = self.candles(bar)?;
        self.batch.candles.extend(candles);
        Ok(())
    }

    fn add_candle(&mut self, candle: CsvCandle) -> Result<(), String> {
        if let Some(problem) = self.future_times.problem("open_time", candle.open_time) {
            return Err(problem);
        }
        let valid = |candle: Candle| match candle.validate() {
            Ok(()) => Ok(candle),
            Err(error) => Err(error.to_string()),
        };
        match CandleRow::of(candle, self.symbol_id, self.source.as_ref())? {
            CandleRow::Stored(candle) => self.batch.candles.push(valid(candle)?),
            CandleRow::Restored(candle) => self.batch.restored.push(valid(candle)?),
            CandleRow::Derived => self.batch.derived += 1,
        }
        Ok(())
    }

    fn candles(&self, bar: &MinuteBar) -> Result<Vec<Candle>, String> {
        if let Some(problem) = self.future_times.problem("open_time", bar.open_time) {
            return Err(problem);
        }
        let volume = bar.bid_size.checked_add(bar.ask_size);
        let volume = volume.ok_or("the sizes are too large: correct the line")?;
        let sides = [(PriceBasis::Bid, bar.bid), (PriceBasis::Ask, bar.ask)];
        let mut candles = Vec::new();
        for (basis, prices) in sides {
            let Some(prices) = prices else { continue };
            let candle = self.candle(bar, basis, prices, volume);
            candle
                .validate()
                .map_err(|error| format!("{basis}: {error}"))?;
            candles.push(candle);
        }
        Ok(candles)
    }

    fn candle(
        &self,
        bar: &MinuteBar,
        basis: PriceBasis,
        prices: BarPrices,
        volume: Decimal,
    ) -> Candle {
        Candle::new(
            self.symbol_id,
            Timeframe::M1,
            basis,
            bar.open_time,
            [prices.open, prices.high, prices.low, prices.close],
        )
        .volume(volume)
        // the file does not state the number of ticks
        .tick_count(0)
        .source(CandleSource::Stored(
            self.source
                .as_deref()
                .unwrap_or(CandleSource::IMPORT)
                .to_owned(),
        ))
    }

    /// Sends the batch; returns whether the receiver still exists.
    fn send(&mut self) -> bool {
        let mut batch = std::mem::take(&mut self.batch);
        batch.bytes = self.bytes.load(Ordering::Relaxed);
        self.sender.blocking_send(Ok(batch)).is_ok()
    }
}
