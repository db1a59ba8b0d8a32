-- Rows are inserted and deleted, never updated: the maintenance deletes exactly the entries that it has read.
CREATE TABLE unrecorded_ticks (
    entry_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    written_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (entry_id)
);

COMMENT ON TABLE unrecorded_ticks IS 'Statements that wrote ticks whose days may be missing in symbol_days; one row each. Until the maintenance records the days, reads search all days.';
COMMENT ON COLUMN unrecorded_ticks.entry_id IS 'Number of the entry, ascending.';
COMMENT ON COLUMN unrecorded_ticks.written_at IS 'Time of the transaction that wrote the ticks.';

-- Writers need no right to the table that the argument names. A migration may not know the schema by name, and
-- the search_path of a writer may be any.
CREATE FUNCTION note_unrecorded_rows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    EXECUTE format('INSERT INTO %I.%I DEFAULT VALUES', TG_TABLE_SCHEMA, TG_ARGV[0]);
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION note_unrecorded_rows() IS 'Notes in the table that its argument names that a statement wrote rows without recording their days.';

-- A statement with this comment promises that the days of its ticks were recorded before. The trigger fires
-- once per statement, since a trigger per row, or one that sees all rows, would slow every write.
CREATE TRIGGER ticks_unrecorded BEFORE INSERT OR UPDATE OF symbol_id, tick_time ON ticks
FOR EACH STATEMENT WHEN (current_query() NOT LIKE '%/* symbol_days recorded */%')
EXECUTE FUNCTION note_unrecorded_rows('unrecorded_ticks');

-- ticks that were stored before this migration
INSERT INTO unrecorded_ticks (written_at) SELECT now() WHERE EXISTS (SELECT FROM ticks);
