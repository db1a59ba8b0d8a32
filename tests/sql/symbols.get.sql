-- symbols.get: by id

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
