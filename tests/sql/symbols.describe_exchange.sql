-- symbols.describe_exchange: a description

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
UPDATE "exchanges"
SET "description" = $1, "code" = $2, "time_zone" = $3
WHERE ("exchanges"."name" = $4);
--|ModifyTable Update on exchanges
--|  Seq Scan on exchanges

-- metadata
COMMIT;
