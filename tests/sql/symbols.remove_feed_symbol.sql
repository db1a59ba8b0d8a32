-- symbols.remove_feed_symbol: a known identifier

-- metadata
DELETE FROM "feed_symbols"
WHERE ((("feed_symbols"."feed" = $1) AND ("feed_symbols"."feed_key" = $2)) AND
    ("feed_symbols"."symbol_id" = $3));
--|ModifyTable Delete on feed_symbols
--|  Seq Scan on feed_symbols
