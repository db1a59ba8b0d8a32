-- symbols.get_by_feed_key: a known identifier

-- metadata
SELECT "symbols"."symbol_id", "symbols"."exchange", "symbols"."name", "symbols"."description",
  "symbols"."digits", "symbols"."active", "instruments"."instrument_type",
  "instruments"."base_currency", "instruments"."quote_currency", "instruments"."tick_size",
  "instruments"."lot_size", "instruments"."contract_multiplier", "instruments"."expiry",
  "instruments"."strike"
FROM (("symbols"
    INNER JOIN "feed_symbols" ON ("feed_symbols"."symbol_id" = "symbols"."symbol_id"))
  LEFT OUTER JOIN "instruments" ON ("instruments"."symbol_id" = "symbols"."symbol_id"))
WHERE (("feed_symbols"."feed" = $1) AND ("feed_symbols"."feed_key" = $2))
LIMIT $3;
--|Limit
--|  Nested Loop Left
--|    Nested Loop
--|      Seq Scan on feed_symbols
--|      Index Scan using symbols_pkey on symbols
--|          index condition: (symbol_id = feed_symbols.symbol_id)
--|    Seq Scan on instruments
