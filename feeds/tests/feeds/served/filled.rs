//! Gaps of trades that are filled from the history of the venue.

use std::time::Duration;

use rust_decimal::Decimal;
use tickbook::domain::{AggressorSide, FeedChannel, FeedGap, PageLimit, Trade};
use tickbook::repository::FeedGapQuery;
use tickbook_feeds::Aggressor;
use tickbook_feeds::feed::{FillError, GapFiller};
use venue_server::{Answer, Step};

use super::LIMIT;
use super::history::{ServedHistory, Traded};
use super::play::{Part, SessionPlay};
use super::reframed::{new_name, reframed};
use super::stored::{Fed, feed};
use super::venues::{COINBASE, KRAKEN};
use super::whole::{binance, okx};
use crate::oracle::symbols;
use crate::programs::Programs;
use crate::sessions;

/// A session of which the parts `lost` are not sent, since the connection is closed before them.
fn cut(mut play: SessionPlay, lost: &[(usize, usize)]) -> SessionPlay {
    let history = ServedHistory::of(play.dialect(), play.symbols(), play.parts());
    play.history = Some(history);
    for (position, count) in lost {
        play.extra.insert(*position, Step::Close);
        play.lost.insert(*position, *count);
    }
    play
}

async fn gaps(fed: &Fed) -> Vec<FeedGap> {
    let query = FeedGapQuery::default().channel(FeedChannel::Trades);
    let query = query.limit(PageLimit::MAX);
    let gaps = fed.repositories.feeds.gaps(&query).await;
    gaps.expect("memory").items
}

/// What identifies a trade, and its content.
fn traded(trade: &Trade) -> Traded {
    assert_eq!(trade.trade_id, None);
    Traded {
        number: trade.sequence,
        time: trade.trade_time,
        price: trade.price,
        quantity: trade.quantity,
        aggressor: match trade.aggressor_side.expect("a side") {
            AggressorSide::Buy => Aggressor::Buy,
            AggressorSide::Sell => Aggressor::Sell,
        },
    }
}

/// The trades of the session, of which `fed` has stored a part. Returns the number of missing ones.
async fn missing(fed: &Fed) -> usize {
    let expected = fed.server.play().history.clone().expect("a history");
    let mut missing = 0;
    for (symbol, expected) in &expected.trades {
        if !fed.symbols.contains(symbol) {
            continue;
        }
        let (_, trades) = fed.stored(symbol).await;
        let mut found: Vec<_> = trades.iter().map(traded).collect();
        found.sort_by_key(|trade| trade.number);
        let all = found.len();
        found.dedup_by_key(|trade| trade.number);
        assert_eq!(found.len(), all, "{symbol}: {found:?}");
        assert!(
            found.iter().all(|trade| expected.contains(trade)),
            "{symbol}"
        );
        missing += expected.len() - found.len();
    }
    missing
}

fn filler(fed: &mut Fed) -> GapFiller {
    fed.filler.take().expect("the venue has a history")
}

/// Fills the gaps of a session, of whose trades `lost` are missing, and asserts that none is missing then.
async fn check(play: SessionPlay, lost: usize) {
    let mut fed = feed(play).await;
    assert_eq!(missing(&fed).await, lost);
    let mut filler = filler(&mut fed);
    let mut stored = 0;
    for gap in filler.unfilled().await.expect("memory") {
        stored += filler.fill(&gap).await.expect("filled").stored;
    }
    assert_eq!((stored, missing(&fed).await), (lost as u64, 0));
    for gap in gaps(&fed).await {
        assert_eq!(gap.failure, None, "{gap:?}");
        assert_eq!(gap.to.is_some(), gap.filled_at.is_some(), "{gap:?}");
        // what is filled is not filled again
        let requests = fed.server.play().history.as_ref().expect("it").requests;
        assert_eq!(
            filler.fill(&gap).await.ok().map(|it| it.stored),
            gap.to.map(|_| 0)
        );
        assert_eq!(
            fed.server.play().history.as_ref().expect("it").requests,
            requests
        );
    }
    assert_eq!(filler.unfilled().await.expect("memory"), []);
}

#[tokio::test]
async fn lost_okx_trades_are_stored_once() {
    // 22 trades in two gaps, and none
    for (lost, missing) in [(&[(120, 40), (200, 60)][..], 12 + 10), (&[(100, 5)], 0)] {
        let Some((play, _)) = okx() else {
            return;
        };
        check(cut(play, lost), missing).await;
    }
}

#[tokio::test]
async fn lost_coinbase_trades_are_stored_once() {
    let Some(programs) = Programs::find() else {
        return;
    };
    let expected = sessions::expected(&programs.folder, "coinbase");
    let file = programs.folder.join("coinbase/level2-ticker-matches.ws.gz");
    let parts = reframed(&programs, "coinbase", &file);
    let names = symbols(&expected);
    let play = SessionPlay::whole(COINBASE, &names, parts, Default::default());
    let mut play = cut(play, &[(7_600, 500)]);
    // a page has more than one trade, and there are several pages
    play.history.as_mut().expect("it").page = 4;
    check(play, 8).await;
}

#[tokio::test]
async fn lost_kraken_trades_are_stored_once() {
    let Some(programs) = Programs::find() else {
        return;
    };
    let expected = sessions::expected(&programs.folder, "kraken");
    let names: Vec<_> = symbols(&expected).iter().map(|it| new_name(it)).collect();
    let file = programs.folder.join("kraken/trades.ws.gz");
    let parts = reframed(&programs, "kraken", &file);
    let is_trade = |part: &&Part| matches!(part, Part::Text(text) if text.contains("\"channel\":\"trade\",\"type\""));
    let positions = parts.iter().enumerate();
    let positions: Vec<_> = positions
        .filter(|(_, part)| is_trade(part))
        .map(|(position, _)| position)
        .collect();
    // the frames of the session: XMR, XMR, SC, XMR (2 trades), SC (2), SC, SC, SC
    let lost = positions[6] - positions[3];
    let mut play = SessionPlay::whole(KRAKEN, &names, parts, Default::default());
    play.books = 0;
    let mut play = cut(play, &[(positions[3], lost)]);
    play.history.as_mut().expect("it").page = 2;
    let mut fed = feed(play).await;
    assert_eq!(missing(&fed).await, 2 + 3);
    let mut filler = filler(&mut fed);
    let unfilled = filler.unfilled().await.expect("memory");
    // the gap of XMR lasts, since none of its trades follows
    let [gap] = &unfilled[..] else {
        panic!("{unfilled:?}");
    };
    assert_eq!(filler.fill(gap).await.expect("filled").stored, 3);
    assert_eq!(missing(&fed).await, 2);
}

/// The session of Binance with further trades: after each part, one of a symbol.
pub(super) fn binance_with_trades() -> Option<SessionPlay> {
    let (play, _) = binance()?;
    let trade = |number: usize| {
        let time = 1_633_998_500_000_000 + number * 1_000_007;
        Part::Text(format!(
            "{{\"stream\":\"lrcbtc@trade\",\"data\":{{\"e\":\"trade\",\"E\":{time},\"s\":\"LRCBTC\",\"t\":{number},\
             \"p\":\"0.0000063{}\",\"q\":\"1{number}\",\"T\":{time},\"m\":{},\"M\":true}}}}",
            number % 10,
            number.is_multiple_of(3)
        ))
    };
    let mut parts: Vec<Part> = Vec::new();
    let recorded = play.parts().iter().filter(|part| match part {
        Part::Text(text) => !text.contains("aggTrade"),
        Part::Reconnect => true,
    });
    for (number, part) in recorded.enumerate() {
        parts.push(part.clone());
        if number >= 20 && number % 5 == 0 {
            parts.push(trade(number / 5));
        }
    }
    let answers = play.answers();
    Some(SessionPlay::whole(
        play.dialect(),
        play.symbols(),
        parts,
        answers,
    ))
}

#[tokio::test]
async fn lost_binance_trades_are_stored_once() {
    let Some(mut play) = binance_with_trades() else {
        return;
    };
    play.is_patient = true;
    play.lockstep = 0..play.parts().len();
    let all = ServedHistory::of(play.dialect(), play.symbols(), play.parts());
    let is_trade = |part: &&Part| matches!(part, Part::Text(text) if text.contains("@trade"));
    let lost = play.parts()[120..180].iter().filter(is_trade).count();
    assert!(lost > 5 && all.trades["LRCBTC"].len() > lost + 10, "{lost}");
    check(cut(play, &[(120, 60)]), lost).await;
}

#[tokio::test]
async fn running_filler_fills_what_the_feed_loses() {
    let Some((play, _)) = okx() else {
        return;
    };
    let mut play = cut(play, &[(120, 40), (200, 60)]);
    let history = play.history.as_mut().expect("it");
    // the attempts for both gaps fail, also the second ones
    let failure = [Answer::status(503, "down"), Answer::ok("{")];
    history.failures = [&failure[..], &failure].concat();
    let mut fed = feed(play).await;
    let running = tokio::spawn(filler(&mut fed).run());
    let filled = async {
        while gaps(&fed)
            .await
            .iter()
            .any(|gap| gap.to.is_some() && gap.filled_at.is_none())
        {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let in_time = tokio::time::timeout(LIMIT, filled).await;
    running.abort();
    assert!(in_time.is_ok(), "{:?}", gaps(&fed).await);
    assert_eq!(missing(&fed).await, 0);
}

#[tokio::test]
async fn gap_beyond_the_history_stays_open() {
    let Some((play, _)) = okx() else {
        return;
    };
    let mut play = cut(play, &[(120, 40)]);
    let history = play.history.as_mut().expect("it");
    let all = history.trades["BTC-USDT"].clone();
    // the history begins in the middle of the gap
    let first = all.iter().position(|trade| trade.number == 338_476_325);
    history.forgotten = first.expect("a trade of the gap");
    let mut fed = feed(play).await;
    assert_eq!(missing(&fed).await, 12);
    let mut filler = filler(&mut fed);
    let id = fed.directory.get("BTC-USDT").expect("an id");
    let unfilled = filler.unfilled().await.expect("memory");
    let gap = unfilled.iter().find(|gap| gap.symbol_id == id);
    let error = filler.fill(gap.expect("a gap")).await.expect_err("short");
    assert!(error.is_final(), "{error}");
    let FillError::Short { reason, .. } = &error else {
        panic!("{error:?}");
    };
    let expected =
        "the history of the venue begins with trade 338476325, after the start of the gap";
    assert_eq!(reason, expected);
    // what the history has is stored
    assert_eq!(missing(&fed).await, 3);
    let gap = filler.unfilled().await.expect("memory");
    let gap = gap.iter().find(|gap| gap.symbol_id == id).expect("it");
    assert_eq!(
        (gap.failure.as_deref(), gap.filled_at),
        (Some(expected), None)
    );
}

#[tokio::test]
async fn trade_of_the_feed_with_other_digits_is_known() {
    let Some((play, _)) = okx() else {
        return;
    };
    let mut fed = feed(cut(play, &[(120, 40)])).await;
    // the same number, half a millisecond later, as a stream with more digits would have stored it
    let id = fed.directory.get("BTC-USDT").expect("an id");
    let lost = fed.server.play().history.as_ref().expect("it").trades["BTC-USDT"].clone();
    let lost = lost
        .iter()
        .find(|trade| trade.number == 338_476_325)
        .expect("it");
    let time = lost.time + chrono::TimeDelta::microseconds(500);
    let other = Trade::new(id, time, Decimal::ONE, Decimal::ONE).with_sequence(lost.number);
    let stored = fed.repositories.trades.insert_batch(&[other]).await;
    assert_eq!(stored.expect("memory").inserted, 1);
    let mut filler = filler(&mut fed);
    let (mut stored, mut known) = (0, 0);
    for gap in filler.unfilled().await.expect("memory") {
        let filled = filler.fill(&gap).await.expect("filled");
        stored += filled.stored;
        known += filled.known;
    }
    assert_eq!((stored, known), (11, 1));
}
