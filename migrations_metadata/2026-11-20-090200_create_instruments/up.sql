CREATE TABLE instruments (
    symbol_id bigint PRIMARY KEY REFERENCES symbols (symbol_id) ON DELETE CASCADE,
    instrument_type text NOT NULL,
    base_currency text,
    quote_currency text NOT NULL,
    tick_size numeric(27, 12) NOT NULL,
    lot_size numeric(27, 12) NOT NULL,
    contract_multiplier numeric(27, 12) NOT NULL,
    expiry date,
    strike numeric(27, 12),
    CONSTRAINT instruments_instrument_type_known CHECK (instrument_type IN (
        'forex', 'cfd', 'crypto', 'cryptofuture', 'equity', 'index',
        'future', 'option', 'indexoption', 'futureoption'
    )),
    CONSTRAINT instruments_base_currency_length CHECK (char_length(base_currency) BETWEEN 1 AND 50),
    CONSTRAINT instruments_quote_currency_length CHECK (char_length(quote_currency) BETWEEN 1 AND 50),
    -- NaN is greater than every number, so that > 0 alone accepts it
    CONSTRAINT instruments_tick_size_positive CHECK (tick_size > 0 AND tick_size <> 'NaN'),
    CONSTRAINT instruments_lot_size_positive CHECK (lot_size > 0 AND lot_size <> 'NaN'),
    CONSTRAINT instruments_contract_multiplier_positive
        CHECK (contract_multiplier > 0 AND contract_multiplier <> 'NaN'),
    CONSTRAINT instruments_expiry_finite CHECK (isfinite(expiry)),
    CONSTRAINT instruments_strike_number CHECK (strike <> 'NaN')
);

COMMENT ON TABLE instruments IS 'Instruments of the symbols; unknown instruments have no row.';
COMMENT ON COLUMN instruments.symbol_id IS 'The symbol.';
COMMENT ON COLUMN instruments.instrument_type IS 'Kind: forex, cfd, crypto, cryptofuture, equity, index, future, option, indexoption or futureoption.';
COMMENT ON COLUMN instruments.base_currency IS 'Currency that is bought and sold, such as EUR. NULL: the underlying is not a currency.';
COMMENT ON COLUMN instruments.quote_currency IS 'Currency of the prices, such as USD.';
COMMENT ON COLUMN instruments.tick_size IS 'Smallest step of the price, in the quote currency; positive.';
COMMENT ON COLUMN instruments.lot_size IS 'Smallest step of a quantity, in units of the instrument; positive.';
COMMENT ON COLUMN instruments.contract_multiplier IS 'Units of the underlying in one contract; positive, 1 where there are no contracts.';
COMMENT ON COLUMN instruments.expiry IS 'Last day of trading. NULL: the instrument does not expire.';
COMMENT ON COLUMN instruments.strike IS 'Strike price of an option, in the quote currency. NULL for other instruments.';
