-- symbols.describe_exchange: a description

-- metadata
BEGIN;

-- metadata
LOCK TABLE symbols IN SHARE ROW EXCLUSIVE MODE;

-- metadata
SELECT "exchanges"."name", "exchanges"."description", "exchanges"."code", "exchanges"."time_zone",
  ARRAY(SELECT concat_ws(' ', to_char(valid_from, 'YYYY-MM-DD'), weekday, to_char(open, 'HH24:MI'),
          to_char(close, 'HH24:MI'))
          FROM exchange_sessions
          WHERE exchange = exchanges.name
          ORDER BY valid_from, weekday, open)
        FROM "exchanges"
        WHERE (lower(exchanges.name COLLATE "C") = $1)
        LIMIT $2;
--|Limit
--|  Seq Scan on exchanges
--|    SubPlan 1: Sort
--|      Seq Scan on exchange_sessions

-- metadata
UPDATE "exchanges"
SET "description" = $1, "code" = $2, "time_zone" = $3
WHERE ("exchanges"."name" = $4);
--|ModifyTable Update on exchanges
--|  Seq Scan on exchanges

-- metadata
COMMIT;

-- symbols.describe_exchange: sessions

-- metadata
BEGIN;

-- metadata
LOCK TABLE symbols IN SHARE ROW EXCLUSIVE MODE;

-- metadata
SELECT "exchanges"."name", "exchanges"."description", "exchanges"."code", "exchanges"."time_zone",
  ARRAY(SELECT concat_ws(' ', to_char(valid_from, 'YYYY-MM-DD'), weekday, to_char(open, 'HH24:MI'),
          to_char(close, 'HH24:MI'))
          FROM exchange_sessions
          WHERE exchange = exchanges.name
          ORDER BY valid_from, weekday, open)
        FROM "exchanges"
        WHERE (lower(exchanges.name COLLATE "C") = $1)
        LIMIT $2;
--|Limit
--|  Seq Scan on exchanges
--|    SubPlan 1: Sort
--|      Seq Scan on exchange_sessions

-- metadata
UPDATE "exchanges"
SET "description" = $1, "code" = $2, "time_zone" = $3
WHERE ("exchanges"."name" = $4);
--|ModifyTable Update on exchanges
--|  Seq Scan on exchanges

-- metadata
DELETE FROM "exchange_sessions"
WHERE ("exchange_sessions"."exchange" = $1);
--|ModifyTable Delete on exchange_sessions
--|  Seq Scan on exchange_sessions

-- metadata
INSERT INTO exchange_sessions (exchange, valid_from, weekday, open, close)
SELECT *
FROM UNNEST($1, $2, $3, $4, $5);
--|ModifyTable Insert on exchange_sessions
--|  Function Scan

-- metadata
COMMIT;
