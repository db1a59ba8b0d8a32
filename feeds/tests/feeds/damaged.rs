//! Damaged sessions: each fault is noticed at the message that the manifest names, and the books are right
//! again after the venue's next snapshots.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::DateTime;
use serde_json::Value;
use tickbook::domain::book::{BookSide, OrderBook};
use tickbook_feeds::binance::BinanceSpot;
use tickbook_feeds::kraken::{Kraken, KrakenV1};
use tickbook_feeds::okx::{self, Okx};
use tickbook_feeds::{EventSink, FeedEvent, Frame, Protocol};

use crate::binance::{Snapshots, snapshots};
use crate::oracle::symbols;
use crate::programs::{Programs, seed};
use crate::replay::{Notice, Replay, book_digest};
use crate::sessions::{self, Line};

/// A venue, and its undamaged session.
struct Venue<P> {
    name: &'static str,
    protocol: Box<dyn Fn() -> P>,
    lines: Vec<Line>,
    /// Answers to requests for snapshots.
    answers: Snapshots,
    /// The snapshot that the venue sends for a book, whose last update has this number.
    snapshot: fn(&str, &OrderBook, i64) -> String,
    deliver: Deliver<P>,
}

/// Passes a snapshot of a symbol to a protocol.
type Deliver<P> = fn(&mut P, &str, Frame<'_>, &mut EventSink<'_>);

/// Levels as JSON arrays that begin with price and quantity.
fn levels(book: &OrderBook, side: BookSide, rest: &str) -> String {
    let view = book.view().expect("a valid book");
    let level = |(price, quantity)| format!("[\"{price}\",\"{quantity}\"{rest}]");
    let levels: Vec<_> = view.decimals(side).map(level).collect();
    levels.join(",")
}

fn kraken_snapshot(symbol: &str, book: &OrderBook, _: i64) -> String {
    let [bids, asks] = [BookSide::Bid, BookSide::Ask].map(|side| levels(book, side, ",\"1.5\""));
    format!("[0,{{\"as\":[{asks}],\"bs\":[{bids}]}},\"book-1000\",\"{symbol}\"]")
}

fn okx_snapshot(symbol: &str, book: &OrderBook, _: i64) -> String {
    let [bids, asks] =
        [BookSide::Bid, BookSide::Ask].map(|side| levels(book, side, ",\"0\",\"1\""));
    let checksum = okx::checksum(book.view().expect("a valid book"));
    format!(
        "{{\"arg\":{{\"channel\":\"books\",\"instId\":\"{symbol}\"}},\"action\":\"snapshot\",\"data\":[{{\
         \"asks\":[{asks}],\"bids\":[{bids}],\"ts\":\"0\",\"checksum\":{checksum}}}]}}"
    )
}

fn binance_snapshot(_: &str, book: &OrderBook, last: i64) -> String {
    let [bids, asks] = [BookSide::Bid, BookSide::Ask].map(|side| levels(book, side, ""));
    format!("{{\"lastUpdateId\":{last},\"bids\":[{bids}],\"asks\":[{asks}]}}")
}

fn receive<P: Protocol>(protocol: &mut P, _: &str, frame: Frame<'_>, sink: &mut EventSink<'_>) {
    protocol.receive(frame, sink).expect("a snapshot");
}

impl<P: Protocol> Venue<P> {
    fn replay(
        &self,
        protocol: &mut P,
        lines: &[Line],
        mut answers: Snapshots,
        after: impl FnMut(&mut P, usize, &mut dyn FnMut(FeedEvent<'_>)),
    ) -> Replay {
        let mut replay = Replay::default();
        let fetch = |protocol: &mut P, symbol: &str, sink: &mut dyn FnMut(FeedEvent<'_>)| {
            let answer = answers.get_mut(symbol).and_then(|queue| queue.pop_front());
            if let Some((at, body)) = answer {
                (self.deliver)(protocol, symbol, Frame::new(&body, at), sink);
            }
        };
        replay.run(protocol, lines, fetch, after);
        replay
    }

    /// The snapshots of the valid books after a line of the undamaged session.
    fn snapshots_at(&self, line: usize, symbols: &[String]) -> Vec<(String, String)> {
        let mut protocol = (self.protocol)();
        let lines = &self.lines[..line.min(self.lines.len())];
        let replay = self.replay(&mut protocol, lines, self.answers.clone(), |_, _, _| {});
        let snapshot = |symbol: &String| {
            let book = protocol.book(symbol).expect("a known symbol");
            let last = replay
                .books
                .get(symbol)?
                .sequences
                .last()
                .copied()
                .unwrap_or(0);
            let is_valid = book.state().is_valid();
            is_valid.then(|| (symbol.clone(), (self.snapshot)(symbol, book, last)))
        };
        symbols.iter().filter_map(snapshot).collect()
    }

    fn digests(&self, protocol: &P, symbols: &[String]) -> BTreeMap<String, Option<String>> {
        let digest = |symbol: &String| (symbol.clone(), book_digest(protocol, symbol));
        symbols.iter().map(digest).collect()
    }

    /// Checks all variants of a manifest.
    fn check(&self, programs: &Programs, folder: &Path, manifest: &Value) {
        let expected = sessions::expected(&programs.folder, self.name);
        let symbols = symbols(&expected);
        let mut protocol = (self.protocol)();
        self.replay(
            &mut protocol,
            &self.lines,
            self.answers.clone(),
            |_, _, _| {},
        );
        let whole = self.digests(&protocol, &symbols);
        for (symbol, digest) in &whole {
            let of_oracle = expected["books"][symbol]["final"]["sha256"].as_str();
            assert_eq!(digest.as_deref(), of_oracle, "{symbol}");
        }
        let variants = manifest["variants"].as_array().expect("a list");
        let mine = |variant: &&Value| variant["venue"] == self.name;
        for variant in variants.iter().filter(mine) {
            let lines = sessions::lines(&folder.join(variant["file"].as_str().expect("a file")));
            let answers = match variant["rest_file"].as_str() {
                Some(file) => snapshots(&folder.join(file)),
                None => self.answers.clone(),
            };
            self.check_variant(variant, &lines, &answers, &whole);
        }
    }

    fn check_variant(
        &self,
        variant: &Value,
        lines: &[Line],
        answers: &Snapshots,
        whole: &BTreeMap<String, Option<String>>,
    ) {
        let name = format!("{} {}: {}", self.name, variant["variant"], variant["what"]);
        let symbols: Vec<_> = whole.keys().cloned().collect();
        let mut protocol = (self.protocol)();
        let mut replay = self.replay(&mut protocol, lines, answers.clone(), |_, _, _| {});
        if variant["variant"] == "close" {
            replay.close(&mut protocol);
        }
        check_notice(variant, &replay.notices, &name);
        let found = self.digests(&protocol, &symbols);
        let list = |key: &str| variant[key].as_array().expect("a list").clone();
        let is_noticed = !replay.notices.is_empty();
        for symbol in list("valid_books_equal_to_undamaged") {
            let symbol = symbol.as_str().expect("a symbol");
            let is_allowed =
                found[symbol] == whole[symbol] || (is_noticed && found[symbol].is_none());
            assert!(is_allowed, "{name}: {symbol}");
        }
        for symbol in list("stale_at_end_without_resync") {
            let symbol = symbol.as_str().expect("a symbol");
            assert_eq!(found[symbol], None, "{name}: {symbol}");
        }
        if variant["variant"] == "reconnect" {
            assert_eq!(&found, whole, "{name}");
        }
        let resync = &variant["resync"];
        if resync.is_object() {
            self.check_resync(variant, resync, lines, answers, whole, &name);
        }
    }

    /// Replays again; the venue sends snapshots after the notice.
    fn check_resync(
        &self,
        variant: &Value,
        resync: &Value,
        lines: &[Line],
        answers: &Snapshots,
        whole: &BTreeMap<String, Option<String>>,
        name: &str,
    ) {
        let line = |key: &str| resync[key].as_u64().expect("a line") as usize;
        // a fault of the connection makes all books stale
        let symbols = match variant["notice"][0]["kind"] == "parse" {
            true => whole.keys().cloned().collect(),
            false => vec![resync["symbol"].as_str().expect("a symbol").to_owned()],
        };
        let snapshots = self.snapshots_at(line("undamaged_line"), &symbols);
        let after = line("snapshot_after_line");
        let at = DateTime::UNIX_EPOCH;
        let send = |protocol: &mut P, line: usize, sink: &mut dyn FnMut(FeedEvent<'_>)| {
            for (symbol, snapshot) in snapshots.iter().filter(|_| line == after) {
                (self.deliver)(protocol, symbol, Frame::new(snapshot, at), sink);
            }
        };
        let mut protocol = (self.protocol)();
        let replay = self.replay(&mut protocol, lines, answers.clone(), send);
        let later: Vec<_> = replay.notices.iter().filter(|it| it.line > after).collect();
        assert_eq!(later, Vec::<&Notice>::new(), "{name}");
        let found = self.digests(&protocol, &whole.keys().cloned().collect::<Vec<_>>());
        assert_eq!(&found, whole, "{name}");
    }
}

/// Compares the first notice with the manifest.
fn check_notice(variant: &Value, notices: &[Notice], name: &str) {
    let expected = &variant["notice"][0];
    let number = |key: &str| expected[key].as_u64().map(|number| number as usize);
    // too high an update number would freeze the book: the next event is the notice
    if variant["variant"] == "flip_u" {
        let note = variant["note"].as_str().expect("a note");
        let (_, rest) = note.split_once("noticed at line ").expect("a line");
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let first = notices
            .first()
            .unwrap_or_else(|| panic!("{name}: no notice"));
        assert_eq!(
            (first.line.to_string(), first.kind),
            (digits, "sequence"),
            "{name}"
        );
        return;
    }
    if variant["must_notice"] == false {
        assert_eq!(notices, [], "{name}");
        return;
    }
    let first = notices
        .first()
        .unwrap_or_else(|| panic!("{name}: no notice"));
    assert_eq!(Some(first.line), number("line"), "{name}");
    assert_eq!(Some(first.frame), number("rx"), "{name}");
    // a first update after the last one is malformed or a gap
    if variant["variant"] != "flip_U" {
        let kind = match first.kind {
            // a damaged message may cross the book as well, which is checked before the checksum
            "crossed" => "checksum",
            // a checksum over 32 bits makes the book of its symbol stale, and does not end the connection
            "checksum" if variant["variant"] == "flip_checksum" => {
                let what = variant["what"].as_str().expect("a text");
                let symbol = first.symbol.as_deref().expect("a symbol");
                assert!(what.contains(&format!("({symbol})")), "{name}: {symbol}");
                expected["kind"].as_str().expect("a kind")
            }
            kind => kind,
        };
        assert_eq!(Some(kind), expected["kind"].as_str(), "{name}");
    }
    if let Some(symbol) = expected["symbol"].as_str() {
        assert_eq!(first.symbol.as_deref(), Some(symbol), "{name}");
    }
}

/// Makes the variants of a seed. Returns the manifest.
fn variants(programs: &Programs, venue: &str, seed: &str, folder: &Path) -> Value {
    let folder_text = folder.to_str().expect("UTF-8");
    programs.run("mutate.py", [folder_text, "--seed", seed, "--only", venue]);
    let manifest = sessions::json(&folder.join("manifest.json"));
    let made = manifest["variants"].as_array().expect("a list");
    assert!(made.len() > 10, "{} variants", made.len());
    if seed == "1" {
        let known = sessions::json(&programs.folder.join("expected/faults-seed1.json"));
        let known = known["variants"].as_array().expect("a list");
        let known: Vec<_> = known
            .iter()
            .filter(|variant| variant["venue"] == venue)
            .collect();
        let made: Vec<_> = made.iter().collect();
        assert_eq!(made, known);
    }
    manifest
}

fn check<P: Protocol>(venue: &Venue<P>, programs: &Programs, seed: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = variants(programs, venue.name, seed, folder.path());
    venue.check(programs, folder.path(), &manifest);
}

fn kraken(programs: &Programs) -> Venue<KrakenV1> {
    let symbols = symbols(&sessions::expected(&programs.folder, "kraken"));
    Venue {
        name: "kraken",
        protocol: Box::new(move || KrakenV1::new(symbols.clone(), 1_000)),
        lines: sessions::lines(&programs.folder.join("kraken/book.ws.gz")),
        answers: Snapshots::new(),
        snapshot: kraken_snapshot,
        deliver: receive,
    }
}

fn okx(programs: &Programs) -> Venue<Okx> {
    let symbols = symbols(&sessions::expected(&programs.folder, "okx"));
    Venue {
        name: "okx",
        protocol: Box::new(move || Okx::new(symbols.clone())),
        lines: sessions::lines(&programs.folder.join("okx/public.ws.gz")),
        answers: Snapshots::new(),
        snapshot: okx_snapshot,
        deliver: receive,
    }
}

fn binance(programs: &Programs) -> Venue<BinanceSpot> {
    let symbols = symbols(&sessions::expected(&programs.folder, "binance"));
    Venue {
        name: "binance",
        protocol: Box::new(move || BinanceSpot::new(symbols.clone())),
        lines: sessions::lines(&programs.folder.join("binance/streams.ws.gz")),
        answers: snapshots(&programs.folder.join("binance/depth.http.gz")),
        snapshot: binance_snapshot,
        deliver: |protocol, symbol, frame, sink| {
            protocol.snapshot(symbol, frame, sink).expect("a snapshot");
        },
    }
}

#[test]
fn damaged_sessions_of_the_manifest_are_noticed() {
    let Some(programs) = Programs::find() else {
        return;
    };
    check(&kraken(&programs), &programs, "1");
    check(&okx(&programs), &programs, "1");
    check(&binance(&programs), &programs, "1");
}

#[test]
fn damaged_sessions_of_any_seed_are_noticed() {
    let Some(programs) = Programs::find() else {
        return;
    };
    let seed = seed();
    check(&kraken(&programs), &programs, &seed);
    check(&okx(&programs), &programs, &seed);
    check(&binance(&programs), &programs, &seed);
}

#[test]
fn damaged_sessions_are_noticed_in_websocket_2() {
    let Some(programs) = Programs::find() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = variants(&programs, "kraken", "1", folder.path());
    let symbols = symbols(&sessions::expected(&programs.folder, "kraken"));
    for variant in manifest["variants"].as_array().expect("a list") {
        let old = folder
            .path()
            .join(variant["file"].as_str().expect("a file"));
        let new = old.with_extension("v2");
        programs.run(
            "reframe.py",
            ["kraken".as_ref(), old.as_os_str(), new.as_os_str()],
        );
        let mut protocol = Kraken::new(symbols.iter().map(|it| it.replace("XBT", "BTC")), 1_000);
        let mut replay = Replay::of(&mut protocol, &sessions::lines(&new));
        if variant["variant"] == "close" {
            replay.close(&mut protocol);
        }
        for notice in &mut replay.notices {
            notice.symbol = notice
                .symbol
                .take()
                .map(|symbol| symbol.replace("BTC", "XBT"));
        }
        check_notice(variant, &replay.notices, &format!("{}", variant["what"]));
    }
}
