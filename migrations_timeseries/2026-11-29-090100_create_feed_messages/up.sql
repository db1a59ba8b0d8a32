CREATE TABLE feed_messages (
    source text NOT NULL,
    received_at timestamptz NOT NULL,
    sequence bigint NOT NULL,
    kind text NOT NULL,
    payload text NOT NULL,
    PRIMARY KEY (source, received_at, sequence),
    CONSTRAINT feed_messages_source_length CHECK (char_length(source) BETWEEN 1 AND 50),
    CONSTRAINT feed_messages_received_at_range CHECK (
        received_at >= timestamptz '1970-01-01 00:00:00+00' AND received_at < timestamptz '2100-01-01 00:00:00+00'
    ),
    CONSTRAINT feed_messages_sequence_not_negative CHECK (sequence >= 0),
    CONSTRAINT feed_messages_kind_known CHECK (kind IN ('opened', 'sent', 'received', 'answer'))
);

-- messages are kept for a short time, so chunks are short; the primary key serves all reads
SELECT create_hypertable('feed_messages', by_range('received_at', INTERVAL '1 hour'), create_default_indexes => false);

COMMENT ON TABLE feed_messages IS 'Messages of venues as they were received, identified by (source, received_at, sequence).';
COMMENT ON COLUMN feed_messages.source IS 'Name of the feed, 1 to 50 characters.';
COMMENT ON COLUMN feed_messages.received_at IS 'Time of receipt, or of sending, in microseconds; from 1970 to before 2100, UTC.';
COMMENT ON COLUMN feed_messages.sequence IS 'Position among the messages of one instant, in the order of receipt.';
COMMENT ON COLUMN feed_messages.kind IS 'received (a text arrived), sent (the client sent a text), opened (a connection to the address in the payload), answer (an HTTP address, a line feed, and the body).';
COMMENT ON COLUMN feed_messages.payload IS 'The text.';
