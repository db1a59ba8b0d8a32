//! Servers that store the session of a venue and are killed at random places in it, and two servers at once.
//!
//! `TICKBOOK_KILLS` sets the number of kills, `TICKBOOK_SEED` their places.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde_json::Value;
use tempfile::TempDir;
use tickbook::Repositories;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::{
    FeedChannel, FeedGap, PageLimit, SymbolId, SymbolReference, Tick, TimeRange, Trade,
};
use tickbook::repository::{
    BookUpdateQuery, FeedGapQuery, TickQuery, TradeQuery, tick_stream, trade_stream,
};
use venue_server::VenueServer;

use crate::binary::Program;
use crate::databases::{prepare, until, variables};
use crate::venue_session::{
    MESSAGES, OF_EACH, Session, book_time, levels, quote, quote_time, repeated_quote, trade,
};

pub(crate) fn number(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(default, |text| text.parse().expect("a number"))
}

/// Numbers below a limit, from `TICKBOOK_SEED` or another one in each run, which is printed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(kills: u64) -> Self {
        let seed = number("TICKBOOK_SEED", u64::from(std::process::id()));
        println!("TICKBOOK_SEED={seed} TICKBOOK_KILLS={kills}");
        Self(seed | 1)
    }

    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 % u64::from(limit)).expect("below a small number")
    }
}

/// A server program with the feed, and its spool in `spool`.
fn start(schemas: &ScratchSchemas, venue: &VenueServer<Session>, spool: &TempDir) -> Program {
    let (websocket, http) = (venue.websocket(), venue.http());
    let spool = spool.path().to_str().expect("UTF-8");
    let mut variables = variables(schemas).to_vec();
    variables.extend([
        ("TICKBOOK__FEEDS__KRAKEN__WEBSOCKET", &*websocket),
        ("TICKBOOK__FEEDS__KRAKEN__HTTP", &http),
        ("TICKBOOK__FEEDS__KRAKEN__CHANNELS", "quotes,trades,book:10"),
        ("TICKBOOK__BOOKS__UPDATES", "true"),
        ("TICKBOOK__SPOOL__DIRECTORY", spool),
    ]);
    Program::start(&["--feed", "kraken:BTC/USD"], &variables)
}

/// The numbers of quotes, trades and messages of books that the server has published.
fn published(program: &Program) -> u64 {
    let (_, feeds) = program.get("/api/v1/feeds");
    let feed: &Value = &feeds["data"][0];
    let count = |name: &str| feed[name].as_u64().unwrap_or_default();
    count("published") + count("trades_published") + count("book_events")
}

/// Waits until the client has read the whole session, and stops the server, which stores everything.
fn complete(program: Program, venue: &VenueServer<Session>) {
    until("the session is over", || venue.play().is_read());
    let (status, log) = program.stop("TERM");
    assert_eq!(status.code(), Some(0), "{log}");
}

/// The stored records of the session.
struct Stored {
    repositories: Repositories,
    id: SymbolId,
    trades: Vec<Trade>,
    ticks: Vec<Tick>,
}

impl Stored {
    async fn read(schemas: &ScratchSchemas) -> Self {
        use futures_util::TryStreamExt as _;
        let repositories = Repositories::postgres(&DatabasePools::new(&schemas.config()));
        let name: SymbolReference = "kraken:BTC/USD".parse().expect("a name");
        let symbol = repositories.symbols.get_by_name(&name).await;
        let id = symbol.expect("read").expect("the symbol").symbol_id;
        let query = TradeQuery::new(id, TimeRange::all());
        let trades = trade_stream(repositories.trades.clone(), query);
        let query = TickQuery::new(id, TimeRange::all());
        let ticks = tick_stream(repositories.ticks.clone(), query);
        Self {
            trades: trades.try_collect().await.expect("read"),
            ticks: ticks.try_collect().await.expect("read"),
            repositories,
            id,
        }
    }

    /// Time, bid and ask of each quote, in their order.
    fn quotes(&self) -> Vec<(String, String, String)> {
        let quote = |tick: &Tick| {
            let price =
                |price: Option<rust_decimal::Decimal>| price.expect("both sides").to_string();
            let time = tick
                .tick_time
                .to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
            (time, price(tick.bid_price), price(tick.ask_price))
        };
        let mut quotes: Vec<_> = self.ticks.iter().map(quote).collect();
        quotes.sort();
        quotes
    }

    /// Asserts that the last book is that of the session.
    async fn check_last_book(&self) {
        let at = book_time(OF_EACH);
        let found = self.repositories.books.book_at(self.id, at).await;
        let found = found.expect("read").expect("a book");
        assert_eq!(found.snapshot_time, at);
        let sides = [found.bids, found.asks].map(|side| {
            let level = |level: tickbook::domain::book::PriceLevel| {
                (level.price.normalize(), level.quantity.normalize())
            };
            side.into_iter().map(level).collect::<Vec<_>>()
        });
        assert_eq!(sides, levels(OF_EACH));
    }

    /// The times of the changes of the book.
    async fn changes(&self) -> Vec<DateTime<Utc>> {
        let query = BookUpdateQuery::new(self.id, TimeRange::all()).limit(PageLimit::MAX);
        let updates = self.repositories.books.updates(&query).await;
        let updates = updates.expect("read").items.into_iter();
        updates.map(|update| update.update_time).collect()
    }

    /// Whether records of each kind are stored.
    async fn has_all(&self) -> bool {
        let is_missing = self.trades.is_empty() || self.ticks.is_empty();
        !is_missing && !self.changes().await.is_empty()
    }

    async fn gaps(&self, channel: FeedChannel) -> Vec<FeedGap> {
        let query = FeedGapQuery::default()
            .channel(channel)
            .limit(PageLimit::MAX);
        let gaps = self.repositories.feeds.gaps(&query).await;
        gaps.expect("read").items
    }
}

/// The time in which the records of a first run are stored.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// Whether a time is between the neighbours of a gap.
fn lost_times(gaps: &[FeedGap]) -> impl Fn(DateTime<Utc>) -> bool + use<> {
    let ends = gaps.iter().map(|gap| {
        let ends = gap.last.zip(gap.next);
        ends.unwrap_or_else(|| panic!("{gap:?}"))
    });
    let ends: Vec<_> = ends.collect();
    move |time| {
        let mut ends = ends.iter();
        ends.any(|(last, next)| last.time < time && time < next.time)
    }
}

/// Asserts that the tables have the session, each record once.
async fn check(schemas: &ScratchSchemas) {
    let stored = Stored::read(schemas).await;
    let found = stored
        .trades
        .iter()
        .map(|it| (it.sequence, it.price.to_string()));
    let expected = (1..=OF_EACH).map(|id| (i64::from(id), trade(id).to_string()));
    assert!(found.eq(expected), "{} trades", stored.trades.len());
    let mut expected: Vec<_> = (1..=OF_EACH).map(repeated_quote).collect();
    expected.sort();
    let found = stored.quotes();
    assert_eq!(found.len(), expected.len());
    assert_eq!(found, expected);
    let expected: Vec<_> = (1..=OF_EACH).map(book_time).collect();
    assert_eq!(stored.changes().await, expected);
    stored.check_last_book().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_servers_store_the_session_once() {
    let kills = number("TICKBOOK_KILLS", 4);
    let mut random = Random::new(kills);
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let end = Arc::new(AtomicU32::new(0));
    let venue = VenueServer::start(Session::resent(&end)).await;
    let spool = tempfile::tempdir().expect("a folder");
    for _ in 0..kills {
        let sent = 1 + random.below(MESSAGES);
        end.store(sent, Ordering::Relaxed);
        let program = start(&schemas, &venue, &spool);
        // not later than the last message, and while the others are published or stored
        let part = u64::from(random.below(sent) + 1);
        until("a part of the session is published", || {
            published(&program) >= part
        });
        std::thread::sleep(Duration::from_micros(random.below(20_000).into()));
        // kills it
        drop(program);
    }
    end.store(MESSAGES, Ordering::Relaxed);
    complete(start(&schemas, &venue, &spool), &venue);
    check(&schemas).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_servers_lose_only_what_gaps_say() {
    let kills = number("TICKBOOK_KILLS", 4);
    let mut random = Random::new(kills);
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let end = Arc::new(AtomicU32::new(0));
    // the venue sends each message once, whether a server receives it or not
    let venue = VenueServer::start(Session::live(&end)).await;
    let spool = tempfile::tempdir().expect("a folder");
    let part = MESSAGES / u32::try_from(kills + 1).expect("few");
    for kill in 1..=kills {
        let sent = part * u32::try_from(kill).expect("few");
        end.store(sent, Ordering::Relaxed);
        let before = venue.play().position();
        let program = start(&schemas, &venue, &spool);
        let wanted = u64::from(random.below(sent - before) + 1);
        until("a part of the session is published", || {
            published(&program) >= wanted
        });
        // without a stored record of each kind the next start knows of no loss
        let begun = Instant::now();
        while kill == 1 && !Stored::read(&schemas).await.has_all().await {
            assert!(begun.elapsed() < MAX_WAIT, "no records are stored");
            tokio::task::yield_now().await;
        }
        std::thread::sleep(Duration::from_micros(random.below(20_000).into()));
        // kills it
        drop(program);
        // the venue goes on without a server
        venue.play().skip(random.below(part / 4));
    }
    end.store(MESSAGES, Ordering::Relaxed);
    complete(start(&schemas, &venue, &spool), &venue);
    let stored = Stored::read(&schemas).await;
    stored.check_last_book().await;
    // trades: those of the session without those between the neighbours of a gap
    let gaps = stored.gaps(FeedChannel::Trades).await;
    // a gap whose end was not stored before a kill goes on
    assert!((1..=kills).contains(&(gaps.len() as u64)), "{gaps:?}");
    let numbers = |gap: &FeedGap| {
        let number = |edge: Option<tickbook::domain::GapEdge>| edge?.sequence;
        let ends = number(gap.last).zip(number(gap.next));
        ends.unwrap_or_else(|| panic!("{gap:?}"))
    };
    let gaps: Vec<_> = gaps.iter().map(numbers).collect();
    let is_lost = |number: i64| {
        let mut gaps = gaps.iter();
        gaps.any(|(last, next)| (last + 1..*next).contains(&number))
    };
    let first = stored.trades.first().expect("trades").sequence;
    let expected: BTreeSet<_> = (first..=i64::from(OF_EACH))
        .filter(|it| !is_lost(*it))
        .collect();
    let found: BTreeSet<_> = stored.trades.iter().map(|trade| trade.sequence).collect();
    assert_eq!(found, expected, "{gaps:?}");
    assert_eq!(found.len(), stored.trades.len());
    assert!(found.len() < OF_EACH as usize, "nothing was lost");
    // quotes and changes of the book have no numbers, but times of their own
    let lost = lost_times(&stored.gaps(FeedChannel::Quotes).await);
    let first = stored.ticks.first().expect("ticks").tick_time;
    let is_expected = |time| time >= first && !lost(time);
    let expected = (1..=OF_EACH).filter(|it| is_expected(quote_time(*it)));
    let mut expected: Vec<_> = expected.map(quote).collect();
    expected.sort();
    assert_eq!(stored.quotes(), expected);
    let lost = lost_times(&stored.gaps(FeedChannel::Book).await);
    let found = stored.changes().await;
    let first = found.first().expect("changes");
    let expected = (1..=OF_EACH).map(book_time);
    let expected = expected.filter(|time| time >= first && !lost(*time));
    assert_eq!(found, expected.collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_store_one_session_once() {
    let schemas = ScratchSchemas::create();
    prepare(&schemas).await;
    let end = Arc::new(AtomicU32::new(MESSAGES));
    let venues = [
        VenueServer::start(Session::resent(&end)).await,
        VenueServer::start(Session::resent(&end)).await,
    ];
    let spools = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let programs: Vec<_> = venues
        .iter()
        .zip(&spools)
        .map(|(venue, spool)| start(&schemas, venue, spool))
        .collect();
    for (program, venue) in programs.into_iter().zip(&venues) {
        complete(program, venue);
    }
    check(&schemas).await;
}
