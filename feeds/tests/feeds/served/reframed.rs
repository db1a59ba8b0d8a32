//! Whole sessions as messages of newer protocols.

use super::play::{Part, SessionPlay, parts};
use super::serve;
use super::venues::{COINBASE, KRAKEN};
use super::whole::check_whole;
use crate::oracle::symbols;
use crate::programs::Programs;
use crate::sessions;

/// The name of a pair in WebSocket 2.
pub(crate) fn new_name(symbol: &str) -> String {
    symbol.replace("XBT", "BTC")
}

/// A file of a venue, as messages of the newer protocol.
pub(crate) fn reframed(programs: &Programs, venue: &str, file: &std::path::Path) -> Vec<Part> {
    let made = tempfile::tempdir().expect("a folder");
    let new = made.path().join("reframed");
    programs.run(
        "reframe.py",
        [venue.as_ref(), file.as_os_str(), new.as_os_str()],
    );
    parts(&sessions::lines(&new))
}

#[tokio::test]
async fn served_kraken_session_equals_the_oracle() {
    let Some(programs) = Programs::find() else {
        return;
    };
    let expected = sessions::expected(&programs.folder, "kraken");
    let names: Vec<_> = symbols(&expected).iter().map(|it| new_name(it)).collect();
    let parts = reframed(
        &programs,
        "kraken",
        &programs.folder.join("kraken/book.ws.gz"),
    );
    let play = SessionPlay::whole(KRAKEN, &names, parts, Default::default());
    let served = serve(play).await;
    for (symbol, expected) in expected["books"].as_object().expect("a map") {
        let found = served.books[&new_name(symbol)].as_deref();
        assert_eq!(found, expected["final"]["sha256"].as_str(), "{symbol}");
    }
    assert_eq!(served.recorder.stale, []);
    assert_eq!(served.recorder.changes.values().sum::<usize>(), 4_269 + 10);
    for (file, trades, quotes) in [("trades", 10, 0), ("ticker", 0, 18)] {
        let file = programs.folder.join(format!("kraken/{file}.ws.gz"));
        let parts = reframed(&programs, "kraken", &file);
        let mut play = SessionPlay::whole(KRAKEN, &names, parts, Default::default());
        play.books = 0;
        let recorder = serve(play).await.recorder;
        assert_eq!((recorder.trades.len(), recorder.quotes), (trades, quotes));
    }
}

#[tokio::test]
async fn served_coinbase_session_equals_the_oracle() {
    let Some(programs) = Programs::find() else {
        return;
    };
    let expected = sessions::expected(&programs.folder, "coinbase");
    let file = programs.folder.join("coinbase/level2-ticker-matches.ws.gz");
    let parts = reframed(&programs, "coinbase", &file);
    let names = symbols(&expected);
    let play = SessionPlay::whole(COINBASE, &names, parts, Default::default());
    let served = serve(play).await;
    check_whole(&served, &expected, str::to_owned);
    assert_eq!(served.recorder.quotes, 107);
    assert_eq!(served.recorder.stale, []);
}
