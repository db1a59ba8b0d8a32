CREATE TABLE users (
    user_id bigint PRIMARY KEY,
    tenant_id bigint NOT NULL,
    username text NOT NULL,
    email text,
    display_name text NOT NULL,
    is_active boolean NOT NULL,
    two_factor_enabled boolean NOT NULL,
    preferences jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT users_user_id_positive CHECK (user_id > 0),
    CONSTRAINT users_tenant_id_positive CHECK (tenant_id > 0),
    CONSTRAINT users_username_length CHECK (char_length(username) BETWEEN 1 AND 64),
    CONSTRAINT users_email_length CHECK (char_length(email) BETWEEN 3 AND 254),
    CONSTRAINT users_display_name_length CHECK (char_length(display_name) <= 100),
    CONSTRAINT users_preferences_object CHECK (jsonb_typeof(preferences) = 'object')
);

CREATE UNIQUE INDEX users_folded_username ON users (lower(username));
CREATE UNIQUE INDEX users_folded_email ON users (lower(email));

COMMENT ON TABLE users IS 'Users. Their passwords and second factors are kept by an identity provider outside.';
COMMENT ON COLUMN users.user_id IS 'Id of the user; positive.';
COMMENT ON COLUMN users.tenant_id IS 'Tenant whose accounts may be granted to the user.';
COMMENT ON COLUMN users.username IS 'Name, unique without regard to case; 1 to 64 characters.';
COMMENT ON COLUMN users.email IS 'Address, unique without regard to case.';
COMMENT ON COLUMN users.display_name IS 'Name as shown; may be empty.';
COMMENT ON COLUMN users.is_active IS 'Whether the user may use the accounts of the grants.';
COMMENT ON COLUMN users.two_factor_enabled IS 'Whether the identity provider asks for a second factor.';
COMMENT ON COLUMN users.preferences IS 'Preferences: an object of texts.';
COMMENT ON COLUMN users.created_at IS 'When the user was created.';
COMMENT ON COLUMN users.updated_at IS 'When the user was last changed.';
