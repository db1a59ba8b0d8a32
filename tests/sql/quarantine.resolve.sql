-- quarantine.resolve: two ids

-- timeseries
UPDATE tick_quarantine
SET state = $2, resolved_at = now()
WHERE quarantine_id IN (SELECT quarantine_id
  FROM tick_quarantine
  WHERE quarantine_id = ANY($1) AND state = 'pending'
  ORDER BY quarantine_id FOR UPDATE);
--|ModifyTable Update on tick_quarantine
--|  Hash Join Semi
--|      join: (tick_quarantine.quarantine_id = "ANY_subquery".quarantine_id)
--|    Seq Scan on tick_quarantine
--|    Hash
--|      Subquery Scan
--|        LockRows
--|          Index Scan using tick_quarantine_pending on tick_quarantine
--|              index condition: (quarantine_id = ANY (?::bigint[]))
