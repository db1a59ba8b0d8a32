-- trades.delete_range: a day

-- timeseries
BEGIN;

-- timeseries
SELECT symbol_id, trade_time, sequence, price, quantity, aggressor_side, is_block, trade_id,
  received_at
FROM trades
WHERE symbol_id = $1 AND trade_time >= $2 AND trade_time < $3
ORDER BY trade_time ASC, sequence ASC
LIMIT $4;
--|Limit
--|  Index Scan using N_trades_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (trade_time >= ?::timestamp with time zone) AND (trade_time < ?::timestamp with time zone))

-- timeseries
SELECT trade_time AS time
FROM trades
WHERE symbol_id = $1 AND trade_time >= $2 AND trade_time < $3
ORDER BY trade_time
OFFSET $4
LIMIT 1;
--|Limit
--|  Index Only Scan using N_trades_pkey on _hyper_N_N_chunk
--|      index condition: ((symbol_id = ?::bigint) AND (trade_time >= ?::timestamp with time zone) AND (trade_time < ?::timestamp with time zone))

-- timeseries
WITH deleted AS (DELETE
  FROM trades
  WHERE symbol_id = $1 AND trade_time >= $2 AND trade_time < $3
  RETURNING trade_time)
SELECT count(*) AS trades, min(trade_time) AS first, max(trade_time) AS last
FROM deleted;
--|Aggregate
--|  CTE deleted: HypertableModify
--|    ModifyTable Delete on trades
--|      Seq Scan on _hyper_N_N_chunk
--|  CTE Scan of deleted

-- timeseries
COMMIT;
