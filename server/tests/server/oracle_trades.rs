//! Oracle test: the REST interface gives the candles of recorded trades that another system computed from them.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use tickbook::Repositories;
use tickbook::db::{DatabasePools, ScratchSchemas};
use tickbook::domain::{NewSymbol, SymbolId, Timeframe, Trade};
use tickbook::ingest::quality::SymbolRules;
use tickbook::postgres::{migrate_metadata, migrate_timeseries};

use crate::market_data;
use crate::market_trades::{Bar, bitcoin, gold, trades_of_bar};
use crate::support::{app_at, get};

#[tokio::test]
async fn api_over_memory_gives_trade_bars() {
    let Some(folder) = market_data::folder() else {
        return;
    };
    compare(Repositories::in_memory(), &folder).await;
}

#[tokio::test]
async fn api_over_timescaledb_gives_trade_bars() {
    let Some(folder) = market_data::folder() else {
        return;
    };
    let schemas = ScratchSchemas::create();
    let pools = DatabasePools::new(&schemas.config());
    migrate_metadata(&pools.metadata()).await.expect("migrated");
    migrate_timeseries(&pools.timeseries())
        .await
        .expect("migrated");
    compare(Repositories::postgres(&pools), &folder).await;
}

async fn compare(repositories: Repositories, folder: &std::path::Path) {
    let gold = gold(folder);
    let [seconds, minutes] = bitcoin(folder);
    for name in gold.symbols.keys().map(String::as_str).chain(["BTCUSD"]) {
        let new = NewSymbol::named("recorded", name);
        repositories.symbols.create(new).await.expect("created");
    }
    // the ids of gold are assigned in the order of their first trades
    let btcusd = SymbolId::new(gold.symbols.len() as i64 + 1);
    let of_bitcoin = seconds.iter().flat_map(|bar| trades_of_bar(btcusd, bar));
    let all: Vec<Trade> = gold.trades.iter().cloned().chain(of_bitcoin).collect();
    for batch in all.chunks(5_000) {
        let stored = repositories.trades.insert_batch(batch).await;
        stored.expect("stored");
    }
    let app = app_at(repositories, SymbolRules::default(), suite::now());
    let read = async |symbol: SymbolId| {
        // no symbol has ticks, so the default basis is that of trades
        let path = format!("/api/v1/ohlc/{symbol}?timeframe=1m&limit=10000");
        let page = get(&app, &path).await.json();
        assert_eq!(page["next_cursor"], Value::Null);
        let bars = page["data"].as_array().expect("a list").iter();
        bars.map(shown).collect::<Vec<Bar>>()
    };
    assert_eq!(read(btcusd).await, normal(&minutes));
    let mut equal = 0;
    for (symbol, bars) in &gold.bars {
        let without: Vec<DateTime<Utc>> = gold
            .trades
            .iter()
            .filter(|trade| trade.symbol_id == *symbol && trade.quantity.is_zero())
            .map(|trade| Timeframe::M1.bucket_start(trade.trade_time))
            .collect();
        let mut expected = normal(bars);
        expected.retain(|bar| !without.contains(&bar.0));
        let mut found = read(*symbol).await;
        found.retain(|bar| !without.contains(&bar.0));
        equal += expected.len();
        assert_eq!(found, expected, "{symbol}");
    }
    assert!(equal > 2_900, "{equal} bars");
}

fn shown(candle: &Value) -> Bar {
    assert_eq!(
        (&candle["basis"], &candle["source"]),
        (&"trade".into(), &"trades".into())
    );
    let text = |name: &str| candle[name].as_str().expect("a text");
    let number = |name: &str| text(name).parse::<Decimal>().expect("a decimal");
    let time = text("open_time").parse().expect("a time");
    (time, ["open", "high", "low", "close", "volume"].map(number))
}

fn normal(bars: &[Bar]) -> Vec<Bar> {
    let bars = bars.iter();
    bars.map(|(time, values)| (*time, values.map(|value| value.normalize())))
        .collect()
}
