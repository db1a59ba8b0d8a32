DROP TABLE audit_heads;
DROP FUNCTION refuse_change_of_audit_log;
