DROP TABLE late_tick_days;
