CREATE TABLE equity_points (
    account_id bigint NOT NULL,
    as_of timestamptz NOT NULL,
    equity numeric(54, 24) NOT NULL,
    cash numeric(54, 24) NOT NULL,
    flows numeric(54, 24) NOT NULL,
    source text NOT NULL,
    PRIMARY KEY (account_id, as_of),
    CONSTRAINT equity_points_account_id_positive CHECK (account_id > 0),
    CONSTRAINT equity_points_as_of_range CHECK (
        as_of >= timestamptz '1970-01-01 00:00:00+00' AND as_of < timestamptz '2100-01-01 00:00:00+00'
    ),
    CONSTRAINT equity_points_numbers CHECK (equity <> 'NaN' AND cash <> 'NaN' AND flows <> 'NaN'),
    CONSTRAINT equity_points_source_length CHECK (char_length(source) BETWEEN 1 AND 100)
);

SELECT create_hypertable('equity_points', by_range('as_of', INTERVAL '7 days'), create_default_indexes => false);
CREATE INDEX equity_points_as_of_brin ON equity_points USING brin (as_of);
-- days with deposits or withdrawals need these points one by one
CREATE INDEX equity_points_flows ON equity_points (account_id, as_of) WHERE flows <> 0;

COMMENT ON TABLE equity_points IS 'Equity of accounts at instants, identified by (account_id, as_of).';
COMMENT ON COLUMN equity_points.account_id IS 'accounts.account_id of the metadata database.';
COMMENT ON COLUMN equity_points.as_of IS 'Instant of the equity, in microseconds; from 1970 to before 2100, UTC.';
COMMENT ON COLUMN equity_points.equity IS 'Cash and the value of all open positions, in the currency of the account.';
COMMENT ON COLUMN equity_points.cash IS 'Cash, in the currency of the account.';
COMMENT ON COLUMN equity_points.flows IS 'Deposits less withdrawals since the previous point, which equity includes, in the currency of the account.';
COMMENT ON COLUMN equity_points.source IS 'Who computed the equity: 1 to 100 characters.';
