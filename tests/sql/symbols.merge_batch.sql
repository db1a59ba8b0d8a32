-- symbols.merge_batch: a new and a known symbol

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
WHERE lower(symbols.name COLLATE "C") = ANY($1);
--|Hash Join Left
--|    join: (symbols.symbol_id = instruments.symbol_id)
--|  Bitmap Heap Scan on symbols
--|    Bitmap Index Scan using symbols_folded_name_key
--|        index condition: (lower((name)::text) = ANY (?::text[]))
--|  Hash
--|    Seq Scan on instruments

-- metadata
SELECT "exchanges"."name"
FROM "exchanges"
WHERE lower(name COLLATE "C") = ANY($1);
--|Seq Scan on exchanges

-- metadata
SELECT max("symbols"."symbol_id")
FROM "symbols";
--|Result
--|  InitPlan 1: Limit
--|    Index Only Scan Backward using symbols_pkey on symbols

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
COMMIT;
