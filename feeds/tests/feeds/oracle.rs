//! Comparisons with independent results.

use rust_decimal::Decimal;
use serde_json::Value;
use tickbook_feeds::Protocol;

use crate::replay::{Quote, Replay, Trade, book_digest, book_text};

fn number(value: &Value, key: &str) -> u64 {
    value[key]
        .as_u64()
        .unwrap_or_else(|| panic!("{key} of {value}"))
}

fn decimal(value: &Value) -> Decimal {
    value
        .as_str()
        .expect("a string")
        .parse()
        .expect("a decimal")
}

/// The symbols of the books.
pub(crate) fn symbols(expected: &Value) -> Vec<String> {
    let books = expected["books"].as_object().expect("a map");
    books.keys().cloned().collect()
}

/// Compares the counts, the times and the final book of each symbol. `name` converts the names of symbols.
pub(crate) fn check_books(
    replay: &Replay,
    protocol: &dyn Protocol,
    expected: &Value,
    name: impl Fn(&str) -> String,
) {
    let books = expected["books"].as_object().expect("a map");
    assert!(!books.is_empty());
    for (symbol, expected) in books {
        let name = name(symbol);
        let facts = replay
            .books
            .get(&name)
            .unwrap_or_else(|| panic!("no book of {name}"));
        for (found, key) in [
            (facts.snapshots, "snapshots"),
            (facts.snapshot_levels, "snapshot_levels"),
            (facts.updates, "updates"),
            (facts.counts.inserted, "level_inserts"),
            (facts.counts.replaced, "level_changes_of_qty"),
            (facts.counts.removed, "level_deletes"),
            (facts.counts.unknown, "deletes_of_unknown_level"),
        ] {
            assert_eq!(found, number(expected, key), "{symbol}: {key}");
        }
        assert_eq!(facts.counts.cut, 0, "{symbol}");
        let last = &expected["final"];
        let book = protocol.book(&name).expect("a known symbol");
        assert_eq!(
            book_text(book).len() as u64,
            number(last, "text_bytes"),
            "{symbol}"
        );
        let digest = book_digest(protocol, &name).expect("a valid book");
        assert_eq!(digest, last["sha256"], "{symbol}");
    }
    assert_eq!(replay.books.len(), books.len());
}

/// Compares the first and the last time of the updates of each symbol.
pub(crate) fn check_times(replay: &Replay, expected: &Value) {
    for (symbol, expected) in expected["books"].as_object().expect("a map") {
        let times = &replay.books[symbol].times;
        let ends = [times.iter().min(), times.iter().max()];
        for (time, key) in ends.into_iter().zip(["first_us", "last_us"]) {
            let micros = time.expect("an update").timestamp_micros();
            assert_eq!(
                micros as u64,
                number(&expected["event_time"], key),
                "{symbol}"
            );
        }
    }
}

/// Compares all trades of each symbol.
pub(crate) fn check_trades(replay: &Replay, expected: &Value, name: impl Fn(&str) -> String) {
    let symbols = expected["trades"].as_object().expect("a map");
    let mut count = 0;
    for (symbol, expected) in symbols {
        let expected = expected["trades"].as_array().expect("a list");
        let none = Vec::new();
        let found = replay.trades.get(&name(symbol)).unwrap_or(&none);
        assert_eq!(found.len(), expected.len(), "{symbol}");
        for (found, expected) in found.iter().zip(expected) {
            check_trade(found, expected);
        }
        count += found.len();
    }
    assert!(count > 0);
    assert_eq!(count, replay.trades.values().map(Vec::len).sum::<usize>());
}

fn check_trade(found: &Trade, expected: &Value) {
    if let Some(id) = expected["id"].as_str() {
        assert_eq!(found.id.as_deref(), Some(id), "{expected}");
    }
    assert_eq!(found.line as u64, number(expected, "line"), "{expected}");
    let micros = found.time.timestamp_micros();
    assert_eq!(micros as u64, number(expected, "time_us"), "{expected}");
    assert_eq!(found.price, decimal(&expected["price"]), "{expected}");
    assert_eq!(found.quantity, decimal(&expected["qty"]), "{expected}");
    assert_eq!(
        found.aggressor.as_str(),
        expected["aggressor"],
        "{expected}"
    );
    let is_replayed = expected["replayed"].as_bool().unwrap_or(false);
    assert_eq!(found.is_replayed, is_replayed, "{expected}");
}

/// Compares the number, the ends and the sums of the quotes of each symbol.
pub(crate) fn check_quotes(replay: &Replay, expected: &Value) {
    let symbols = expected["quotes"].as_object().expect("a map");
    let mut count = 0;
    for (symbol, expected) in symbols {
        let quotes = &replay.quotes[symbol];
        assert_eq!(quotes.len() as u64, number(expected, "count"), "{symbol}");
        check_quote(quotes.first(), &expected["first"]);
        check_quote(quotes.last(), &expected["last"]);
        let price = |side: Option<(Decimal, _)>| side.expect("both sides").0;
        let bids: Decimal = quotes.iter().map(|quote| price(quote.bid)).sum();
        let asks: Decimal = quotes.iter().map(|quote| price(quote.ask)).sum();
        assert_eq!(bids, decimal(&expected["sum_bid"]), "{symbol}");
        assert_eq!(asks, decimal(&expected["sum_ask"]), "{symbol}");
        count += quotes.len();
    }
    assert!(count > 0);
    assert_eq!(count, replay.quotes.values().map(Vec::len).sum::<usize>());
}

fn check_quote(found: Option<&Quote>, expected: &Value) {
    let found = found.expect("a quote");
    assert_eq!(found.line as u64, number(expected, "line"), "{expected}");
    let micros = found.time.timestamp_micros();
    assert_eq!(micros as u64, number(expected, "time_us"), "{expected}");
    if let Some(update) = expected["update_id"]
        .as_i64()
        .or(expected["sequence"].as_i64())
    {
        assert_eq!(found.sequence, Some(update), "{expected}");
    }
    for (side, price, quantity) in [(found.bid, "bid", "bid_qty"), (found.ask, "ask", "ask_qty")] {
        let (found_price, found_quantity) = side.expect("both sides");
        assert_eq!(found_price, decimal(&expected[price]), "{expected}");
        if expected[quantity].is_string() {
            assert_eq!(
                found_quantity,
                Some(decimal(&expected[quantity])),
                "{expected}"
            );
        } else {
            assert_eq!(found_quantity, None, "{expected}");
        }
    }
}
