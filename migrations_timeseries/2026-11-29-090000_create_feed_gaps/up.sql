CREATE TABLE feed_gaps (
    feed text COLLATE "C" NOT NULL,
    symbol_id bigint NOT NULL,
    channel text COLLATE "C" NOT NULL,
    gap_from timestamptz NOT NULL,
    gap_to timestamptz,
    reason text NOT NULL,
    filled boolean NOT NULL,
    PRIMARY KEY (gap_from, feed, symbol_id, channel),
    CONSTRAINT feed_gaps_feed_length CHECK (char_length(feed) BETWEEN 1 AND 50),
    CONSTRAINT feed_gaps_symbol_id_positive CHECK (symbol_id > 0),
    CONSTRAINT feed_gaps_channel_known CHECK (channel IN ('quotes', 'trades', 'book')),
    CONSTRAINT feed_gaps_gap_from_range CHECK (
        gap_from >= timestamptz '1970-01-01 00:00:00+00' AND gap_from < timestamptz '2100-01-01 00:00:00+00'
    ),
    CONSTRAINT feed_gaps_gap_to_range CHECK (
        gap_to >= gap_from AND gap_to < timestamptz '2100-01-01 00:00:00+00'
    ),
    CONSTRAINT feed_gaps_reason_known CHECK (
        reason IN ('gap', 'checksum', 'crossed', 'silence', 'overflow', 'malformed', 'disconnected', 'stopped')
    )
);

COMMENT ON TABLE feed_gaps IS 'Times in which a feed may have lost records of a symbol and channel, identified by (gap_from, feed, symbol_id, channel).';
COMMENT ON COLUMN feed_gaps.feed IS 'Name of the feed, 1 to 50 characters.';
COMMENT ON COLUMN feed_gaps.symbol_id IS 'symbols.symbol_id of the metadata database.';
COMMENT ON COLUMN feed_gaps.channel IS 'What the feed lost: quotes, trades or book.';
COMMENT ON COLUMN feed_gaps.gap_from IS 'Time of receipt of the last record before the loss, in microseconds, UTC.';
COMMENT ON COLUMN feed_gaps.gap_to IS 'Time of receipt of the first record after the loss. NULL: the loss lasts.';
COMMENT ON COLUMN feed_gaps.reason IS 'What happened: gap, checksum, crossed, silence, overflow, malformed, disconnected, or stopped (the feed did not run).';
COMMENT ON COLUMN feed_gaps.filled IS 'Whether the lost records were stored later.';
