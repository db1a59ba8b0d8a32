// @generated automatically by Diesel CLI.

diesel::table! {
    /// Where symbols are quoted: exchanges, brokers, feeds.
    exchanges (name) {
        /// Name, 1 to 50 characters, such as oanda; unique without regard to case.
        name -> Text,
        /// Text for people; may be empty.
        description -> Text,
        /// Code of the venue where that is known, 1 to 20 characters, such as its MIC XNYS.
        code -> Nullable<Text>,
        /// IANA time zone where that is known, such as America/New_York.
        time_zone -> Nullable<Text>,
        /// When the row was made.
        created_at -> Timestamptz,
    }
}

diesel::table! {
    /// What each feed calls a symbol: two brokers give one number to different things.
    feed_symbols (feed, feed_key) {
        /// The feed, 1 to 50 characters.
        feed -> Text,
        /// Number or name of the symbol in that feed, 1 to 100 characters, such as tag 55 of FIX.
        feed_key -> Text,
        /// The symbol it means.
        symbol_id -> Int8,
    }
}

diesel::table! {
    /// What a symbol stands for, where that is known.
    instruments (symbol_id) {
        /// The symbol.
        symbol_id -> Int8,
        /// Kind: forex, cfd, crypto, cryptofuture, equity, index, future, option, indexoption or futureoption.
        instrument_type -> Text,
        /// What is bought and sold, such as EUR; null where it is no currency.
        base_currency -> Nullable<Text>,
        /// What prices are in, such as USD.
        quote_currency -> Text,
        /// Smallest step of the price, in the quote currency; positive.
        tick_size -> Numeric,
        /// Smallest step of a quantity, in units of the instrument; positive.
        lot_size -> Numeric,
        /// Units of the underlying in one contract; positive, 1 where there are no contracts.
        contract_multiplier -> Numeric,
        /// Last day of trading, for what ends.
        expiry -> Nullable<Date>,
        /// Strike price of an option, in the quote currency.
        strike -> Nullable<Numeric>,
    }
}

diesel::table! {
    /// What is quoted.
    symbols (symbol_id) {
        /// The number that ticks and candles carry; positive.
        symbol_id -> Int8,
        /// Where it is quoted.
        exchange -> Text,
        /// Name, 1 to 100 characters, such as EURUSD; unique within the exchange without regard to case.
        name -> Text,
        /// Text for people; may be empty.
        description -> Text,
        /// Digits after the point in which its price is usually shown, 0 to 12.
        digits -> Int2,
        /// Whether it is still quoted.
        active -> Bool,
        /// When the row was made.
        created_at -> Timestamptz,
        /// When the row was last changed.
        updated_at -> Timestamptz,
    }
}

diesel::joinable!(feed_symbols -> symbols (symbol_id));
diesel::joinable!(instruments -> symbols (symbol_id));
diesel::joinable!(symbols -> exchanges (exchange));

diesel::allow_tables_to_appear_in_same_query!(exchanges, feed_symbols, instruments, symbols,);
