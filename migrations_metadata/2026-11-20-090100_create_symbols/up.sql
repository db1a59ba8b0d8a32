CREATE TABLE symbols (
    -- no sequence: the library uses the given id, or the highest id plus one under a lock
    symbol_id bigint PRIMARY KEY,
    exchange text NOT NULL REFERENCES exchanges (name),
    name text NOT NULL,
    description text NOT NULL DEFAULT '',
    digits smallint NOT NULL,
    active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT symbols_symbol_id_positive CHECK (symbol_id > 0),
    CONSTRAINT symbols_name_length CHECK (char_length(name) BETWEEN 1 AND 100),
    CONSTRAINT symbols_digits_range CHECK (digits BETWEEN 0 AND 12)
);

-- Names are unique within an exchange without regard to case. The collation "C" folds only A to Z,
-- identically on every server. The index serves lookups of exchange:name and of a name alone.
CREATE UNIQUE INDEX symbols_folded_name_key ON symbols (lower(name COLLATE "C"), exchange);

COMMENT ON TABLE symbols IS 'Symbols: quoted instruments of an exchange.';
COMMENT ON COLUMN symbols.symbol_id IS 'Id that ticks and candles refer to; positive.';
COMMENT ON COLUMN symbols.exchange IS 'Exchange that quotes the symbol.';
COMMENT ON COLUMN symbols.name IS 'Name, 1 to 100 characters, such as EURUSD; unique within the exchange without regard to case.';
COMMENT ON COLUMN symbols.description IS 'Free text; may be empty.';
COMMENT ON COLUMN symbols.digits IS 'Digits after the point with which the price is usually shown, 0 to 12.';
COMMENT ON COLUMN symbols.active IS 'Whether the symbol is still quoted.';
COMMENT ON COLUMN symbols.created_at IS 'Time at which the row was created.';
COMMENT ON COLUMN symbols.updated_at IS 'Time of the last change of the row.';
