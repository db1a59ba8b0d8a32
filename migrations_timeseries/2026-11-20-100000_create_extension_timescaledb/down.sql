-- the extension stays: it belongs to the whole database, and dropping it would take the hypertables
-- of every other schema along
SELECT 1;
