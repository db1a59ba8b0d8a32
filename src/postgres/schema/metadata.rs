// @generated automatically by Diesel CLI.

diesel::table! {
    /// Weekly trading sessions of exchanges. The sessions of an exchange with one valid_from are a week, which is in force until the next valid_from.
    exchange_sessions (exchange, valid_from, weekday, open) {
        /// Exchange that is open in the session.
        exchange -> Text,
        /// First day on which the session may open, in the time zone of the exchange, 1970-01-01 to 2099-12-31.
        valid_from -> Date,
        /// Day on which the session opens, 1 (Monday) to 7 (Sunday).
        weekday -> Int2,
        /// Time of the opening in the time zone of the exchange, whole minutes, inclusive.
        open -> Time,
        /// Time of the closing in the time zone of the exchange, whole minutes, exclusive. On the next day if it is not after the opening.
        close -> Time,
    }
}

diesel::table! {
    /// Exchanges, brokers and feeds that quote symbols.
    exchanges (name) {
        /// Name, 1 to 50 characters, such as oanda; unique without regard to case.
        name -> Text,
        /// Free text; may be empty.
        description -> Text,
        /// Code of the venue, 1 to 20 characters, such as its MIC XNYS. NULL: unknown.
        code -> Nullable<Text>,
        /// IANA time zone, such as America/New_York. NULL: unknown.
        time_zone -> Nullable<Text>,
        /// Time at which the row was created.
        created_at -> Timestamptz,
    }
}

diesel::table! {
    /// Names of symbols in each feed, since two brokers may use one number for different symbols.
    feed_symbols (feed, feed_key) {
        /// Name of the feed, 1 to 50 characters.
        feed -> Text,
        /// Number or name of the symbol in that feed, 1 to 100 characters, such as tag 55 of FIX.
        feed_key -> Text,
        /// Symbol that the name refers to.
        symbol_id -> Int8,
        /// Name in the last list of the feed that had the symbol. NULL: no list had it.
        listed_name -> Nullable<Text>,
        /// true: the last list of the feed had it as traded. false: it was lost, which made the symbol inactive. NULL: neither.
        listed -> Nullable<Bool>,
    }
}

diesel::table! {
    /// Digits and instruments of the symbols from a time on, until the next version.
    instrument_versions (symbol_id, valid_from) {
        /// The symbol.
        symbol_id -> Int8,
        /// First instant at which the version is valid: the time at which it was stored.
        valid_from -> Timestamptz,
        /// Digits after the point with which the price is usually shown, 0 to 12.
        digits -> Int2,
        /// Kind, as in instruments. NULL: the instrument is unknown.
        instrument_type -> Nullable<Text>,
        /// Currency that is bought and sold, such as EUR. NULL: the underlying is not a currency.
        base_currency -> Nullable<Text>,
        /// Currency of the prices, such as USD.
        quote_currency -> Nullable<Text>,
        /// Smallest step of the price, in the quote currency; positive.
        tick_size -> Nullable<Numeric>,
        /// Smallest step of a quantity, in units of the instrument; positive.
        lot_size -> Nullable<Numeric>,
        /// Units of the underlying in one contract; positive, 1 where there are no contracts.
        contract_multiplier -> Nullable<Numeric>,
        /// Last day of trading. NULL: the instrument does not expire.
        expiry -> Nullable<Date>,
        /// Strike price of an option, in the quote currency. NULL for other instruments.
        strike -> Nullable<Numeric>,
    }
}

diesel::table! {
    /// Instruments of the symbols; unknown instruments have no row.
    instruments (symbol_id) {
        /// The symbol.
        symbol_id -> Int8,
        /// Kind: forex, cfd, crypto, cryptofuture, equity, index, future, option, indexoption or futureoption.
        instrument_type -> Text,
        /// Currency that is bought and sold, such as EUR. NULL: the underlying is not a currency.
        base_currency -> Nullable<Text>,
        /// Currency of the prices, such as USD.
        quote_currency -> Text,
        /// Smallest step of the price, in the quote currency; positive.
        tick_size -> Numeric,
        /// Smallest step of a quantity, in units of the instrument; positive.
        lot_size -> Numeric,
        /// Units of the underlying in one contract; positive, 1 where there are no contracts.
        contract_multiplier -> Numeric,
        /// Last day of trading. NULL: the instrument does not expire.
        expiry -> Nullable<Date>,
        /// Strike price of an option, in the quote currency. NULL for other instruments.
        strike -> Nullable<Numeric>,
    }
}

diesel::table! {
    /// Symbols: quoted instruments of an exchange.
    symbols (symbol_id) {
        /// Id that ticks and candles refer to; positive.
        symbol_id -> Int8,
        /// Exchange that quotes the symbol.
        exchange -> Text,
        /// Name, 1 to 100 characters, such as EURUSD; unique within the exchange without regard to case.
        name -> Text,
        /// Free text; may be empty.
        description -> Text,
        /// Digits after the point with which the price is usually shown, 0 to 12.
        digits -> Int2,
        /// Whether the symbol is still quoted.
        active -> Bool,
        /// Time at which the row was created.
        created_at -> Timestamptz,
        /// Time of the last change of the row.
        updated_at -> Timestamptz,
    }
}

diesel::joinable!(exchange_sessions -> exchanges (exchange));
diesel::joinable!(feed_symbols -> symbols (symbol_id));
diesel::joinable!(instrument_versions -> symbols (symbol_id));
diesel::joinable!(instruments -> symbols (symbol_id));
diesel::joinable!(symbols -> exchanges (exchange));

diesel::allow_tables_to_appear_in_same_query!(
    exchange_sessions,
    exchanges,
    feed_symbols,
    instrument_versions,
    instruments,
    symbols,
);
