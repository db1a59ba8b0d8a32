CREATE TABLE risk_acknowledgements (
    risk_event_id bigint PRIMARY KEY REFERENCES risk_events (risk_event_id) ON DELETE CASCADE,
    acknowledged_by text NOT NULL,
    note text NOT NULL,
    acknowledged_at timestamptz NOT NULL,
    CONSTRAINT risk_acknowledgements_acknowledged_by_length CHECK (char_length(acknowledged_by) BETWEEN 1 AND 500),
    CONSTRAINT risk_acknowledgements_note_length CHECK (char_length(note) <= 500)
);

COMMENT ON TABLE risk_acknowledgements IS 'Who has seen which risk event. The first acknowledgement stays.';
COMMENT ON COLUMN risk_acknowledgements.risk_event_id IS 'The event.';
COMMENT ON COLUMN risk_acknowledgements.acknowledged_by IS 'Who has seen it.';
COMMENT ON COLUMN risk_acknowledgements.note IS 'A note.';
COMMENT ON COLUMN risk_acknowledgements.acknowledged_at IS 'When.';

CREATE TRIGGER risk_acknowledgements_append_only
    BEFORE UPDATE ON risk_acknowledgements
    FOR EACH ROW
    EXECUTE FUNCTION refuse_change_of_risk_event();
