//! The session of Binance spot.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use chrono::{DateTime, Utc};
use tickbook_feeds::binance::BinanceSpot;
use tickbook_feeds::{FeedEvent, Frame};

use crate::oracle::{check_books, check_quotes, check_times, check_trades, symbols};
use crate::replay::Replay;
use crate::sessions::{self, Line};

/// The snapshots of each symbol, in their order.
pub(crate) type Snapshots = BTreeMap<String, VecDeque<(DateTime<Utc>, String)>>;

pub(crate) fn snapshots(path: &Path) -> Snapshots {
    let mut snapshots = Snapshots::new();
    for (url, at, body) in sessions::answers(path) {
        let (_, rest) = url.split_once("symbol=").expect("a symbol");
        let symbol = rest.split('&').next().expect("a symbol");
        snapshots
            .entry(symbol.to_owned())
            .or_default()
            .push_back((at, body));
    }
    snapshots
}

/// Replays a session; each request gets the next snapshot of its symbol, if there is one.
pub(crate) fn replay(
    protocol: &mut BinanceSpot,
    lines: &[Line],
    mut snapshots: Snapshots,
) -> Replay {
    let mut replay = Replay::default();
    let fetch = |protocol: &mut BinanceSpot, symbol: &str, sink: &mut dyn FnMut(FeedEvent<'_>)| {
        let snapshot = snapshots.get_mut(symbol).and_then(VecDeque::pop_front);
        if let Some((at, body)) = snapshot {
            let body = Frame::new(&body, at);
            protocol.snapshot(symbol, body, sink).expect("a snapshot");
        }
    };
    replay.run(protocol, lines, fetch, |_, _, _| {});
    replay
}

#[test]
fn binance_books_and_trades_equal_the_oracle() {
    let Some(folder) = sessions::folder() else {
        return;
    };
    let expected = sessions::expected(&folder, "binance");
    let mut protocol = BinanceSpot::new(symbols(&expected));
    let lines = sessions::lines(&folder.join("binance/streams.ws.gz"));
    let snapshots = snapshots(&folder.join("binance/depth.http.gz"));
    let replay = replay(&mut protocol, &lines, snapshots);
    assert_eq!(replay.notices, []);
    check_books(&replay, &protocol, &expected, str::to_owned);
    check_times(&replay, &expected);
    check_trades(&replay, &expected, str::to_owned);
    check_quotes(&replay, &expected);
    for (symbol, expected) in expected["books"].as_object().expect("a map") {
        // the snapshot, and the first event after it
        let bridge = &expected["bridging_event"];
        let numbers = [&bridge["lastUpdateId"], &bridge["u"]].map(|it| it.as_i64().expect("it"));
        assert_eq!(replay.books[symbol].sequences[..2], numbers, "{symbol}");
    }
}

#[test]
fn binance_tops_equal_the_best_prices() {
    let Some(folder) = sessions::folder() else {
        return;
    };
    let expected = sessions::expected(&folder, "binance");
    let mut protocol = BinanceSpot::new(symbols(&expected));
    let lines = sessions::lines(&folder.join("binance/streams.ws.gz"));
    let snapshots = snapshots(&folder.join("binance/depth.http.gz"));
    let replay = replay(&mut protocol, &lines, snapshots);
    let (mut equal_numbers, mut states) = (0, 0);
    for (symbol, quotes) in &replay.quotes {
        let best = |number: i64| {
            let quote = quotes
                .iter()
                .rfind(|quote| quote.sequence <= Some(number))?;
            let known =
                |side: Option<(_, Option<_>)>| side.map(|(price, it)| (price, it.expect("known")));
            Some((quote.sequence, [known(quote.bid), known(quote.ask)]))
        };
        for (number, top) in &replay.books[symbol].tops {
            let Some((quoted, best)) = best(*number) else {
                continue;
            };
            assert_eq!(top, &best, "{symbol} at {number}");
            states += 1;
            let is_event = replay.books[symbol].sequences.first() != Some(number);
            equal_numbers += u64::from(quoted == Some(*number) && is_event);
        }
    }
    assert_eq!(equal_numbers, 26);
    assert!(states > 100, "{states}");
}
