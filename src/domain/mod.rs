//! Plain types and pure functions: symbols, ticks, trades, candles, order books, and the fold of ticks into
//! candles.
//!
//! This module depends on no database, clock or runtime.

pub mod book;
mod candle;
mod candle_relation;
mod cursor;
mod decimal;
mod decimal_text;
mod exact_candle;
mod exact_sum;
mod excerpt;
mod exchange;
mod fold;
mod gap_fill;
mod instant;
mod instrument;
mod invalid_identity;
mod invalid_symbol;
mod invalid_tick;
mod market_event;
mod page;
mod quality_rule;
mod rollup;
mod setters;
mod symbol;
mod symbol_facts;
mod symbol_id;
#[cfg(feature = "serde")]
pub mod text;
mod tick;
mod time;
mod timeframe;
mod trade;

pub use candle::{
    Candle, CandleProblem, CandleSource, InvalidCandle, PriceBasis, UnknownPriceBasis,
};
pub use candle_relation::{CandleOrigin, CandleRelation};
pub use cursor::{CandleCursor, SymbolCursor, TickCursor, TradeCursor};
pub use decimal::{
    CANDLE_PRICE_SCALE, CANDLE_VOLUME_INTEGER_DIGITS, DecimalError, SUM_DIGITS,
    TICK_DECIMAL_INTEGER_DIGITS, TICK_DECIMAL_SCALE, check_candle_decimal, check_candle_volume,
    check_tick_decimal,
};
pub use decimal_text::{DecimalTextError, parse_decimal};
pub use exact_candle::ExactCandle;
#[cfg(feature = "postgres")]
pub(crate) use exact_sum::{ExactSum, FRACTION_SCALE};
pub use excerpt::{excerpt, printable};
pub use exchange::{Exchange, ExchangeFacts, InvalidExchange};
pub use fold::{CandleFold, FoldError, fold_candles, fold_ticks};
pub(crate) use fold::{PartFold, TickFold};
pub use gap_fill::{CandleSlot, FilledCandle, GapFill, UnknownGapFill};
pub use instant::InstantRows;
#[cfg(feature = "postgres")]
pub(crate) use instant::placed_events;
pub use instrument::{Instrument, InstrumentType, UnknownInstrumentType};
pub use invalid_identity::InvalidIdentity;
pub use invalid_symbol::{InvalidSymbol, folded_name};
pub use invalid_tick::InvalidTick;
pub use market_event::MarketEvent;
pub use page::{InvalidPageLimit, Page, PageLimit, SortOrder, UnknownSortOrder};
pub use quality_rule::{Rule, UnknownRule, Verdict};
pub use rollup::Rollup;
pub(crate) use setters::setters;
pub use symbol::{NewSymbol, Symbol, SymbolReference};
pub use symbol_facts::{FieldChange, InstrumentFacts, MergedSymbol, StatedSymbol, SymbolFacts};
pub use symbol_id::SymbolId;
pub use tick::{Tick, TickContent, TickKey};
pub use time::{
    InvalidTime, InvalidTimeRange, TimeRange, earliest_time, latest_time, parse_time,
    truncate_to_micros,
};
pub use timeframe::{FoldedTimeframe, Timeframe, UnknownTimeframe};
pub use trade::{
    AggressorSide, InvalidTrade, MAX_TRADE_ID_CHARS, Trade, TradeContent, TradeKey,
    UnknownAggressorSide,
};
