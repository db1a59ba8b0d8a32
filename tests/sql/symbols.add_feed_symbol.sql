-- symbols.add_feed_symbol: a new identifier

-- metadata
BEGIN;

-- metadata
SELECT "symbols"."symbol_id"
FROM "symbols"
WHERE ("symbols"."symbol_id" = $1)
LIMIT $2;
--|Limit
--|  Index Only Scan using symbols_pkey on symbols
--|      index condition: (symbol_id = ?::bigint)

-- metadata
INSERT INTO feed_symbols (feed, feed_key, symbol_id)
VALUES ($1, $2, $3)
ON CONFLICT (feed, feed_key) DO UPDATE
SET symbol_id = feed_symbols.symbol_id
RETURNING symbol_id;
--|ModifyTable Insert on feed_symbols
--|  Result

-- metadata
COMMIT;
