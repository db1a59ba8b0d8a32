//! The session of Kraken WebSocket 1.

use tickbook_feeds::kraken::KrakenV1;

use crate::oracle::{check_books, check_quotes, check_times, check_trades, symbols};
use crate::replay::Replay;
use crate::sessions;

#[test]
fn kraken_checksums_and_books_equal_the_oracle() {
    let Some(folder) = sessions::folder() else {
        return;
    };
    let expected = sessions::expected(&folder, "kraken");
    let mut protocol = KrakenV1::new(symbols(&expected), 1_000);
    let lines = sessions::lines(&folder.join("kraken/book.ws.gz"));
    let replay = Replay::of(&mut protocol, &lines);
    assert_eq!(replay.notices, []);
    check_books(&replay, &protocol, &expected, str::to_owned);
    check_times(&replay, &expected);
    // each update has a checksum, and a wrong one makes the book stale
    let updates: u64 = replay.books.values().map(|facts| facts.updates).sum();
    assert_eq!(updates, 4_269);
}

#[test]
fn kraken_trades_and_quotes_equal_the_oracle() {
    let Some(folder) = sessions::folder() else {
        return;
    };
    let expected = sessions::expected(&folder, "kraken");
    let mut protocol = KrakenV1::new(symbols(&expected), 1_000);
    let trades = sessions::lines(&folder.join("kraken/trades.ws.gz"));
    check_trades(
        &Replay::of(&mut protocol, &trades),
        &expected,
        str::to_owned,
    );
    let quotes = sessions::lines(&folder.join("kraken/ticker.ws.gz"));
    check_quotes(&Replay::of(&mut protocol, &quotes), &expected);
}
