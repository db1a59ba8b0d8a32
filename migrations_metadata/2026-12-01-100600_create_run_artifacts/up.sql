CREATE TABLE run_artifacts (
    run_id bigint NOT NULL REFERENCES backtest_runs (run_id) ON DELETE CASCADE,
    name text NOT NULL,
    sha256 bytea NOT NULL REFERENCES artifacts (sha256),
    media_type text NOT NULL,
    PRIMARY KEY (run_id, name),
    CONSTRAINT run_artifacts_name_length CHECK (char_length(name) BETWEEN 1 AND 100),
    CONSTRAINT run_artifacts_media_type_length CHECK (char_length(media_type) BETWEEN 1 AND 100)
);

CREATE INDEX run_artifacts_sha256 ON run_artifacts (sha256);

COMMENT ON TABLE run_artifacts IS 'Which files belong to which runs.';
COMMENT ON COLUMN run_artifacts.run_id IS 'The run.';
COMMENT ON COLUMN run_artifacts.name IS 'Name of the file within the run; 1 to 100 characters.';
COMMENT ON COLUMN run_artifacts.sha256 IS 'SHA-256 digest of its content.';
COMMENT ON COLUMN run_artifacts.media_type IS 'Media type, such as text/html. It belongs to the name, since two runs may describe equal bytes differently.';
