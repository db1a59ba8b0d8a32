//! Tests that the candles of recorded trades equal the bars of another system, to the last digit.
#![cfg(all(feature = "postgres", feature = "conformance", feature = "files"))]

use std::collections::BTreeSet;

use diesel::{RunQueryDsl as _, sql_query};
use rust_decimal::Decimal;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::{
    Candle, PageLimit, PriceBasis, SymbolId, TimeRange, Timeframe, Trade, fold_trades,
};
use tickbook::postgres::{Edition, apply_aggregates, migrate_timeseries};
use tickbook::repository::CandleQuery;
use tickbook::{Database, Repositories};

use crate::support::market_data;
use crate::support::market_trades::{Bar, Gold, WITHOUT_QUANTITY, bitcoin, gold, trades_of_bar};

const BITCOIN: SymbolId = SymbolId::new(100);

/// The expected candles.
struct Expected {
    gold: Gold,
    bitcoin: Vec<Bar>,
    /// All trades that a store accepts.
    trades: Vec<Trade>,
}

impl Expected {
    fn read() -> Option<Self> {
        let folder = market_data::folder()?;
        let gold = gold(&folder);
        let [seconds, minutes] = bitcoin(&folder);
        let of_gold = gold.trades.iter().cloned();
        let mut trades: Vec<_> = of_gold.filter(|trade| !trade.quantity.is_zero()).collect();
        trades.extend(seconds.iter().flat_map(|bar| trades_of_bar(BITCOIN, bar)));
        Some(Self {
            gold,
            bitcoin: minutes,
            trades,
        })
    }

    /// Stores all trades, among them those without a quantity, which are rejected.
    async fn store(&self, repositories: &Repositories) {
        let mut rejected = 0;
        for batch in self.gold.trades.chunks(5_000) {
            let receipt = repositories
                .trades
                .insert_batch(batch)
                .await
                .expect("stored");
            rejected += receipt.rejected.len();
        }
        assert_eq!(rejected, WITHOUT_QUANTITY);
        let of_bitcoin: Vec<_> = self
            .trades
            .iter()
            .filter(|it| it.symbol_id == BITCOIN)
            .collect();
        for batch in of_bitcoin.chunks(5_000) {
            let batch: Vec<_> = batch.iter().copied().cloned().collect();
            repositories
                .trades
                .insert_batch(&batch)
                .await
                .expect("stored");
        }
    }

    async fn assert_candles(&self, repositories: &Repositories) {
        for symbol in self.gold.symbols.values().chain([&BITCOIN]) {
            let trades: Vec<_> = self
                .trades
                .iter()
                .filter(|it| it.symbol_id == *symbol)
                .collect();
            for &timeframe in Timeframe::ALL {
                let folded = fold_trades(trades.iter().copied(), timeframe, suite::now());
                let candles = all_candles(repositories, *symbol, timeframe).await;
                assert!(candles == folded.expect("fits"), "{symbol} {timeframe}");
            }
        }
        let minutes = all_candles(repositories, BITCOIN, Timeframe::M1).await;
        assert_eq!(bars_of(&minutes), normal(&self.bitcoin));
        let unlike: BTreeSet<_> = self
            .gold
            .trades
            .iter()
            .filter(|trade| trade.quantity.is_zero())
            .map(|trade| {
                (
                    trade.symbol_id,
                    Timeframe::M1.bucket_start(trade.trade_time),
                )
            })
            .collect();
        let mut equal = 0;
        for (symbol, bars) in &self.gold.bars {
            let minutes = all_candles(repositories, *symbol, Timeframe::M1).await;
            let minutes = bars_of(&minutes).into_iter();
            let minutes: Vec<_> = minutes
                .filter(|bar| !unlike.contains(&(*symbol, bar.0)))
                .collect();
            let mut expected = normal(bars);
            expected.retain(|bar| !unlike.contains(&(*symbol, bar.0)));
            equal += expected.len();
            assert_eq!(minutes, expected, "{symbol}");
        }
        assert!(equal > 2_900, "{equal} bars");
    }
}

fn normal(bars: &[Bar]) -> Vec<Bar> {
    let bars = bars.iter();
    bars.map(|(time, values)| (*time, values.map(|value| value.normalize())))
        .collect()
}

fn bars_of(candles: &[Candle]) -> Vec<Bar> {
    let values = |candle: &Candle| -> [Decimal; 5] {
        [
            candle.open,
            candle.high,
            candle.low,
            candle.close,
            candle.volume,
        ]
    };
    let candles = candles.iter();
    candles
        .map(|candle| (candle.open_time, values(candle)))
        .collect()
}

async fn all_candles(
    repositories: &Repositories,
    symbol: SymbolId,
    timeframe: Timeframe,
) -> Vec<Candle> {
    let query = CandleQuery::new(symbol, timeframe, PriceBasis::Trade, TimeRange::all());
    let page = repositories
        .ohlc
        .candles(&query.limit(PageLimit::MAX))
        .await;
    let page = page.expect("read");
    assert_eq!(page.next, None);
    page.items
}

#[test]
fn fold_of_all_gold_trades_gives_every_bar() {
    let Some(folder) = market_data::folder() else {
        return;
    };
    let gold = gold(&folder);
    for (symbol, bars) in &gold.bars {
        let trades = gold.trades.iter().filter(|it| it.symbol_id == *symbol);
        let candles = fold_trades(trades, Timeframe::M1, suite::now()).expect("fits");
        assert_eq!(bars_of(&candles), normal(bars), "{symbol}");
    }
}

#[tokio::test]
async fn memory_gives_the_trade_bars_of_another_system() {
    let Some(expected) = Expected::read() else {
        return;
    };
    let repositories = Repositories::in_memory();
    expected.store(&repositories).await;
    expected.assert_candles(&repositories).await;
}

#[tokio::test]
async fn timescaledb_gives_the_trade_bars_of_another_system() {
    let Some(expected) = Expected::read() else {
        return;
    };
    let schemas = ScratchSchemas::create();
    let pools = DatabasePools::new(&schemas.config());
    migrate_timeseries(&pools.timeseries())
        .await
        .expect("migrated");
    let repositories = Repositories::postgres(&pools);
    expected.store(&repositories).await;
    expected.assert_candles(&repositories).await;
    let report = apply_aggregates(&pools.timeseries())
        .await
        .expect("applied");
    let repositories = Repositories::postgres(&pools);
    expected.assert_candles(&repositories).await;
    if report.edition == Edition::Community {
        refresh(&schemas);
        expected.assert_candles(&repositories).await;
    }
}

/// Refreshes the days of the trades, smallest timeframe first.
fn refresh(schemas: &ScratchSchemas) {
    let mut connection = schemas.connection(Database::Timeseries);
    for &timeframe in Timeframe::ALL {
        for (from, to) in [("2013-10-07", "2013-10-10"), ("2016-10-07", "2016-10-09")] {
            let call = format!(
                "CALL refresh_continuous_aggregate('trade_ohlc_{timeframe}', '{from} 00:00Z', \
                 '{to} 00:00Z')"
            );
            sql_query(call).execute(&mut connection).expect("refreshed");
        }
    }
}
