-- symbols.amend: a name and a description

-- metadata
BEGIN;

-- metadata
LOCK TABLE symbols IN SHARE ROW EXCLUSIVE MODE;

-- metadata
SELECT "symbols"."symbol_id", "symbols"."exchange", "symbols"."name", "symbols"."description",
  "symbols"."digits", "symbols"."active", "instruments"."instrument_type",
  "instruments"."base_currency", "instruments"."quote_currency", "instruments"."tick_size",
  "instruments"."lot_size", "instruments"."contract_multiplier", "instruments"."expiry",
  "instruments"."strike"
FROM ("symbols"
  LEFT OUTER JOIN "instruments" ON ("instruments"."symbol_id" = "symbols"."symbol_id"))
WHERE ("symbols"."symbol_id" = $1)
LIMIT $2;
--|Limit
--|  Nested Loop Left
--|    Index Scan using symbols_pkey on symbols
--|        index condition: (symbol_id = ?::bigint)
--|    Seq Scan on instruments

-- metadata
LOCK TABLE symbols IN SHARE ROW EXCLUSIVE MODE;

-- metadata
SELECT "symbols"."symbol_id", "symbols"."exchange", "symbols"."name", "symbols"."description",
  "symbols"."digits", "symbols"."active", "instruments"."instrument_type",
  "instruments"."base_currency", "instruments"."quote_currency", "instruments"."tick_size",
  "instruments"."lot_size", "instruments"."contract_multiplier", "instruments"."expiry",
  "instruments"."strike"
FROM ("symbols"
  LEFT OUTER JOIN "instruments" ON ("instruments"."symbol_id" = "symbols"."symbol_id"))
WHERE lower(symbols.name COLLATE "C") = ANY($1);
--|Nested Loop Left
--|  Index Scan using symbols_folded_name_key on symbols
--|      index condition: (lower((name)::text) = ANY (?::text[]))
--|  Seq Scan on instruments

-- metadata
SELECT "exchanges"."name"
FROM "exchanges"
WHERE lower(name COLLATE "C") = ANY($1);
--|Seq Scan on exchanges

-- metadata
INSERT INTO exchanges (name)
SELECT *
FROM UNNEST($1)
ON CONFLICT DO NOTHING;
--|ModifyTable Insert on exchanges
--|  Function Scan of unnest

-- metadata
INSERT INTO symbols (symbol_id, exchange, name, description, digits, active)
SELECT *
FROM UNNEST($1, $2, $3, $4, $5, $6)
ON CONFLICT (symbol_id) DO UPDATE
SET exchange = EXCLUDED.exchange, name = EXCLUDED.name, description = EXCLUDED.description, digits =
  EXCLUDED.digits, active = EXCLUDED.active, updated_at = now();
--|ModifyTable Insert on symbols
--|  Function Scan

-- metadata
DELETE FROM "instruments"
WHERE ("instruments"."symbol_id" = ANY($1));
--|ModifyTable Delete on instruments
--|  Seq Scan on instruments

-- metadata
INSERT INTO instruments (symbol_id, instrument_type, base_currency, quote_currency, tick_size,
    lot_size, contract_multiplier, expiry, strike)
SELECT *
FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (symbol_id) DO UPDATE
SET instrument_type = EXCLUDED.instrument_type, base_currency = EXCLUDED.base_currency,
  quote_currency = EXCLUDED.quote_currency, tick_size = EXCLUDED.tick_size, lot_size =
  EXCLUDED.lot_size, contract_multiplier = EXCLUDED.contract_multiplier, expiry = EXCLUDED.expiry,
  strike = EXCLUDED.strike;
--|ModifyTable Insert on instruments
--|  Function Scan

-- metadata
INSERT INTO instrument_versions (symbol_id, valid_from, digits, instrument_type, base_currency,
    quote_currency, tick_size, lot_size, contract_multiplier, expiry, strike)
SELECT symbols.symbol_id, GREATEST($2, last.valid_from + interval '1 microsecond'), symbols.digits,
    now.instrument_type, now.base_currency, now.quote_currency, now.tick_size, now.lot_size,
    now.contract_multiplier, now.expiry, now.strike
  FROM symbols
  LEFT JOIN instruments AS now ON now.symbol_id = symbols.symbol_id
  LEFT JOIN LATERAL (SELECT *
    FROM instrument_versions AS version
    WHERE version.symbol_id = symbols.symbol_id
    ORDER BY valid_from DESC
    LIMIT 1) AS last ON true
  WHERE symbols.symbol_id = ANY($1) AND (last.symbol_id IS NULL OR (last.digits, last.instrument_type,
        last.base_currency, last.quote_currency, last.tick_size, last.lot_size, last.contract_multiplier,
        last.expiry, last.strike) IS DISTINCT FROM (symbols.digits, now.instrument_type, now.base_currency,
        now.quote_currency, now.tick_size, now.lot_size, now.contract_multiplier, now.expiry, now.strike));
--|ModifyTable Insert on instrument_versions
--|  Nested Loop Left
--|    Nested Loop Left
--|      Index Scan using symbols_pkey on symbols
--|          index condition: (symbol_id = ANY (?::bigint[]))
--|      Seq Scan on instruments
--|    Limit
--|      Index Scan Backward using instrument_versions_pkey on instrument_versions
--|          index condition: (symbol_id = symbols.symbol_id)

-- metadata
COMMIT;
