-- symbols.map_feed_symbols: one identifier

-- metadata
BEGIN;

-- metadata
SELECT "symbols"."symbol_id"
FROM "symbols"
WHERE ("symbols"."symbol_id" = ANY($1));
--|Index Only Scan using symbols_pkey on symbols
--|    index condition: (symbol_id = ANY (?::bigint[]))

-- metadata
INSERT INTO feed_symbols (feed, feed_key, symbol_id)
SELECT *
FROM UNNEST($1, $2, $3)
ON CONFLICT (feed, feed_key) DO UPDATE
SET symbol_id = EXCLUDED.symbol_id;
--|ModifyTable Insert on feed_symbols
--|  Function Scan

-- metadata
COMMIT;
