CREATE TABLE user_grants (
    user_id bigint NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    account_id bigint REFERENCES accounts (account_id) ON DELETE CASCADE,
    role text NOT NULL,
    granted_at timestamptz NOT NULL,
    CONSTRAINT user_grants_role_known CHECK (role IN ('viewer', 'trader', 'risk', 'auditor', 'admin')),
    CONSTRAINT user_grants_once UNIQUE NULLS NOT DISTINCT (user_id, account_id, role)
);

COMMENT ON TABLE user_grants IS 'Roles of users in accounts.';
COMMENT ON COLUMN user_grants.user_id IS 'The user.';
COMMENT ON COLUMN user_grants.account_id IS 'The account. NULL: all accounts of the tenant of the user.';
COMMENT ON COLUMN user_grants.role IS 'viewer, trader, risk, auditor or admin.';
COMMENT ON COLUMN user_grants.granted_at IS 'When the role was granted.';
