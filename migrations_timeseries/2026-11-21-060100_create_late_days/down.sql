DROP TABLE late_days;
