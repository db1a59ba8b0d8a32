// @generated automatically by Diesel CLI.

diesel::table! {
    /// Policies that were applied last, read by writers. Without a row none were applied.
    applied_policies (only_row) {
        /// Always true: the table has at most one row.
        only_row -> Bool,
        /// Section policies of the settings, one line per setting.
        settings -> Text,
        /// Time at which the policies were applied.
        applied_at -> Timestamptz,
        /// Age beyond which ticks are dropped and refused. NULL: never.
        ticks_drop_after_seconds -> Nullable<Int8>,
        /// Age beyond which candles are dropped. NULL: never.
        candles_drop_after_seconds -> Nullable<Int8>,
        /// Age beyond which an arriving tick records its day in late_tick_days. NULL: never.
        late_after_seconds -> Nullable<Int8>,
        /// Ticks before this time are refused, regardless of the current policies. NULL: none are refused for this reason. Raised before anything is dropped, under the lock of the retention floor.
        ticks_refused_before -> Nullable<Timestamptz>,
        /// Ticks before this time were dropped, after a candle included each of them. NULL: none. Raised by the transaction that drops them.
        ticks_dropped_before -> Nullable<Timestamptz>,
        /// Candles of every timeframe before this time were dropped. NULL: none. Raised by the transaction that drops them.
        candles_dropped_before -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// Days whose candles wait for a refresh because of late ticks; one row per late batch.
    late_tick_days (day, entry_id) {
        /// Start of the day, UTC.
        day -> Timestamptz,
        /// Number of the entry, ascending.
        entry_id -> Int8,
        /// Time at which the late ticks arrived.
        arrived_at -> Timestamptz,
    }
}

diesel::table! {
    /// Candles that were imported, or retained when their ticks were dropped.
    ohlc_candles (symbol_id, timeframe, basis, open_time) {
        /// symbols.symbol_id of the metadata database.
        symbol_id -> Int8,
        /// Width: 1m, 5m, 15m, 30m, 1h, 4h or 1d.
        timeframe -> Text,
        /// Price that the candle is computed from: bid, ask, or mid, which is half of bid plus ask.
        basis -> Text,
        /// Start of the bucket, inclusive, aligned to UTC.
        open_time -> Timestamptz,
        /// End of the bucket, exclusive.
        close_time -> Timestamptz,
        /// First price, in the quote currency.
        open_price -> Numeric,
        /// Highest price, in the quote currency.
        high_price -> Numeric,
        /// Lowest price, in the quote currency.
        low_price -> Numeric,
        /// Last price, in the quote currency.
        close_price -> Numeric,
        /// Sum of the quoted bid and ask volumes, in units of the instrument; 0 when unknown.
        volume -> Numeric,
        /// Number of ticks in the candle; 0 when unknown.
        tick_count -> Int8,
        /// Origin of the candle, 1 to 50 characters, such as import.
        source -> Text,
        /// Number of the write; a delayed write with a lower number does not overwrite the row.
        revision -> Int8,
    }
}

diesel::table! {
    /// Days in which a symbol has, or had, ticks. Reads search ticks older than a day only in these days.
    symbol_days (symbol_id, day) {
        /// symbols.symbol_id of the metadata database.
        symbol_id -> Int8,
        /// Start of the day, UTC.
        day -> Timestamptz,
    }
}

diesel::table! {
    /// Ticks that were held back instead of stored, and the decisions about them.
    tick_quarantine (quarantine_id) {
        /// Id, ascending in the order of insertion.
        quarantine_id -> Int8,
        /// symbols.symbol_id of the metadata database.
        symbol_id -> Int8,
        /// Time of the tick at the venue, in microseconds, UTC.
        tick_time -> Timestamptz,
        /// Number of the venue, or position within the instant.
        sequence -> Int8,
        /// Number of earlier equal ticks of the same instant and source. NULL: the venue numbers its ticks.
        occurrence -> Nullable<Int8>,
        /// Price at which one can sell, in the quote currency. NULL: the bid is absent.
        bid_price -> Nullable<Numeric>,
        /// Price at which one can buy, in the quote currency. NULL: the ask is absent.
        ask_price -> Nullable<Numeric>,
        /// Quantity offered at the bid, in units of the instrument. NULL: unknown, or the bid is absent.
        bid_volume -> Nullable<Numeric>,
        /// Quantity offered at the ask, in units of the instrument. NULL: unknown, or the ask is absent.
        ask_volume -> Nullable<Numeric>,
        /// Time at which this system received the tick. NULL: unknown.
        received_at -> Nullable<Timestamptz>,
        /// Rule that held the tick back, such as deviation.
        rule -> Text,
        /// Value that the rule observed, in its own unit.
        observed -> Numeric,
        /// Limit of the rule, in the same unit.
        rule_limit -> Numeric,
        /// Time at which the tick was held back.
        quarantined_at -> Timestamptz,
        /// pending, released (stored) or discarded.
        state -> Text,
        /// Time of the release or discard. NULL: pending.
        resolved_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// Quotes, identified by (symbol_id, tick_time, sequence).
    ticks (symbol_id, tick_time, sequence) {
        /// symbols.symbol_id of the metadata database.
        symbol_id -> Int8,
        /// Time of the tick at the venue, in microseconds; from 1970 to before 2100, UTC.
        tick_time -> Timestamptz,
        /// Position within the instant: number of the venue, or 0, 1, 2 … in the order of the feed.
        sequence -> Int8,
        /// Price at which one can sell, in the quote currency; may be negative. NULL: the bid is absent.
        bid_price -> Nullable<Numeric>,
        /// Price at which one can buy, in the quote currency; may be below the bid. NULL: the ask is absent.
        ask_price -> Nullable<Numeric>,
        /// Quantity offered at the bid, in units of the instrument. NULL: unknown, or the bid is absent.
        bid_volume -> Nullable<Numeric>,
        /// Quantity offered at the ask, in units of the instrument. NULL: unknown, or the ask is absent.
        ask_volume -> Nullable<Numeric>,
        /// Time at which this system received the tick; not part of its identity. NULL: unknown.
        received_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// Days in which a symbol has, or had, trades. Reads search trades older than a day only in these days.
    trade_days (symbol_id, day) {
        /// symbols.symbol_id of the metadata database.
        symbol_id -> Int8,
        /// Start of the day, UTC.
        day -> Timestamptz,
    }
}

diesel::table! {
    /// Trades, identified by (symbol_id, trade_time, sequence).
    trades (symbol_id, trade_time, sequence) {
        /// symbols.symbol_id of the metadata database.
        symbol_id -> Int8,
        /// Time of the trade at the venue, in microseconds; from 1970 to before 2100, UTC.
        trade_time -> Timestamptz,
        /// Position within the instant: number of the venue, or 0, 1, 2 … in the order of the feed.
        sequence -> Int8,
        /// Price of one unit, in the quote currency; may be negative or zero.
        price -> Numeric,
        /// Traded quantity, in units of the instrument; greater than zero.
        quantity -> Numeric,
        /// Side of the order that removed liquidity: buy or sell. NULL: unknown.
        aggressor_side -> Nullable<Text>,
        /// Whether the trade was negotiated outside of the order book.
        is_block -> Bool,
        /// Id of a venue whose ids are not integers, 1 to 100 characters. NULL: the venue has no such ids.
        trade_id -> Nullable<Text>,
        /// Time at which this system received the trade; not part of its identity. NULL: unknown.
        received_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// Statements that wrote ticks whose days may be missing in symbol_days; one row each. Until the maintenance records the days, reads search all days.
    unrecorded_ticks (entry_id) {
        /// Number of the entry, ascending.
        entry_id -> Int8,
        /// Time of the transaction that wrote the ticks.
        written_at -> Timestamptz,
    }
}

diesel::table! {
    /// Statements that wrote trades whose days may be missing in trade_days; one row each. Until the maintenance records the days, reads search all days.
    unrecorded_trades (entry_id) {
        /// Number of the entry, ascending.
        entry_id -> Int8,
        /// Time of the transaction that wrote the trades.
        written_at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    applied_policies,
    late_tick_days,
    ohlc_candles,
    symbol_days,
    tick_quarantine,
    ticks,
    trade_days,
    trades,
    unrecorded_ticks,
    unrecorded_trades,
);
