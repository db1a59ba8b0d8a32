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
        /// Age beyond which an arriving tick or trade records its day in late_days. NULL: never.
        late_after_seconds -> Nullable<Int8>,
        /// Ticks before this time are refused, regardless of the current policies. NULL: none are refused for this reason. Raised before anything is dropped, under the lock of the retention floor.
        ticks_refused_before -> Nullable<Timestamptz>,
        /// Ticks before this time were dropped, after a candle included each of them. NULL: none. Raised by the transaction that drops them.
        ticks_dropped_before -> Nullable<Timestamptz>,
        /// Candles of every timeframe before this time were dropped. NULL: none. Raised by the transaction that drops them.
        candles_dropped_before -> Nullable<Timestamptz>,
        /// Age beyond which snapshots and updates of order books are dropped and refused. NULL: never.
        books_drop_after_seconds -> Nullable<Int8>,
        /// Snapshots and updates of order books before this time were dropped. NULL: none. Raised by the transaction that drops them.
        books_dropped_before -> Nullable<Timestamptz>,
        /// Age beyond which trades are dropped and refused. NULL: never.
        trades_drop_after_seconds -> Nullable<Int8>,
        /// Trades before this time are refused, regardless of the current policies. NULL: none are refused for this reason. Raised before anything is dropped, under the lock of the retention floor.
        trades_refused_before -> Nullable<Timestamptz>,
        /// Trades before this time were dropped, after a candle included each of them. NULL: none. Raised by the transaction that drops them.
        trades_dropped_before -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// Times in which the book of a symbol was valid without interruption, identified by (symbol_id, valid_from). Outside of them its levels are not known.
    book_intervals (symbol_id, valid_from) {
        /// symbols.symbol_id of the metadata database.
        symbol_id -> Int8,
        /// Time of the snapshot that made the book valid, inclusive.
        valid_from -> Timestamptz,
        /// Time from which the book is not known, exclusive. NULL: it is valid.
        valid_to -> Nullable<Timestamptz>,
        /// Reason of the end: of a stale book gap, checksum, crossed, silence, overflow, malformed or disconnected; stopped (the recorder ended); deleted (rows were deleted). NULL: it is valid.
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    /// Times in which a feed may have lost records of a symbol and channel, identified by (gap_from, feed, symbol_id, channel).
    feed_gaps (gap_from, feed, symbol_id, channel) {
        /// Name of the feed, 1 to 50 characters.
        feed -> Text,
        /// symbols.symbol_id of the metadata database.
        symbol_id -> Int8,
        /// What the feed lost: quotes, trades or book.
        channel -> Text,
        /// Time of receipt of the last record before the loss, in microseconds, UTC.
        gap_from -> Timestamptz,
        /// Time of receipt of the first record after the loss. NULL: the loss lasts.
        gap_to -> Nullable<Timestamptz>,
        /// What happened: gap, checksum, crossed, silence, overflow, malformed, disconnected, or stopped (the feed did not run).
        reason -> Text,
        /// Time at the venue of the last record before the loss. NULL: not known.
        last_time -> Nullable<Timestamptz>,
        /// Number at the venue of the last record before the loss. NULL: the venue gives none, or it is not known.
        last_sequence -> Nullable<Int8>,
        /// Time at the venue of the first record after the loss. NULL: not known, or it has not arrived.
        next_time -> Nullable<Timestamptz>,
        /// Number at the venue of the first record after the loss. NULL: the venue gives none, or it is not known.
        next_sequence -> Nullable<Int8>,
        /// When the lost records were stored. NULL: they were not.
        filled_at -> Nullable<Timestamptz>,
        /// Why the lost records could not be stored, at the last attempt; at most 500 characters.
        failure -> Nullable<Text>,
    }
}

diesel::table! {
    /// Messages of venues as they were received, identified by (source, received_at, sequence).
    feed_messages (source, received_at, sequence) {
        /// Name of the feed, 1 to 50 characters.
        source -> Text,
        /// Time of receipt, or of sending, in microseconds; from 1970 to before 2100, UTC.
        received_at -> Timestamptz,
        /// Position among the messages of one instant, in the order of receipt.
        sequence -> Int8,
        /// received (a text arrived), sent (the client sent a text), opened (a connection to the address in the payload), answer (an HTTP address, a line feed, and the body).
        kind -> Text,
        /// The text.
        payload -> Text,
    }
}

diesel::table! {
    /// Days whose candles wait for a refresh because of late ticks or trades; one row per late batch.
    late_days (day, entry_id) {
        /// Start of the day, UTC.
        day -> Timestamptz,
        /// Number of the entry, ascending.
        entry_id -> Int8,
        /// Time at which the late ticks or trades arrived.
        arrived_at -> Timestamptz,
    }
}

diesel::table! {
    /// Candles that were imported, or retained when their ticks or trades were dropped.
    ohlc_candles (symbol_id, timeframe, basis, open_time) {
        /// symbols.symbol_id of the metadata database.
        symbol_id -> Int8,
        /// Width: 1m, 5m, 15m, 30m, 1h, 4h or 1d.
        timeframe -> Text,
        /// Price that the candle is computed from: bid, ask, mid, which is half of bid plus ask, or trade.
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
        /// Sum of the quoted bid and ask volumes, or of the traded quantities, in units of the instrument; 0 when unknown.
        volume -> Numeric,
        /// Number of ticks or trades in the candle; 0 when unknown.
        tick_count -> Int8,
        /// Origin of the candle, 1 to 50 characters, such as import.
        source -> Text,
        /// Number of the write; a delayed write with a lower number does not overwrite the row.
        revision -> Int8,
        /// Sum of the quantities that a buyer took, in units of the instrument. NULL: unknown, or a candle of ticks.
        buy_volume -> Nullable<Numeric>,
        /// Sum of price times quantity, in the quote currency. NULL: unknown, or a candle of ticks.
        notional -> Nullable<Numeric>,
    }
}

diesel::table! {
    /// Snapshots of order books, identified by (symbol_id, snapshot_time, sequence).
    order_book_snapshots (symbol_id, snapshot_time, sequence) {
        /// symbols.symbol_id of the metadata database.
        symbol_id -> Int8,
        /// Time of the last message that the book includes, in microseconds; from 1970 to before 2100, UTC.
        snapshot_time -> Timestamptz,
        /// Position within the instant: number of the venue, or 0, 1, 2 … in the order of the feed.
        sequence -> Int8,
        /// Prices of the bids, in the quote currency, the highest first; may be negative or zero.
        bid_prices -> Array<Nullable<Numeric>>,
        /// Quantities of the bids, in units of the instrument; greater than zero.
        bid_quantities -> Array<Nullable<Numeric>>,
        /// Prices of the asks, in the quote currency, the lowest first; may be negative or zero.
        ask_prices -> Array<Nullable<Numeric>>,
        /// Quantities of the asks, in units of the instrument; greater than zero.
        ask_quantities -> Array<Nullable<Numeric>>,
        /// Largest number of stored levels of a side, 1 to 1000; a side with fewer levels is complete.
        depth -> Int2,
        /// Checksum of the venue. NULL: the venue has none.
        checksum -> Nullable<Int8>,
        /// Feed or program that made the snapshot, 1 to 50 characters.
        source -> Text,
        /// Time since which the book was valid without interruption; at most snapshot_time.
        valid_since -> Timestamptz,
    }
}

diesel::table! {
    /// Changes of order books, identified by (symbol_id, update_time, sequence).
    order_book_updates (symbol_id, update_time, sequence) {
        /// symbols.symbol_id of the metadata database.
        symbol_id -> Int8,
        /// Time of the message at the venue, in microseconds; from 1970 to before 2100, UTC.
        update_time -> Timestamptz,
        /// Position within the instant: number of the venue, or 0, 1, 2 … in the order of the feed.
        sequence -> Int8,
        /// Prices of the changed bids, in the quote currency, the highest first; may be negative or zero.
        bid_prices -> Array<Nullable<Numeric>>,
        /// New quantities of these bids, in units of the instrument; 0 removes the level.
        bid_quantities -> Array<Nullable<Numeric>>,
        /// Prices of the changed asks, in the quote currency, the lowest first; may be negative or zero.
        ask_prices -> Array<Nullable<Numeric>>,
        /// New quantities of these asks, in units of the instrument; 0 removes the level.
        ask_quantities -> Array<Nullable<Numeric>>,
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
    /// Corrections and cancellations of trades. Of the corrections of one trade the latest one decides.
    trade_corrections (correction_id) {
        /// Id, ascending in the order of insertion.
        correction_id -> Int8,
        /// symbols.symbol_id of the metadata database.
        symbol_id -> Int8,
        /// Time of the trade at the venue, in microseconds, UTC.
        trade_time -> Timestamptz,
        /// Number of the trade. NULL: it is named by its id.
        sequence -> Nullable<Int8>,
        /// Id of the trade. NULL: it is named by its number.
        trade_id -> Nullable<Text>,
        /// Whether the trade is removed.
        is_cancelled -> Bool,
        /// Corrected price of one unit, in the quote currency. NULL: cancelled.
        price -> Nullable<Numeric>,
        /// Corrected quantity, in units of the instrument. NULL: cancelled.
        quantity -> Nullable<Numeric>,
        /// Corrected side: buy or sell. NULL: unknown, or cancelled.
        aggressor_side -> Nullable<Text>,
        /// Corrected block flag. NULL: cancelled.
        is_block -> Nullable<Bool>,
        /// Time at which the venue corrected the trade.
        corrected_at -> Timestamptz,
        /// Origin of the correction, 1 to 50 characters, such as the name of a feed.
        source -> Text,
        /// Time at which the correction was recorded.
        recorded_at -> Timestamptz,
        /// Sequence of the trade. NULL: the correction was not applied.
        before_sequence -> Nullable<Int8>,
        /// Price before the correction. NULL: it was not applied.
        before_price -> Nullable<Numeric>,
        /// Quantity before the correction. NULL: it was not applied.
        before_quantity -> Nullable<Numeric>,
        /// Side before the correction. NULL: unknown, or not applied.
        before_aggressor_side -> Nullable<Text>,
        /// Block flag before the correction. NULL: it was not applied.
        before_is_block -> Nullable<Bool>,
        /// Id of the trade. NULL: it has none, or the correction was not applied.
        before_trade_id -> Nullable<Text>,
        /// Time at which this system received the trade. NULL: unknown, or not applied.
        before_received_at -> Nullable<Timestamptz>,
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
    /// Trades that were held back instead of stored, and the decisions about them.
    trade_quarantine (quarantine_id) {
        /// Id, ascending in the order of insertion.
        quarantine_id -> Int8,
        /// symbols.symbol_id of the metadata database.
        symbol_id -> Int8,
        /// Time of the trade at the venue, in microseconds, UTC.
        trade_time -> Timestamptz,
        /// Number of the venue, or position within the instant.
        sequence -> Int8,
        /// Number of earlier equal trades of the same instant and source. NULL: the venue numbers its trades.
        occurrence -> Nullable<Int8>,
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
        /// Time at which this system received the trade. NULL: unknown.
        received_at -> Nullable<Timestamptz>,
        /// Rule that held the trade back, such as deviation.
        rule -> Text,
        /// Value that the rule observed, in its own unit.
        observed -> Numeric,
        /// Limit of the rule, in the same unit.
        rule_limit -> Numeric,
        /// Time at which the trade was held back.
        quarantined_at -> Timestamptz,
        /// pending, released (stored) or discarded.
        state -> Text,
        /// Time of the release or discard. NULL: pending.
        resolved_at -> Nullable<Timestamptz>,
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
    book_intervals,
    feed_gaps,
    feed_messages,
    late_days,
    ohlc_candles,
    order_book_snapshots,
    order_book_updates,
    symbol_days,
    tick_quarantine,
    ticks,
    trade_corrections,
    trade_days,
    trade_quarantine,
    trades,
    unrecorded_ticks,
    unrecorded_trades,
);
