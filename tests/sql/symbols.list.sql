-- symbols.list: after an id

-- metadata
SELECT "symbols"."symbol_id", "symbols"."exchange", "symbols"."name", "symbols"."description",
  "symbols"."digits", "symbols"."active", "instruments"."instrument_type",
  "instruments"."base_currency", "instruments"."quote_currency", "instruments"."tick_size",
  "instruments"."lot_size", "instruments"."contract_multiplier", "instruments"."expiry",
  "instruments"."strike"
FROM ("symbols"
  LEFT OUTER JOIN "instruments" ON ("instruments"."symbol_id" = "symbols"."symbol_id"))
WHERE ("symbols"."symbol_id" > $1)
ORDER BY "symbols"."symbol_id"
LIMIT $2;
--|Limit
--|  Merge Join Left
--|      join: (symbols.symbol_id = instruments.symbol_id)
--|    Index Scan using symbols_pkey on symbols
--|        index condition: (symbol_id > ?::bigint)
--|    Sort
--|      Seq Scan on instruments

-- symbols.list: active ones of an exchange

-- metadata
SELECT "symbols"."symbol_id", "symbols"."exchange", "symbols"."name", "symbols"."description",
  "symbols"."digits", "symbols"."active", "instruments"."instrument_type",
  "instruments"."base_currency", "instruments"."quote_currency", "instruments"."tick_size",
  "instruments"."lot_size", "instruments"."contract_multiplier", "instruments"."expiry",
  "instruments"."strike"
FROM ("symbols"
  LEFT OUTER JOIN "instruments" ON ("instruments"."symbol_id" = "symbols"."symbol_id"))
WHERE ((lower(symbols.exchange COLLATE "C") = $1) AND ("symbols"."active" = $2))
ORDER BY "symbols"."symbol_id"
LIMIT $3;
--|Limit
--|  Merge Join Left
--|      join: (symbols.symbol_id = instruments.symbol_id)
--|    Sort
--|      Seq Scan on symbols
--|    Sort
--|      Seq Scan on instruments
