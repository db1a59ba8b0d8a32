//! Whole sessions, lost messages, and ends of connections.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tickbook_feeds::transport::Tls;
use tickbook_feeds::{Channel, Venue as _};

use super::acceptor::{Acceptor, PASSWORD};
use super::client::{Client, venue};
use super::proxy::{self, Verdict};

const ALL: [Channel; 3] = [Channel::Quotes, Channel::Book(10), Channel::Instruments];

#[tokio::test]
async fn acceptor_and_client_accept_each_other() {
    let acceptor = Acceptor::start().await;
    let client = Client::start(acceptor.port, PASSWORD, &ALL);
    client
        .until("quote and book", |seen| {
            seen.levels.is_some() && !seen.quotes.is_empty()
        })
        .await;
    for step in 0..50 {
        acceptor.change(step).await;
        acceptor.quote().await;
    }
    let levels = acceptor.levels().await;
    let seen = client
        .until("last message", |seen| {
            seen.quotes.len() == 51 && seen.updates == 50
        })
        .await;
    assert_eq!(seen.levels, Some(levels));
    let bids: Vec<_> = seen.quotes.iter().map(|(bid, _)| *bid).collect();
    assert!(bids.iter().copied().eq(1..=51), "{bids:?}");
    let instruments: Vec<_> = seen.instruments.iter().map(String::as_str).collect();
    assert_eq!(instruments, ["1 EURUSD", "41 XAUUSD"]);
    assert_eq!((seen.snapshots, seen.opened, seen.lost), (1, 1, 0));
    assert_eq!((seen.stale.len(), seen.refused.len()), (0, 0), "{seen:?}");
    let counted: Vec<_> = seen.counted.keys().copied().collect();
    assert_eq!(counted, ["logged_on"]);
    assert_eq!(acceptor.refusals(), 0);

    // a client that stops logs out
    client.stop_soon();
    acceptor.quote().await;
    client.ended().await;
    let waiting = async {
        while acceptor.is_logged_on().await {
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(std::time::Duration::from_secs(60), waiting).await;
    assert!(in_time.is_ok(), "the acceptor has no logout");
    acceptor.stop().await;
}

#[tokio::test]
async fn wrong_password_is_refused_and_never_shown() {
    let acceptor = Acceptor::start().await;
    let client = Client::start(acceptor.port, "trout", &ALL);
    let seen = client
        .until("second attempt", |seen| seen.ends.len() >= 2)
        .await;
    for end in &seen.ends {
        assert!(end.contains("RET_INVALID_DATA"), "{end}");
    }
    assert_eq!(seen.count("logged_on"), 0);
    assert!(!format!("{seen:?}").contains("trout"));
}

#[tokio::test]
async fn lost_messages_are_repeated_and_used_once() {
    let acceptor = Acceptor::start().await;
    let dropped = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&dropped);
    let port = proxy::start(acceptor.port, move |text| {
        // every fifth change, when it is sent for the first time
        let is_change = text.contains("|35=X|") && !text.contains("|43=Y|");
        if is_change && count.fetch_add(1, Ordering::SeqCst) % 5 == 2 {
            return Verdict::Drop;
        }
        Verdict::Pass
    })
    .await;
    let client = Client::start(port, PASSWORD, &ALL);
    client.until("book", |seen| seen.levels.is_some()).await;
    for step in 0..40 {
        acceptor.change(step).await;
        acceptor.quote().await;
    }
    let levels = acceptor.levels().await;
    let seen = client
        .until("last message", |seen| {
            seen.updates >= 40 && seen.quotes.len() >= 41
        })
        .await;
    assert_eq!(seen.levels, Some(levels));
    assert_eq!((seen.updates, seen.quotes.len()), (40, 41));
    assert_eq!((seen.lost, seen.stale.len(), seen.opened), (0, 0, 1));
    assert!(seen.quotes.is_sorted(), "{:?}", seen.quotes);
    let gaps = seen.count("gap_opened");
    assert!(gaps > 0 && seen.count("gap_filled") == gaps, "{seen:?}");
    assert!(seen.count("duplicate_used") >= 8, "{seen:?}");
    assert_eq!(acceptor.refusals(), 0);
}

#[tokio::test]
async fn messages_that_are_not_repeated_make_books_stale() {
    let acceptor = Acceptor::start().await;
    let client = Client::start(acceptor.port, PASSWORD, &ALL);
    client.until("book", |seen| seen.levels.is_some()).await;
    acceptor.change(1).await;
    client.until("update", |seen| seen.updates == 1).await;
    acceptor.skip(3).await;
    acceptor.change(2).await;
    let seen = client
        .until("next snapshot", |seen| {
            seen.snapshots == 2 && seen.levels.is_some()
        })
        .await;
    assert_eq!(seen.levels, Some(acceptor.levels().await));
    assert_eq!(seen.stale, ["gap"]);
    assert_eq!((seen.lost, seen.opened), (3, 1));
    assert_eq!(seen.count("gap_opened"), 1);
    assert_eq!(seen.count("gap_fill_received"), 1);
    acceptor.change(3).await;
    let levels = acceptor.levels().await;
    let is_equal = |seen: &super::client::Seen| seen.levels.as_ref() == Some(&levels);
    client.until("same book", is_equal).await;
}

#[tokio::test]
async fn cut_connections_double_and_hide_nothing() {
    let seed = std::env::var("TICKBOOK_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| RandomState::new().build_hasher().finish());
    println!("set TICKBOOK_SEED={seed} to see the same cuts again");
    let mut random = fastrand::Rng::with_seed(seed);
    let acceptor = Acceptor::start().await;
    let cuts = Arc::new(AtomicBool::new(true));
    let is_cut = Arc::clone(&cuts);
    let port = proxy::start(acceptor.port, move |_| {
        match is_cut.load(Ordering::SeqCst) && random.u32(..25) == 0 {
            true => Verdict::Cut,
            false => Verdict::Pass,
        }
    })
    .await;
    let client = Client::start(port, PASSWORD, &ALL);
    let mut step = 0;
    while client.seen().opened < 12 {
        acceptor.change(step).await;
        acceptor.quote().await;
        step += 1;
        tokio::task::yield_now().await;
    }
    cuts.store(false, Ordering::SeqCst);
    let levels = acceptor.levels().await;
    let seen = client
        .until("last book", |seen| seen.levels.as_ref() == Some(&levels))
        .await;
    // each quote once and in order; one is missing only where a connection ended
    for pair in seen.quotes.windows(2) {
        let ((first, before), (second, after)) = (pair[0], pair[1]);
        assert!(first < second, "doubled or out of order: {pair:?}");
        assert!(second == first + 1 || before < after, "hidden: {pair:?}");
    }
    assert_eq!(seen.lost, 0);
    assert_eq!(seen.count("number_too_low"), 0);
    assert!(
        seen.stale.iter().all(|reason| reason == "disconnected"),
        "{seen:?}"
    );
}

#[tokio::test]
async fn instruments_are_listed_again_in_the_same_session() {
    let acceptor = Acceptor::start().await;
    let address = format!("tcp://127.0.0.1:{}", acceptor.port);
    let mut venue = venue(&address, PASSWORD, &[Channel::Quotes]);
    assert!(venue.list_every(Duration::from_millis(20)));
    let client = Client::connect(venue, Tls::of_the_system().expect("TLS"));
    let seen = client.until("third list", |seen| seen.lists >= 3).await;
    assert_eq!(seen.opened, 1);
    let expected = ["1 EURUSD", "41 XAUUSD"].map(str::to_owned);
    assert_eq!(seen.instruments, expected.into());
    // the quotes are subscribed once: each subscription is answered with one
    assert_eq!(acceptor.quotes().await, 1);
    acceptor.quote().await;
    client.until("quotes", |seen| seen.quotes.len() == 2).await;
    assert_eq!(client.seen().count("number_too_low"), 0);
}
