DROP TABLE tick_quarantine;
