-- symbols.get_by_name: on an exchange

-- metadata
SELECT "symbols"."symbol_id", "symbols"."exchange", "symbols"."name", "symbols"."description",
  "symbols"."digits", "symbols"."active", "instruments"."instrument_type",
  "instruments"."base_currency", "instruments"."quote_currency", "instruments"."tick_size",
  "instruments"."lot_size", "instruments"."contract_multiplier", "instruments"."expiry",
  "instruments"."strike"
FROM ("symbols"
  LEFT OUTER JOIN "instruments" ON ("instruments"."symbol_id" = "symbols"."symbol_id"))
WHERE ((lower(symbols.name COLLATE "C") = $1) AND (lower(symbols.exchange COLLATE "C") = $2))
ORDER BY "symbols"."symbol_id";
--|Sort
--|  Nested Loop Left
--|    Index Scan using symbols_folded_name_key on symbols
--|        index condition: (lower((name)::text) = ?::text)
--|    Seq Scan on instruments

-- symbols.get_by_name: on any exchange

-- metadata
SELECT "symbols"."symbol_id", "symbols"."exchange", "symbols"."name", "symbols"."description",
  "symbols"."digits", "symbols"."active", "instruments"."instrument_type",
  "instruments"."base_currency", "instruments"."quote_currency", "instruments"."tick_size",
  "instruments"."lot_size", "instruments"."contract_multiplier", "instruments"."expiry",
  "instruments"."strike"
FROM ("symbols"
  LEFT OUTER JOIN "instruments" ON ("instruments"."symbol_id" = "symbols"."symbol_id"))
WHERE (lower(symbols.name COLLATE "C") = $1)
ORDER BY "symbols"."symbol_id";
--|Sort
--|  Nested Loop Left
--|    Index Scan using symbols_folded_name_key on symbols
--|        index condition: (lower((name)::text) = ?::text)
--|    Seq Scan on instruments
