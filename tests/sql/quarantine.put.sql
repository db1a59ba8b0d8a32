-- quarantine.put: three new ticks

-- timeseries
INSERT INTO tick_quarantine (symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume,
    ask_volume, received_at, occurrence, rule, observed, rule_limit, quarantined_at)
SELECT *
FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT DO NOTHING;
--|ModifyTable Insert on tick_quarantine
--|  Function Scan

-- quarantine.put: three stored ticks

-- timeseries
INSERT INTO tick_quarantine (symbol_id, tick_time, sequence, bid_price, ask_price, bid_volume,
    ask_volume, received_at, occurrence, rule, observed, rule_limit, quarantined_at)
SELECT *
FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT DO NOTHING;
--|ModifyTable Insert on tick_quarantine
--|  Function Scan
