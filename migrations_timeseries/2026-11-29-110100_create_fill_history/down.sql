DROP TABLE fill_history;
