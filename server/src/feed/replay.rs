//! The replay feed: quotes from files.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tickbook::domain::{SymbolId, excerpt};
use tickbook::files::{
    FileError, LeanRows, LeanSurvey, MarketFile, Quote, RowFormat, RowOptions, Rows,
};
use tickbook::ingest::feed::{Feed, FeedError, FeedOutput};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// The exchange of symbols that a replay creates.
pub const EXCHANGE: &str = "replay";

/// Quotes that are read ahead.
const READ_AHEAD: usize = 4_096;

/// Speed of the replay. A factor is a finite number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// This many times real time.
    Times(f64),
    /// As fast as the store accepts ticks.
    Max,
}

impl Eq for Speed {}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "max" {
            return Ok(Self::Max);
        }
        text.strip_suffix('x')
            .and_then(|factor| factor.parse().ok())
            .filter(|factor: &f64| factor.is_finite() && *factor > 0.0)
            .map(Self::Times)
            .ok_or_else(|| {
                let shown = excerpt(text);
                format!("invalid speed {shown}: expected 1x, 10x, 0.5x or similar, or max")
            })
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(factor) => write!(f, "{factor}x"),
            Self::Max => f.write_str("max"),
        }
    }
}

/// Replays quotes from files, one file after the other, with their original times.
#[derive(Debug)]
pub struct ReplayFeed {
    files: Vec<PathBuf>,
    symbol_id: SymbolId,
    speed: Speed,
}

impl ReplayFeed {
    /// Creates the feed.
    #[must_use]
    pub fn new(files: Vec<PathBuf>, symbol_id: SymbolId, speed: Speed) -> Self {
        Self {
            files,
            symbol_id,
            speed,
        }
    }

    /// Checks the files before any quote is replayed.
    ///
    /// # Errors
    /// A file cannot be opened, or its columns are unknown; LEAN files belong to more than one symbol, or
    /// cannot be replayed as they are ([`LeanSurvey`]).
    pub fn check(files: &[PathBuf]) -> Result<(), FileError> {
        let mut survey = LeanSurvey::new(LeanRows::Quotes);
        for path in files {
            let mut file = MarketFile::open(path)?;
            if RowFormat::detect::<Quote>(&mut file, 0)? == RowFormat::Lean {
                survey.check(&mut file)?;
            }
            for index in 0..file.entry_count() {
                drop(quotes(&mut file, index)?);
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Feed for ReplayFeed {
    fn name(&self) -> &str {
        "replay"
    }

    async fn run(&mut self, output: &mut FeedOutput) -> Result<(), FeedError> {
        let (sender, mut quotes) = mpsc::channel(READ_AHEAD);
        let files = self.files.clone();
        // reading blocks; the thread ends after the last file, or when the receiver is dropped
        std::thread::Builder::new()
            .name("replay".to_owned())
            .spawn(move || read_all(&files, &sender))?;
        let mut pace = Pace::new(self.speed);
        while let Some(read) = quotes.recv().await {
            let quote = match read? {
                // a file may begin before the previous one ends
                Read::Begin => {
                    output.begin_source();
                    continue;
                }
                Read::Quote(quote) => quote,
            };
            pace.wait(quote.tick_time).await;
            let sequence = quote.sequence;
            output
                .send(quote.into_tick(self.symbol_id), sequence)
                .await?;
        }
        Ok(())
    }
}

/// An item that is read from the files.
#[derive(Debug)]
enum Read {
    /// The next file begins.
    Begin,
    Quote(Quote),
}

type ReadAhead = mpsc::Sender<Result<Read, FileError>>;

fn read_all(files: &[PathBuf], sender: &ReadAhead) {
    for path in files {
        match read(path, sender) {
            Ok(Reading::Continues) => {}
            Ok(Reading::Stopped) => return,
            Err(error) => {
                // an error is of no use if the receiver was dropped
                let _ = sender.blocking_send(Err(error));
                return;
            }
        }
    }
}

enum Reading {
    Continues,
    Stopped,
}

fn read(path: &Path, sender: &ReadAhead) -> Result<Reading, FileError> {
    let mut file = MarketFile::open(path)?;
    for index in 0..file.entry_count() {
        if sender.blocking_send(Ok(Read::Begin)).is_err() {
            return Ok(Reading::Stopped);
        }
        for quote in quotes(&mut file, index)? {
            match quote {
                Ok(quote) => {
                    if sender.blocking_send(Ok(Read::Quote(quote))).is_err() {
                        return Ok(Reading::Stopped);
                    }
                }
                Err(error) => tracing::warn!(%error, "the replay skips a line"),
            }
        }
    }
    Ok(Reading::Continues)
}

/// Opens the quotes of an entry, in the format that is detected.
fn quotes(file: &mut MarketFile, index: usize) -> Result<Rows<'_, Quote>, FileError> {
    let format = RowFormat::detect::<Quote>(file, index)?;
    format.read(file.entry(index)?, &RowOptions::default())
}

/// Delays quotes to match the speed of the replay.
struct Pace {
    speed: Speed,
    began: Option<(Instant, DateTime<Utc>)>,
}

impl Pace {
    fn new(speed: Speed) -> Self {
        Self { speed, began: None }
    }

    async fn wait(&mut self, tick_time: DateTime<Utc>) {
        let Speed::Times(factor) = self.speed else {
            return;
        };
        let (start, first) = *self.began.get_or_insert((Instant::now(), tick_time));
        // a quote before the first one, as from an overlapping file, is due immediately
        let passed = (tick_time - first).to_std().unwrap_or_default();
        let due = Duration::try_from_secs_f64(passed.as_secs_f64() / factor)
            .ok()
            .and_then(|wait| start.checked_add(wait));
        match due {
            Some(due) => sleep_until(due).await,
            // the due time is too far ahead to be represented
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests;
