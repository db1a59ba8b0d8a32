-- symbols.list_exchanges: after a name

-- metadata
SELECT "exchanges"."name", "exchanges"."description", "exchanges"."code", "exchanges"."time_zone",
  ARRAY(SELECT concat_ws(' ', to_char(valid_from, 'YYYY-MM-DD'), weekday, to_char(open, 'HH24:MI'),
          to_char(close, 'HH24:MI'))
          FROM exchange_sessions
          WHERE exchange = exchanges.name
          ORDER BY valid_from, weekday, open)
        FROM "exchanges"
        WHERE (lower(exchanges.name COLLATE "C") > $1)
        ORDER BY lower(exchanges.name COLLATE "C")
        LIMIT $2;
--|Limit
--|  Result
--|    Sort
--|      Seq Scan on exchanges
--|    SubPlan 1: Sort
--|      Seq Scan on exchange_sessions
