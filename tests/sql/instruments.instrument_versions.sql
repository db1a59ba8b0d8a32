-- instruments.instrument_versions: a symbol

-- metadata
SELECT "instrument_versions"."symbol_id", "instrument_versions"."valid_from",
  "instrument_versions"."digits", "instrument_versions"."instrument_type",
  "instrument_versions"."base_currency", "instrument_versions"."quote_currency",
  "instrument_versions"."tick_size", "instrument_versions"."lot_size",
  "instrument_versions"."contract_multiplier", "instrument_versions"."expiry",
  "instrument_versions"."strike"
FROM "instrument_versions"
WHERE ("instrument_versions"."symbol_id" = $1)
ORDER BY "instrument_versions"."valid_from";
--|Index Scan using instrument_versions_pkey on instrument_versions
--|    index condition: (symbol_id = ?::bigint)
