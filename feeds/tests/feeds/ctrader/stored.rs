//! A session that a feed stores, and the gaps in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rust_decimal::Decimal;
use tickbook::domain::book::StaleReason;
use tickbook::domain::{FeedChannel, FeedGap, GapReason, PageLimit, SymbolId, TimeRange};
use tickbook::ingest::feed::Pipeline;
use tickbook::ingest::{PersisterConfig, TickPersister};
use tickbook::repository::{FeedGapQuery, TickQuery};
use tickbook::{Backoff, Clock, Repositories};
use tickbook_feeds::ctrader::{CtraderAccount, CtraderVenue};
use tickbook_feeds::feed::{SymbolDirectory, VenueFeed};
use tickbook_feeds::transport::{Tls, Transport, TransportSettings};
use tickbook_feeds::{Channel, Subscription};

use super::acceptor::{Acceptor, CLIENT, PASSWORD};
use super::market::NAME;
use super::proxy::{self, Verdict};

const LIMIT: Duration = Duration::from_secs(120);

/// The bids of the stored ticks in hundredths, in their order.
async fn bids(repositories: &Repositories, id: SymbolId) -> Vec<i64> {
    let mut query = TickQuery::new(id, TimeRange::all());
    query.limit = PageLimit::MAX;
    let ticks = repositories.ticks.range(&query).await.expect("memory");
    let ticks = ticks.items.into_iter();
    let bid = |price: Decimal| (price * Decimal::ONE_HUNDRED).normalize().to_string();
    ticks
        .map(|tick| {
            bid(tick.bid_price.expect("a bid"))
                .parse()
                .expect("a number")
        })
        .collect()
}

async fn gaps(repositories: &Repositories, channel: FeedChannel) -> Vec<FeedGap> {
    let query = FeedGapQuery::default();
    let gaps = repositories.feeds.gaps(&query).await.expect("memory").items;
    gaps.into_iter()
        .filter(|gap| gap.channel == channel)
        .collect()
}

/// Sends quotes until the condition holds.
async fn quotes_until(acceptor: &Acceptor, mut holds: impl AsyncFnMut() -> bool) {
    let sending = async {
        while !holds().await {
            acceptor.quote().await;
            acceptor.change(acceptor.quotes().await).await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let in_time = tokio::time::timeout(LIMIT, sending).await;
    assert!(in_time.is_ok(), "the condition never holds");
}

#[tokio::test]
async fn gaps_of_lost_messages_and_connections_are_stored() {
    let acceptor = Acceptor::start().await;
    let cuts = Arc::new(AtomicBool::new(false));
    let cut = Arc::clone(&cuts);
    let port = proxy::start(acceptor.port, move |_| {
        match cut.swap(false, Ordering::SeqCst) {
            true => Verdict::Cut,
            false => Verdict::Pass,
        }
    })
    .await;
    let repositories = Repositories::in_memory();
    let open = SymbolDirectory::open(&*repositories.symbols, "ctrader", [NAME], &[]);
    let directory = open.await.expect("memory");
    let id = directory.get(NAME).expect("an id");
    let account = CtraderAccount::new(
        format!("tcp://127.0.0.1:{port}"),
        CLIENT,
        PASSWORD.to_owned(),
    );
    let subscription = Subscription::new([NAME], [Channel::Quotes, Channel::Book(10)]);
    let venue = CtraderVenue::new(subscription, &account, Clock::system()).expect("a venue");
    let mut settings = TransportSettings::default();
    settings.backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(5));
    let transport = Transport::new(Tls::of_the_system().expect("TLS"), Clock::system());
    let transport = transport.with_settings(settings);
    let feed = VenueFeed::new(Box::new(venue), directory, transport);
    let feed = feed.with_gaps(repositories.clone());
    let persister = TickPersister::start(repositories.ticks.clone(), PersisterConfig::default());
    let pipeline = Pipeline::builder(persister).feed(Box::new(feed)).start();

    quotes_until(&acceptor, async || bids(&repositories, id).await.len() > 20).await;
    for channel in [FeedChannel::Quotes, FeedChannel::Book] {
        assert_eq!(gaps(&repositories, channel).await, [], "nothing was lost");
    }
    // numbers that nobody repeats
    acceptor.skip(2).await;
    let are_closed = async |count: usize| {
        let all = [
            gaps(&repositories, FeedChannel::Quotes).await,
            gaps(&repositories, FeedChannel::Book).await,
        ];
        all.iter()
            .all(|gaps| gaps.len() == count && gaps.iter().all(|gap| gap.to.is_some()))
    };
    quotes_until(&acceptor, async || are_closed(1).await).await;
    // half of a message, then the end of the connection
    cuts.store(true, Ordering::SeqCst);
    quotes_until(&acceptor, async || are_closed(2).await).await;
    let report = pipeline.stop(LIMIT).await;
    assert!(report.is_complete(), "{report:?}");

    let expected = [StaleReason::Gap, StaleReason::Disconnected].map(GapReason::Stale);
    for channel in [FeedChannel::Quotes, FeedChannel::Book] {
        let mut gaps = gaps(&repositories, channel).await;
        gaps.sort_by_key(|gap| gap.from);
        let reasons: Vec<_> = gaps.iter().map(|gap| gap.reason).collect();
        assert_eq!(reasons, expected, "{channel:?}");
    }
    let stored = bids(&repositories, id).await;
    let mut once = stored.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), stored.len(), "nothing twice");
}
