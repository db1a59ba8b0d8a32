//! Measures how fast tickbook writes and reads, compared with upper limits and other libraries.
//!
//! All results are ratios of two contenders that alternate within one run: the speed of a machine varies from
//! minute to minute, and ratios do not.
#![forbid(unsafe_code)]

mod candle_pages;
mod contenders;
mod cpu;
mod goals;
mod history;
mod http;
mod load;
mod market;
mod measure;
mod report;
mod rounds;
mod scale;
mod server;

use clap::{Parser, Subcommand, ValueEnum};

use goals::Bench;
use report::Report;

/// A part of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Part {
    /// Batches of 1,000 ticks: speed, CPU and write-ahead log
    Batches1000,
    /// Batches of 100 ticks
    Batches100,
    /// Batches of 10 ticks
    Batches10,
    /// Batches of one tick
    Batches1,
    /// Batches of 1,000 trades
    Trades1000,
    /// Stored ticks written again
    Resend,
    /// The schema of the migrations, compared with one with serial id, name and a time index
    Schema,
    /// Single ticks through the persister
    Persister,
    /// The quality checks of each tick before it is written
    Quality,
    /// 100,000 ticks of a range
    Ranges,
    /// The newest 100 ticks of a symbol, and the newest tick of each symbol
    Newest,
    /// Candles with and without the default index of aggregates on buckets
    CandleIndex,
    /// Refresh of larger timeframes from smaller ones and from ticks
    Refresh,
    /// Pages over HTTP
    Rest,
    /// Pages over HTTP per second, whole and unchanged
    RestLoad,
    /// Snapshots of order books in batches of 100
    BookSnapshots,
    /// The snapshot of an order book as of a time
    BooksAsOf,
    /// Level changes of recorded sessions
    BookLevels,
    /// A recorded session from its messages to the database
    FeedToDatabase,
    /// The time from a message to WebSocket clients and to the disk
    FeedLatency,
    /// Candles of trades from aggregates
    TradeCandles,
    /// Batches of 1,000 order events
    LedgerBatches,
    /// Single order events of 16 accounts
    LedgerCalls,
    /// A day of 10,000 fills
    LedgerFills,
    /// The last 100 orders of a symbol of one day
    LedgerOrders,
    /// 10,000 orders of a day, and the last 100 of a symbol through the view of an order manager
    LedgerLoad,
    /// A journal of a million events folded and stored again
    LedgerRebuild,
    /// The time from an order event to its copy in the time-series database
    LedgerRelay,
    /// Memory used by a stream
    Streaming,
    /// 5,000 WebSocket clients, compared with a bare broadcast loop
    WebsocketLoad,
    /// Memory of idle WebSocket clients
    WebsocketMemory,
}

/// Measures writing and reading on the database of TIMESCALEDB_URL, in schemas of its own
#[derive(Debug, Parser)]
#[command(name = "tickbook-bench", args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Measurement>,
    /// Number of rounds; each contender has a turn in each round
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Only these parts
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// Exits with code 1 if a target is missed
    #[arg(long)]
    strict: bool,
}

/// Another measurement than that of writing and reading.
#[derive(Debug, Subcommand)]
enum Measurement {
    Scale(scale::ScaleArguments),
    /// The server of a measurement, which this program starts itself
    #[command(hide = true)]
    LoadServer(load::LoadServer),
}

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match &arguments.command {
        Some(Measurement::Scale(arguments)) => return scale::run(arguments).await,
        Some(Measurement::LoadServer(arguments)) => return load::serve(arguments).await,
        None => {}
    }
    let mut report = Report::default();
    println!("{}", server::describe()?);
    println!("{} rounds\n", arguments.rounds);
    for part in Part::value_variants() {
        if !arguments.only.is_empty() && !arguments.only.contains(part) {
            continue;
        }
        let bench = Bench {
            rounds: arguments.rounds,
        };
        match part {
            Part::Batches1000 => bench.batches_of_1000(&mut report).await?,
            Part::Batches100 => bench.batches_of_100(&mut report).await?,
            Part::Batches10 => bench.small_batches(10, &mut report).await?,
            Part::Batches1 => bench.small_batches(1, &mut report).await?,
            Part::Trades1000 => bench.trades_of_1000(&mut report).await?,
            Part::Resend => bench.resend(&mut report).await?,
            Part::Schema => bench.schema(&mut report).await?,
            Part::Persister => bench.persister(&mut report).await?,
            Part::Quality => bench.quality(&mut report),
            Part::Ranges => bench.long_ranges(&mut report).await?,
            Part::Newest => bench.newest(&mut report).await?,
            Part::CandleIndex => bench.candle_index(&mut report).await?,
            Part::Refresh => bench.refresh(&mut report).await?,
            Part::Rest => bench.rest(&mut report).await?,
            Part::RestLoad => bench.rest_load(&mut report).await?,
            Part::BookSnapshots => bench.book_snapshots(&mut report).await?,
            Part::BooksAsOf => bench.books_as_of(&mut report).await?,
            Part::BookLevels => bench.book_levels(&mut report)?,
            Part::FeedToDatabase => bench.feed_to_database(&mut report).await?,
            Part::FeedLatency => bench.feed_latency().await?,
            Part::TradeCandles => bench.trade_candles(&mut report).await?,
            Part::LedgerBatches => bench.ledger_batches(&mut report).await?,
            Part::LedgerCalls => bench.ledger_calls(&mut report).await?,
            Part::LedgerFills => bench.ledger_fills(&mut report).await?,
            Part::LedgerOrders => bench.ledger_orders(&mut report).await?,
            Part::LedgerLoad => bench.ledger_load(&mut report).await?,
            Part::LedgerRebuild => bench.ledger_rebuild(&mut report).await?,
            Part::LedgerRelay => bench.ledger_relay(&mut report).await?,
            Part::Streaming => bench.streaming(&mut report).await?,
            Part::WebsocketLoad => bench.websocket_load(&mut report).await?,
            Part::WebsocketMemory => bench.websocket_memory(&mut report).await?,
        }
    }
    report.print();
    if arguments.strict && report.misses() > 0 {
        anyhow::bail!("{} targets are missed", report.misses());
    }
    Ok(())
}
