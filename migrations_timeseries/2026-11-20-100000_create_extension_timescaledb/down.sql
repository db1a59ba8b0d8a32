-- The extension stays: it belongs to the whole database, and dropping it would drop the hypertables of
-- every other schema.
SELECT 1;
