ALTER TABLE feed_symbols
    ADD COLUMN listed_name text,
    ADD COLUMN listed boolean;

COMMENT ON COLUMN feed_symbols.listed_name IS 'Name in the last list of the feed that had the symbol. NULL: no list had it.';
COMMENT ON COLUMN feed_symbols.listed IS 'true: the last list of the feed had it as traded. false: it was lost, which made the symbol inactive. NULL: neither.';

CREATE TABLE instrument_versions (
    symbol_id bigint NOT NULL REFERENCES symbols (symbol_id) ON DELETE CASCADE,
    valid_from timestamptz NOT NULL,
    digits smallint NOT NULL,
    instrument_type text,
    base_currency text,
    quote_currency text,
    tick_size numeric(27, 12),
    lot_size numeric(27, 12),
    contract_multiplier numeric(27, 12),
    expiry date,
    strike numeric(27, 12),
    PRIMARY KEY (symbol_id, valid_from),
    CONSTRAINT instrument_versions_valid_from_finite CHECK (isfinite(valid_from)),
    CONSTRAINT instrument_versions_digits_range CHECK (digits BETWEEN 0 AND 12),
    CONSTRAINT instrument_versions_instrument_type_known CHECK (instrument_type IN (
        'forex', 'cfd', 'crypto', 'cryptofuture', 'equity', 'index',
        'future', 'option', 'indexoption', 'futureoption'
    )),
    -- an instrument is whole, and without one all of its columns are NULL
    CONSTRAINT instrument_versions_instrument_whole CHECK (
        CASE WHEN instrument_type IS NULL
            THEN num_nonnulls(
                base_currency, quote_currency, tick_size, lot_size, contract_multiplier, expiry, strike
            ) = 0
            ELSE num_nulls(quote_currency, tick_size, lot_size, contract_multiplier) = 0
        END
    )
);

COMMENT ON TABLE instrument_versions IS 'Digits and instruments of the symbols from a time on, until the next version.';
COMMENT ON COLUMN instrument_versions.symbol_id IS 'The symbol.';
COMMENT ON COLUMN instrument_versions.valid_from IS 'First instant at which the version is valid: the time at which it was stored.';
COMMENT ON COLUMN instrument_versions.digits IS 'Digits after the point with which the price is usually shown, 0 to 12.';
COMMENT ON COLUMN instrument_versions.instrument_type IS 'Kind, as in instruments. NULL: the instrument is unknown.';
COMMENT ON COLUMN instrument_versions.base_currency IS 'Currency that is bought and sold, such as EUR. NULL: the underlying is not a currency.';
COMMENT ON COLUMN instrument_versions.quote_currency IS 'Currency of the prices, such as USD.';
COMMENT ON COLUMN instrument_versions.tick_size IS 'Smallest step of the price, in the quote currency; positive.';
COMMENT ON COLUMN instrument_versions.lot_size IS 'Smallest step of a quantity, in units of the instrument; positive.';
COMMENT ON COLUMN instrument_versions.contract_multiplier IS 'Units of the underlying in one contract; positive, 1 where there are no contracts.';
COMMENT ON COLUMN instrument_versions.expiry IS 'Last day of trading. NULL: the instrument does not expire.';
COMMENT ON COLUMN instrument_versions.strike IS 'Strike price of an option, in the quote currency. NULL for other instruments.';

-- what is known of the symbols from now on
INSERT INTO instrument_versions
SELECT symbol_id, date_trunc('milliseconds', now()), digits, instrument_type, base_currency, quote_currency,
    tick_size, lot_size, contract_multiplier, expiry, strike
FROM symbols LEFT JOIN instruments USING (symbol_id);
