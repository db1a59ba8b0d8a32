//! The contenders, and how they are measured.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, ensure};
use rustix::time::{ClockId, clock_gettime};

/// The best bid and ask of each symbol.
pub(crate) type Tops = BTreeMap<String, (f64, f64)>;

/// The findings of a contender in the messages of a case.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Trades, quotes or changes of books.
    pub(crate) records: u64,
    /// The sum of the prices and quantities of trades, or of the prices of quotes.
    pub(crate) sum: f64,
    /// The books after the last message.
    pub(crate) tops: Tops,
}

/// Resources used by the messages of a turn.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sample {
    pub(crate) messages: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) seconds: f64,
}

impl Sample {
    pub(crate) fn add(&mut self, other: &Self) {
        self.messages += other.messages;
        self.cpu_seconds += other.cpu_seconds;
        self.seconds += other.seconds;
    }

    /// Microseconds of CPU time per message.
    pub(crate) fn cpu_micros(&self) -> f64 {
        self.cpu_seconds * 1e6 / self.messages
    }

    /// Thousands of messages per second.
    pub(crate) fn speed(&self) -> f64 {
        self.messages / self.seconds / 1e3
    }
}

/// Reads the messages of a case.
pub(crate) trait Contender {
    /// Reads the messages once, and returns what they contain.
    fn check(&mut self) -> Result<Found>;

    /// Reads the messages `repeats` times. Only the messages are measured, not the snapshots before them.
    fn turn(&mut self, repeats: u32) -> Result<Sample>;
}

/// A contender of this process.
pub(crate) trait Reader {
    /// Begins again with the snapshots of the case.
    fn begin(&mut self) -> Result<()>;

    /// Reads the messages, and passes what each of them contains to `records`.
    fn read(&mut self, index: usize) -> Result<()>;

    /// The number of messages.
    fn len(&self) -> usize;

    /// The number of records of the last message, and their sum.
    fn last(&self) -> (u64, f64);

    /// The books.
    fn tops(&self) -> Tops;
}

/// A [`Reader`] as a contender.
pub(crate) struct Local<R>(pub(crate) R);

impl<R: Reader> Contender for Local<R> {
    fn check(&mut self) -> Result<Found> {
        let reader = &mut self.0;
        let mut found = Found::default();
        reader.begin()?;
        for index in 0..reader.len() {
            reader.read(index)?;
            let (records, sum) = reader.last();
            found.records += records;
            found.sum += sum;
        }
        found.tops = reader.tops();
        Ok(found)
    }

    fn turn(&mut self, repeats: u32) -> Result<Sample> {
        let reader = &mut self.0;
        let mut sample = Sample::default();
        for _ in 0..repeats {
            reader.begin()?;
            let messages = reader.len();
            let (cpu, begun) = (process_cpu_seconds(), Instant::now());
            for index in 0..messages {
                reader.read(black_box(index))?;
            }
            sample.seconds += begun.elapsed().as_secs_f64();
            sample.cpu_seconds += process_cpu_seconds() - cpu;
            sample.messages += messages as f64;
        }
        Ok(sample)
    }
}

/// CPU time of all threads of this process, user and system.
fn process_cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Checks that two contenders found the same.
pub(crate) fn compare(ours: &Found, theirs: &Found) -> Result<()> {
    ensure!(
        ours.records == theirs.records,
        "{} records instead of {}",
        theirs.records,
        ours.records
    );
    let is_near = |one: f64, other: f64| (one - other).abs() <= 1e-9 * one.abs().max(1.0);
    let (sum, other) = (ours.sum, theirs.sum);
    ensure!(is_near(sum, other), "sum {other} instead of {sum}");
    for (symbol, (bid, ask)) in &ours.tops {
        let Some((their_bid, their_ask)) = theirs.tops.get(symbol) else {
            anyhow::bail!("no book of {symbol}");
        };
        ensure!(
            is_near(*bid, *their_bid) && is_near(*ask, *their_ask),
            "{symbol}: {their_bid} and {their_ask} instead of {bid} and {ask}"
        );
    }
    Ok(())
}
