-- symbols.list_exchanges: after a name

-- metadata
SELECT "exchanges"."name", "exchanges"."description", "exchanges"."code", "exchanges"."time_zone"
FROM "exchanges"
WHERE (lower(exchanges.name COLLATE "C") > $1)
ORDER BY lower(exchanges.name COLLATE "C")
LIMIT $2;
--|Limit
--|  Sort
--|    Seq Scan on exchanges
