//! Candles as JSON.

use serde::{Deserialize, Serialize};
use tickbook::domain::{Candle, CandleCursor, Page};
use tickbook::repository::CandleQuery;
use utoipa::ToSchema;

use super::decimal::DecimalText;
use super::time::TimeText;

/// What the price did within `[open_time, close_time)`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "symbol_id": 1, "timeframe": "5m", "basis": "bid",
    "open_time": "2014-05-01T00:00:00.000000Z", "close_time": "2014-05-01T00:05:00.000000Z",
    "open": "1.38676", "high": "1.38687", "low": "1.38674", "close": "1.38681",
    "volume": "0", "tick_count": 97, "closed": true
}))]
pub struct CandleBody {
    /// Whose candle it is.
    #[schema(example = 1)]
    pub symbol_id: i64,
    /// Its width: 1m, 5m, 15m, 30m, 1h, 4h or 1d.
    #[schema(example = "5m")]
    pub timeframe: String,
    /// Which price it is made of: bid, ask or mid.
    #[schema(example = "bid")]
    pub basis: String,
    /// Its start, itself inside, aligned to UTC.
    pub open_time: TimeText,
    /// Its end, itself outside.
    pub close_time: TimeText,
    /// Price of the first tick.
    pub open: DecimalText,
    /// Highest price.
    pub high: DecimalText,
    /// Lowest price.
    pub low: DecimalText,
    /// Price of the last tick.
    pub close: DecimalText,
    /// Sum of the quoted bid and ask volumes: what was offered, not what was traded.
    pub volume: DecimalText,
    /// How many ticks it is made of.
    #[schema(example = 97)]
    pub tick_count: i64,
    /// Whether its end has passed; a forming candle still changes.
    pub closed: bool,
}

/// A page of candles, by ascending `open_time` unless `order=desc`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CandleList {
    /// The candles.
    pub data: Vec<CandleBody>,
    /// Pass it as `cursor` to go on; null at the end.
    pub next_cursor: Option<String>,
}

impl From<Candle> for CandleBody {
    fn from(candle: Candle) -> Self {
        Self {
            symbol_id: candle.symbol_id.get(),
            timeframe: candle.timeframe.as_str().to_owned(),
            basis: candle.basis.as_str().to_owned(),
            open_time: TimeText(candle.open_time),
            close_time: TimeText(candle.close_time()),
            open: DecimalText(candle.open),
            high: DecimalText(candle.high),
            low: DecimalText(candle.low),
            close: DecimalText(candle.close),
            volume: DecimalText(candle.volume),
            tick_count: candle.tick_count,
            closed: candle.closed,
        }
    }
}

impl CandleList {
    /// The page that answered `query`.
    #[must_use]
    pub fn new(page: Page<Candle, CandleCursor>, query: &CandleQuery) -> Self {
        let cursor = |cursor: CandleCursor| {
            cursor.encode(query.symbol_id, query.timeframe, query.basis, query.order)
        };
        Self {
            data: page.items.into_iter().map(Into::into).collect(),
            next_cursor: page.next.map(cursor),
        }
    }
}
