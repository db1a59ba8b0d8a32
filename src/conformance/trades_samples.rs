//! Sample trades of the conformance suite.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::samples::{EURUSD, Random, dec, seconds};
use crate::domain::{AggressorSide, PageLimit, SymbolId, TimeRange, Trade};
use crate::repository::{InsertReceipt, TradeQuery, TradeRepository};

/// A trade of EURUSD.
pub(super) fn trade(time: DateTime<Utc>, sequence: i64, price: &str, quantity: &str) -> Trade {
    Trade::new(EURUSD, time, dec(price), dec(quantity)).with_sequence(sequence)
}

/// The trade at `index` of a series with different prices and three trades per second. Each optional field
/// is absent in some of them.
pub(super) fn nth_trade(symbol_id: SymbolId, index: usize) -> Trade {
    let index = i64::try_from(index).expect("series are short");
    let trade_time = seconds(index / 3);
    let (price, quantity) = (Decimal::new(138_600 + index, 5), Decimal::new(7 + index, 2));
    Trade::new(symbol_id, trade_time, price, quantity)
        .with_sequence(index % 3)
        .with_aggressor_side(match index % 4 {
            0 => None,
            1 => Some(AggressorSide::Sell),
            _ => Some(AggressorSide::Buy),
        })
        .with_block(index % 5 == 0)
        .with_trade_id((index % 7 > 2).then(|| format!("№ {index}")))
        .with_received_at((index % 2 == 0).then(|| trade_time + TimeDelta::milliseconds(250)))
}

/// The first `count` trades of that series, sorted.
pub(super) fn trades(symbol_id: SymbolId, count: usize) -> Vec<Trade> {
    (0..count)
        .map(|index| nth_trade(symbol_id, index))
        .collect()
}

pub(super) async fn insert_trades(
    repository: &dyn TradeRepository,
    trades: &[Trade],
) -> InsertReceipt<Trade> {
    let receipt = repository.insert_batch(trades).await;
    let receipt = receipt.expect("a batch is accepted");
    assert_eq!(
        receipt.total(),
        trades.len() as u64,
        "the receipt counts every given trade once"
    );
    receipt
}

/// Inserts trades, none of which may be stored yet.
pub(super) async fn insert_new_trades(repository: &dyn TradeRepository, trades: &[Trade]) {
    let receipt = insert_trades(repository, trades).await;
    assert_eq!(
        receipt.inserted,
        trades.len() as u64,
        "all are new: {receipt:?}"
    );
}

/// Reads all trades of `query` and the pages after it.
pub(super) async fn read_trade_pages(
    repository: &dyn TradeRepository,
    mut query: TradeQuery,
) -> Vec<Trade> {
    let mut trades = Vec::new();
    loop {
        let page = repository.range(&query).await.expect("a page is read");
        assert!(
            page.items.len() <= query.limit.get(),
            "a page respects its limit"
        );
        trades.extend(page.items);
        assert!(
            page.next.is_none() || page.next != query.after,
            "the cursor advances"
        );
        match page.next {
            Some(next) => query.after = Some(next),
            None => return trades,
        }
    }
}

/// All stored trades of a symbol, sorted.
pub(super) async fn stored_trades(
    repository: &dyn TradeRepository,
    symbol_id: SymbolId,
) -> Vec<Trade> {
    let query = TradeQuery::new(symbol_id, TimeRange::all()).limit(PageLimit::MAX);
    read_trade_pages(repository, query).await
}

/// A random trade of EURUSD, one of few times, sequences and contents.
pub(super) fn random_trade(random: &mut Random) -> Trade {
    let time = seconds(random.below(40) as i64);
    let price = Decimal::from(1 + random.below(2));
    let side = AggressorSide::ALL[random.below(2) as usize];
    Trade::new(EURUSD, time, price, Decimal::ONE)
        .with_sequence(random.below(4) as i64)
        .with_aggressor_side((random.below(3) > 0).then_some(side))
}
