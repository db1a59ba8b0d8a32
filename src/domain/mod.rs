//! Plain types and pure functions: symbols, ticks, trades, candles, order books, and the fold of ticks into
//! candles.
//!
//! This module depends on no database, clock or runtime.

mod amount;
pub mod book;
mod candle;
mod candle_fold;
mod candle_relation;
mod cursor;
mod decimal;
mod decimal_text;
mod exact_candle;
mod exact_sum;
mod excerpt;
mod exchange;
mod exchange_session;
mod feed_gap;
mod feed_message;
mod fold;
mod gap_fill;
mod instant;
mod instrument;
mod instrument_version;
mod invalid_identity;
mod invalid_symbol;
mod invalid_tick;
mod market_event;
mod page;
mod price_basis;
mod quality_rule;
mod reference_data;
mod rollup;
mod setters;
mod symbol;
mod symbol_facts;
mod symbol_id;
mod symbol_sync;
#[cfg(feature = "serde")]
pub mod text;
mod tick;
mod time;
mod timeframe;
mod trade;
mod trade_correction;
mod trade_volumes;
mod trading_hours;

pub use amount::{AMOUNT_SCALE, Amount, InvalidAmount, STORED_AMOUNT_INTEGER_DIGITS};
pub use candle::{Candle, CandleProblem, CandleSource, InvalidCandle};
pub use candle_fold::CandleFold;
pub use candle_relation::{CandleOrigin, CandleRelation};
pub use cursor::{BookCursor, CandleCursor, SymbolCursor, TickCursor, TradeCursor};
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
pub use exchange_session::{ExchangeSession, InvalidSession, parse_sessions, session_texts};
pub use feed_gap::{
    FeedChannel, FeedGap, FeedGapKey, GapEdge, GapReason, InvalidFeedRow, UnknownFeedChannel,
    UnknownGapReason,
};
pub use feed_message::{FeedMessage, FeedMessageKey, MessageKind, UnknownMessageKind};
pub use fold::CandleEvent;
pub(crate) use fold::{EventFold, PartFold};
pub use fold::{FoldError, fold_candles, fold_ticks, fold_trades};
pub use gap_fill::{CandleSlot, FilledCandle, GapFill, UnknownGapFill};
pub use instant::InstantRows;
#[cfg(feature = "postgres")]
pub(crate) use instant::placed_events;
pub use instrument::{Instrument, InstrumentType, UnknownInstrumentType};
pub use instrument_version::InstrumentVersion;
pub use invalid_identity::InvalidIdentity;
pub use invalid_symbol::{InvalidSymbol, folded_name};
pub use invalid_tick::InvalidTick;
pub use market_event::MarketEvent;
pub use page::{InvalidPageLimit, Page, PageLimit, SortOrder, UnknownSortOrder};
pub use price_basis::{CandleInput, PriceBasis, UnknownPriceBasis};
pub use quality_rule::{Rule, UnknownRule, Verdict};
pub use reference_data::{MergedExchange, MergedReferenceData, ReferenceData};
pub use rollup::Rollup;
pub(crate) use setters::setters;
pub use symbol::{NewSymbol, Symbol, SymbolReference};
pub use symbol_facts::{
    FieldChange, InstrumentFacts, MergedSymbol, StatedSymbol, SymbolChange, SymbolFacts,
};
pub use symbol_id::SymbolId;
pub use symbol_sync::{
    ChangedSymbol, ListedKey, ListedSymbol, RefusedListing, StoredFeed, SymbolList, SyncPlan,
    SyncReport,
};
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
pub use trade_correction::{
    CorrectedTrade, InvalidCorrection, SettledTrade, TradeCorrection, TradeReference,
};
pub use trade_volumes::{TradeVolumes, VWAP_SCALE};
pub use trading_hours::TradingHours;
