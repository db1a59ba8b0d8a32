//! Whole sessions with the venues' own messages.

use super::play::{SessionPlay, parts};
use super::recorder::Recorder;
use super::venues::{BINANCE, OKX};
use super::{Served, serve};
use crate::binance::snapshots;
use crate::oracle::symbols;
use crate::sessions;

use serde_json::Value;

/// Asserts that each book ends as in the independent results, and that each trade came once.
pub(crate) fn check_whole(served: &Served, expected: &Value, name: impl Fn(&str) -> String) {
    for (symbol, expected) in expected["books"].as_object().expect("a map") {
        let found = served.books[&name(symbol)].as_deref();
        assert_eq!(found, expected["final"]["sha256"].as_str(), "{symbol}");
    }
    check_trades(&served.recorder, expected);
}

fn check_trades(recorder: &Recorder, expected: &Value) {
    let mut trades: Vec<_> = Vec::new();
    for (symbol, expected) in expected["trades"].as_object().expect("a map") {
        for trade in expected["trades"].as_array().expect("a list") {
            let id = trade["id"].as_str().expect("an id").to_owned();
            trades.push((symbol.clone(), id));
        }
    }
    let mut found = recorder.trades.clone();
    found.sort_unstable();
    trades.sort_unstable();
    assert_eq!(found, trades);
}

/// The session of Binance.
pub(crate) fn binance() -> Option<(SessionPlay, Value)> {
    let folder = sessions::folder()?;
    let expected = sessions::expected(&folder, "binance");
    let lines = sessions::lines(&folder.join("binance/streams.ws.gz"));
    let answers = snapshots(&folder.join("binance/depth.http.gz"));
    let symbols = symbols(&expected);
    let play = SessionPlay::whole(BINANCE, &symbols, parts(&lines), answers);
    Some((play, expected))
}

/// The session of OKX.
pub(crate) fn okx() -> Option<(SessionPlay, Value)> {
    let folder = sessions::folder()?;
    let expected = sessions::expected(&folder, "okx");
    let lines = sessions::lines(&folder.join("okx/public.ws.gz"));
    let symbols = symbols(&expected);
    let play = SessionPlay::whole(OKX, &symbols, parts(&lines), Default::default());
    Some((play, expected))
}

#[tokio::test]
async fn served_binance_session_equals_the_oracle() {
    let Some((play, expected)) = binance() else {
        return;
    };
    let served = serve(play).await;
    check_whole(&served, &expected, str::to_owned);
    assert_eq!(served.recorder.stale, []);
    assert_eq!(served.recorder.opened, 1);
}

#[tokio::test]
async fn served_okx_session_equals_the_oracle() {
    let Some((play, expected)) = okx() else {
        return;
    };
    let served = serve(play).await;
    check_whole(&served, &expected, str::to_owned);
    assert_eq!(served.recorder.stale, []);
    assert_eq!(served.recorder.opened, 1);
}
