// @generated automatically by Diesel CLI.

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

diesel::joinable!(feed_symbols -> symbols (symbol_id));
diesel::joinable!(instruments -> symbols (symbol_id));
diesel::joinable!(symbols -> exchanges (exchange));

diesel::allow_tables_to_appear_in_same_query!(exchanges, feed_symbols, instruments, symbols,);
