DROP TRIGGER ticks_unrecorded ON ticks;
DROP FUNCTION note_unrecorded_rows();
DROP TABLE unrecorded_ticks;
