//! The sessions as messages of newer protocols, line by line.

use tickbook_feeds::Protocol as _;
use tickbook_feeds::coinbase::CoinbaseAdvanced;
use tickbook_feeds::kraken::Kraken;

use crate::oracle::{check_books, symbols};
use crate::programs::Programs;
use crate::replay::Replay;
use crate::sessions;

/// The name of a pair in WebSocket 2.
fn new_name(symbol: &str) -> String {
    symbol.replace("XBT", "BTC")
}

#[test]
fn reframed_kraken_session_equals_the_oracle() {
    let Some(programs) = Programs::find() else {
        return;
    };
    let expected = sessions::expected(&programs.folder, "kraken");
    let made = tempfile::tempdir().expect("a folder");
    let reframed = |name: &str| {
        let old = programs.folder.join(format!("kraken/{name}.ws.gz"));
        let new = made.path().join(name);
        programs.run(
            "reframe.py",
            ["kraken".as_ref(), old.as_os_str(), new.as_os_str()],
        );
        sessions::lines(&new)
    };
    let names: Vec<_> = symbols(&expected).iter().map(|it| new_name(it)).collect();
    let mut protocol = Kraken::new(names, 1_000);
    let books = Replay::of(&mut protocol, &reframed("book"));
    assert_eq!(books.notices, []);
    check_books(&books, &protocol, &expected, new_name);
    let trades = Replay::of(&mut protocol, &reframed("trades"));
    let mut found = 0;
    for (symbol, expected) in expected["trades"].as_object().expect("a map") {
        let expected = expected["trades"].as_array().expect("a list");
        for (trade, expected) in trades.trades[&new_name(symbol)].iter().zip(expected) {
            assert_eq!(trade.price.to_string(), expected["price"], "{symbol}");
            assert_eq!(trade.quantity.to_string(), expected["qty"], "{symbol}");
            assert_eq!(trade.aggressor.as_str(), expected["aggressor"], "{symbol}");
            assert_eq!(
                trade.time.timestamp_micros(),
                expected["time_us"].as_i64().expect("it")
            );
            found += 1;
        }
    }
    assert_eq!(found, 10);
    let quotes = Replay::of(&mut protocol, &reframed("ticker"));
    assert_eq!(quotes.quotes.values().map(Vec::len).sum::<usize>(), 18);

    let listed = made.path().join("instruments.json");
    programs.run(
        "reframe.py",
        ["kraken-instruments".as_ref(), listed.as_os_str()],
    );
    let frame = sessions::text(&listed);
    let frame = tickbook_feeds::Frame::new(frame.trim_end(), chrono::DateTime::UNIX_EPOCH);
    let mut instruments = 0;
    let received = protocol.receive(frame, &mut |event| {
        instruments += usize::from(matches!(event, tickbook_feeds::FeedEvent::Instrument(_)));
    });
    assert_eq!((received, instruments), (Ok(()), 10));
}

#[test]
fn reframed_coinbase_session_equals_the_oracle() {
    let Some(programs) = Programs::find() else {
        return;
    };
    let expected = sessions::expected(&programs.folder, "coinbase");
    let made = tempfile::tempdir().expect("a folder");
    let old = programs.folder.join("coinbase/level2-ticker-matches.ws.gz");
    let new = made.path().join("advanced");
    programs.run(
        "reframe.py",
        ["coinbase".as_ref(), old.as_os_str(), new.as_os_str()],
    );
    let mut protocol = CoinbaseAdvanced::new(symbols(&expected));
    let replay = Replay::of(&mut protocol, &sessions::lines(&new));
    assert_eq!(replay.notices, []);
    check_books(&replay, &protocol, &expected, str::to_owned);
    crate::oracle::check_trades(&replay, &expected, str::to_owned);
    assert_eq!(replay.quotes.values().map(Vec::len).sum::<usize>(), 107);
}

#[test]
fn lost_messages_of_coinbase_make_all_books_stale() {
    let Some(programs) = Programs::find() else {
        return;
    };
    let expected = sessions::expected(&programs.folder, "coinbase");
    let symbols = symbols(&expected);
    let made = tempfile::tempdir().expect("a folder");
    let old = programs.folder.join("coinbase/level2-ticker-matches.ws.gz");
    let arguments = [
        "coinbase-faults".as_ref(),
        old.as_os_str(),
        made.path().as_os_str(),
    ];
    programs.run("reframe.py", arguments);
    let manifest = sessions::json(&made.path().join("manifest.json"));
    let known = programs
        .folder
        .join("expected/faults-coinbase-advanced-seed1.json");
    assert_eq!(manifest, sessions::json(&known));
    for variant in manifest["variants"].as_array().expect("a list") {
        let what = &variant["what"];
        let file = made.path().join(variant["file"].as_str().expect("a file"));
        let mut protocol = CoinbaseAdvanced::new(symbols.iter());
        let mut replay = Replay::of(&mut protocol, &sessions::lines(&file));
        if variant["variant"] == "close" {
            replay.close(&mut protocol);
        }
        let is_valid = |symbol: &String| {
            let book = protocol.book(symbol).expect("a known symbol");
            book.state().is_valid()
        };
        if variant["must_notice"] == false {
            assert_eq!(replay.notices, [], "{what}");
            assert!(symbols.iter().all(is_valid), "{what}");
            continue;
        }
        let (notice, first) = (&variant["notice"][0], &replay.notices[0]);
        assert_eq!(notice["line"], first.line, "{what}");
        assert_eq!(notice["rx"], first.frame, "{what}");
        assert_eq!(notice["kind"], first.kind, "{what}");
        assert!(!symbols.iter().any(is_valid), "{what}");
    }
}
