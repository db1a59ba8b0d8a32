-- books.put_intervals: an open interval

-- timeseries
BEGIN;

-- timeseries
SELECT pg_advisory_xact_lock(hashtextextended('tickbook book intervals ' || current_schema(), 0));
--|Result

-- timeseries
SELECT symbol_id, valid_from, valid_to, reason
FROM book_intervals
WHERE (symbol_id, valid_from) IN (SELECT *
  FROM UNNEST($1, $2));
--|Hash Join Semi
--|    join: ((book_intervals.symbol_id = unnest.unnest) AND (book_intervals.valid_from = unnest.unnest_1))
--|  Seq Scan on book_intervals
--|  Hash
--|    Function Scan

-- timeseries
INSERT INTO book_intervals (symbol_id, valid_from, valid_to, reason)
VALUES ($1, $2, $3, $4)
ON CONFLICT (symbol_id, valid_from) DO UPDATE
SET valid_to = EXCLUDED.valid_to, reason = EXCLUDED.reason;
--|ModifyTable Insert on book_intervals
--|  Result

-- timeseries
COMMIT;

-- books.put_intervals: the end of an interval

-- timeseries
BEGIN;

-- timeseries
SELECT pg_advisory_xact_lock(hashtextextended('tickbook book intervals ' || current_schema(), 0));
--|Result

-- timeseries
SELECT symbol_id, valid_from, valid_to, reason
FROM book_intervals
WHERE (symbol_id, valid_from) IN (SELECT *
  FROM UNNEST($1, $2));
--|Hash Join Semi
--|    join: ((book_intervals.symbol_id = unnest.unnest) AND (book_intervals.valid_from = unnest.unnest_1))
--|  Seq Scan on book_intervals
--|  Hash
--|    Function Scan

-- timeseries
INSERT INTO book_intervals (symbol_id, valid_from, valid_to, reason)
VALUES ($1, $2, $3, $4)
ON CONFLICT (symbol_id, valid_from) DO UPDATE
SET valid_to = EXCLUDED.valid_to, reason = EXCLUDED.reason;
--|ModifyTable Insert on book_intervals
--|  Result

-- timeseries
COMMIT;

-- books.put_intervals: a stopped interval

-- timeseries
BEGIN;

-- timeseries
SELECT pg_advisory_xact_lock(hashtextextended('tickbook book intervals ' || current_schema(), 0));
--|Result

-- timeseries
SELECT symbol_id, valid_from, valid_to, reason
FROM book_intervals
WHERE (symbol_id, valid_from) IN (SELECT *
  FROM UNNEST($1, $2));
--|Hash Join Semi
--|    join: ((book_intervals.symbol_id = unnest.unnest) AND (book_intervals.valid_from = unnest.unnest_1))
--|  Seq Scan on book_intervals
--|  Hash
--|    Function Scan

-- timeseries
INSERT INTO book_intervals (symbol_id, valid_from, valid_to, reason)
VALUES ($1, $2, $3, $4)
ON CONFLICT (symbol_id, valid_from) DO UPDATE
SET valid_to = EXCLUDED.valid_to, reason = EXCLUDED.reason;
--|ModifyTable Insert on book_intervals
--|  Result

-- timeseries
COMMIT;

-- books.put_intervals: an interval that goes on

-- timeseries
BEGIN;

-- timeseries
SELECT pg_advisory_xact_lock(hashtextextended('tickbook book intervals ' || current_schema(), 0));
--|Result

-- timeseries
SELECT symbol_id, valid_from, valid_to, reason
FROM book_intervals
WHERE (symbol_id, valid_from) IN (SELECT *
  FROM UNNEST($1, $2));
--|Hash Join Semi
--|    join: ((book_intervals.symbol_id = unnest.unnest) AND (book_intervals.valid_from = unnest.unnest_1))
--|  Seq Scan on book_intervals
--|  Hash
--|    Function Scan

-- timeseries
SELECT symbol_id, valid_from, valid_to, reason
FROM book_intervals
WHERE symbol_id = $1 AND valid_from > $2
LIMIT 1;
--|Limit
--|  Seq Scan on book_intervals

-- timeseries
INSERT INTO book_intervals (symbol_id, valid_from, valid_to, reason)
VALUES ($1, $2, $3, $4)
ON CONFLICT (symbol_id, valid_from) DO UPDATE
SET valid_to = EXCLUDED.valid_to, reason = EXCLUDED.reason;
--|ModifyTable Insert on book_intervals
--|  Result

-- timeseries
COMMIT;
