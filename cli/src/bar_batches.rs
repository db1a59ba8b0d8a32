//! Reads files of one-minute bars on a thread of its own, so that the next batch is ready while one is
//! stored.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use rust_decimal::Decimal;
use tickbook::domain::{Candle, CandleSource, PriceBasis, SymbolId, Timeframe};
use tickbook::files::{BarPrices, FileError, LeanBars, MarketFile, MinuteBar};
use tokio::sync::mpsc;

use crate::importing::TimesToCome;

/// Batches that may wait to be stored, which bounds the memory of an import.
const WAITING_BATCHES: usize = 2;

/// The candles of some lines, and what is wrong with the others.
#[derive(Debug, Default)]
pub(crate) struct BarBatch {
    pub(crate) lines: usize,
    pub(crate) candles: Vec<Candle>,
    /// Where and why, one for each line that is rejected.
    pub(crate) problems: Vec<String>,
    /// Of all files, those that were read up to its end.
    pub(crate) bytes: u64,
}

/// What is wrong with the files before anything is read of them: missing, damaged, without a date.
pub(crate) fn check(files: &[PathBuf]) -> Result<(), FileError> {
    for path in files {
        let mut file = MarketFile::open(path)?;
        file.verify()?;
        for index in 0..file.entry_count() {
            LeanBars::new(file.entry(index)?)?;
        }
    }
    Ok(())
}

/// Batches in the order of the files, and the thread that reads them.
pub(crate) type BarBatches = (mpsc::Receiver<anyhow::Result<BarBatch>>, JoinHandle<()>);

/// Reads the files one after the other into batches of `size` lines. The last one may be an error:
/// what could not be read to its end.
pub(crate) fn spawn(
    files: Vec<PathBuf>,
    symbol_id: SymbolId,
    source: String,
    times_to_come: TimesToCome,
    size: usize,
) -> BarBatches {
    let (sender, receiver) = mpsc::channel(WAITING_BATCHES);
    let thread = std::thread::spawn(move || {
        let mut reader = Reader {
            symbol_id,
            source,
            times_to_come,
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
            // an import that ended by itself does not miss it
            let _ = reader.sender.blocking_send(Err(error));
        }
    });
    (receiver, thread)
}

struct Reader {
    symbol_id: SymbolId,
    source: String,
    times_to_come: TimesToCome,
    size: usize,
    bytes: Arc<AtomicU64>,
    batch: BarBatch,
    sender: mpsc::Sender<anyhow::Result<BarBatch>>,
}

impl Reader {
    fn read(&mut self, path: &Path) -> anyhow::Result<()> {
        let mut file = MarketFile::open(path)?;
        for index in 0..file.entry_count() {
            let entry = file.entry(index)?;
            let place = entry.to_string();
            tracing::info!(file = %place, "a file is read");
            let entry = entry.counted(Arc::clone(&self.bytes));
            for bar in LeanBars::new(entry)? {
                match bar {
                    Ok(bar) => self.add(&bar, &place),
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

    /// Both candles or none.
    fn add(&mut self, bar: &MinuteBar, place: &str) {
        match self.candles(bar) {
            Ok(candles) => self.batch.candles.extend(candles),
            Err(reason) => {
                let problem = format!("{place}: line {}: {reason}", bar.line);
                self.batch.problems.push(problem);
            }
        }
    }

    fn candles(&self, bar: &MinuteBar) -> Result<[Candle; 2], String> {
        if let Some(problem) = self.times_to_come.problem("open_time", bar.open_time) {
            return Err(problem);
        }
        let volume = bar.bid_size.checked_add(bar.ask_size);
        let volume = volume.ok_or("the sizes are too large: correct them")?;
        let bid = self.candle(bar, PriceBasis::Bid, bar.bid, volume);
        let ask = self.candle(bar, PriceBasis::Ask, bar.ask, volume);
        for candle in [&bid, &ask] {
            candle
                .validate()
                .map_err(|error| format!("{}: {error}", candle.basis))?;
        }
        Ok([bid, ask])
    }

    fn candle(
        &self,
        bar: &MinuteBar,
        basis: PriceBasis,
        prices: BarPrices,
        volume: Decimal,
    ) -> Candle {
        Candle {
            symbol_id: self.symbol_id,
            timeframe: Timeframe::M1,
            basis,
            open_time: bar.open_time,
            open: prices.open,
            high: prices.high,
            low: prices.low,
            close: prices.close,
            volume,
            // of how many ticks a bar was made no file says
            tick_count: 0,
            closed: true,
            source: CandleSource::Stored(self.source.clone()),
        }
    }

    /// Returns whether somebody still takes batches.
    fn send(&mut self) -> bool {
        let mut batch = std::mem::take(&mut self.batch);
        batch.bytes = self.bytes.load(Ordering::Relaxed);
        self.sender.blocking_send(Ok(batch)).is_ok()
    }
}
