-- symbols.create_exchange: a new exchange

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
INSERT INTO "exchanges" ("name", "description", "code", "time_zone")
VALUES ($1, $2, $3, $4);
--|ModifyTable Insert on exchanges
--|  Result

-- metadata
COMMIT;
