CREATE TABLE symbols (
    -- no sequence: the library takes the number it is given, or the highest plus one under a lock
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

-- names are unique within an exchange without regard to case; "C" folds A to Z alone, and the same on
-- every server. Serves exchange:name and a bare name
CREATE UNIQUE INDEX symbols_folded_name_key ON symbols (lower(name COLLATE "C"), exchange);

COMMENT ON TABLE symbols IS 'What is quoted.';
COMMENT ON COLUMN symbols.symbol_id IS 'The number that ticks and candles carry; positive.';
COMMENT ON COLUMN symbols.exchange IS 'Where it is quoted.';
COMMENT ON COLUMN symbols.name IS 'Name, 1 to 100 characters, such as EURUSD; unique within the exchange without regard to case.';
COMMENT ON COLUMN symbols.description IS 'Text for people; may be empty.';
COMMENT ON COLUMN symbols.digits IS 'Digits after the point in which its price is usually shown, 0 to 12.';
COMMENT ON COLUMN symbols.active IS 'Whether it is still quoted.';
COMMENT ON COLUMN symbols.created_at IS 'When the row was made.';
COMMENT ON COLUMN symbols.updated_at IS 'When the row was last changed.';
