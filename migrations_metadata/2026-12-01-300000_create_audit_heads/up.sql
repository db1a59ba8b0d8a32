CREATE TABLE audit_heads (
    chain_id bigint PRIMARY KEY,
    sequence bigint NOT NULL,
    mac bytea NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT audit_heads_chain_id_not_negative CHECK (chain_id >= 0),
    CONSTRAINT audit_heads_sequence_not_negative CHECK (sequence >= 0),
    CONSTRAINT audit_heads_mac_length CHECK (octet_length(mac) = 32),
    CONSTRAINT audit_heads_updated_at_finite CHECK (isfinite(updated_at))
);

COMMENT ON TABLE audit_heads IS 'The last entry of each chain of the audit log. Its row is locked while an entry is added.';
COMMENT ON COLUMN audit_heads.chain_id IS '0 for the installation, otherwise the tenant.';
COMMENT ON COLUMN audit_heads.sequence IS 'Number of the last entry; 0 without entries.';
COMMENT ON COLUMN audit_heads.mac IS 'Code of the last entry; zeros without entries.';
COMMENT ON COLUMN audit_heads.updated_at IS 'Time of the last entry.';

CREATE FUNCTION refuse_change_of_audit_log() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are neither changed nor deleted', TG_TABLE_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_log_append_only';
END
$$;

COMMENT ON FUNCTION refuse_change_of_audit_log IS 'Refuses changes and deletions of the audit log.';

CREATE TRIGGER audit_heads_not_deleted
    BEFORE DELETE ON audit_heads
    FOR EACH ROW
    EXECUTE FUNCTION refuse_change_of_audit_log();

CREATE TRIGGER audit_heads_not_truncated
    BEFORE TRUNCATE ON audit_heads
    FOR EACH STATEMENT
    EXECUTE FUNCTION refuse_change_of_audit_log();

-- a head only advances, one entry after the other
CREATE TRIGGER audit_heads_advance
    BEFORE UPDATE ON audit_heads
    FOR EACH ROW
    WHEN (NEW.chain_id <> OLD.chain_id OR NEW.sequence <> OLD.sequence + 1)
    EXECUTE FUNCTION refuse_change_of_audit_log();
