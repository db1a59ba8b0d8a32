CREATE TABLE artifacts (
    sha256 bytea PRIMARY KEY,
    size bigint NOT NULL,
    content bytea NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT artifacts_sha256_length CHECK (octet_length(sha256) = 32),
    CONSTRAINT artifacts_sha256_of_content CHECK (sha256 = pg_catalog.sha256(content)),
    CONSTRAINT artifacts_size_of_content CHECK (size = octet_length(content)),
    CONSTRAINT artifacts_created_at_finite CHECK (isfinite(created_at))
);

COMMENT ON TABLE artifacts IS 'Files of backtest runs, each content once.';
COMMENT ON COLUMN artifacts.sha256 IS 'SHA-256 digest of the content.';
COMMENT ON COLUMN artifacts.size IS 'Number of bytes.';
COMMENT ON COLUMN artifacts.content IS 'The bytes.';
COMMENT ON COLUMN artifacts.created_at IS 'When the content was stored first.';
