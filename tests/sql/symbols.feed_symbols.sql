-- symbols.feed_symbols: one identifier

-- metadata
SELECT "feed_symbols"."feed", "feed_symbols"."feed_key"
FROM "feed_symbols"
WHERE ("feed_symbols"."symbol_id" = $1);
--|Seq Scan on feed_symbols
