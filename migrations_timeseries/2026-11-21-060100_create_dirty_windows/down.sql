DROP TABLE dirty_windows;
