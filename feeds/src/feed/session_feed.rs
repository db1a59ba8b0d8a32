//! A recorded session as a feed.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tickbook::Clock;
use tickbook::domain::{FeedMessage, MessageKind, TimeRange};
use tickbook::ingest::feed::{Feed, FeedError, FeedOutput};
use tickbook::repository::{FeedMessageQuery, FeedRepository};
use tokio::sync::mpsc;

use super::directory::SymbolDirectory;
use super::records::{Record, Records, send};
use crate::session::{RecordedVenue, Replay, SessionEvent, SessionLine, blocks};

/// Blocks of lines that are read ahead. A block is some 64 KiB long, or as long as a page of recorded messages.
const READ_AHEAD: usize = 8;

/// Where the lines of a session are.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SessionSource {
    /// Files of messages in this order, after files with answers to HTTP requests.
    Files {
        /// Files with answers to HTTP requests.
        answers: Vec<PathBuf>,
        /// Files with messages; each is a connection.
        messages: Vec<PathBuf>,
    },
    /// Messages that a server has recorded.
    Recorded {
        /// The repository.
        feeds: Arc<dyn FeedRepository>,
        /// The name of the feed.
        source: String,
        /// The times of receipt.
        range: TimeRange,
    },
}

/// A part of a session.
enum Piece {
    /// The next file begins.
    Begin(String),
    /// Lines with answers to HTTP requests.
    Answers(String),
    Lines(String),
    /// The file ended.
    End,
}

type Sender = mpsc::Sender<Result<Piece, FeedError>>;

/// The receiver was dropped.
struct Stopped;

async fn push(sender: &Sender, piece: Piece) -> Result<(), Stopped> {
    sender.send(Ok(piece)).await.map_err(|_| Stopped)
}

impl SessionSource {
    /// Reads everything, as far ahead as the receiver allows.
    fn open(&self) -> Result<mpsc::Receiver<Result<Piece, FeedError>>, FeedError> {
        let (sender, receiver) = mpsc::channel(READ_AHEAD);
        match self.clone() {
            Self::Files { answers, messages } => {
                // reading blocks; the thread ends after the last file, or when the receiver is dropped
                let thread = std::thread::Builder::new().name("session".to_owned());
                thread.spawn(move || {
                    if let Err(error) = read_files(&answers, &messages, &sender) {
                        // an error is of no use if the receiver was dropped
                        let _ = sender.blocking_send(Err(error));
                    }
                })?;
            }
            Self::Recorded {
                feeds,
                source,
                range,
            } => {
                tokio::spawn(async move {
                    if let Err(error) = read_recorded(&*feeds, &source, range, &sender).await {
                        let _ = sender.send(Err(error)).await;
                    }
                });
            }
        }
        Ok(receiver)
    }

    /// Replays the session once, and returns what the protocol found in it.
    ///
    /// # Errors
    /// A file or the messages cannot be read.
    pub async fn survey(
        &self,
        venue: RecordedVenue,
        depth: Option<usize>,
    ) -> Result<Replay, FeedError> {
        let mut replay = Replay::new(venue, depth);
        let mut pieces = self.open()?;
        while let Some(piece) = pieces.recv().await {
            match piece? {
                Piece::Begin(name) => replay.begin(&name),
                Piece::Answers(block) => keep_answers(&mut replay, &block),
                Piece::Lines(block) => {
                    for line in block.lines() {
                        replay.replay(SessionLine::parse(line), &mut |_| {});
                    }
                }
                Piece::End => replay.end(&mut |_| {}),
            }
        }
        Ok(replay)
    }
}

fn keep_answers(replay: &mut Replay, block: &str) {
    for line in block.lines() {
        replay.keep_answer(SessionLine::parse(line));
    }
}

fn read_files(answers: &[PathBuf], messages: &[PathBuf], sender: &Sender) -> Result<(), FeedError> {
    type ToPiece = fn(String) -> Piece;
    for (files, piece) in [
        (answers, Piece::Answers as ToPiece),
        (messages, Piece::Lines),
    ] {
        for path in files {
            let name = path.file_name().unwrap_or(path.as_os_str());
            let name = name.to_string_lossy().into_owned();
            let failed = |error| format!("cannot read {}: {error}", path.display());
            let send = |piece| sender.blocking_send(Ok(piece)).is_ok();
            if !send(Piece::Begin(name)) {
                return Ok(());
            }
            for block in blocks(path).map_err(failed)? {
                if !send(piece(block.map_err(failed)?)) {
                    return Ok(());
                }
            }
            if !send(Piece::End) {
                return Ok(());
            }
        }
    }
    Ok(())
}

async fn read_recorded(
    feeds: &dyn FeedRepository,
    source: &str,
    range: TimeRange,
    sender: &Sender,
) -> Result<(), FeedError> {
    // the replay needs the snapshots when the protocol requests them, which is before they arrived
    for only_answers in [true, false] {
        if push(sender, Piece::Begin(source.to_owned())).await.is_err() {
            return Ok(());
        }
        let mut query = FeedMessageQuery::new(source, range);
        loop {
            let page = feeds.messages(&query).await?;
            let is_answer = |message: &FeedMessage| message.kind == MessageKind::Answer;
            let messages = page.items.iter();
            let block: String = messages
                .filter(|message| is_answer(message) == only_answers)
                .map(|message| line_of(message) + "\n")
                .collect();
            let piece = match only_answers {
                true => Piece::Answers(block),
                false => Piece::Lines(block),
            };
            if push(sender, piece).await.is_err() {
                return Ok(());
            }
            match page.next {
                Some(next) => query = query.after(next),
                None => break,
            }
        }
        if push(sender, Piece::End).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// The line of a message in a file of a session.
#[must_use]
pub fn line_of(message: &FeedMessage) -> String {
    let (at, payload) = (message.received_at, message.payload.as_str());
    let line = match message.kind {
        MessageKind::Opened => SessionLine::Opened {
            address: payload,
            at,
        },
        MessageKind::Sent => SessionLine::Sent {
            address: &message.source,
            at,
            text: payload,
        },
        MessageKind::Received => SessionLine::Received { at, text: payload },
        MessageKind::Answer => {
            let (address, body) = payload.split_once('\n').unwrap_or((payload, ""));
            SessionLine::Answer { address, at, body }
        }
        // a kind that this version does not know
        _ => SessionLine::Other,
    };
    line.to_string()
}

/// A feed of a recorded session: its quotes, trades and books with the times of the venue, as fast as the store
/// accepts them. It ends with the session.
#[derive(Debug)]
pub struct SessionFeed {
    name: String,
    venue: RecordedVenue,
    depth: Option<usize>,
    source: SessionSource,
    directory: SymbolDirectory,
    /// When the last message was received, in microseconds since 1970.
    now: Arc<AtomicI64>,
}

fn now(micros: &AtomicI64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros.load(Ordering::Relaxed)).unwrap_or_default()
}

impl SessionFeed {
    /// A feed of the symbols of `directory`. Its name is that of the venue.
    #[must_use]
    pub fn new(venue: RecordedVenue, source: SessionSource, directory: SymbolDirectory) -> Self {
        Self {
            name: venue.as_str().to_owned(),
            venue,
            depth: None,
            source,
            directory,
            now: Arc::default(),
        }
    }

    /// The clock of the session: the time at which its last message was received. With it, books are recorded as
    /// they were during the session.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let micros = Arc::clone(&self.now);
        Clock::new(move || now(&micros))
    }

    /// Uses another name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Cuts books to a number of levels of each side, as [`Replay::new`] does.
    #[must_use]
    pub fn with_depth(mut self, depth: Option<usize>) -> Self {
        self.depth = depth;
        self
    }
}

#[async_trait]
impl Feed for SessionFeed {
    fn name(&self) -> &str {
        &self.name
    }

    async fn run(&mut self, output: &mut FeedOutput) -> Result<(), FeedError> {
        let mut replay = Replay::new(self.venue, self.depth).without_report();
        // the quotes of Binance itself have no time
        let from_books = self.venue == RecordedVenue::Binance;
        let records = Records::new(self.directory.clone(), from_books);
        let mut records = records.with_books(output.accepts_books());
        let mut pieces = self.source.open()?;
        let mut waiting = VecDeque::new();
        while let Some(piece) = pieces.recv().await {
            let observer = &mut |event: SessionEvent<'_>, waiting: &mut VecDeque<_>| {
                if let SessionEvent::Opened { at } | SessionEvent::Received { at } = &event {
                    self.now.store(at.timestamp_micros(), Ordering::Relaxed);
                }
                records.add_of_session(&event, now(&self.now), waiting);
            };
            match piece? {
                Piece::Begin(name) => replay.begin(&name),
                Piece::Answers(block) => keep_answers(&mut replay, &block),
                Piece::Lines(block) => {
                    for line in block.lines() {
                        let line = SessionLine::parse(line);
                        replay.replay(line, &mut |event| observer(event, &mut waiting));
                        send_all(output, &mut waiting).await?;
                    }
                }
                Piece::End => replay.end(&mut |event| observer(event, &mut waiting)),
            }
            send_all(output, &mut waiting).await?;
        }
        Ok(())
    }
}

/// Sends what waits, before the next line is read.
async fn send_all(
    output: &mut FeedOutput,
    waiting: &mut VecDeque<Record>,
) -> Result<(), FeedError> {
    while let Some(record) = waiting.pop_front() {
        send(output, record).await?;
    }
    Ok(())
}
