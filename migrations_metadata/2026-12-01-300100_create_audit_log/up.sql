CREATE TABLE audit_log (
    chain_id bigint NOT NULL,
    sequence bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    actor text NOT NULL,
    role text,
    action text NOT NULL,
    resource_type text NOT NULL,
    resource_id text NOT NULL,
    details jsonb NOT NULL,
    ip inet,
    user_agent text,
    success boolean NOT NULL,
    error text,
    key_id text NOT NULL,
    previous_mac bytea NOT NULL,
    mac bytea NOT NULL,
    PRIMARY KEY (chain_id, sequence),
    CONSTRAINT audit_log_chain_id_not_negative CHECK (chain_id >= 0),
    CONSTRAINT audit_log_sequence_positive CHECK (sequence > 0),
    CONSTRAINT audit_log_occurred_at_finite CHECK (isfinite(occurred_at)),
    CONSTRAINT audit_log_actor_length CHECK (char_length(actor) BETWEEN 1 AND 500),
    CONSTRAINT audit_log_action_length CHECK (char_length(action) BETWEEN 1 AND 500),
    CONSTRAINT audit_log_resource_type_length CHECK (char_length(resource_type) BETWEEN 1 AND 500),
    CONSTRAINT audit_log_resource_id_length CHECK (char_length(resource_id) <= 500),
    CONSTRAINT audit_log_details_object CHECK (jsonb_typeof(details) = 'object'),
    CONSTRAINT audit_log_previous_mac_length CHECK (octet_length(previous_mac) = 32),
    CONSTRAINT audit_log_mac_length CHECK (octet_length(mac) = 32)
);

CREATE INDEX audit_log_occurred_at ON audit_log (chain_id, occurred_at);

COMMENT ON TABLE audit_log IS 'Administrative changes. Rows are neither changed nor deleted; the codes of a chain show if they were.';
COMMENT ON COLUMN audit_log.chain_id IS '0 for the installation, otherwise the tenant.';
COMMENT ON COLUMN audit_log.sequence IS 'Number within the chain: 1, 2, 3 and so on, without gaps.';
COMMENT ON COLUMN audit_log.occurred_at IS 'When the change was recorded; never before the previous entry.';
COMMENT ON COLUMN audit_log.actor IS 'Who made the change, such as token:operator.';
COMMENT ON COLUMN audit_log.role IS 'Role or scope under which it was made.';
COMMENT ON COLUMN audit_log.action IS 'Kind of change, such as symbols.rename.';
COMMENT ON COLUMN audit_log.resource_type IS 'Kind of resource, such as symbol.';
COMMENT ON COLUMN audit_log.resource_id IS 'Resource, such as an id or a name.';
COMMENT ON COLUMN audit_log.details IS 'Arguments of the change: an object of texts.';
COMMENT ON COLUMN audit_log.ip IS 'Address of the client.';
COMMENT ON COLUMN audit_log.user_agent IS 'Program of the client, as it names itself.';
COMMENT ON COLUMN audit_log.success IS 'Whether the change was made.';
COMMENT ON COLUMN audit_log.error IS 'Why the change was not made.';
COMMENT ON COLUMN audit_log.key_id IS 'Name of the key of the code. The key is not in the database.';
COMMENT ON COLUMN audit_log.previous_mac IS 'Code of the previous entry; zeros in the first one.';
COMMENT ON COLUMN audit_log.mac IS 'HMAC-SHA-256 of the entry and of the code of the previous one.';

CREATE TRIGGER audit_log_append_only
    BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW
    EXECUTE FUNCTION refuse_change_of_audit_log();

CREATE TRIGGER audit_log_not_truncated
    BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT
    EXECUTE FUNCTION refuse_change_of_audit_log();
