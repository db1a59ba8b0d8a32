-- symbols.get_exchange: in another case

-- metadata
SELECT "exchanges"."name", "exchanges"."description", "exchanges"."code", "exchanges"."time_zone"
FROM "exchanges"
WHERE (lower(exchanges.name COLLATE "C") = $1)
LIMIT $2;
--|Limit
--|  Seq Scan on exchanges
