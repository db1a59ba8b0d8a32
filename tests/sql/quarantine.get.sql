-- quarantine.get: two ids

-- timeseries
SELECT quarantine_id, symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume, ask_volume,
  received_at, occurrence, rule, observed, rule_limit, quarantined_at, state
FROM tick_quarantine
WHERE quarantine_id = ANY($1)
ORDER BY quarantine_id;
--|Index Scan using tick_quarantine_pkey on tick_quarantine
--|    index condition: (quarantine_id = ANY (?::bigint[]))
