//! Candles as JSON.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tickbook::domain::{
    Amount, Candle, CandleCursor, CandleSlot, FilledCandle, GapFill, Page, PriceBasis, Timeframe,
};
use tickbook::repository::CandleQuery;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use super::decimal::DecimalText;
use super::time::TimeText;
use crate::cursor::CandleCursorText as _;

/// The prices within `[open_time, close_time)`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "symbol_id": 1, "timeframe": "5m", "basis": "bid",
    "open_time": "2014-05-01T00:00:00.000000Z", "close_time": "2014-05-01T00:05:00.000000Z",
    "open": "1.38676", "high": "1.38687", "low": "1.38674", "close": "1.38681",
    "volume": "0", "tick_count": 97, "closed": true, "source": "ticks"
}))]
pub struct CandleBody {
    /// The symbol of the candle.
    #[schema(example = 1)]
    pub symbol_id: i64,
    /// Its width.
    #[schema(schema_with = timeframes)]
    pub timeframe: Timeframe,
    /// The price it is computed from.
    #[schema(schema_with = bases)]
    pub basis: PriceBasis,
    /// Its start (inclusive), aligned to UTC.
    pub open_time: TimeText,
    /// Its end (exclusive).
    pub close_time: TimeText,
    /// Price of the first tick or trade; null only where `filled` is true.
    pub open: Option<DecimalText>,
    /// Highest price; null only where `filled` is true.
    pub high: Option<DecimalText>,
    /// Lowest price; null only where `filled` is true.
    pub low: Option<DecimalText>,
    /// Price of the last tick or trade; null only where `filled` is true.
    pub close: Option<DecimalText>,
    /// Sum of the quoted bid and ask volumes, which are offered quantities; with the basis trade, sum of the
    /// traded quantities.
    pub volume: DecimalText,
    /// Number of ticks or trades in the candle.
    #[schema(example = 97)]
    pub tick_count: i64,
    /// Only with the basis trade: sum of the quantities that a buyer took. Absent if it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub buy_volume: Option<DecimalText>,
    /// Only with the basis trade: exact sum of price times quantity. Absent if it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<String>, example = "67820.6254521375")]
    pub notional: Option<Amount>,
    /// Only with the basis trade: notional divided by volume, rounded to nine decimal places, half to even.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub vwap: Option<DecimalText>,
    /// Whether its end has passed; a forming candle still changes.
    pub closed: bool,
    /// What the candle is computed from: `ticks`, `trades`, `rolled_up` (smaller candles, at least one of them
    /// stored), or the writer of a stored candle, such as `import`. Absent where `filled` is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "ticks")]
    pub source: Option<String>,
    /// Present only if `fill` was given: true for a placeholder of a bucket without ticks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub filled: Option<bool>,
}

/// A pattern of the names of all timeframes.
fn timeframes() -> Object {
    let description = "1m, 5m, 15m, 30m, 1h, 4h and 1d are stored. Others are computed by each request: up to \
        1440 of one of these, such as 3m, 2h or 10d, counted from 2000-01-03T00:00:00Z; 1w, from Monday; 1M, from \
        the first of the month; 1s, 5s, 10s, 15s and 30s. Timeframes with the same buckets have one name: 60m is \
        1h, and 7d is 1w.";
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^([1-9][0-9]{0,4}[mhd]|(1|5|10|15|30)s|1w|1M)$"))
        .description(Some(description))
        .build()
}

/// The names of all price bases.
fn bases() -> Object {
    names(PriceBasis::ALL.iter().map(|basis| basis.as_str()))
}

fn names(names: impl Iterator<Item = &'static str>) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(names))
        .build()
}

/// A page of candles, by ascending `open_time` unless `order=desc`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CandleList {
    /// The candles.
    pub data: Vec<CandleBody>,
    /// Pass it as `cursor` to read the next page; null at the end.
    pub next_cursor: Option<String>,
}

impl From<Candle> for CandleBody {
    fn from(candle: Candle) -> Self {
        let volumes = candle.trade_volumes;
        Self {
            symbol_id: candle.symbol_id.get(),
            timeframe: candle.timeframe,
            basis: candle.basis,
            open_time: TimeText(candle.open_time),
            close_time: TimeText(candle.close_time()),
            open: Some(DecimalText(candle.open)),
            high: Some(DecimalText(candle.high)),
            low: Some(DecimalText(candle.low)),
            close: Some(DecimalText(candle.close)),
            volume: DecimalText(candle.volume),
            tick_count: candle.tick_count,
            buy_volume: volumes.map(|volumes| DecimalText(volumes.buy_volume)),
            notional: volumes.map(|volumes| volumes.notional),
            vwap: candle.vwap().map(DecimalText),
            closed: candle.closed,
            source: Some(candle.source.as_str().to_owned()),
            filled: None,
        }
    }
}

impl From<FilledCandle> for CandleBody {
    fn from(empty: FilledCandle) -> Self {
        let price = |price: Option<Decimal>| price.map(DecimalText);
        Self {
            symbol_id: empty.symbol_id.get(),
            timeframe: empty.timeframe,
            basis: empty.basis,
            open_time: TimeText(empty.open_time),
            close_time: TimeText(empty.close_time()),
            open: price(empty.open),
            high: price(empty.high),
            low: price(empty.low),
            close: price(empty.close),
            volume: DecimalText::default(),
            tick_count: 0,
            buy_volume: None,
            notional: None,
            vwap: None,
            closed: empty.closed,
            source: None,
            filled: Some(true),
        }
    }
}

impl CandleList {
    /// The page for `query`, with gaps filled according to `fill`.
    #[must_use]
    pub fn new(page: Page<CandleSlot, CandleCursor>, query: &CandleQuery, fill: GapFill) -> Self {
        let body = |slot| match slot {
            CandleSlot::Candle(candle) => CandleBody {
                filled: (fill != GapFill::Omit).then_some(false),
                ..candle.into()
            },
            CandleSlot::Filled(empty) => empty.into(),
        };
        let cursor = |cursor: CandleCursor| {
            let CandleQuery {
                symbol_id,
                timeframe,
                basis,
                range,
                order,
                ..
            } = *query;
            cursor.encode(symbol_id, timeframe, basis, range, order)
        };
        Self {
            data: page.items.into_iter().map(body).collect(),
            next_cursor: page.next.map(cursor),
        }
    }
}
