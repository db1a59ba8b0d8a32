//! The data set: 2,000 symbols, and quotes and trades of three days.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::PgConnection;
use diesel::connection::SimpleConnection as _;
use rust_decimal::Decimal;
use tickbook::Database;
use tickbook::db::DatabasePools;
use tickbook::domain::{
    AggressorSide, Candle, CandleSource, NewSymbol, PriceBasis, Rule, SymbolId, Tick, TimeRange,
    Timeframe, Trade, Verdict,
};
use tickbook::postgres::{
    PgFeedRepository, PgOhlcRepository, PgOrderBookRepository, PgQuarantineRepository,
    PgSymbolRepository, PgTickRepository, PgTradeRepository,
};
use tickbook::repository::{
    OhlcRepository as _, OrderBookRepository as _, QuarantineRepository as _, QuarantinedTick,
    SymbolRepository as _, TickRepository as _, TradeRepository as _,
};

/// A symbol with quotes.
pub(super) const QUOTED: SymbolId = SymbolId::new(7);
/// A symbol whose quotes are deleted.
pub(super) const DELETED: SymbolId = SymbolId::new(8);
/// A symbol without quotes, to which the calls write.
pub(super) const WRITTEN: SymbolId = SymbolId::new(9);

const SYMBOLS: usize = 2_000;
const DAYS: i64 = 3;
/// Quotes of a symbol in a day.
const QUOTES: i64 = 2_000;

/// The repositories with a stopped clock.
pub(super) struct Site {
    pub(super) symbols: PgSymbolRepository,
    pub(super) ticks: PgTickRepository,
    pub(super) trades: PgTradeRepository,
    pub(super) books: PgOrderBookRepository,
    pub(super) ohlc: PgOhlcRepository,
    pub(super) quarantine: PgQuarantineRepository,
    pub(super) feeds: PgFeedRepository,
}

impl Site {
    pub(super) fn new(pools: &DatabasePools) -> Self {
        Self {
            symbols: PgSymbolRepository::new(pools.metadata()).with_clock(now),
            ticks: PgTickRepository::new(pools.timeseries()).with_clock(now),
            trades: PgTradeRepository::new(pools.timeseries()).with_clock(now),
            books: PgOrderBookRepository::new(pools.timeseries()).with_clock(now),
            ohlc: PgOhlcRepository::new(pools.timeseries()).with_clock(now),
            quarantine: PgQuarantineRepository::new(pools.timeseries()),
            feeds: PgFeedRepository::new(pools.timeseries()),
        }
    }

    /// Opens the connections and fills the caches of the catalogs.
    pub(super) async fn warm_up(&self) {
        self.symbols.get(QUOTED).await.expect("read");
        self.ticks.latest(QUOTED).await.expect("read");
        self.trades.latest(QUOTED).await.expect("read");
        let book = self.books.snapshot_as_of(QUOTED, now(), 1);
        book.await.expect("read");
        let latest = self.ohlc.latest(QUOTED, Timeframe::M1, PriceBasis::Bid);
        latest.await.expect("read");
    }
}

/// Half a day after the last quote.
pub(super) fn now() -> DateTime<Utc> {
    day(DAYS) + TimeDelta::hours(12)
}

/// Midnight of a day of the data set, starting at 0.
pub(super) fn day(number: i64) -> DateTime<Utc> {
    let first = DateTime::from_timestamp(1_398_902_400, 0).expect("2014-05-01");
    first + TimeDelta::days(number)
}

pub(super) fn range(from: DateTime<Utc>, to: DateTime<Utc>) -> TimeRange {
    TimeRange::new(from, to).expect("ordered")
}

pub(super) fn quote(symbol: SymbolId, time: DateTime<Utc>, units: i64) -> Tick {
    let price = |units: i64| Decimal::new(138_000 + units, 5);
    Tick::quote(symbol, time, price(units), price(units + 2))
        .with_volumes(Decimal::new(units, 1), Decimal::TEN)
}

/// `count` quotes of a day, one each second.
pub(super) fn quotes(symbol: SymbolId, of_day: i64, count: i64) -> Vec<Tick> {
    let times = (0..count).map(|second| (second, day(of_day) + TimeDelta::seconds(second)));
    times
        .map(|(second, time)| quote(symbol, time, second % 97))
        .collect()
}

/// `count` trades of a day, one each second.
pub(super) fn trades(symbol: SymbolId, of_day: i64, count: i64) -> Vec<Trade> {
    let trade = |second: i64| {
        let time = day(of_day) + TimeDelta::seconds(second);
        let price = Decimal::new(138_000 + second % 97, 5);
        Trade::new(symbol, time, price, Decimal::new(second % 9 + 1, 1))
            .with_aggressor_side(AggressorSide::ALL[(second % 2) as usize])
    };
    (0..count).map(trade).collect()
}

/// `count` stored candles of one minute, of the day before the quotes.
pub(super) fn candles(symbol: SymbolId, count: i64) -> Vec<Candle> {
    let one = |minute: i64| {
        let open_time = day(-1) + TimeDelta::minutes(minute);
        let prices = [1, 3, 1, 2].map(Decimal::from);
        let mut candle = Candle::new(symbol, Timeframe::M1, PriceBasis::Bid, open_time, prices);
        candle.source = CandleSource::Stored("import".to_owned());
        candle
    };
    (0..count).map(one).collect()
}

pub(super) fn held_back(symbol: SymbolId, count: i64) -> Vec<QuarantinedTick> {
    let verdict = Verdict::new(Rule::Crossed, Decimal::ONE, Decimal::ZERO);
    let ticks = quotes(symbol, 0, count).into_iter();
    ticks
        .map(|tick| QuarantinedTick::new(tick, verdict, now()))
        .collect()
}

/// Stores the data set.
pub(super) async fn fill(pools: &DatabasePools) {
    let site = Site::new(pools);
    let named = |number: usize| {
        let exchange = if number.is_multiple_of(2) {
            "oanda"
        } else {
            "kraken"
        };
        NewSymbol::named(exchange, format!("SYMBOL{number}"))
    };
    let symbols: Vec<_> = (0..SYMBOLS).map(named).collect();
    site.symbols.upsert_batch(&symbols).await.expect("stored");
    for symbol in [QUOTED, DELETED] {
        for day in 0..DAYS {
            let ticks = quotes(symbol, day, QUOTES);
            site.ticks.insert_batch(&ticks).await.expect("stored");
            let trades = trades(symbol, day, QUOTES);
            site.trades.insert_batch(&trades).await.expect("stored");
        }
        super::books::fill(&site, symbol, DAYS, QUOTES).await;
        let stored = candles(symbol, 500);
        site.ohlc.upsert_candles(&stored).await.expect("stored");
    }
    let held_back = held_back(QUOTED, 500);
    site.quarantine.put(&held_back).await.expect("stored");
    super::feeds::fill(&site).await;
}

/// Makes the statistics complete, and the same in every run.
pub(super) fn settle(connection: &mut PgConnection, database: Database) {
    let tables: &[_] = match database {
        Database::Metadata => &[
            "exchanges",
            "exchange_sessions",
            "symbols",
            "instruments",
            "feed_symbols",
            "instrument_versions",
        ],
        _ => &[
            "ticks",
            "trades",
            "order_book_snapshots",
            "order_book_updates",
            "book_intervals",
            "feed_gaps",
            "feed_messages",
            "ohlc_candles",
            "tick_quarantine",
            "trade_corrections",
            "applied_policies",
            "late_days",
        ],
    };
    for table in tables {
        // not in one text, since VACUUM may not run in a transaction
        for sql in [
            format!("ALTER TABLE {table} SET (autovacuum_enabled = false)"),
            format!("VACUUM ANALYZE {table}"),
        ] {
            connection.batch_execute(&sql).expect("settled");
        }
    }
}
