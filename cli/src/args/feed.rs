//! Command line of `tickbook feed`.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use tickbook::domain::{FeedChannel, SymbolReference};
use tickbook_feeds::session::RecordedVenue;
use tickbook_feeds::{Channel, VenueName};

use crate::times::time_or_date;

#[derive(Debug, Subcommand)]
pub(crate) enum FeedCommand {
    /// Replays recorded sessions of a venue, and prints what its protocol finds in them
    #[command(after_help = "\
Prints the numbers of events, verified and failed checksums and gaps, and the SHA-256 of each book after the last
message. Files may be compressed with gzip. A line is a message that arrived (`TIME: TEXT`), a message that was sent
(`URL <- TIME: TEXT`), a new connection (`URL <-> TIME`) or the body of an HTTP request (`URL -> TIME: BODY`), with the
time in seconds. The protocol and the depth of the books are found in the session. For ctrader, a checksum is that of a
message, and messages are also counted by their type. Needs no database without --store
and --recorded. Exit code 1 if a message was not applied, or a book is not valid at the end.

--store also writes the quotes and trades to the databases, with symbols of the exchange of the venue. Running it again
stores nothing twice.

Examples:
  tickbook feed replay kraken book.ws.gz trades.ws.gz
  tickbook feed replay kraken trades.ws.gz --store
  tickbook feed replay ctrader eurusd.fix
  tickbook feed replay kraken --recorded kraken --from 2026-11-29 --store
  tickbook feed replay binance streams.ws --http depth.http --json | jq '.books[].final.sha256'")]
    Replay(FeedReplayArguments),
    /// Records the messages of a venue, in a file or in the database
    #[command(after_help = "\
Records until Ctrl-C, or for --seconds. A file has the lines that `tickbook feed replay` reads; HTTP answers are in the
same file, so give it twice: as the file and with --http. With --store the messages are in the table feed_messages,
and `tickbook feed replay --recorded` reads them. Passwords of ctrader are not recorded. Exit code 2 if the venue cannot be reached.

Examples:
  tickbook feed record kraken --symbol BTC/USD --channel trades --seconds 60 --output trades.ws
  tickbook feed record binance --symbol ETHUSDT --store")]
    Record(FeedRecordArguments),
    /// Connects to a venue, lists its instruments and prints some events
    #[command(after_help = "\
Needs no database, and a key only for ctrader, from the environment (CTRADER_PASSWORD, …). Exit code 2 if the venue cannot be reached, or sends too few events in time.

Examples:
  tickbook feed check kraken
  tickbook feed check binance --symbol ETHUSDT --channel trades --events 100")]
    Check(FeedCheckArguments),
    /// Lists the times in which feeds may have lost records
    #[command(after_help = "\
A line has the feed, the symbol, the channel, the start, the end, the reason, and what became of the gap: `lasts`, `filled`
with the time, or `open` with the reason why it was not filled. Exit code 1 if a listed gap is not filled.

Examples:
  tickbook feed gaps
  tickbook feed gaps --feed kraken --symbol kraken:BTC/USD --channel trades --unfilled --json")]
    Gaps(FeedGapsArguments),
    /// Stores the trades that a feed lost, from the history of its venue
    #[command(after_help = "\
Fills the gaps of trades that have ended, as the server does while the feed runs. Quotes and order books cannot be fetched
later, and ctrader has no history. A gap that the history does not reach stays open, with the reason. Running it again
stores nothing twice. Exit code 1 if a gap is not filled.

Examples:
  tickbook feed fill kraken
  tickbook feed fill okx --feed second --from 2026-11-29")]
    Fill(FeedFillArguments),
}

#[derive(Debug, Args)]
pub(crate) struct FeedGapsArguments {
    /// Only gaps of this feed
    #[arg(long, value_name = "NAME")]
    pub(crate) feed: Option<String>,
    /// Only gaps of this symbol: BTC/USD, kraken:BTC/USD or its id
    #[arg(long)]
    pub(crate) symbol: Option<SymbolReference>,
    /// Only gaps of this channel: quotes, trades or book
    #[arg(long)]
    pub(crate) channel: Option<FeedChannel>,
    /// Only gaps that last
    #[arg(long)]
    pub(crate) open: bool,
    /// Only gaps that are not filled
    #[arg(long)]
    pub(crate) unfilled: bool,
    /// Only gaps that begin at this time or later
    #[arg(long, value_name = "TIME", value_parser = time_or_date)]
    pub(crate) from: Option<DateTime<Utc>>,
    /// Only gaps that begin before this time
    #[arg(long, value_name = "TIME", value_parser = time_or_date)]
    pub(crate) to: Option<DateTime<Utc>>,
    /// Prints one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct FeedFillArguments {
    /// The venue: binance, coinbase, kraken or okx
    pub(crate) venue: VenueName,
    /// Name of the feed in the database [default: the venue]
    #[arg(long, value_name = "NAME")]
    pub(crate) feed: Option<String>,
    /// Only gaps of this symbol: BTC/USD, kraken:BTC/USD or its id
    #[arg(long)]
    pub(crate) symbol: Option<SymbolReference>,
    /// Only gaps that begin at this time or later
    #[arg(long, value_name = "TIME", value_parser = time_or_date)]
    pub(crate) from: Option<DateTime<Utc>>,
    /// Only gaps that begin before this time
    #[arg(long, value_name = "TIME", value_parser = time_or_date)]
    pub(crate) to: Option<DateTime<Utc>>,
    /// Another address of HTTP, without a path: http://… or https://…
    #[arg(long, value_name = "URL")]
    pub(crate) http: Option<String>,
    /// Prints one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct FeedReplayArguments {
    /// The venue: binance, coinbase, ctrader, kraken or okx
    pub(crate) venue: RecordedVenue,
    /// Files with messages, in this order; each is a connection
    #[arg(required_unless_present = "recorded")]
    pub(crate) files: Vec<PathBuf>,
    /// File with answers to HTTP requests: snapshots of books, instruments; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) http: Vec<PathBuf>,
    /// Levels on each side of a book [default: the depth of the subscription in the session, or 1000]
    #[arg(long, value_name = "LEVELS")]
    pub(crate) depth: Option<usize>,
    /// Replays the recorded messages of this feed instead of files
    #[arg(long, value_name = "FEED", conflicts_with_all = ["files", "http"])]
    pub(crate) recorded: Option<String>,
    /// First time of receipt, inclusive [default: the oldest message]
    #[arg(long, value_name = "TIME", value_parser = time_or_date, requires = "recorded")]
    pub(crate) from: Option<DateTime<Utc>>,
    /// Last time of receipt, exclusive [default: after the newest message]
    #[arg(long, value_name = "TIME", value_parser = time_or_date, requires = "recorded")]
    pub(crate) to: Option<DateTime<Utc>>,
    /// Writes quotes and trades to the databases
    #[arg(long)]
    pub(crate) store: bool,
    /// Feed whose names the symbols have [default: the venue]
    #[arg(long, value_name = "NAME", requires = "store")]
    pub(crate) feed: Option<String>,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct FeedRecordArguments {
    /// The venue: binance, coinbase, ctrader, kraken or okx
    pub(crate) venue: VenueName,
    /// Symbol as the venue names it; may be repeated [default: bitcoin in US dollars; ctrader: EURUSD]
    #[arg(long = "symbol", value_name = "SYMBOL")]
    pub(crate) symbols: Vec<String>,
    /// quotes, trades or book:<levels>; may be repeated
    #[arg(long = "channel", value_name = "CHANNEL", default_values = ["quotes", "trades", "book:10"])]
    pub(crate) channels: Vec<Channel>,
    /// Ends after this time, in seconds [default: at Ctrl-C]
    #[arg(long)]
    pub(crate) seconds: Option<u64>,
    /// The file; - is standard output
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "store",
        conflicts_with = "store"
    )]
    pub(crate) output: Option<PathBuf>,
    /// Replaces an existing file
    #[arg(long, requires = "output")]
    pub(crate) force: bool,
    /// Stores the messages in the database
    #[arg(long)]
    pub(crate) store: bool,
    /// Name of the feed in the database [default: the venue]
    #[arg(long, value_name = "NAME", requires = "store")]
    pub(crate) feed: Option<String>,
    /// Another address of the WebSocket, without a path: ws://… or wss://…; of ctrader: tcp://… or tls://…
    #[arg(long, value_name = "URL", requires = "http")]
    pub(crate) websocket: Option<String>,
    /// Another address of HTTP, without a path: http://… or https://…
    #[arg(long, value_name = "URL", requires = "websocket")]
    pub(crate) http: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct FeedCheckArguments {
    /// The venue: binance, coinbase, ctrader, kraken or okx
    pub(crate) venue: VenueName,
    /// Symbol as the venue names it; may be repeated [default: bitcoin in US dollars; ctrader: EURUSD]
    #[arg(long = "symbol", value_name = "SYMBOL")]
    pub(crate) symbols: Vec<String>,
    /// quotes, trades or book:<levels>; may be repeated
    #[arg(long = "channel", value_name = "CHANNEL", default_values = ["quotes", "trades", "book:10"])]
    pub(crate) channels: Vec<Channel>,
    /// Number of events to print
    #[arg(long, default_value_t = 10)]
    pub(crate) events: usize,
    /// Longest time for everything, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) timeout: u64,
    /// Another address of the WebSocket, without a path: ws://… or wss://…; of ctrader: tcp://… or tls://…
    #[arg(long, value_name = "URL", requires = "http")]
    pub(crate) websocket: Option<String>,
    /// Another address of HTTP, without a path: http://… or https://…
    #[arg(long, value_name = "URL", requires = "websocket")]
    pub(crate) http: Option<String>,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
