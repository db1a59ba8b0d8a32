-- symbols.create_exchange: a new exchange

-- metadata
BEGIN;

-- metadata
LOCK TABLE symbols IN SHARE ROW EXCLUSIVE MODE;

-- metadata
SELECT "exchanges"."name", "exchanges"."description", "exchanges"."code", "exchanges"."time_zone"
FROM "exchanges"
WHERE (lower(exchanges.name COLLATE "C") = $1)
LIMIT $2;
--|Limit
--|  Seq Scan on exchanges

-- metadata
INSERT INTO "exchanges" ("name", "description", "code", "time_zone")
VALUES ($1, $2, $3, $4);
--|ModifyTable Insert on exchanges
--|  Result

-- metadata
COMMIT;
