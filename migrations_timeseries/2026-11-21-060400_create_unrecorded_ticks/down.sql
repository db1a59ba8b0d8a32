DROP TRIGGER ticks_unrecorded ON ticks;
DROP FUNCTION note_unrecorded_ticks();
DROP TABLE unrecorded_ticks;
