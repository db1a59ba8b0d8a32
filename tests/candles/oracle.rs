//! Tests that the candles of recorded quotes equal the candles of another system, to the last digit.
#![cfg(all(feature = "postgres", feature = "conformance", feature = "files"))]

use diesel::{RunQueryDsl as _, sql_query};
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::{
    Candle, NewSymbol, PageLimit, PriceBasis, SymbolId, Tick, TimeRange, Timeframe, fold_ticks,
};
use tickbook::files::{BarPrices, MinuteBar};
use tickbook::postgres::{Edition, apply_aggregates, migrate_metadata, migrate_timeseries};
use tickbook::repository::{CandleQuery, InsertReceipt, OhlcRepository, TickRepository};
use tickbook::{Database, Repositories};

use crate::support::market_data;

#[tokio::test]
async fn memory_gives_the_bars_of_another_system() {
    let Some(folder) = market_data::folder() else {
        return;
    };
    let repositories = Repositories::in_memory();
    let ticks = import(&repositories, &folder).await;
    let bars = market_data::bars(&folder);
    assert_candles(&*repositories.ohlc, &bars, &Folds::of(&ticks)).await;
}

#[tokio::test]
async fn timescaledb_gives_the_bars_of_another_system() {
    let Some(folder) = market_data::folder() else {
        return;
    };
    let schemas = ScratchSchemas::create();
    let pools = DatabasePools::new(&schemas.config());
    migrate_metadata(&pools.metadata()).await.expect("migrated");
    migrate_timeseries(&pools.timeseries())
        .await
        .expect("migrated");
    let repositories = Repositories::postgres(&pools);
    let ticks = import(&repositories, &folder).await;
    let bars = market_data::bars(&folder);
    let folds = Folds::of(&ticks);
    assert_candles(&*repositories.ohlc, &bars, &folds).await;

    // a new repository has not cached that there are no relations yet
    let report = apply_aggregates(&pools.timeseries())
        .await
        .expect("applied");
    let repositories = Repositories::postgres(&pools);
    assert_candles(&*repositories.ohlc, &bars, &folds).await;
    if report.edition == Edition::Community {
        refresh(&schemas, &ticks);
        assert_candles(&*repositories.ohlc, &bars, &folds).await;
    }
}

/// Stores all quotes twice; the second import must add nothing.
async fn import(repositories: &Repositories, folder: &std::path::Path) -> Vec<Tick> {
    let symbol = NewSymbol::named("oanda", "EURUSD");
    let symbol = repositories.symbols.create(symbol).await.expect("created");
    let ticks = market_data::ticks(folder, symbol.symbol_id);
    let first = insert(&*repositories.ticks, &ticks).await;
    let inserted = InsertReceipt::default().inserted(market_data::QUOTES);
    assert_eq!(first, inserted);
    let again = insert(&*repositories.ticks, &ticks).await;
    let duplicates = InsertReceipt::default().duplicates(market_data::QUOTES);
    assert_eq!(again, duplicates);
    let count = repositories
        .ticks
        .count(symbol.symbol_id, TimeRange::all())
        .await;
    assert_eq!(count.expect("counted"), market_data::QUOTES);
    ticks
}

async fn insert(repository: &dyn TickRepository, ticks: &[Tick]) -> InsertReceipt {
    let mut receipt = InsertReceipt::default();
    for batch in ticks.chunks(5_000) {
        receipt.merge(repository.insert_batch(batch).await.expect("stored"));
    }
    receipt
}

/// The folds of the ticks, for every timeframe and basis.
struct Folds(Vec<(Timeframe, PriceBasis, Vec<Candle>)>);

impl Folds {
    fn of(ticks: &[Tick]) -> Self {
        let mut folds = Vec::new();
        for &timeframe in Timeframe::ALL {
            for &basis in PriceBasis::OF_TICKS {
                let candles = fold_ticks(ticks, timeframe, basis, suite::now()).expect("fits");
                folds.push((timeframe, basis, candles));
            }
        }
        Self(folds)
    }
}

async fn assert_candles(ohlc: &dyn OhlcRepository, bars: &[MinuteBar], folds: &Folds) {
    let symbol_id = folds.0[0].2[0].symbol_id;
    for basis in [PriceBasis::Bid, PriceBasis::Ask] {
        let candles = all_candles(ohlc, symbol_id, Timeframe::M1, basis).await;
        assert_eq!(candles.len(), bars.len());
        for (candle, bar) in candles.iter().zip(bars) {
            let prices = BarPrices::new(candle.open, candle.high, candle.low, candle.close);
            let of_bar = if basis == PriceBasis::Bid {
                bar.bid
            } else {
                bar.ask
            };
            assert_eq!((candle.open_time, Some(prices)), (bar.open_time, of_bar));
        }
    }
    for (timeframe, basis, folded) in &folds.0 {
        let candles = all_candles(ohlc, symbol_id, *timeframe, *basis).await;
        assert!(
            candles == *folded,
            "{timeframe} {basis} differ from the fold of the ticks"
        );
    }
}

async fn all_candles(
    ohlc: &dyn OhlcRepository,
    symbol_id: SymbolId,
    timeframe: Timeframe,
    basis: PriceBasis,
) -> Vec<Candle> {
    let mut query = CandleQuery::new(symbol_id, timeframe, basis, TimeRange::all());
    query.limit = PageLimit::MAX;
    let mut candles = Vec::new();
    loop {
        let page = ohlc.candles(&query).await.expect("read");
        candles.extend(page.items);
        query.after = page.next;
        if query.after.is_none() {
            return candles;
        }
    }
}

/// Refreshes the days of the quotes, smallest timeframe first.
fn refresh(schemas: &ScratchSchemas, ticks: &[Tick]) {
    let mut connection = schemas.connection(Database::Timeseries);
    let first = Timeframe::D1.bucket_start(ticks[0].tick_time);
    let last = Timeframe::D1.bucket_start(ticks[ticks.len() - 1].tick_time);
    let end = last + Timeframe::D1.duration();
    for &timeframe in Timeframe::ALL {
        let (from, to) = (first.to_rfc3339(), end.to_rfc3339());
        let call =
            format!("CALL refresh_continuous_aggregate('ohlc_{timeframe}', '{from}', '{to}')");
        sql_query(call).execute(&mut connection).expect("refreshed");
    }
}
