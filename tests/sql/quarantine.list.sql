-- quarantine.list: pending ticks

-- timeseries
SELECT quarantine_id, symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, ask_volume,
  received_at, occurrence, rule, observed, rule_limit, quarantined_at, state
FROM tick_quarantine
WHERE tick_time >= $1 AND tick_time < $2 AND quarantine_id > $3 AND ($4 IS NULL OR symbol_id = $4)
  AND ($5 IS NULL OR rule = $5) AND ($6 IS NULL OR state = $6)
ORDER BY quarantine_id
LIMIT $7;
--|Limit
--|  Index Scan using tick_quarantine_pending on tick_quarantine
--|      index condition: (quarantine_id > ?::bigint)

-- quarantine.list: pending ticks of a symbol, after an id

-- timeseries
SELECT quarantine_id, symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, ask_volume,
  received_at, occurrence, rule, observed, rule_limit, quarantined_at, state
FROM tick_quarantine
WHERE tick_time >= $1 AND tick_time < $2 AND quarantine_id > $3 AND ($4 IS NULL OR symbol_id = $4)
  AND ($5 IS NULL OR rule = $5) AND ($6 IS NULL OR state = $6)
ORDER BY quarantine_id
LIMIT $7;
--|Limit
--|  Index Scan using tick_quarantine_pending on tick_quarantine
--|      index condition: (quarantine_id > ?::bigint)
