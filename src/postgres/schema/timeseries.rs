// @generated automatically by Diesel CLI.

diesel::table! {
    /// What was applied last, for those who write; no row: nothing was.
    applied_policies (only_row) {
        /// Always true: there is one row at most.
        only_row -> Bool,
        /// The section policies of the settings, one line for each.
        settings -> Text,
        /// When it was applied.
        applied_at -> Timestamptz,
        /// Ticks are dropped, and refused, when they are older; null: never.
        ticks_drop_after_seconds -> Nullable<Int8>,
        /// Candles are dropped when they are older; null: never.
        candles_drop_after_seconds -> Nullable<Int8>,
        /// Ticks that are older when they come mark their day in dirty_windows; null: none does.
        late_after_seconds -> Nullable<Int8>,
        /// Ticks before it are refused, whatever the policies say now; null: none for this reason. Raised, under the lock of the retention floor, before anything is dropped.
        ticks_refused_before -> Nullable<Timestamptz>,
        /// Ticks before it were dropped, each in a candle by then; null: none. Raised by the transaction that drops.
        ticks_dropped_before -> Nullable<Timestamptz>,
        /// Candles before it were dropped, of every timeframe; null: none. Raised by the transaction that drops.
        candles_dropped_before -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// Days whose candles wait for a refresh, since ticks came late; one row for each late batch.
    dirty_windows (day, mark) {
        /// Start of the day, UTC.
        day -> Timestamptz,
        /// Counts the marks.
        mark -> Int8,
        /// When the ticks came.
        marked_at -> Timestamptz,
    }
}

diesel::table! {
    /// Candles that came as candles, or were kept when their ticks went.
    ohlc_candles (symbol_id, timeframe, basis, open_time) {
        /// symbols.symbol_id of the metadata database.
        symbol_id -> Int8,
        /// Width: 1m, 5m, 15m, 30m, 1h, 4h or 1d.
        timeframe -> Text,
        /// Price it is made of: bid, ask, or mid, which is half of bid plus ask.
        basis -> Text,
        /// Start of the bucket, itself inside, aligned to UTC.
        open_time -> Timestamptz,
        /// End of the bucket, itself outside.
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
        /// How many ticks it is made of; 0 when unknown.
        tick_count -> Int8,
        /// Who made it, 1 to 50 characters, such as import.
        source -> Text,
        /// Number of the write it comes from; one with a lower number, which was late, does not overwrite it.
        revision -> Int8,
    }
}

diesel::table! {
    /// Ticks that were held back before they were stored, and what was decided about them.
    tick_quarantine (quarantine_id) {
        /// Number; they were kept in this order.
        quarantine_id -> Int8,
        /// symbols.symbol_id of the metadata database.
        symbol_id -> Int8,
        /// When it happened at the venue, in microseconds, UTC.
        tick_time -> Timestamptz,
        /// Number of the venue, or place within the instant.
        sequence -> Int8,
        /// How many equal ticks of the instant its source brought before. NULL: the venue numbers its ticks.
        occurrence -> Nullable<Int8>,
        /// Price at which one can sell, in the quote currency. NULL: there is no bid.
        bid_price -> Nullable<Numeric>,
        /// Price at which one can buy, in the quote currency. NULL: there is no ask.
        ask_price -> Nullable<Numeric>,
        /// Quantity offered at the bid, in units of the instrument. NULL: unknown, or there is no bid.
        bid_volume -> Nullable<Numeric>,
        /// Quantity offered at the ask, in units of the instrument. NULL: unknown, or there is no ask.
        ask_volume -> Nullable<Numeric>,
        /// When this side saw it.
        received_at -> Nullable<Timestamptz>,
        /// Which rule held it back, such as deviation.
        rule -> Text,
        /// What the rule saw, in its own unit.
        observed -> Numeric,
        /// What would have passed.
        rule_limit -> Numeric,
        /// When it was held back.
        quarantined_at -> Timestamptz,
        /// pending, released (stored after all) or discarded.
        state -> Text,
        /// When it was released or discarded.
        decided_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// Quotes. Two rows of one (symbol_id, tick_time, sequence) would be the same tick.
    ticks (symbol_id, tick_time, sequence) {
        /// symbols.symbol_id of the metadata database.
        symbol_id -> Int8,
        /// When it happened at the venue, in microseconds; from 1970 to before 2100, UTC.
        tick_time -> Timestamptz,
        /// Place within the instant: number of the venue, or 0, 1, 2 … in the order of the feed.
        sequence -> Int8,
        /// Price at which one can sell, in the quote currency; may be negative. NULL: there is no bid.
        bid_price -> Nullable<Numeric>,
        /// Price at which one can buy, in the quote currency; may be below the bid. NULL: there is no ask.
        ask_price -> Nullable<Numeric>,
        /// Quantity offered at the bid, in units of the instrument. NULL: unknown, or there is no bid.
        bid_volume -> Nullable<Numeric>,
        /// Quantity offered at the ask, in units of the instrument. NULL: unknown, or there is no ask.
        ask_volume -> Nullable<Numeric>,
        /// When this side saw it; no part of what the tick is.
        received_at -> Nullable<Timestamptz>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    applied_policies,
    dirty_windows,
    ohlc_candles,
    tick_quarantine,
    ticks,
);
