-- trades.corrections: of a symbol

-- timeseries
SELECT correction_id, symbol_id, trade_time, sequence, trade_id, is_cancelled, price, quantity,
  aggressor_side, is_block, corrected_at, source, recorded_at, before_sequence, before_price,
  before_quantity, before_aggressor_side, before_is_block, before_trade_id, before_received_at
FROM trade_corrections
WHERE symbol_id = $1 AND trade_time >= $2 AND trade_time < $3 AND correction_id > $4
ORDER BY correction_id
LIMIT $5;
--|Limit
--|  Sort
--|    Seq Scan on trade_corrections
