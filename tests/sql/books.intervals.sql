-- books.intervals: oldest first

-- timeseries
SELECT symbol_id, valid_from, valid_to, reason
FROM book_intervals
WHERE symbol_id = $1 AND valid_from < $3 AND (valid_to IS NULL OR valid_to > $2 OR valid_from >= $2)
  AND $2 < $3 AND valid_from > coalesce($4, '-infinity')
  ORDER BY valid_from ASC
  LIMIT $5;
--|Limit
--|  Sort
--|    Seq Scan on book_intervals

-- books.intervals: newest first, after an interval

-- timeseries
SELECT symbol_id, valid_from, valid_to, reason
FROM book_intervals
WHERE symbol_id = $1 AND valid_from < $3 AND (valid_to IS NULL OR valid_to > $2 OR valid_from >= $2)
  AND $2 < $3 AND valid_from < coalesce($4, 'infinity')
  ORDER BY valid_from DESC
  LIMIT $5;
--|Limit
--|  Sort
--|    Seq Scan on book_intervals
