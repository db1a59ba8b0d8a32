//! Every damaged session: the books are whole again after the transport has repaired the fault.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::play::{Part, SessionPlay, parts};
use super::recorder::Recorder;
use super::reframed::{new_name, reframed};
use super::venues::{BINANCE, COINBASE, Dialect, KRAKEN, OKX};
use super::{Served, serve};
use crate::binance::{Snapshots, snapshots};
use crate::oracle::symbols;
use crate::programs::Programs;
use crate::sessions;

/// The undamaged session of a venue.
struct Whole {
    dialect: Dialect,
    symbols: Vec<String>,
    parts: Vec<Part>,
    answers: Snapshots,
    /// The digest of each book at the end.
    books: BTreeMap<String, String>,
}

impl Whole {
    fn new(
        dialect: Dialect,
        expected: &Value,
        parts: Vec<Part>,
        name: impl Fn(&str) -> String,
    ) -> Self {
        let books = expected["books"].as_object().expect("a map").iter();
        let digest = |book: &Value| book["final"]["sha256"].as_str().expect("it").to_owned();
        Self {
            dialect,
            symbols: symbols(expected)
                .iter()
                .map(|symbol| name(symbol))
                .collect(),
            parts,
            answers: Snapshots::new(),
            books: books
                .map(|(symbol, book)| (name(symbol), digest(book)))
                .collect(),
        }
    }

    /// Plays a variant, and checks the books at the end.
    async fn check(&self, variant: &Value, damaged: Vec<Part>, answers: Snapshots) -> Served {
        let name = format!("{} {}", variant["venue"], variant["variant"]);
        let mut play = SessionPlay::new(
            self.dialect,
            &self.symbols,
            self.parts.clone(),
            damaged,
            self.answers.clone(),
        )
        .with_answers(answers);
        let is_closed = variant["variant"] == "close";
        if is_closed {
            play = play.closing();
        }
        let served = match is_closed {
            true => close(play).await,
            false => serve(play).await,
        };
        let different = variant["valid_books_different_from_undamaged"].as_array();
        let different: BTreeSet<_> = different
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for (symbol, digest) in &self.books {
            let found = served.books[symbol].as_deref();
            if is_closed {
                assert_eq!(found, None, "{name}: {symbol}");
            } else if found != Some(digest) {
                // what the venue gives no means to notice
                let old = symbol.replace("BTC/", "XBT/").replace("/BTC", "/XBT");
                assert!(different.contains(&*old), "{name}: {symbol} differs");
            }
        }
        let noticed = !served.recorder.stale.is_empty();
        if variant["must_notice"] == true {
            assert!(noticed, "{name}: not noticed");
        } else if variant["variant"] != "flip_u" {
            assert_eq!(served.recorder.stale, [], "{name}");
        }
        served
    }
}

/// Runs until the connection ends.
async fn close(play: SessionPlay) -> Served {
    super::serve_with(play, Recorder::until_end(1)).await
}

/// Makes the variants of a venue, and returns their manifest.
fn variants(programs: &Programs, venue: &str, folder: &Path) -> Vec<Value> {
    let text = folder.to_str().expect("UTF-8");
    programs.run("mutate.py", [text, "--seed", "1", "--only", venue]);
    let manifest = sessions::json(&folder.join("manifest.json"));
    let variants = manifest["variants"].as_array().expect("a list").clone();
    assert!(variants.len() > 10, "{}", variants.len());
    variants
}

fn file(folder: &Path, variant: &Value, key: &str) -> Option<std::path::PathBuf> {
    Some(folder.join(variant[key].as_str()?))
}

/// Trades that came twice, or not at all.
fn check_trades(served: &Served, whole: &[Part], name: &Value) {
    let found = &served.recorder.trades;
    let unique: BTreeSet<_> = found.iter().collect();
    assert_eq!(unique.len(), found.len(), "{name}: a trade came twice");
    let damage = served.play.damage();
    let damaged = damage.end - damage.start + 1;
    let trades = whole.iter().filter(|part| match part {
        Part::Text(text) => text.contains("\"e\":\"aggTrade\"") || text.contains("\"tradeId\""),
        Part::Reconnect => false,
    });
    assert!(
        found.len() + damaged >= trades.count(),
        "{name}: a trade is missing"
    );
}

#[tokio::test]
async fn damaged_binance_sessions_are_repaired() {
    let Some(programs) = Programs::find() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let expected = sessions::expected(&programs.folder, "binance");
    let lines = sessions::lines(&programs.folder.join("binance/streams.ws.gz"));
    let mut whole = Whole::new(BINANCE, &expected, parts(&lines), str::to_owned);
    whole.answers = snapshots(&programs.folder.join("binance/depth.http.gz"));
    for variant in variants(&programs, "binance", folder.path()) {
        let damaged = file(folder.path(), &variant, "file").expect("a file");
        let answers = match file(folder.path(), &variant, "rest_file") {
            Some(file) => snapshots(&file),
            None => whole.answers.clone(),
        };
        let served = whole
            .check(&variant, parts(&sessions::lines(&damaged)), answers)
            .await;
        if variant["variant"] != "duplicate_trade" && variant["variant"] != "close" {
            check_trades(&served, &whole.parts, &variant["variant"]);
        }
    }
}

#[tokio::test]
async fn damaged_okx_sessions_are_repaired() {
    let Some(programs) = Programs::find() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let expected = sessions::expected(&programs.folder, "okx");
    let lines = sessions::lines(&programs.folder.join("okx/public.ws.gz"));
    let whole = Whole::new(OKX, &expected, parts(&lines), str::to_owned);
    for variant in variants(&programs, "okx", folder.path()) {
        let damaged = file(folder.path(), &variant, "file").expect("a file");
        let damaged = parts(&sessions::lines(&damaged));
        let served = whole.check(&variant, damaged, Snapshots::new()).await;
        if variant["variant"] != "close" {
            check_trades(&served, &whole.parts, &variant["variant"]);
        }
    }
}

#[tokio::test]
async fn damaged_kraken_sessions_are_repaired() {
    let Some(programs) = Programs::find() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let expected = sessions::expected(&programs.folder, "kraken");
    let session = programs.folder.join("kraken/book.ws.gz");
    let parts = reframed(&programs, "kraken", &session);
    let whole = Whole::new(KRAKEN, &expected, parts, new_name);
    for variant in variants(&programs, "kraken", folder.path()) {
        let old = file(folder.path(), &variant, "file").expect("a file");
        let damaged = reframed(&programs, "kraken", &old);
        whole.check(&variant, damaged, Snapshots::new()).await;
    }
}

#[tokio::test]
async fn damaged_coinbase_sessions_are_repaired() {
    let Some(programs) = Programs::find() else {
        return;
    };
    let made = tempfile::tempdir().expect("a folder");
    let expected = sessions::expected(&programs.folder, "coinbase");
    let session = programs.folder.join("coinbase/level2-ticker-matches.ws.gz");
    let arguments = [
        "coinbase-faults".as_ref(),
        session.as_os_str(),
        made.path().as_os_str(),
    ];
    programs.run("reframe.py", arguments);
    let whole_parts = reframed(&programs, "coinbase", &session);
    let whole = Whole::new(COINBASE, &expected, whole_parts, str::to_owned);
    let manifest = sessions::json(&made.path().join("manifest.json"));
    for variant in manifest["variants"].as_array().expect("a list") {
        let mut variant = variant.clone();
        if variant["variant"] == "flip_quantity" {
            // no checksum: the changed quantity stays
            variant["valid_books_different_from_undamaged"] = Value::from(whole.symbols.clone());
        }
        let file = file(made.path(), &variant, "file").expect("a file");
        let damaged = parts(&sessions::lines(&file));
        let served = whole.check(&variant, damaged, Snapshots::new()).await;
        let trades = &served.recorder.trades;
        let unique: BTreeSet<_> = trades.iter().collect();
        assert_eq!(
            unique.len(),
            trades.len(),
            "{}: a trade came twice",
            variant["variant"]
        );
    }
}
