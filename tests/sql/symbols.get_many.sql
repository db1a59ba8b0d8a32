-- symbols.get_many: two ids

-- metadata
SELECT "symbols"."symbol_id", "symbols"."exchange", "symbols"."name", "symbols"."description",
  "symbols"."digits", "symbols"."active", "instruments"."instrument_type",
  "instruments"."base_currency", "instruments"."quote_currency", "instruments"."tick_size",
  "instruments"."lot_size", "instruments"."contract_multiplier", "instruments"."expiry",
  "instruments"."strike"
FROM ("symbols"
  LEFT OUTER JOIN "instruments" ON ("instruments"."symbol_id" = "symbols"."symbol_id"))
WHERE ("symbols"."symbol_id" = ANY($1))
ORDER BY "symbols"."symbol_id";
--|Sort
--|  Hash Join Left
--|      join: (symbols.symbol_id = instruments.symbol_id)
--|    Bitmap Heap Scan on symbols
--|      Bitmap Index Scan using symbols_pkey
--|          index condition: (symbol_id = ANY (?::bigint[]))
--|    Hash
--|      Seq Scan on instruments
